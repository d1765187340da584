"""Transformer encoder blocks over mesh tokens, as METRO introduced them on top of BERT.

Lin, Wang and Liu, End-to-End Human Pose and Mesh Reconstruction with Transformers, CVPR 2021,
https://doi.org/10.1109/CVPR46437.2021.00199.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from dice_core.errors import InputError
from dice_core.network.model.layers import Shapes

__all__ = ["ACTIVATIONS", "BlockSettings", "EncoderBlock", "EncoderLayer"]


def _gelu(values: torch.Tensor) -> torch.Tensor:
    return values * 0.5 * (1.0 + torch.erf(values / math.sqrt(2.0)))


def _swish(values: torch.Tensor) -> torch.Tensor:
    return values * torch.sigmoid(values)


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": _gelu,
    "relu": functional.relu,
    "swish": _swish,
}


@dataclass(frozen=True)
class BlockSettings:
    """What cannot be read from the shapes of a block's tensors; the defaults are the published network's.

    heads : attention heads; eps : of the layer normalisations; activation : a key of ACTIVATIONS.
    """

    heads: int = 4
    eps: float = 1e-12
    activation: str = "gelu"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise InputError(f"The checkpoint uses the activation {self.activation}, which this version does not know.")


class _SelfAttention(nn.Module):
    """Scaled dot-product attention, written out."""

    def __init__(self, shapes: Shapes, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = shapes.linear("query")
        self.key = shapes.linear("key")
        self.value = shapes.linear("value")

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        def split(values: torch.Tensor) -> torch.Tensor:
            return values.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        query, key, value = split(self.query(tokens)), split(self.key(tokens)), split(self.value(tokens))
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        return (torch.softmax(scores, dim=-1) @ value).transpose(1, 2).flatten(2)


class _AddAndNorm(nn.Module):
    """Linear map, added to the input of the sub-layer and normalised."""

    def __init__(self, shapes: Shapes, eps: float) -> None:
        super().__init__()
        self.dense = shapes.linear("dense")
        self.LayerNorm = shapes.layer_norm("LayerNorm", eps)

    def forward(self, values: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(self.dense(values) + residual)


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward network, each followed by addition and normalisation."""

    def __init__(self, shapes: Shapes, settings: BlockSettings) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {
                "self": _SelfAttention(shapes.below("attention.self"), settings.heads),
                "output": _AddAndNorm(shapes.below("attention.output"), settings.eps),
            }
        )
        self.intermediate = nn.ModuleDict({"dense": shapes.linear("intermediate.dense")})
        self.output = _AddAndNorm(shapes.below("output"), settings.eps)
        self.activation = ACTIVATIONS[settings.activation]

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """tokens : (B, N, C). Returns the same shape."""
        attended = self.attention["output"](self.attention["self"](tokens), tokens)
        return self.output(self.activation(self.intermediate["dense"](attended)), attended)


class _Encoder(nn.Module):
    """Embedding of the tokens and the encoder layers."""

    def __init__(self, shapes: Shapes, settings: BlockSettings) -> None:
        super().__init__()
        self.position_embeddings = shapes.embedding("position_embeddings")
        self.img_embedding = shapes.linear("img_embedding")
        self.LayerNorm = shapes.layer_norm("LayerNorm", settings.eps) if shapes.has_child("LayerNorm") else None
        layers = shapes.below("encoder.layer")
        self.encoder = nn.ModuleDict(
            {"layer": nn.ModuleList(EncoderLayer(layers.below(number), settings) for number in layers.children(""))}
        )
        # BERT's word embeddings and pooler never run; here so that the state dict loads strictly.
        if shapes.has_child("embeddings"):
            tables = ("word_embeddings", "position_embeddings", "token_type_embeddings")
            self.embeddings = nn.ModuleDict({name: shapes.embedding(f"embeddings.{name}") for name in tables})
            self.embeddings["LayerNorm"] = shapes.layer_norm("embeddings.LayerNorm", settings.eps)
        if shapes.has_child("pooler"):
            self.pooler = nn.ModuleDict({"dense": shapes.linear("pooler.dense")})

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden = self.img_embedding(tokens) + self.position_embeddings.weight[: tokens.shape[1]]
        if self.LayerNorm is not None:
            hidden = self.LayerNorm(hidden)
        for layer in self.encoder["layer"]:
            hidden = layer(hidden)
        return hidden


class EncoderBlock(nn.Module):
    """Encoder whose output is reduced to fewer channels and added to a linear map of its input."""

    def __init__(self, shapes: Shapes, settings: BlockSettings) -> None:
        super().__init__()
        self.settings = settings
        self.bert = _Encoder(shapes.below("bert"), settings)
        self.cls_head = shapes.linear("cls_head")
        self.residual = shapes.linear("residual")

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """tokens : (B, N, C in). Returns (B, N, C out)."""
        return self.cls_head(self.bert(tokens)) + self.residual(tokens)
