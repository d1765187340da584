"""Tensors of torch in a pickle, kept as records that read their numbers from the file when these are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from dice_core.errors import InputError
from dice_core.network.files.arrays import MOST_ELEMENTS
from dice_core.network.files.pickle_state import RefusedPickleError
from dice_core.network.files.pickles import RestrictedUnpickler
from dice_core.network.files.records import Sealed

__all__ = ["TORCH_NAMES", "Locate", "SparseRecord", "TensorRecord", "TensorUnpickler", "is_size", "tensor_array"]

_MOST_DIMENSIONS = 8
_LARGEST_MAP = 16_000_000
"""Entries of a map between meshes that is made dense: FLAME's 5,023 vertices to three thousand."""
# Bytes of an element, and numpy's type of it; bfloat16 has none and is given as its bits.
_STORAGES: dict[str, tuple[str, str]] = {
    "DoubleStorage": ("float64", "<f8"),
    "FloatStorage": ("float32", "<f4"),
    "HalfStorage": ("float16", "<f2"),
    "BFloat16Storage": ("bfloat16", "<u2"),
    "LongStorage": ("int64", "<i8"),
    "IntStorage": ("int32", "<i4"),
    "ShortStorage": ("int16", "<i2"),
    "CharStorage": ("int8", "i1"),
    "ByteStorage": ("uint8", "u1"),
    "BoolStorage": ("bool", "?"),
}

Locate = Callable[[str, int, int, object], tuple[int, Callable[[], bytes]]]
"""What finds the data of a storage, see `TensorUnpickler`."""


@dataclass(frozen=True)
class _StorageType(Sealed):
    """Stand-in for a storage class."""

    name: str
    kind: str


@dataclass(frozen=True)
class _Storage(Sealed):
    """Where a tensor's numbers lie: `read` gives the bytes, or raises InputError."""

    dtype: str
    kind: str
    count: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class TensorRecord(Sealed):
    """A tensor of the file, not read yet.

    dtype : torch's name of the element type; shape, strides, offset : in elements of the storage.
    """

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.strides) or len(self.shape) > _MOST_DIMENSIONS:
            raise InputError("The file holds a tensor that is not described as one: it is damaged.")
        reach = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        below = min((*self.shape, *self.strides, self.offset), default=0) < 0
        if below or (0 not in self.shape and self.offset + reach >= self.storage.count):
            raise InputError("The file holds a tensor that reaches outside its data: it is damaged.")
        if self.distinct > self.storage.count:
            raise InputError("The file holds a tensor of far more numbers than it has data for: it is damaged.")

    @property
    def dtype(self) -> str:
        return self.storage.dtype

    @property
    def count(self) -> int:
        """How many numbers it has, repeated ones counted as often as they appear."""
        return math.prod(self.shape)

    @property
    def distinct(self) -> int:
        """How many numbers it has apart from those that strides of zero repeat, which take no memory until copied."""
        return math.prod(size for size, stride in zip(self.shape, self.strides, strict=True) if stride)

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return np.dtype(self.storage.kind).itemsize


@dataclass(frozen=True)
class SparseRecord(Sealed):
    """A sparse matrix in coordinates: indices (2, n), values (n), shape (rows, columns)."""

    indices: TensorRecord
    values: TensorRecord
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        count = self.values.count
        described = self.indices.shape == (2, count) and self.values.shape == (count,) and len(self.shape) == 2
        if not described or min(self.shape) < 0:
            raise InputError("The file holds a sparse matrix that is not described as one: it is damaged.")
        if max(count, self.indices.count) > MOST_ELEMENTS or self.indices.dtype not in ("int64", "int32"):
            raise InputError("The file holds a sparse matrix of too many numbers, or with indices that are none.")


def tensor_array(tensor: TensorRecord | SparseRecord) -> np.ndarray:
    """Numbers of a tensor; read-only and possibly overlapping in memory, as in the file; bfloat16 as its bits (uint16).

    A sparse matrix becomes a dense one, with repeated entries added.
    """
    if isinstance(tensor, SparseRecord):
        if math.prod(tensor.shape) > _LARGEST_MAP:
            raise InputError("The file holds a sparse matrix that is far larger than any of a body model.")
        values = tensor_array(tensor.values)
        places = tensor_array(tensor.indices)
        dense = np.zeros(tensor.shape, values.dtype)
        try:
            np.add.at(dense, tuple(places), values)
        except (IndexError, ValueError):
            raise InputError("The file holds a sparse matrix whose indices lie outside it: it is damaged.") from None
        return dense
    raw = tensor.storage.read()
    itemsize = np.dtype(tensor.storage.kind).itemsize
    if len(raw) < tensor.storage.count * itemsize:
        raise InputError("The file ends before its data does: it is damaged, get it again.")
    flat = np.frombuffer(raw, tensor.storage.kind, tensor.storage.count)[tensor.offset :]
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, tensor.storage.kind)
    steps = tuple(stride * itemsize for stride in tensor.strides)
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, steps, writeable=False)


def _sizes(values: object) -> tuple[int, ...]:
    if not isinstance(values, list | tuple) or not all(is_size(value) for value in values):
        raise RefusedPickleError("The file was refused: it gives a tensor a size that is no number.")
    return tuple(values)


def is_size(value: object) -> bool:
    """Whether a value of a pickle may be the size of something; negative ones too."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _size(values: object = ()) -> tuple[int, ...]:
    """Stand-in for torch.Size."""
    return _sizes(values)


def _rebuild_tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> TensorRecord | None:
    if storage is None:  # pickled within the pickle, see `_ignored`
        return None
    if not isinstance(storage, _Storage) or not is_size(offset):
        raise RefusedPickleError("The file was refused: it makes a tensor of something that is not data.")
    return TensorRecord(storage, cast(int, offset), _sizes(shape), _sizes(strides))


def _rebuild_parameter(data: object, *_: object) -> object:
    return data


def _rebuild_sparse(_: object, data: object) -> SparseRecord:
    indices, values, shape = data[:3] if isinstance(data, tuple) and len(data) >= 3 else (None, None, None)
    if not isinstance(indices, TensorRecord) or not isinstance(values, TensorRecord):
        raise RefusedPickleError("The file was refused: it makes a sparse tensor of something that is not data.")
    return SparseRecord(indices, values, _sizes(shape))


def _ignored(*_: object) -> None:
    """Stand-in for names in archives that are not needed: devices, layouts, tensors pickled within pickles."""


_KNOWN: dict[tuple[str, str], object] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch._utils", "_rebuild_sparse_tensor"): _rebuild_sparse,
    ("torch.serialization", "_get_layout"): _ignored,
    ("torch.storage", "_load_from_bytes"): _ignored,
    ("torch", "device"): _ignored,
    ("torch", "Size"): _size,
    ("torch.nn.parameter", "Parameter"): _rebuild_parameter,
    **{("torch", name): _StorageType(*kinds) for name, kinds in _STORAGES.items()},
}
TORCH_NAMES = _KNOWN
"""Stand-ins for torch's names, for pickles that hold tensors outside an archive."""


class TensorUnpickler(RestrictedUnpickler):
    """Reads a pickle whose tensors lie outside it.

    locate : finds the data of a storage, by its key, the bytes of an element, the number of elements and, where only a
    part of it is meant, the (name, first element, number of elements) of that part, else None. Returns the number of
    elements meant and what reads their bytes. Raises InputError where the file has no such data.
    """

    def __init__(
        self,
        data: bytes | memoryview,
        locate: Locate,
        position: int = 0,
    ) -> None:
        super().__init__(data, position, _KNOWN)
        self._locate = locate

    def persistent_load(self, identity: object) -> object:
        """A storage, or in the stream form a module class with its source code (which is ignored)."""
        if isinstance(identity, tuple) and len(identity) >= 2:
            if identity[0] == "module":
                return identity[1]
            if identity[0] == "storage" and len(identity) >= 5 and isinstance(identity[1], _StorageType):
                key, count = identity[2], identity[4]
                if isinstance(key, str | int) and is_size(count) and count >= 0:
                    return self._storage(str(key), identity[1], count, identity[5] if len(identity) > 5 else None)
        raise RefusedPickleError("The file was refused: its pickle refers to data in an unknown way.")

    def _storage(self, key: str, kind: _StorageType, count: int, part: object) -> _Storage:
        elements, read = self._locate(key, np.dtype(kind.kind).itemsize, count, part)
        return _Storage(kind.name, kind.kind, elements, read)
