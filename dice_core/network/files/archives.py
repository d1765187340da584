"""Files written by torch.save, read without torch and without running them: zip archives and streams (before 1.6)."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dice_core.errors import InputError
from dice_core.network.files.pickles import AttributeDict, Record, RefusedPickleError, RestrictedUnpickler, load

__all__ = [
    "TORCH_NAMES",
    "SparseRecord",
    "TensorRecord",
    "find_module",
    "module_tensors",
    "read_archive",
    "tensor_array",
]

_STREAM_MAGIC = 0x1950A86A20F9469CFC6C
_STREAM_VERSION = 1001
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


class _Sealed:
    """An object that a pickle may make and may not change afterwards: its checks were made once."""

    def __setstate__(self, state: object) -> None:
        raise RefusedPickleError("The file was refused: it changes a tensor after it was made.")


@dataclass(frozen=True)
class _StorageType(_Sealed):
    """Stand-in for a storage class."""

    name: str
    kind: str


@dataclass(frozen=True)
class _Storage(_Sealed):
    """Where a tensor's numbers lie: `read` gives the bytes."""

    dtype: str
    kind: str
    count: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class TensorRecord(_Sealed):
    """A tensor of the file, not read yet.

    dtype : torch's name of the element type; shape, strides, offset : in elements of the storage.
    """

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        reach = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        below = min((*self.shape, *self.strides, self.offset), default=0) < 0
        if below or (0 not in self.shape and self.offset + reach >= self.storage.count):
            raise InputError("The file holds a tensor that reaches outside its data: it is damaged.")

    @property
    def dtype(self) -> str:
        return self.storage.dtype


@dataclass(frozen=True)
class SparseRecord(_Sealed):
    """A sparse matrix in coordinates: indices (2, n), values (n), shape (rows, columns)."""

    indices: TensorRecord
    values: TensorRecord
    shape: tuple[int, ...]


def tensor_array(tensor: TensorRecord | SparseRecord) -> np.ndarray:
    """Numbers of a tensor; read-only and possibly overlapping in memory, as in the file; bfloat16 as its bits (uint16).

    A sparse matrix becomes a dense one, with repeated entries added.
    """
    if isinstance(tensor, SparseRecord):
        values = tensor_array(tensor.values)
        dense = np.zeros(tensor.shape, values.dtype)
        try:
            np.add.at(dense, tuple(tensor_array(tensor.indices)), values)
        except (IndexError, ValueError):
            raise InputError("The file holds a sparse matrix whose indices lie outside it: it is damaged.") from None
        return dense
    try:
        raw = tensor.storage.read()
    except (zipfile.BadZipFile, OSError) as error:
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
    return tuple(int(value) for value in values)  # type: ignore[attr-defined]


def _rebuild_tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> TensorRecord | None:
    if storage is None:  # pickled within the pickle, see `_ignored`
        return None
    if not isinstance(storage, _Storage):
        raise RefusedPickleError("The file was refused: it makes a tensor of something that is not data.")
    return TensorRecord(storage, int(offset), _sizes(shape), _sizes(strides))  # type: ignore[call-overload]


def _rebuild_parameter(data: object, *_: object) -> object:
    return data


def _rebuild_sparse(_: object, data: tuple[Any, ...]) -> SparseRecord:
    indices, values, shape = data[:3]
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
    ("torch", "Size"): tuple,
    ("torch.nn.parameter", "Parameter"): _rebuild_parameter,
    **{("torch", name): _StorageType(*kinds) for name, kinds in _STORAGES.items()},
}
TORCH_NAMES = _KNOWN
"""Stand-ins for torch's names, for pickles that hold tensors outside an archive."""


class _ArchiveUnpickler(RestrictedUnpickler):
    """Reads an archive's pickle; `storage` finds the data of a key."""

    def __init__(self, stream: BinaryIO, storage: Callable[[str, _StorageType, int, object], _Storage]) -> None:
        super().__init__(stream, _KNOWN)
        self._storage = storage

    def persistent_load(self, identity: object) -> object:
        """A storage, or in the stream form a module class with its source code (which is ignored)."""
        if isinstance(identity, tuple) and len(identity) >= 2:
            if identity[0] == "module":
                return identity[1]
            if identity[0] == "storage" and len(identity) >= 5 and isinstance(identity[1], _StorageType):
                view = identity[5] if len(identity) > 5 else None
                return self._storage(str(identity[2]), identity[1], int(identity[4]), view)
        raise RefusedPickleError("The file was refused: its pickle refers to data in an unknown way.")


def _read_zip(path: Path) -> Any:
    # Stays open as long as a tensor may be read from it: opening it again would parse its long directory every time.
    archive = zipfile.ZipFile(path)
    names = set(archive.namelist())
    pickled = sorted((name for name in names if name.rsplit("/", 1)[-1] == "data.pkl"), key=len)
    if not pickled:
        raise InputError(f"{path.name} is a zip file, but not one of torch: it has no data.pkl.")
    folder = pickled[0][: -len("data.pkl")]
    order = archive.read(folder + "byteorder").strip() if folder + "byteorder" in names else b"little"
    if order != b"little":
        raise InputError(f"{path.name} was saved on a big-endian machine, which is not supported.")

    def storage(key: str, kind: _StorageType, count: int, _: object) -> _Storage:
        name = f"{folder}data/{key}"
        if name not in names:
            raise InputError(f"{path.name} lacks its data {key}: it is damaged, get it again.")
        return _Storage(kind.name, kind.kind, count, partial(archive.read, name))

    return load(archive.read(pickled[0]), lambda source: _ArchiveUnpickler(source, storage))


def _read_stream(path: Path) -> Any:
    starts: dict[str, int] = {}

    def read(key: str, start: int, size: int) -> bytes:
        with path.open("rb") as again:
            again.seek(starts[key] + start)
            return again.read(size)

    sizes: dict[str, int] = {}

    def storage(key: str, kind: _StorageType, count: int, view: object) -> _Storage:
        item = np.dtype(kind.kind).itemsize
        sizes[key] = item
        start, length = 0, count
        if isinstance(view, tuple) and len(view) == 3:
            start, length = int(view[1]), int(view[2])
        return _Storage(kind.name, kind.kind, length, partial(read, key, start * item, length * item))

    with path.open("rb") as stream:
        if load(stream) != _STREAM_MAGIC or load(stream) != _STREAM_VERSION:
            raise InputError(f"{path.name} is not a file of torch.")
        system = load(stream)
        if isinstance(system, dict) and system.get("little_endian") is False:
            raise InputError(f"{path.name} was saved on a big-endian machine, which is not supported.")
        root = load(stream, lambda source: _ArchiveUnpickler(source, storage))
        for key in load(stream):
            length = stream.read(8)
            if len(length) < 8 or str(key) not in sizes:
                raise InputError(f"{path.name} ends before its data does: it is damaged, get it again.")
            starts[str(key)] = stream.tell()
            stream.seek(struct.unpack("<q", length)[0] * sizes[str(key)], io.SEEK_CUR)
    return root


def read_archive(path: Path) -> Any:
    """What torch.save wrote: plain objects, `Record`, `TensorRecord` and `SparseRecord`; tensors are read on demand.

    Raises RefusedPickleError where the file would run or import something, InputError where it is no such file.
    """
    try:
        return _read_zip(path) if zipfile.is_zipfile(path) else _read_stream(path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path.name} is damaged, get it again: {error}.") from None


def module_tensors(root: Record) -> dict[str, TensorRecord]:
    """State dict of a pickled torch module: parameters and persistent buffers by their dotted names, in torch's order.

    Raises InputError where modules contain themselves.
    """
    found: dict[str, TensorRecord] = {}

    def visit(module: object, prefix: str, above: tuple[int, ...]) -> None:
        if not isinstance(module, Record):
            return
        if id(module) in above:
            raise InputError("The file holds a module that contains itself: it is damaged.")
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
        module = children.get(part) if isinstance(children, AttributeDict | dict) else None
    return module if isinstance(module, Record) else None
