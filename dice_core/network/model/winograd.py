"""3x3 convolutions by fewer multiplications.

Minimal filtering F(m x m, 3 x 3): Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016,
https://doi.org/10.1109/CVPR.2016.435. An m x m tile of the result takes (m + 2)^2 multiplications a channel instead of
9 m^2; the transforms around them cost less than that saves where there are many channels.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["WinogradConv", "worthwhile_tile"]

# Input, filter and output transforms by tile size.
_TRANSFORMS = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}
_TILE_BY_CHANNELS = {64: 4, 128: 4, 256: 4}
"""Tile size by number of channels, chosen on one processor with AVX2.

How much is gained depends on the processor: with AVX-512, on one thread and the backbone's image sizes, tiles of 4 save
a seventh of the time at 64 channels and a quarter at 128, and next to nothing at 256, where tiles of 2 save a tenth.
512 channels are left out: tiles of 4 lose there, and the weights grow by (m + 2)^2 / 9."""
_SMALL_IMAGE = 400
"""Pixels; larger images are filtered one by one, so that one image's transforms stay in the cache. Set by hand."""


def worthwhile_tile(conv: nn.Conv2d) -> int | None:
    """Tile size at which a convolution is faster, None where it is not or cannot be done this way."""
    plain = conv.kernel_size == (3, 3) and conv.stride == (1, 1) and conv.padding == (1, 1) and conv.groups == 1
    return _TILE_BY_CHANNELS.get(conv.in_channels) if plain and conv.in_channels == conv.out_channels else None


class WinogradConv(nn.Module):
    """The same function as a 3x3 convolution with stride 1, padding 1 and a bias."""

    def __init__(self, conv: nn.Conv2d, tile: int) -> None:
        super().__init__()
        assert conv.bias is not None
        of_input, of_filter, of_output = (torch.tensor(rows, dtype=torch.float64) for rows in _TRANSFORMS[tile])
        self.tile, self.channels = tile, conv.out_channels
        dtype = conv.weight.dtype
        filters = torch.einsum("ia,jb,ocab->ijco", of_filter, of_filter, conv.weight.double())
        self.register_buffer("filters", filters.flatten(0, 1).to(dtype).contiguous())
        self.register_buffer("of_input", torch.kron(of_input, of_input).to(dtype))
        self.register_buffer("of_output", torch.kron(of_output, of_output).to(dtype))
        self.register_buffer("bias", conv.bias.detach().clone())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """images : (B, C, H, W), channels-last in memory. Returns (B, C', H, W), channels-last too."""
        if images.shape[2] * images.shape[3] < _SMALL_IMAGE or len(images) == 1:
            return self._filter(images)
        return torch.cat([self._filter(image) for image in images.split(1)])

    def _filter(self, images: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = images.shape
        tile, patch = self.tile, self.tile + 2
        rows, columns = -(-height // tile), -(-width // tile)
        padded = images.new_zeros(count, rows * tile + 2, columns * tile + 2, channels)
        padded[:, 1 : height + 1, 1 : width + 1] = images.permute(0, 2, 3, 1)
        image, row, column, _ = padded.stride()
        patches = padded.as_strided(
            (patch, patch, count, rows, columns, channels), (row, column, image, row * tile, column * tile, 1)
        )
        seen = (self.of_input @ patches.reshape(patch * patch, -1)).view(patch * patch, -1, channels)
        products = torch.bmm(seen, self.filters)
        products[patch + 1].add_(self.bias)  # this entry goes to every pixel of the tile with weight 1
        tiles = (self.of_output @ products.view(patch * patch, -1)).view(
            tile, tile, count, rows, columns, self.channels
        )
        result = tiles.permute(2, 3, 0, 4, 1, 5).reshape(count, rows * tile, columns * tile, self.channels)
        return result[:, :height, :width].permute(0, 3, 1, 2)
