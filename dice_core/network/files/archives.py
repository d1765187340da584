"""Files written by torch.save, read without torch and without running them: zip archives and streams (before 1.6)."""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from dice_core.errors import InputError
from dice_core.network.files.pickles import (
    MOST_ELEMENTS,
    Record,
    RefusedPickleError,
    RestrictedUnpickler,
    Sealed,
    load,
    run,
)

__all__ = [
    "TORCH_NAMES",
    "SparseRecord",
    "TensorRecord",
    "find_module",
    "module_tensors",
    "read_archive",
    "tensor_array",
]

# What Python's zipfile raises: it seeks where a file says, and knows neither passwords nor every way to compress.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, struct.error)
_STREAM_MAGIC = 0x1950A86A20F9469CFC6C
_STREAM_VERSION = 1001

_MOST_DIMENSIONS = 8
_MOST_MODULES, _DEEPEST_MODULE = 20_000, 40
"""The DICE network has 1,739 modules, nine levels deep."""
_LARGEST_PICKLE = 64_000_000
"""Bytes of a pickle beside its tensors; that of the DICE network's whole module has 640,000."""
_LONGEST_ORDER = 16
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


@dataclass(frozen=True)
class _StorageType(Sealed):
    """Stand-in for a storage class."""

    name: str
    kind: str


@dataclass(frozen=True)
class _Storage(Sealed):
    """Where a tensor's numbers lie: `read` gives the bytes."""

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
    try:
        raw = tensor.storage.read()
    except _BROKEN_ZIP as error:
        raise InputError(f"The file is damaged, get it again: {error}.") from None
    itemsize = np.dtype(tensor.storage.kind).itemsize
    if len(raw) < tensor.storage.count * itemsize:
        raise InputError("The file ends before its data does: it is damaged, get it again.")
    flat = np.frombuffer(raw, tensor.storage.kind, tensor.storage.count)[tensor.offset :]
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, tensor.storage.kind)
    steps = tuple(stride * itemsize for stride in tensor.strides)
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, steps, writeable=False)


def _sizes(values: object) -> tuple[int, ...]:
    if not isinstance(values, list | tuple) or not all(_is_size(value) for value in values):
        raise RefusedPickleError("The file was refused: it gives a tensor a size that is no number.")
    return tuple(values)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _size(values: object = ()) -> tuple[int, ...]:
    """Stand-in for torch.Size."""
    return _sizes(values)


def _rebuild_tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> TensorRecord | None:
    if storage is None:  # pickled within the pickle, see `_ignored`
        return None
    if not isinstance(storage, _Storage) or not _is_size(offset):
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


class _ArchiveUnpickler(RestrictedUnpickler):
    """Reads an archive's pickle; `storage` finds the data of a key."""

    def __init__(
        self,
        data: bytes | memoryview,
        storage: Callable[[str, _StorageType, int, object], _Storage],
        position: int = 0,
    ) -> None:
        super().__init__(data, position, _KNOWN)
        self._storage = storage

    def persistent_load(self, identity: object) -> object:
        """A storage, or in the stream form a module class with its source code (which is ignored)."""
        if isinstance(identity, tuple) and len(identity) >= 2:
            if identity[0] == "module":
                return identity[1]
            if identity[0] == "storage" and len(identity) >= 5 and isinstance(identity[1], _StorageType):
                key, count = identity[2], identity[4]
                if isinstance(key, str | int) and _is_size(count) and count >= 0:
                    return self._storage(str(key), identity[1], count, identity[5] if len(identity) > 5 else None)
        raise RefusedPickleError("The file was refused: its pickle refers to data in an unknown way.")


def _read_zip(path: Path) -> Any:
    # Stays open as long as a tensor may be read from it: opening it again would parse its long directory every time.
    archive = zipfile.ZipFile(path)
    length = path.stat().st_size
    members = {item.filename: item for item in archive.infolist()}
    pickled = sorted((name for name in members if name.rsplit("/", 1)[-1] == "data.pkl"), key=len)
    if not pickled:
        raise InputError(f"{path.name} is a zip file, but not one of torch: it has no data.pkl.")
    folder = pickled[0][: -len("data.pkl")]
    order = members.get(folder + "byteorder")
    if order is not None and (order.file_size > _LONGEST_ORDER or archive.read(order).strip() != b"little"):
        raise InputError(f"{path.name} was saved on a big-endian machine, which is not supported.")

    def storage(key: str, kind: _StorageType, count: int, _: object) -> _Storage:
        member = members.get(f"{folder}data/{key}")
        if member is None:
            raise InputError(f"{path.name} lacks its data {key}: it is damaged, get it again.")
        # torch does not compress, so that data cannot be longer than the file.
        whole = member.compress_type == zipfile.ZIP_STORED and member.file_size == member.compress_size <= length
        if not whole or count * np.dtype(kind.kind).itemsize > member.file_size:
            raise InputError(f"{path.name} claims more data than it has: it is damaged, get it again.")
        return _Storage(kind.name, kind.kind, count, partial(archive.read, member))

    if members[pickled[0]].file_size > _LARGEST_PICKLE:
        raise InputError(f"{path.name} describes far more than any model has: it is damaged, or another file.")
    return load(archive.read(pickled[0]), lambda data: _ArchiveUnpickler(data, storage))


def _read_stream(path: Path) -> Any:
    starts: dict[str, int] = {}
    sizes: dict[str, int] = {}
    length = path.stat().st_size

    def read(key: str, start: int, size: int) -> bytes:
        with path.open("rb") as again:
            again.seek(starts[key] + start)
            return again.read(size)

    def storage(key: str, kind: _StorageType, count: int, view: object) -> _Storage:
        item = np.dtype(kind.kind).itemsize
        sizes[key] = item
        start, shown = 0, count
        if isinstance(view, tuple) and len(view) == 3:
            _, start, shown = view
        if not _is_size(start) or not _is_size(shown) or start < 0 or not 0 <= (start + shown) * item <= length:
            raise InputError(f"{path.name} claims more data than it has: it is damaged, get it again.")
        return _Storage(kind.name, kind.kind, shown, partial(read, key, start * item, shown * item))

    with path.open("rb") as stream:
        data = memoryview(stream.read(_LARGEST_PICKLE))
    place = 0

    def part(make: Callable[[], RestrictedUnpickler]) -> Any:
        nonlocal place
        machine = make()
        found = run(machine)
        place = machine.position
        return found

    def plain() -> RestrictedUnpickler:
        return RestrictedUnpickler(data, place)

    if part(plain) != _STREAM_MAGIC or part(plain) != _STREAM_VERSION:
        raise InputError(f"{path.name} is not a file of torch.")
    system = part(plain)
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise InputError(f"{path.name} was saved on a big-endian machine, which is not supported.")
    root = part(lambda: _ArchiveUnpickler(data, storage, place))
    keys = part(plain)
    with path.open("rb") as stream:
        stream.seek(place)
        for key in keys if isinstance(keys, list) else ():
            announced = stream.read(8)
            count = struct.unpack("<q", announced)[0] if len(announced) == 8 and str(key)[:99] in sizes else -1
            if not 0 <= count * sizes.get(str(key)[:99], 1) <= length - stream.tell():
                raise InputError(f"{path.name} ends before its data does: it is damaged, get it again.")
            starts[str(key)] = stream.tell()
            stream.seek(count * sizes[str(key)], io.SEEK_CUR)
    if not set(sizes) <= set(starts):
        raise InputError(f"{path.name} lacks some of its data: it is damaged, get it again.")
    return root


def read_archive(path: Path) -> Any:
    """What torch.save wrote: plain objects, `Record`, `TensorRecord` and `SparseRecord`; tensors are read on demand.

    Raises RefusedPickleError where the file would run or import something, InputError where it is no such file.
    """
    try:
        return _read_zip(path) if zipfile.is_zipfile(path) else _read_stream(path)
    except _BROKEN_ZIP as error:
        raise InputError(f"{path.name} is damaged, get it again: {error}.") from None


def module_tensors(root: Record) -> dict[str, TensorRecord]:
    """State dict of a pickled torch module: parameters and persistent buffers by their dotted names, in torch's order.

    Raises InputError where modules contain themselves.
    """
    found: dict[str, TensorRecord] = {}
    visited = 0

    def visit(module: object, prefix: str, above: tuple[int, ...]) -> None:
        nonlocal visited
        if not isinstance(module, Record):
            return
        if id(module) in above:
            raise InputError("The file holds a module that contains itself: it is damaged.")
        visited += 1  # a module may stand in several places, and does not do so thousands of times
        if visited > _MOST_MODULES or len(above) > _DEEPEST_MODULE:
            raise InputError("The file holds more modules than any network has: it is damaged.")
        hidden = module.state.get("_non_persistent_buffers_set") or ()
        for group in ("_parameters", "_buffers"):
            members = module.state.get(group)
            for name, value in members.items() if isinstance(members, dict) else ():
                if isinstance(value, TensorRecord) and not (group == "_buffers" and name in hidden):
                    found[f"{prefix}{name}"] = value
        children = module.state.get("_modules")
        for name, child in children.items() if isinstance(children, dict) else ():
            visit(child, f"{prefix}{name}.", (*above, id(module)))

    visit(root, "", ())
    return found


def find_module(root: Record, name: str) -> Record | None:
    """Child module by its dotted name, None where there is none."""
    module: object = root
    for part in name.split("."):
        children = module.state.get("_modules") if isinstance(module, Record) else None
        module = children.get(part) if isinstance(children, dict) else None
    return module if isinstance(module, Record) else None
