"""The DICE network: hand, head, contact and skin deformation from one square image.

Wu et al., DICE: End-to-end Deformation Capture of Hand-Face Interactions from a Single Image, ICLR 2025,
https://arxiv.org/abs/2406.17988. This module is the network written out plainly, under the names of the official
state dict; `fused` computes the same faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import torch
from torch import nn
from torch.nn import functional

from dice_core.errors import ShapeError
from dice_core.network.model.hrnet import HighResolutionNet
from dice_core.network.model.layers import Shapes
from dice_core.network.model.transformer import BlockSettings, EncoderBlock

__all__ = [
    "HAND_KEYPOINTS",
    "HEAD_KEYPOINTS",
    "DiceNetwork",
    "NetworkSettings",
    "Outputs",
    "TokenCounts",
    "build_network",
    "reference_positions",
]

HAND_KEYPOINTS = 21
"""Tokens for the hand's key points; the shapes tell the number of all tokens only."""
HEAD_KEYPOINTS = 68
"""Tokens for the head's landmarks."""
PRESENCE_THRESHOLD = 0.5
"""Probability of contact below which the gate of the paper sets the deformation to zero."""
# Columns of the parameter regressors' outputs, in order.
_HAND_PARAMETERS = {"rh_betas": 10, "rh_transl": 3, "rh_rot": 3, "rh_pose": 45}
_FACE_PARAMETERS = {"face_shape": 100, "face_exp": 50, "face_pose": 6, "face_rot": 3, "face_transl": 3}


@dataclass(frozen=True)
class NetworkSettings:
    """What cannot be read from a checkpoint's shapes: taken from its pickled configuration, else the published values.

    batch_norm_eps : of all batch normalisations; blocks : settings by block name ("trans_encoder.0"), defaults else.
    """

    batch_norm_eps: float = 1e-5
    blocks: Mapping[str, BlockSettings] = field(default_factory=dict)

    def block(self, name: str) -> BlockSettings:
        """Settings of one encoder block."""
        return self.blocks.get(name, BlockSettings())


@dataclass(frozen=True)
class TokenCounts:
    """How the tokens divide, in their order: hand key points, head key points, hand vertices, head vertices."""

    hand_keypoints: int
    head_keypoints: int
    hand_vertices: int
    head_vertices: int

    @property
    def total(self) -> int:
        """All tokens."""
        return self.hand_keypoints + self.head_keypoints + self.hand_vertices + self.head_vertices

    def split(self, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, total, C) to the four parts in order."""
        sizes = [self.hand_keypoints, self.head_keypoints, self.hand_vertices, self.head_vertices]
        return torch.split(tokens, sizes, dim=1)


@dataclass(frozen=True)
class Outputs:
    """The network's output for a batch of B images; lengths in metres, in its orthographic camera space.

    cam_param : (B, 3) scale and shift, see `cameras`.
    hand_joints, head_joints : (B, 21, 3), (B, 68, 3) key points; hand_vs_sub, hand_vs : (B, 195, 3), (B, 778, 3);
    head_vs_sub2, head_vs_sub1, head_vs : (B, 559, 3), (B, 1675, 3), (B, 5023, 3), all free of any body model.
    hand_contact_sub .. head_contact : (B, same counts, 1) probabilities in [0, 1].
    rh_* : MANO's shape (B, 10), translation, rotation (B, 3), pose (B, 45); face_* : FLAME's shape (B, 100),
    expression (B, 50), pose (B, 6), rotation, translation (B, 3).
    deform_sub2, deform_sub1, deform : (B, same counts as the head, 3) to be **subtracted** from the head.
    contact_presence : (B, 1) probability that the hand touches the head.
    """

    cam_param: torch.Tensor
    hand_joints: torch.Tensor
    head_joints: torch.Tensor
    hand_vs_sub: torch.Tensor
    hand_vs: torch.Tensor
    head_vs_sub2: torch.Tensor
    head_vs_sub1: torch.Tensor
    head_vs: torch.Tensor
    hand_contact_sub: torch.Tensor
    hand_contact: torch.Tensor
    head_contact_sub2: torch.Tensor
    head_contact_sub1: torch.Tensor
    head_contact: torch.Tensor
    rh_betas: torch.Tensor
    rh_transl: torch.Tensor
    rh_rot: torch.Tensor
    rh_pose: torch.Tensor
    face_shape: torch.Tensor
    face_exp: torch.Tensor
    face_pose: torch.Tensor
    face_rot: torch.Tensor
    face_transl: torch.Tensor
    deform_sub2: torch.Tensor
    deform_sub1: torch.Tensor
    deform: torch.Tensor
    contact_presence: torch.Tensor

    def as_dict(self) -> dict[str, torch.Tensor]:
        """The tensors by name, in order."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def reference_positions(
    hand_keypoints: torch.Tensor, head_keypoints: torch.Tensor, hand_vertices: torch.Tensor, head_vertices: torch.Tensor
) -> torch.Tensor:
    """Positions of the tokens on the template meshes, as the network was trained with them.

    hand_keypoints (..., 21, 3), head_keypoints (..., 68, 3), hand_vertices (..., 195, 3), head_vertices (..., 559, 3).
    Returns (..., 843, 3): hand parts centred by the mean hand vertex, head parts by the mean head vertex.
    """
    hand_centre = hand_vertices.mean(-2, keepdim=True)
    head_centre = head_vertices.mean(-2, keepdim=True)
    parts = (
        hand_keypoints - hand_centre,
        head_keypoints - head_centre,
        hand_vertices - hand_centre,
        head_vertices - head_centre,
    )
    return torch.cat(parts, dim=-2)


class _FullyConnected(nn.Module):
    """Linear layer, normalisation, ReLU; with a second linear layer and normalisation it adds its input first."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.is_residual = shapes.count("fc_block") > 3
        layers: list[nn.Module] = [shapes.linear("fc_block.0"), shapes.batch_norm_flat("fc_block.1"), nn.ReLU()]
        if self.is_residual:
            layers += [shapes.linear("fc_block.3"), shapes.batch_norm_flat("fc_block.4")]
        self.fc_block = nn.Sequential(*layers)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        out = self.fc_block(values)
        return functional.relu(values + out) if self.is_residual else out


class ParameterRegressor(nn.Module):
    """Parameters of a body model from the vertices of a mesh."""

    def __init__(self, shapes: Shapes, columns: Mapping[str, int]) -> None:
        super().__init__()
        numbers = shapes.children("regressor")
        layers: list[nn.Module] = [_FullyConnected(shapes.below(f"regressor.{number}")) for number in numbers[:-1]]
        last = shapes.linear(f"regressor.{numbers[-1]}")
        if last.out_features != sum(columns.values()):
            raise ShapeError(
                f"The checkpoint's regressor gives {last.out_features} parameters, not {sum(columns.values())}."
            )
        self.regressor = nn.Sequential(*layers, last)
        self.columns = dict(columns)

    def named(self, values: torch.Tensor) -> dict[str, torch.Tensor]:
        """(B, all columns) to the parameters by name."""
        return dict(zip(self.columns, torch.split(values, list(self.columns.values()), dim=1), strict=True))

    def forward(self, vertices: torch.Tensor) -> dict[str, torch.Tensor]:
        """vertices : (B, V, 3). Returns the parameters by name, (B, columns) each."""
        return self.named(self.regressor(vertices.flatten(1)))


def _over_vertices(layer: nn.Linear, values: torch.Tensor) -> torch.Tensor:
    """Apply a map between vertex counts: (B, V, C) to (B, V', C)."""
    return layer(values.transpose(1, 2)).transpose(1, 2)


class DiceNetwork(nn.Module):
    """The whole network, built to fit a state dict.

    shapes : of the state dict; settings : what cannot be read from them.
    Raises ShapeError where the state dict is not one of a DICE network.
    """

    def __init__(self, shapes: Shapes, settings: NetworkSettings) -> None:
        super().__init__()
        self.backbone = HighResolutionNet(shapes.below("backbone"))
        self.trans_encoder = self._blocks(shapes, "trans_encoder", settings)
        self.deform_encoder = self._blocks(shapes, "deform_encoder", settings)
        for name in (
            *("hand_upsampling", "head_upsampling1", "head_upsampling2"),
            *("head_deform_upsampling1", "head_deform_upsampling2"),
            *("hand_contact_upsampling", "head_contact_upsampling1", "head_contact_upsampling2"),
            *("cam_param_fc", "cam_param_fc2", "cam_param_fc3", "feat_downsampler"),
        ):
            setattr(self, name, shapes.linear(name))
        self.hand_param_regressor = ParameterRegressor(shapes.below("hand_param_regressor"), _HAND_PARAMETERS)
        self.face_param_regressor = ParameterRegressor(shapes.below("face_param_regressor"), _FACE_PARAMETERS)
        tokens, cells, _ = shapes.shape("conv_learn_tokens.weight")
        self.conv_learn_tokens = nn.Conv1d(cells, tokens, 1)
        presence = [shapes.linear(f"contact_feat_extractor.{k}") for k in shapes.children("contact_feat_extractor")]
        interleaved = [layer for linear in presence for layer in (linear, nn.ReLU())][:-1]
        self.contact_feat_extractor = nn.Sequential(*interleaved)
        self.contact_classifier = nn.Sequential(shapes.linear("contact_classifier.0"), nn.Sigmoid())
        hand_vertices = shapes.shape("hand_upsampling.weight")[1]
        head_vertices = shapes.shape("head_upsampling1.weight")[1]
        self.counts = TokenCounts(HAND_KEYPOINTS, HEAD_KEYPOINTS, hand_vertices, head_vertices)
        if self.counts.total != tokens:
            raise ShapeError(f"The checkpoint has {tokens} tokens where its meshes need {self.counts.total}.")

    @staticmethod
    def _blocks(shapes: Shapes, name: str, settings: NetworkSettings) -> nn.Sequential:
        numbers = shapes.children(name)
        names = [f"{name}.{number}" for number in numbers]
        return nn.Sequential(*(EncoderBlock(shapes.below(block), settings.block(block)) for block in names))

    def forward(self, images: torch.Tensor, positions: torch.Tensor, gate: bool = True) -> Outputs:
        """Run the network.

        images : (B, 3, H, W) as `crop.normalise` gives them;
        positions : (B, 843, 3) or (843, 3) of `reference_positions`;
        gate : set the deformation to zero where `contact_presence` is not above one half, as the paper does.
        """
        cells = self.backbone(images).flatten(2).transpose(1, 2)
        tokens = self.conv_learn_tokens(cells)
        tokens = torch.cat([positions.expand(len(images), -1, -1), tokens], dim=2)
        coordinates = self.trans_encoder(tokens)
        interaction = self.deform_encoder(self.feat_downsampler(tokens))
        presence = self.contact_classifier(self.contact_feat_extractor(cells).squeeze(-1))
        return self.outputs(coordinates, interaction, presence, gate)

    def outputs(
        self, coordinates: torch.Tensor, interaction: torch.Tensor, presence: torch.Tensor, gate: bool
    ) -> Outputs:
        """From the tokens of the two branches to the outputs.

        coordinates : (B, 843, 3); interaction : (B, 843, 4) deformation and contact; presence : (B, 1).
        """
        hand_joints, head_joints, hand_vs_sub, head_vs_sub2 = self.counts.split(coordinates)
        _, _, hand_interaction, head_interaction = self.counts.split(interaction)
        camera = self.cam_param_fc3(self.cam_param_fc2(self.cam_param_fc(coordinates).transpose(1, 2))).squeeze(1)
        hand_vs = _over_vertices(self.hand_upsampling, hand_vs_sub)
        head_vs_sub1 = _over_vertices(self.head_upsampling1, head_vs_sub2)
        hand_contact_sub, head_contact_sub2 = hand_interaction[..., 3:], head_interaction[..., 3:]
        head_contact_sub1 = _over_vertices(self.head_contact_upsampling1, head_contact_sub2)
        deform_sub2 = head_interaction[..., :3]
        deform_sub1 = _over_vertices(self.head_deform_upsampling1, deform_sub2)
        deform = _over_vertices(self.head_deform_upsampling2, deform_sub1)
        if gate:
            deform = deform * (presence > PRESENCE_THRESHOLD).to(deform.dtype).unsqueeze(-1)
        return Outputs(
            cam_param=camera,
            hand_joints=hand_joints,
            head_joints=head_joints,
            hand_vs_sub=hand_vs_sub,
            hand_vs=hand_vs,
            head_vs_sub2=head_vs_sub2,
            head_vs_sub1=head_vs_sub1,
            head_vs=_over_vertices(self.head_upsampling2, head_vs_sub1),
            hand_contact_sub=torch.sigmoid(hand_contact_sub),
            hand_contact=torch.sigmoid(_over_vertices(self.hand_contact_upsampling, hand_contact_sub)),
            head_contact_sub2=torch.sigmoid(head_contact_sub2),
            head_contact_sub1=torch.sigmoid(head_contact_sub1),
            head_contact=torch.sigmoid(_over_vertices(self.head_contact_upsampling2, head_contact_sub1)),
            **self.hand_param_regressor(hand_vs),
            **self.face_param_regressor(head_vs_sub1),
            deform_sub2=deform_sub2,
            deform_sub1=deform_sub1,
            deform=deform,
            contact_presence=presence,
        )


def build_network(state: Mapping[str, torch.Tensor], settings: NetworkSettings | None = None) -> DiceNetwork:
    """Network that fits a state dict, with its tensors, in evaluation mode.

    state : the official names; the tensors are used as they are, not copied.
    Raises ShapeError where a name or a shape does not fit.
    """
    settings = settings or NetworkSettings()
    with torch.device("meta"):
        network = DiceNetwork(Shapes.of(state, settings.batch_norm_eps), settings)
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        detail = str(error).split("\n")[1].strip() if "\n" in str(error) else str(error)
        raise ShapeError(f"The checkpoint does not fit the DICE network: {detail}") from None
    return network.eval().requires_grad_(False)
