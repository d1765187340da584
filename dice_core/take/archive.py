"""An .npz file from a stranger: what it claims is checked before anything is read, and nothing is unpickled.

numpy reads such a file too, but allocates whatever its headers say and unpacks whatever it holds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import numpy as np

from dice_core.npy_header import LONGEST_HEADER, NpyHeader, parse_header
from dice_core.storage import open_plain

__all__ = ["LARGEST_FILE", "Archive"]

LARGEST_FILE = 512_000_000
"""Bytes of all arrays in a file, unpacked. Two seconds of 240 frames a second with a head of 27,000 vertices and both
hands take 400 million; more would not fit into a gigabyte while it is worked on."""

_MOST_ARRAYS = 64  # a chunk with a head and two hands has 28
_DIRECTORY_LIMIT = 16_384
"""Bytes of a zip file's directory: an entry has 46 and its name."""

_STORED, _DEFLATED = 0, 8
_END, _ENTRY, _LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_END_FORMAT, _ENTRY_FORMAT, _LOCAL_FORMAT = "<4s4H2IH", "<4s6H3I5H2I", "<4s5H3I2H"


class _Member(NamedTuple):
    """A file within the zip: method of compression, checksum, bytes packed and unpacked, place of its local header."""

    method: int
    crc: int
    packed: int
    unpacked: int
    place: int


class Archive:
    """The arrays of an .npz file; leaving it closes the file.

    Raises OSError where the file cannot be opened or is no plain file, ValueError (in words that fit into a sentence)
    for anything that is wrong with it.
    """

    def __init__(self, path: Path) -> None:
        self._stream: BinaryIO = open_plain(path)
        try:
            self._members = _directory(self._stream)
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _place: TracebackType | None
    ) -> None:
        self._stream.close()

    @property
    def names(self) -> list[str]:
        """The arrays' names."""
        return list(self._members)

    def read(self, name: str, check: Callable[[NpyHeader], None] | None = None) -> np.ndarray:
        """An array.

        check : called with the header before the numbers are read; raises ValueError where it is not as it should be.
        Raises KeyError where the file has no such array, ValueError where it is damaged.
        """
        packed = self._packed(name)
        header = self._header(name, packed)
        if check is not None:
            check(header)
        member = self._members[name]
        data = packed if member.method == _STORED else _unpack(packed, member.unpacked)
        if len(data) != member.unpacked or zlib.crc32(data) != member.crc:
            raise ValueError(f"{name} is damaged")
        flat = np.frombuffer(data, header.dtype, offset=header.offset)
        # A copy can be written to, and does not keep the header in memory.
        return np.array(flat.reshape(header.shape, order="F" if header.fortran else "C"))

    def header(self, name: str) -> NpyHeader:
        """An array's type and shape. Raises as `read`."""
        return self._header(name, self._packed(name, LONGEST_HEADER))

    def _header(self, name: str, packed: bytes) -> NpyHeader:
        member = self._members[name]
        stored = member.method == _STORED
        start = packed[:LONGEST_HEADER] if stored else _unpack(packed[:LONGEST_HEADER], LONGEST_HEADER)
        try:
            header = parse_header(start)
            size = header.size
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if header.offset + size != member.unpacked:
            raise ValueError(f"{name} is not as long as its shape says")
        return header

    def _packed(self, name: str, limit: int | None = None) -> bytes:
        """A member's bytes as they lie in the file, the first `limit` or all."""
        member = self._members[name]
        self._stream.seek(member.place)
        local = self._stream.read(struct.calcsize(_LOCAL_FORMAT))
        if len(local) < struct.calcsize(_LOCAL_FORMAT) or not local.startswith(_LOCAL):
            raise ValueError(f"{name} is not where the file's directory says")
        *_, name_length, extra_length = struct.unpack(_LOCAL_FORMAT, local)
        self._stream.seek(name_length + extra_length, 1)
        wanted = member.packed if limit is None else min(limit, member.packed)
        packed = self._stream.read(wanted)
        if len(packed) < wanted:
            raise ValueError(f"{name} is cut short")
        return packed


def _unpack(packed: bytes, most: int) -> bytes:
    """Deflated bytes unpacked, no more than `most`."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    except zlib.error as error:
        raise ValueError(f"it cannot be unpacked: {error}") from None


def _directory(stream: BinaryIO) -> dict[str, _Member]:
    """The members of a zip file by the names of their arrays, checked against the limits and the file's size."""
    length = stream.seek(0, 2)
    end_size = struct.calcsize(_END_FORMAT)
    if length < end_size:
        raise ValueError("it is no zip file")
    stream.seek(length - end_size)
    mark, *_, count, size, place, comment = struct.unpack(_END_FORMAT, stream.read(end_size))
    if mark != _END or comment:
        raise ValueError("it is no zip file, or cut short")
    if count > _MOST_ARRAYS or size > _DIRECTORY_LIMIT or place + size > length - end_size:
        raise ValueError(f"it lists {count} arrays, which no file of a take has")
    stream.seek(place)
    listed = stream.read(size)
    members: dict[str, _Member] = {}
    at, total = 0, 0
    for _ in range(count):
        entry_end = at + struct.calcsize(_ENTRY_FORMAT)
        if entry_end > size or listed[at : at + 4] != _ENTRY:
            raise ValueError("its directory is damaged")
        entry = struct.unpack_from(_ENTRY_FORMAT, listed, at)
        flags, method, (crc, packed, unpacked) = entry[3], entry[4], entry[7:10]
        name_length, extra_length, comment_length = entry[10:13]
        name = listed[entry_end : entry_end + name_length].decode("latin-1").removesuffix(".npy")
        if name in members or flags & 1 or method not in (_STORED, _DEFLATED) or packed > length:
            raise ValueError(f"{name[:40]!r} is listed twice, encrypted or packed in an unknown way")
        if method == _STORED and packed != unpacked:
            raise ValueError(f"{name[:40]!r} is not as long as the file's directory says")
        members[name] = _Member(method, crc, packed, unpacked, entry[16])
        total += unpacked
        at = entry_end + name_length + extra_length + comment_length
    if total > LARGEST_FILE:
        raise ValueError(f"it would unpack to {total / 1e9:.1f} GB, which no file of a take does")
    return members
