"""The header of an .npy file, read without evaluating it: what its numbers will take, before anything is allocated."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass

import numpy as np

__all__ = ["LONGEST_HEADER", "NpyHeader", "parse_header"]

LONGEST_HEADER = 1024
"""Bytes of a header with its magic that are looked at: numpy pads the header of a plain array to 128. Set by hand."""

_MAGIC = b"\x93NUMPY"
_LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
# As numpy writes it: the keys sorted, plain types only. "O" is an array of Python objects, which only is recognised.
_TEXT = re.compile(
    r"\{'descr': '([<>|])(?:([biuf])(\d{1,2})|(O|[SU]\d{1,6}))', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,15},? ?){0,8})\), \} *\n?"
)


@dataclass(frozen=True)
class NpyHeader:
    """dtype : of the elements, None for an array of Python objects; shape : sizes; fortran : columns come first;
    offset : bytes before the data."""

    dtype: np.dtype | None
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the data. Raises ValueError for Python objects, whose size is not known."""
        if self.dtype is None:
            raise ValueError("it holds Python objects")
        return math.prod(self.shape) * self.dtype.itemsize


def parse_header(start: bytes) -> NpyHeader:
    """The header at the beginning of an .npy file.

    start : the file's first bytes, `LONGEST_HEADER` of them or all there are.
    Raises ValueError, in words that fit into a sentence, where it is damaged or of a kind that no file of ours has.
    """
    if start[:6] != _MAGIC or len(start) < 12:
        raise ValueError("it does not begin like an array")
    length_format = _LENGTHS.get((start[6], start[7]))
    if length_format is None:
        raise ValueError(f"it is an array of version {start[6]}.{start[7]}")
    (length,) = struct.unpack_from(length_format, start, 8)
    begin = 8 + struct.calcsize(length_format)
    text = start[begin : begin + length]
    match = _TEXT.fullmatch(text.decode("latin-1")) if len(text) == length else None
    if match is None:
        raise ValueError("its array is not described as numpy does it")
    order, kind, width, other, fortran, sizes = match.groups()
    shape = tuple(int(size) for size in sizes.split(",") if size.strip())
    if other == "O":
        return NpyHeader(None, shape, fortran == "True", begin + length)
    try:
        dtype = np.dtype(f"{order}{other or kind + width}")
    except TypeError as error:
        raise ValueError("its array is of an unknown type") from error
    if not dtype.itemsize:
        raise ValueError("its array has elements of no size")
    return NpyHeader(dtype, shape, fortran == "True", begin + length)
