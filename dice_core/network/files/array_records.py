"""Stand-ins for numpy's arrays and types in a pickle: they keep what the file says until its numbers are asked for."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from dice_core.errors import InputError
from dice_core.network.files.pickle_state import RefusedPickleError
from dice_core.network.files.records import Stateful

__all__ = ["NUMPY_NAMES", "ArrayRecord"]


class _DtypeRecord(Stateful):
    """Stand-in for numpy.dtype: only plain numbers, text and object references."""

    def __init__(self, kind: object, *_: object) -> None:
        text = kind.decode("latin-1") if isinstance(kind, bytes) else kind
        if not isinstance(text, str) or not re.fullmatch(r"[fiub]\d{1,2}|[SUV][1-9]\d{0,4}|O\d?", text):
            raise RefusedPickleError("The file was refused: it holds an array of an unknown type.")
        self.text = text
        self.order = "<"

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in (">", b">"):
            self.order = ">"

    @property
    def holds_objects(self) -> bool:
        return self.text.startswith("O")

    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.text)


class ArrayRecord(Stateful):
    """Stand-in for a numpy array; `array` makes one of it, `objects` are the elements of an array of objects."""

    def __init__(self, *_: object) -> None:
        self._shape: tuple[int, ...] = (0,)
        self._dtype = _DtypeRecord("f8")
        self._fortran = False
        self._data: object = b""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 4:
            raise RefusedPickleError("The file was refused: it holds an array that is not described as one.")
        shape, dtype, fortran, data = state[-4:]
        self.fill(data, dtype, shape, bool(fortran))

    def fill(self, data: object, dtype: object, shape: object, fortran: bool) -> ArrayRecord:
        if not isinstance(dtype, _DtypeRecord) or not isinstance(shape, tuple) or len(shape) > 8:
            raise RefusedPickleError("The file was refused: it holds an array that is not described as one.")
        self._shape, self._dtype, self._fortran = tuple(int(size) for size in shape), dtype, fortran
        self._data = data
        return self

    @property
    def objects(self) -> list[Any]:
        if not self._dtype.holds_objects or not isinstance(self._data, list):
            raise InputError("The file holds numbers where objects were expected: it is damaged or another file.")
        return self._data

    def array(self) -> np.ndarray:
        data = self._data.encode("latin-1") if isinstance(self._data, str) else self._data
        if self._dtype.holds_objects or not isinstance(data, bytes | bytearray | memoryview):
            raise InputError("The file holds objects where numbers were expected: it is damaged or another file.")
        dtype = self._dtype.dtype()
        if min(self._shape, default=0) < 0 or math.prod(self._shape) * dtype.itemsize != len(data):
            raise InputError("The file holds an array whose size and shape differ: it is damaged.")
        flat = np.frombuffer(bytes(data), dtype).astype(dtype.newbyteorder("="), copy=False)
        return flat.reshape(self._shape, order="F" if self._fortran else "C")


def _frombuffer(data: object, dtype: object, shape: object, order: object) -> ArrayRecord:
    return ArrayRecord().fill(data, dtype, shape, order == "F")


def _scalar(dtype: object, data: object) -> object:
    return ArrayRecord().fill(data, dtype, (), False).array()[()]


NUMPY_NAMES: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): ArrayRecord,
    ("numpy", "dtype"): _DtypeRecord,
    ("numpy.core.multiarray", "_reconstruct"): ArrayRecord,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
}
"""Stand-ins for numpy's names, by the module and the name that numpy 1 writes."""
