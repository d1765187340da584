"""How stored pictures are turned to stand upright: the eight orientations of EXIF, for photos and videos alike."""

from __future__ import annotations

import struct

import numpy as np

__all__ = [
    "MIRRORED",
    "QUARTER_TURN",
    "UPRIGHT",
    "UPSIDE_DOWN_MIRRORED",
    "combined",
    "from_display_matrix",
    "swaps_sides",
    "turn_upright",
]

UPRIGHT = 1
"""The orientation of pictures that are stored as they are shown."""

MIRRORED, UPSIDE_DOWN_MIRRORED, QUARTER_TURN = 2, 4, 8
"""Orientations that exchange left and right, exchange top and bottom, and turn by a quarter anticlockwise."""

# What EXIF's orientations are, as rows of the matrix that takes stored (x, y) to shown (x, y), y downward.
_MATRICES = {
    1: ((1, 0), (0, 1)),
    2: ((-1, 0), (0, 1)),
    3: ((-1, 0), (0, -1)),
    4: ((1, 0), (0, -1)),
    5: ((0, 1), (1, 0)),
    6: ((0, -1), (1, 0)),
    7: ((0, -1), (-1, 0)),
    8: ((0, 1), (-1, 0)),
}
_BY_MATRIX = {matrix: orientation for orientation, matrix in _MATRICES.items()}


def swaps_sides(orientation: int) -> bool:
    """Whether width and height change places; orientation : 1 to 8 as in EXIF."""
    return orientation >= 5


def combined(first: int, second: int) -> int:
    """The orientation that does what `first` does and then what `second` does to the result."""
    product = np.array(_MATRICES[second]) @ np.array(_MATRICES[first])
    return _BY_MATRIX[tuple(tuple(int(value) for value in row) for row in product)]  # type: ignore[index]


def turn_upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """A stored picture (h, w, ...) as it is shown, contiguous; orientation : 1 to 8 as in EXIF."""
    if orientation == UPRIGHT:
        return image
    (a, b), (c, d) = _MATRICES[orientation]
    if swaps_sides(orientation):
        image = image.swapaxes(0, 1)
    across, down = a + b, c + d
    return np.ascontiguousarray(image[::down, ::across])


def from_display_matrix(matrix: bytes) -> int:
    """Orientation that a video's display matrix stands for.

    matrix : nine 32-bit integers in the machine's order, as FFmpeg has them: shown x = a x + c y, shown y = b x + d y
    in the order a, b, u, c, d, v, x, y, w. Turns that are not by quarters become the nearest that are.
    """
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    straight = abs(a) + abs(d) >= abs(b) + abs(c)
    rows = ((_sign(a), 0), (0, _sign(d))) if straight else ((0, _sign(c)), (_sign(b), 0))
    return _BY_MATRIX[rows]


def _sign(value: int) -> int:
    return -1 if value < 0 else 1
