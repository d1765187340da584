"""The DICE network rearranged for speed: the same function of the same weights, in fewer and larger steps.

None of the steps is an approximation: batch normalisations are folded into the convolutions before them, some of which
are done by Winograd's minimal filtering; images are kept channels-last; query, key and value are one matrix; attention
is torch's fused kernel; and consecutive linear maps are composed beforehand. The last saves most where the 843 tokens
are a linear map of 49 image cells: whatever is linear in the tokens is applied to the cells.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional

from dice_core.network.model.dice import DiceNetwork, Outputs
from dice_core.network.model.transformer import EncoderBlock, EncoderLayer
from dice_core.network.model.winograd import WinogradConv, worthwhile_tile

__all__ = ["FusedNetwork"]

_Module = TypeVar("_Module", bound=nn.Module)


def _folded_conv(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution that does what `conv` and then `norm` do, multiplied out in double precision."""
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = torch.zeros_like(norm.running_mean) if conv.bias is None else conv.bias
    folded = copy.deepcopy(conv)
    weight = conv.weight.double() * scale[:, None, None, None]
    shift = norm.bias.double() + (bias.double() - norm.running_mean.double()) * scale
    folded.weight = nn.Parameter(weight.to(conv.weight.dtype), requires_grad=False)
    folded.bias = nn.Parameter(shift.to(conv.weight.dtype), requires_grad=False)
    return folded


def _fold_batch_norms(module: nn.Module, winograd: bool) -> None:
    """Fold every convolution's batch normalisation into it, in place; the normalisation becomes an identity.

    winograd : also replace the convolutions that it makes faster by `WinogradConv`.
    """
    children = dict(module.named_children())
    for name, child in children.items():
        follower = str(int(name) + 1) if name.isdigit() else name.replace("conv", "bn")
        norm = children.get(follower)
        if isinstance(child, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            folded = _folded_conv(child, norm)
            tile = worthwhile_tile(folded) if winograd else None
            setattr(module, name, folded if tile is None else WinogradConv(folded, tile))
            setattr(module, follower, nn.Identity())
        else:
            _fold_batch_norms(child, winograd)


def _twin(module: _Module) -> _Module:
    """A module with the same numbers in the same memory, which can be converted or moved without the other."""
    own: dict[int, object] = {id(value): nn.Parameter(value.data, requires_grad=False) for value in module.parameters()}
    own |= {id(value): value for value in module.buffers()}  # a conversion replaces these, it does not change them
    return copy.deepcopy(module, own)


def _without(network: DiceNetwork, *names: str) -> DiceNetwork:
    """The network without some of its parts, so that their memory can be freed when it is no longer needed itself."""
    rest = copy.copy(network)
    rest._modules = {name: module for name, module in network._modules.items() if name not in names}
    return _twin(rest)


class _Linear:
    """A matrix and its bias in double precision, for composing."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.weight, self.bias = weight.double(), bias.double()

    @classmethod
    def of(cls, layer: nn.Linear) -> _Linear:
        return cls(layer.weight, layer.bias)

    def after(self, first: _Linear) -> _Linear:
        """The map `first` and then this one, as one."""
        return _Linear(self.weight @ first.weight, self.weight @ first.bias + self.bias)

    def beside(self, other: _Linear) -> _Linear:
        """Both maps of the same input, their outputs one after the other."""
        return _Linear(torch.cat([self.weight, other.weight]), torch.cat([self.bias, other.bias]))


class _FusedLayer(nn.Module):
    """An encoder layer with one matrix for query, key and value."""

    def __init__(self, layer: EncoderLayer) -> None:
        super().__init__()
        attention = layer.attention["self"]
        self.heads = attention.heads
        joint = _Linear.of(attention.query).beside(_Linear.of(attention.key)).beside(_Linear.of(attention.value))
        self.joint_weight = nn.Parameter(joint.weight.float(), requires_grad=False)
        self.joint_bias = nn.Parameter(joint.bias.float(), requires_grad=False)
        self.attention_output = _twin(layer.attention["output"])
        self.intermediate = _twin(layer.intermediate["dense"])
        self.output = _twin(layer.output)
        gelu = layer.activation.__name__ == "_gelu"
        self.activation = torch.ops.aten.gelu_ if gelu else layer.activation

    def forward(self, tokens: torch.Tensor, first: int = 0) -> torch.Tensor:
        """tokens : (B, N, C) float32; first : tokens before this one are attended to, but not computed.

        Returns (B, N - first, C) float32.
        """
        joint = functional.linear(tokens.to(self.joint_weight.dtype), self.joint_weight, self.joint_bias)
        query, key, value = joint.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query[:, :, first:], key, value)
        hidden = self._add_and_norm(self.attention_output, attended.transpose(1, 2).flatten(2), tokens[:, first:])
        inner = self.intermediate(hidden.to(self.joint_weight.dtype))
        return self._add_and_norm(self.output, self.activation(inner), hidden)

    @staticmethod
    def _add_and_norm(layer: nn.Module, values: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        mapped = layer.dense(values)
        # The residual stream stays in float32: rounding would accumulate from layer to layer.
        return layer.LayerNorm(mapped.add_(residual) if mapped.dtype == residual.dtype else residual + mapped)

    def multiply_in(self, dtype: torch.dtype) -> None:
        """Convert the large matrix products and the attention to a type; sums and normalisations stay in float32."""
        for weight in (self.joint_weight, self.joint_bias):
            weight.data = weight.data.to(dtype)
        for linear in (self.attention_output.dense, self.intermediate, self.output.dense):
            linear.to(dtype)


class _FusedBranch(nn.Module):
    """A chain of encoder blocks whose input is a linear map of image cells.

    Between the blocks there are only linear maps (`cls_head`, `residual`, and the next block's `img_embedding` and
    `residual`). So block k's embedding is a sum of maps of the image cells and of the outputs of the blocks before
    it, and so is the branch's result: each source is multiplied once, by all its maps side by side.
    """

    def __init__(self, blocks: nn.Sequential, reduce: _Linear | None) -> None:
        super().__init__()
        encoders: list[EncoderBlock] = list(blocks)
        self.layers = nn.ModuleList(
            nn.ModuleList(_FusedLayer(layer) for layer in block.bert.encoder["layer"]) for block in encoders
        )
        self.norms = nn.ModuleList(_twin(block.bert.LayerNorm or nn.Identity()) for block in encoders)
        self.widths = [block.bert.img_embedding.out_features for block in encoders]
        self.widths.append(encoders[-1].cls_head.out_features)
        self.position = nn.ParameterList(
            nn.Parameter(block.bert.position_embeddings.weight.data, requires_grad=False) for block in encoders
        )
        self.from_input = self._downstream(encoders, 0, reduce)
        maps = [
            self._downstream(encoders, k + 1, _Linear.of(block.cls_head), first=False)
            for k, block in enumerate(encoders)
        ]
        self.weights = nn.ParameterList(nn.Parameter(linear.weight.float(), requires_grad=False) for linear in maps)
        self.biases = nn.ParameterList(nn.Parameter(linear.bias.float(), requires_grad=False) for linear in maps)

    @staticmethod
    def _downstream(blocks: list[EncoderBlock], start: int, source: _Linear | None, first: bool = True) -> _Linear:
        """All maps from what enters block `start` to the embeddings of it and later blocks, and to the result.

        source : what comes before; first : whether the maps' biases count (once: with the branch's input).
        """
        chain = source
        rows: _Linear | None = None

        def compose(layer: nn.Linear) -> _Linear:
            linear = _Linear.of(layer)
            if not first:
                linear = _Linear(linear.weight, torch.zeros_like(linear.bias))
            return linear if chain is None else linear.after(chain)

        for block in blocks[start:]:
            embedding = compose(block.bert.img_embedding)
            rows = embedding if rows is None else rows.beside(embedding)
            chain = compose(block.residual)
        assert chain is not None
        return chain if rows is None else rows.beside(chain)

    def forward(self, projected: torch.Tensor, first: int) -> torch.Tensor:
        """projected : (B, N, sum of widths), the input by `from_input`; first : first token whose result is needed.

        Returns (B, N - first, channels).
        """
        if projected.device.type != "cpu":
            return self._run(projected, first)
        # One image at a time: its activations stay in the cache, and matrices of 843 rows are large enough.
        return torch.cat([self._run(image, first) for image in projected.split(1)])

    def _run(self, projected: torch.Tensor, first: int) -> torch.Tensor:
        totals = list(torch.split(projected, self.widths, dim=-1))
        for k, layers in enumerate(self.layers):
            hidden = totals[k] + self.position[k][: projected.shape[1]]
            hidden = self.norms[k](hidden)
            last = k == len(self.layers) - 1
            for number, layer in enumerate(layers):
                hidden = layer(hidden, first if last and number == len(layers) - 1 else 0)
            onward = torch.split(
                functional.linear(hidden, self.weights[k], self.biases[k]), self.widths[k + 1 :], dim=-1
            )
            skipped = first if last else 0
            totals[k + 1 :] = [total[:, skipped:] + part for total, part in zip(totals[k + 1 :], onward, strict=True)]
        return totals[-1]


class FusedNetwork(nn.Module):
    """Fast equivalent of a `DiceNetwork` for one set of token positions.

    network : left as it is; positions : (843, 3) of `reference_positions`, the same for every image;
    dtype : in which the backbone runs and the transformers multiply, float32, bfloat16 or float16; the sums that go
    from layer to layer, the maps from and to the tokens, the camera head and the regressors stay in float32;
    winograd : whether minimal filtering is used (in float32 only); GPU libraries choose their own algorithms.
    """

    def __init__(
        self,
        network: DiceNetwork,
        positions: torch.Tensor,
        dtype: torch.dtype = torch.float32,
        *,
        winograd: bool = True,
    ) -> None:
        super().__init__()
        self.dtype = dtype
        self.backbone = copy.deepcopy(network.backbone)
        _fold_batch_norms(self.backbone, winograd=winograd and dtype == torch.float32)
        self.backbone.to(dtype=dtype, memory_format=torch.channels_last)
        self.heads = _without(network, "backbone", "trans_encoder", "deform_encoder")
        mesh = _FusedBranch(network.trans_encoder, None)
        interaction = _FusedBranch(network.deform_encoder, _Linear.of(network.feat_downsampler))
        joint = mesh.from_input.beside(interaction.from_input)
        self.joint_widths = [sum(mesh.widths), sum(interaction.widths)]
        tokens = network.conv_learn_tokens
        mix = tokens.weight[..., 0].double()
        of_positions, of_cells = joint.weight[:, :3], joint.weight[:, 3:]
        constant = positions.double() @ of_positions.T + tokens.bias.double()[:, None] * of_cells.sum(1) + joint.bias
        self.mix = nn.Parameter(mix.float(), requires_grad=False)
        self.cell_map = nn.Parameter(of_cells.float(), requires_grad=False)
        self.constant = nn.Parameter(constant.float(), requires_grad=False)
        self.first_vertex = network.counts.hand_keypoints + network.counts.head_keypoints
        for layer in (*mesh.modules(), *interaction.modules()):
            if isinstance(layer, _FusedLayer):
                layer.multiply_in(dtype)
        self.mesh_branch = mesh
        self.interaction_branch = interaction

    def forward(self, images: torch.Tensor, gate: bool = True) -> Outputs:
        """images : (B, 3, H, W) float32 normalised; gate : as in `DiceNetwork.forward`."""
        heads = self.heads
        images = images.to(dtype=self.dtype, memory_format=torch.channels_last)
        cells = self.backbone(images).float().flatten(2).transpose(1, 2)
        to_mesh, to_interaction = self.project(cells)
        coordinates = self.mesh_branch(to_mesh, 0)
        interaction = self.interaction_branch(to_interaction, self.first_vertex)
        interaction = functional.pad(interaction, (0, 0, self.first_vertex, 0))
        presence = heads.contact_classifier(heads.contact_feat_extractor(cells).squeeze(-1))
        return heads.outputs(coordinates, interaction, presence, gate)

    def project(self, cells: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The image cells as both branches take them in: (B, 49, 2048) to (B, 843, widths) each."""
        projected = torch.matmul(self.mix, functional.linear(cells, self.cell_map)).add_(self.constant)
        return torch.split(projected, self.joint_widths, dim=-1)
