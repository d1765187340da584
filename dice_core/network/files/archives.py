"""Files written by torch.save, read without torch and without running them: zip archives and streams (before 1.6)."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from dice_core.errors import InputError
from dice_core.network.files.pickles import RestrictedUnpickler, load, run
from dice_core.network.files.torch_tensors import TensorUnpickler, is_size

__all__ = ["read_archive"]

# What Python's zipfile raises: it seeks where a file says, and knows neither passwords nor every way to compress.
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, struct.error)
_STREAM_MAGIC = 0x1950A86A20F9469CFC6C
_STREAM_VERSION = 1001

_LARGEST_PICKLE = 64_000_000
"""Bytes of a pickle beside its tensors; that of the DICE network's whole module has 640,000."""
_LONGEST_ORDER = 16


def _undamaged(read: Callable[[], bytes]) -> bytes:
    """Bytes of a tensor. Raises InputError where the file does not give them."""
    try:
        return read()
    except _BROKEN_ZIP as error:
        raise InputError(f"The file is damaged, get it again: {error}.") from None


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

    def locate(key: str, itemsize: int, count: int, _: object) -> tuple[int, Callable[[], bytes]]:
        member = members.get(f"{folder}data/{key}")
        if member is None:
            raise InputError(f"{path.name} lacks its data {key}: it is damaged, get it again.")
        # torch does not compress, so that data cannot be longer than the file.
        whole = member.compress_type == zipfile.ZIP_STORED and member.file_size == member.compress_size <= length
        if not whole or count * itemsize > member.file_size:
            raise InputError(f"{path.name} claims more data than it has: it is damaged, get it again.")
        return count, partial(_undamaged, partial(archive.read, member))

    if members[pickled[0]].file_size > _LARGEST_PICKLE:
        raise InputError(f"{path.name} describes far more than any model has: it is damaged, or another file.")
    return load(archive.read(pickled[0]), lambda data: TensorUnpickler(data, locate))


def _read_stream(path: Path) -> Any:
    starts: dict[str, int] = {}
    sizes: dict[str, int] = {}
    length = path.stat().st_size

    def read(key: str, start: int, size: int) -> bytes:
        with path.open("rb") as again:
            again.seek(starts[key] + start)
            return again.read(size)

    def locate(key: str, itemsize: int, count: int, view: object) -> tuple[int, Callable[[], bytes]]:
        sizes[key] = itemsize
        start, shown = 0, count
        if isinstance(view, tuple) and len(view) == 3:
            _, start, shown = view
        if not is_size(start) or not is_size(shown) or start < 0 or not 0 <= (start + shown) * itemsize <= length:
            raise InputError(f"{path.name} claims more data than it has: it is damaged, get it again.")
        return shown, partial(_undamaged, partial(read, key, start * itemsize, shown * itemsize))

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
    root = part(lambda: TensorUnpickler(data, locate, place))
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
