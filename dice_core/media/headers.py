"""Size of an image from the first bytes of its file: what a picture will take before it is decoded."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dice_core.media.heif_boxes import HeifFile, is_heif, read_boxes
from dice_core.media.orientation import UPRIGHT

__all__ = ["exif_start", "image_orientation", "image_size"]

_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_ORIENTATION = 0x100, 0x101, 0x112
_TIFF_SHORT = 3
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = {0x01, *range(0xD0, 0xD9)}
_TURNED = range(5, 9)
"""EXIF orientations that swap width and height."""


def image_size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels of an image as it will be decoded: upright by its EXIF orientation.

    Returns None if the file is no image of a known format. Raises OSError if it cannot be read.
    """
    header = _header(path)
    if header is None:
        return None
    return header.size[::-1] if header.orientation in _TURNED else header.size


def image_orientation(path: Path) -> int:
    """How an image is turned to stand upright, 1 to 8 as in EXIF; 1 if it does not say. Raises OSError as
    `image_size`."""
    header = _header(path)
    return header.orientation if header is not None and header.orientation in range(1, 9) else UPRIGHT


def exif_start(path: Path) -> int | None:
    """Where in an image's file its EXIF data begin, a structure like a TIFF file's; None if it has none.

    Raises OSError as `image_size`.
    """
    header = _header(path)
    return None if header is None else header.exif


class _Header(NamedTuple):
    """size : width, height as stored; orientation : as the file says; exif : where its EXIF data begin, or None."""

    size: tuple[int, int]
    orientation: int
    exif: int | None


def _header(path: Path) -> _Header | None:
    with path.open("rb") as file:
        start = file.read(32)
        try:
            if start.startswith(b"\x89PNG\r\n\x1a\n"):
                header = _png(file)
            elif start.startswith(b"\xff\xd8\xff"):
                header = _jpeg(file)
            elif start[:4] == b"RIFF" and start[8:12] == b"WEBP":
                header = _webp(file)
            elif start[:4] in (b"II*\0", b"MM\0*"):
                header = _Header(*_tiff(file, 0), 0)
            elif start[:2] == b"BM":
                width, height = struct.unpack_from("<ii", start, 18)
                header = _Header((width, abs(height)), UPRIGHT, None)
            elif is_heif(start):
                header = _heif(read_boxes(file))
            else:
                return None
        except (struct.error, ValueError):
            return None
    return header if min(header.size) > 0 else None


def _heif(photo: HeifFile) -> _Header:
    """A HEIC or AVIF photo; its EXIF data, where it has some, are an item that begins with the way to their start."""
    exif = None
    for item in photo.items.values():
        if item.kind == "Exif" and item.extents and not item.in_idat and exif is None:
            place = item.extents[0][0]
            photo.stream.seek(place)
            exif = place + 4 + struct.unpack(">I", photo.stream.read(4))[0]
    return _Header(photo.main.crop[2:], photo.main.orientation, exif)


def _png(file: BinaryIO) -> _Header:
    file.seek(16)
    size = struct.unpack(">II", file.read(8))
    file.seek(8)
    while True:
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"eXIf":
            place = file.tell()
            return _Header(size, _tiff(file, place)[1], place)
        if kind in (b"IDAT", b"IEND"):
            return _Header(size, UPRIGHT, None)
        file.seek(length + 4, 1)


def _jpeg(file: BinaryIO) -> _Header:
    file.seek(2)
    orientation, exif = UPRIGHT, None
    while True:
        lead, marker = struct.unpack(">BB", file.read(2))
        while marker == 0xFF:
            (marker,) = struct.unpack(">B", file.read(1))
        if lead != 0xFF or marker in (0xD9, 0xDA):
            raise ValueError("no frame before the picture data")
        if marker in _JPEG_BARE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        end = file.tell() + length - 2
        if marker in _JPEG_FRAMES:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return _Header((width, height), orientation, exif)
        if marker == 0xE1 and file.read(6) == b"Exif\0\0":
            exif = file.tell()
            orientation = _tiff(file, exif)[1]
        file.seek(end)


def _webp(file: BinaryIO) -> _Header:
    file.seek(12)
    size, orientation, exif = None, UPRIGHT, None
    while header := file.read(8):
        kind, length = struct.unpack("<4sI", header)
        start = file.tell()
        if kind == b"VP8X" and size is None:
            _, width, height = struct.unpack("<I3s3s", file.read(10))
            size = (1 + int.from_bytes(width, "little"), 1 + int.from_bytes(height, "little"))
        elif kind == b"VP8L" and size is None:
            _, bits = struct.unpack("<BI", file.read(5))
            size = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        elif kind == b"VP8 " and size is None:
            _, width, height = struct.unpack("<6sHH", file.read(10))
            size = (width & 0x3FFF, height & 0x3FFF)
        elif kind == b"EXIF":
            exif = start
            orientation = _tiff(file, start)[1]
        file.seek(start + length + length % 2)
    if size is None:
        raise ValueError("no picture chunk")
    return _Header(size, orientation, exif)


def _tiff(file: BinaryIO, base: int) -> tuple[tuple[int, int], int]:
    """Size (0, 0 where it is not given, as in EXIF) and orientation of a TIFF structure that starts at `base`."""
    file.seek(base)
    order = "<" if file.read(4)[:2] == b"II" else ">"
    (offset,) = struct.unpack(f"{order}I", file.read(4))
    file.seek(base + offset)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    values = {}
    for _ in range(count):
        tag, kind, _, value = struct.unpack(f"{order}HHI4s", file.read(12))
        values[tag] = (
            struct.unpack(f"{order}H", value[:2])[0] if kind == _TIFF_SHORT else struct.unpack(f"{order}I", value)[0]
        )
    return (values.get(_TIFF_WIDTH, 0), values.get(_TIFF_HEIGHT, 0)), values.get(_TIFF_ORIENTATION, 1)
