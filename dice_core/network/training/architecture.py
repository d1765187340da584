"""How wide and deep a network that is to be trained is, and the tensors that it then has, by the official names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dice_core.errors import InputError
from dice_core.network.model.dice import HAND_KEYPOINTS, HEAD_KEYPOINTS
from dice_core.network.model.transformer import BlockSettings

__all__ = ["PARAMETERS", "PUBLISHED", "REDUCED", "Architecture", "MeshCounts", "tensor_shapes"]

Shape = tuple[int, ...]

_CELLS = 49  # of the backbone's output for 224 pixels
_POSITIONS = 1024  # rows of the table of position embeddings, of which the first 843 are used
_BOTTLENECK = 4  # a bottleneck block gives so many times its inner width
_CAMERA_WIDTH = 250
_REGRESSOR_BLOCKS = 2
_INTERACTION_OUTPUTS = 4  # deformation and contact


PARAMETERS = {
    "rh_betas": 10,
    "rh_transl": 3,
    "rh_rot": 3,
    "rh_pose": 45,
    "face_shape": 100,
    "face_exp": 50,
    "face_pose": 6,
    "face_rot": 3,
    "face_transl": 3,
}
"""Parameters that the network regresses, with their columns."""


@dataclass(frozen=True)
class MeshCounts:
    """Vertices of the meshes, fine to coarse. The defaults are MANO's and FLAME's."""

    hand: tuple[int, int] = (778, 195)
    head: tuple[int, int, int] = (5023, 1675, 559)

    @property
    def tokens(self) -> int:
        """Key points and coarse vertices together."""
        return HAND_KEYPOINTS + HEAD_KEYPOINTS + self.hand[-1] + self.head[-1]


@dataclass(frozen=True)
class Architecture:
    """Widths and depths.

    stem : channels before the first stage; branches : channels of the four resolutions; bottleneck : inner width of the
    first stage's blocks; modules : of the stages 2, 3 and 4; blocks : residual blocks of a branch, and of the first
    stage; head_widths : inner widths of the blocks that widen each resolution; features : channels of the output;
    mesh, interaction : hidden width of each transformer block; layers : of each block; downsampled : channels that the
    interaction branch starts from; regressor : width of the parameter regressors; presence : widths of the contact
    presence. heads, eps : see `BlockSettings`; eps of layer normalisation: 1e-12 as published.
    """

    stem: int = 64
    branches: tuple[int, int, int, int] = (64, 128, 256, 512)
    bottleneck: int = 64
    modules: tuple[int, int, int] = (1, 4, 3)
    blocks: int = 4
    head_widths: tuple[int, int, int, int] = (32, 64, 128, 256)
    features: int = 2048
    mesh: tuple[int, ...] = (1024, 256, 128)
    interaction: tuple[int, ...] = (512, 256, 128)
    layers: int = 4
    heads: int = 4
    downsampled: int = 512
    regressor: int = 1024
    presence: tuple[int, int] = (512, 64)

    def __post_init__(self) -> None:
        narrow = [width for width in (*self.mesh, *self.interaction) if width % self.heads]
        if narrow:
            raise InputError(f"A transformer block of width {narrow[0]} cannot have {self.heads} attention heads.")
        numbers = [
            value for value in vars(self).values() for value in (value if isinstance(value, tuple) else (value,))
        ]
        if min(numbers) < 1:
            raise InputError("Every width and depth of the network must be 1 or more.")

    @property
    def block_settings(self) -> dict[str, BlockSettings]:
        """Settings of the transformer blocks by name."""
        count = {"trans_encoder": len(self.mesh), "deform_encoder": len(self.interaction)}
        return {f"{name}.{k}": BlockSettings(heads=self.heads) for name, n in count.items() for k in range(n)}


PUBLISHED = Architecture()
"""The published network: 326 million parameters with those that never run, 250 million that do."""
REDUCED = Architecture(
    stem=16,
    branches=(12, 24, 48, 96),
    bottleneck=12,
    modules=(1, 1, 1),
    blocks=1,
    head_widths=(8, 12, 16, 24),
    features=128,
    mesh=(64, 32, 32),
    interaction=(32, 32),
    layers=1,
    heads=1,
    downsampled=32,
    regressor=128,
    presence=(64, 16),
)
"""A network that two processor cores can train; chosen by hand for the speed of a step, see docs/training.md."""


def tensor_shapes(architecture: Architecture, counts: MeshCounts | None = None) -> dict[str, Shape]:
    """Shape of every tensor of a network that runs, by its official name.

    Left out are those that never run in the published one: BERT's word embeddings and pooler, HRNet's classifier.
    """
    counts = counts or MeshCounts()
    return dict([*_backbone(architecture), *_encoders(architecture), *_outputs(architecture, counts)])


def _linear(name: str, outputs: int, inputs: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _layer_norm(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def _norm(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    for leaf in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{leaf}", (width,)
    yield f"{name}.num_batches_tracked", ()


def _conv_norm(name: str, outputs: int, inputs: int, kernel: int, bias: bool = False) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.0.weight", (outputs, inputs, kernel, kernel)
    if bias:
        yield f"{name}.0.bias", (outputs,)
    yield from _norm(f"{name}.1", outputs)


def _bottleneck(name: str, inputs: int, inner: int, project: bool) -> Iterator[tuple[str, Shape]]:
    outputs = _BOTTLENECK * inner
    for number, (out, into, kernel) in enumerate(((inner, inputs, 1), (inner, inner, 3), (outputs, inner, 1)), 1):
        yield f"{name}.conv{number}.weight", (out, into, kernel, kernel)
        yield from _norm(f"{name}.bn{number}", out)
    if project:
        yield from _conv_norm(f"{name}.downsample", outputs, inputs, 1)


def _backbone(a: Architecture) -> Iterator[tuple[str, Shape]]:
    yield "backbone.conv1.weight", (a.stem, 3, 3, 3)
    yield from _norm("backbone.bn1", a.stem)
    yield "backbone.conv2.weight", (a.stem, a.stem, 3, 3)
    yield from _norm("backbone.bn2", a.stem)
    wide = _BOTTLENECK * a.bottleneck
    for block in range(a.blocks):
        yield from _bottleneck(f"backbone.layer1.{block}", wide if block else a.stem, a.bottleneck, block == 0)
    yield from _conv_norm("backbone.transition1.0", a.branches[0], wide, 3)
    yield from _conv_norm("backbone.transition1.1.0", a.branches[1], wide, 3)
    for stage in (2, 3, 4):
        if stage > 2:
            last = a.branches[stage - 2]
            yield from _conv_norm(f"backbone.transition{stage - 1}.{stage - 1}.0", a.branches[stage - 1], last, 3)
        for module in range(a.modules[stage - 2]):
            yield from _stage(f"backbone.stage{stage}.{module}", a.branches[:stage], a.blocks)
    for k, inner in enumerate(a.head_widths):
        yield from _bottleneck(f"backbone.incre_modules.{k}.0", a.branches[k], inner, True)
    wide_heads = [_BOTTLENECK * inner for inner in a.head_widths]
    for k in range(len(wide_heads) - 1):
        yield from _conv_norm(f"backbone.downsamp_modules.{k}", wide_heads[k + 1], wide_heads[k], 3, bias=True)
    yield from _conv_norm("backbone.final_layer", a.features, wide_heads[-1], 1, bias=True)


def _stage(name: str, widths: tuple[int, ...], blocks: int) -> Iterator[tuple[str, Shape]]:
    for branch, width in enumerate(widths):
        for block in range(blocks):
            for number in (1, 2):
                yield f"{name}.branches.{branch}.{block}.conv{number}.weight", (width, width, 3, 3)
                yield from _norm(f"{name}.branches.{branch}.{block}.bn{number}", width)
    for to, target in enumerate(widths):
        for source, width in enumerate(widths):
            at = f"{name}.fuse_layers.{to}.{source}"
            if source > to:
                yield from _conv_norm(at, target, width, 1)
            for step in range(to - source):
                yield from _conv_norm(f"{at}.{step}", target if step == to - source - 1 else width, width, 3)


def _encoders(a: Architecture) -> Iterator[tuple[str, Shape]]:
    tokens = 3 + a.features
    # A block gives the width that the next one's layers halve: 512 for hidden 256, as METRO has it.
    between = [2 * width for width in a.mesh[1:-1]] + [a.mesh[-1]] if len(a.mesh) > 1 else []
    yield from _encoder("trans_encoder", a, a.mesh, tokens, (*between, 3))
    yield from _encoder("deform_encoder", a, a.interaction, a.downsampled, (*a.interaction[1:], _INTERACTION_OUTPUTS))
    yield from _linear("feat_downsampler", a.downsampled, tokens)


def _encoder(
    name: str, a: Architecture, widths: tuple[int, ...], inputs: int, outputs: tuple[int, ...]
) -> Iterator[tuple[str, Shape]]:
    for number, (width, out) in enumerate(zip(widths, outputs, strict=True)):
        at = f"{name}.{number}"
        for layer in range(a.layers):
            yield from _layer(f"{at}.bert.encoder.layer.{layer}", width)
        yield f"{at}.bert.position_embeddings.weight", (_POSITIONS, width)
        yield from _linear(f"{at}.bert.img_embedding", width, inputs)
        yield from _linear(f"{at}.cls_head", out, width)
        yield from _linear(f"{at}.residual", out, inputs)
        inputs = out


def _layer(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    for part in ("query", "key", "value"):
        yield from _linear(f"{name}.attention.self.{part}", width, width)
    yield from _linear(f"{name}.attention.output.dense", width, width)
    yield from _layer_norm(f"{name}.attention.output.LayerNorm", width)
    yield from _linear(f"{name}.intermediate.dense", 4 * width, width)
    yield from _linear(f"{name}.output.dense", width, 4 * width)
    yield from _layer_norm(f"{name}.output.LayerNorm", width)


def _outputs(a: Architecture, counts: MeshCounts) -> Iterator[tuple[str, Shape]]:
    hand, head = counts.hand, counts.head
    for kind in ("", "_contact"):
        yield from _linear(f"hand{kind}_upsampling", hand[0], hand[1])
    for kind in ("", "_deform", "_contact"):
        yield from _linear(f"head{kind}_upsampling1", head[1], head[2])
        yield from _linear(f"head{kind}_upsampling2", head[0], head[1])
    for name, prefix, inputs in (("hand", "rh_", 3 * hand[0]), ("face", "face_", 3 * head[1])):
        columns = sum(count for parameter, count in PARAMETERS.items() if parameter.startswith(prefix))
        at = f"{name}_param_regressor.regressor"
        yield from _linear(f"{at}.0.fc_block.0", a.regressor, inputs)
        yield from _norm(f"{at}.0.fc_block.1", a.regressor)
        for block in range(1, _REGRESSOR_BLOCKS + 1):
            for layer in (0, 3):
                yield from _linear(f"{at}.{block}.fc_block.{layer}", a.regressor, a.regressor)
                yield from _norm(f"{at}.{block}.fc_block.{layer + 1}", a.regressor)
        yield from _linear(f"{at}.{_REGRESSOR_BLOCKS + 1}", columns, a.regressor)
    yield "conv_learn_tokens.weight", (counts.tokens, _CELLS, 1)
    yield "conv_learn_tokens.bias", (counts.tokens,)
    yield from _linear("cam_param_fc", 1, 3)
    yield from _linear("cam_param_fc2", _CAMERA_WIDTH, counts.tokens)
    yield from _linear("cam_param_fc3", 3, _CAMERA_WIDTH)
    first, second = a.presence
    yield from _linear("contact_feat_extractor.0", first, a.features)
    yield from _linear("contact_feat_extractor.2", second, first)
    yield from _linear("contact_feat_extractor.4", 1, second)
    yield from _linear("contact_classifier.0", 1, _CELLS)
