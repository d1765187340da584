"""Layers whose every size is read from the shapes of a state dict."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from dice_core.errors import ShapeError

__all__ = ["Shapes"]


class Shapes:
    """The shapes below one prefix of a state dict, and the layers that fit them.

    A network is built from these instead of from constants, so that a checkpoint of other widths or depths builds
    the network that it was trained as, under the names that it was saved with.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], prefix: str = "", batch_norm_eps: float = 1e-5) -> None:
        self._shapes = shapes
        self._prefix = prefix
        self._batch_norm_eps = batch_norm_eps

    @classmethod
    def of(cls, state: Mapping[str, torch.Tensor], batch_norm_eps: float = 1e-5) -> Shapes:
        """Shapes of a state dict's tensors."""
        return cls({name: tuple(tensor.shape) for name, tensor in state.items()}, "", batch_norm_eps)

    def below(self, name: str) -> Shapes:
        """The same state dict seen from a child module."""
        return Shapes(self._shapes, f"{self._prefix}{name}.", self._batch_norm_eps)

    def has(self, name: str) -> bool:
        """Whether there is a tensor of this name."""
        return self._prefix + name in self._shapes

    def has_child(self, name: str) -> bool:
        """Whether there is any tensor below a child of this name."""
        start = f"{self._prefix}{name}."
        return any(key.startswith(start) for key in self._shapes)

    def children(self, name: str) -> list[str]:
        """Numbered children below `name`, in order of their numbers, gaps left out."""
        start = f"{self._prefix}{name}." if name else self._prefix
        found = {key[len(start) :].split(".", 1)[0] for key in self._shapes if key.startswith(start)}
        return sorted((number for number in found if number.isdigit()), key=int)

    def count(self, name: str) -> int:
        """One more than the highest number among the children below `name`; 0 without any."""
        numbers = self.children(name)
        return int(numbers[-1]) + 1 if numbers else 0

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one tensor.

        Raises ShapeError where the state dict has no tensor of this name.
        """
        try:
            return self._shapes[self._prefix + name]
        except KeyError:
            raise ShapeError(
                f"The checkpoint has no tensor {self._prefix}{name}: it is not a DICE network, or it is incomplete."
            ) from None

    def linear(self, name: str) -> nn.Linear:
        """Fully connected layer `name`."""
        out_features, in_features = self.shape(f"{name}.weight")
        return nn.Linear(in_features, out_features, bias=self.has(f"{name}.bias"))

    def conv(self, name: str, stride: int = 1) -> nn.Conv2d:
        """Convolution `name`, padded so that stride 1 keeps the size."""
        out_channels, in_channels, kernel, _ = self.shape(f"{name}.weight")
        bias = self.has(f"{name}.bias")
        return nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=bias)

    def batch_norm(self, name: str) -> nn.BatchNorm2d:
        """Batch normalisation of images `name`."""
        return nn.BatchNorm2d(self.shape(f"{name}.weight")[0], eps=self._batch_norm_eps)

    def batch_norm_flat(self, name: str) -> nn.BatchNorm1d:
        """Batch normalisation of vectors `name`."""
        return nn.BatchNorm1d(self.shape(f"{name}.weight")[0], eps=self._batch_norm_eps)

    def layer_norm(self, name: str, eps: float) -> nn.LayerNorm:
        """Layer normalisation `name`."""
        return nn.LayerNorm(self.shape(f"{name}.weight")[0], eps=eps)

    def embedding(self, name: str) -> nn.Embedding:
        """Table of vectors `name`."""
        return nn.Embedding(*self.shape(f"{name}.weight"))
