"""Size of an image from the first bytes of its file: what a picture will take before it is decoded."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from dice_core.media.heif_boxes import is_heif, read_boxes
from dice_core.media.orientation import UPRIGHT

__all__ = ["image_orientation", "image_size"]

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
    size, orientation = header
    return (size[1], size[0]) if orientation in _TURNED else size


def image_orientation(path: Path) -> int:
    """How an image is turned to stand upright, 1 to 8 as in EXIF; 1 if it does not say. Raises OSError as
    `image_size`."""
    header = _header(path)
    return header[1] if header is not None and header[1] in range(1, 9) else UPRIGHT


def _header(path: Path) -> tuple[tuple[int, int], int] | None:
    """Size as stored and orientation."""
    with path.open("rb") as file:
        start = file.read(32)
        try:
            if start.startswith(b"\x89PNG\r\n\x1a\n"):
                size, orientation = _png(file)
            elif start.startswith(b"\xff\xd8\xff"):
                size, orientation = _jpeg(file)
            elif start[:4] == b"RIFF" and start[8:12] == b"WEBP":
                size, orientation = _webp(file)
            elif start[:4] in (b"II*\0", b"MM\0*"):
                size, orientation = _tiff(file, 0)
            elif start[:2] == b"BM":
                width, height = struct.unpack_from("<ii", start, 18)
                size, orientation = (width, abs(height)), 1
            elif is_heif(start):
                item = read_boxes(file).main
                size, orientation = item.crop[2:], item.orientation
            else:
                return None
        except (struct.error, ValueError):
            return None
    return (size, orientation) if min(size) > 0 else None


def _png(file: BinaryIO) -> tuple[tuple[int, int], int]:
    file.seek(16)
    size = struct.unpack(">II", file.read(8))
    file.seek(8)
    while True:
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"eXIf":
            return size, _tiff(file, file.tell())[1]
        if kind in (b"IDAT", b"IEND"):
            return size, 1
        file.seek(length + 4, 1)


def _jpeg(file: BinaryIO) -> tuple[tuple[int, int], int]:
    file.seek(2)
    orientation = 1
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
            return (width, height), orientation
        if marker == 0xE1 and file.read(6) == b"Exif\0\0":
            orientation = _tiff(file, file.tell())[1]
        file.seek(end)


def _webp(file: BinaryIO) -> tuple[tuple[int, int], int]:
    file.seek(12)
    size, orientation = None, 1
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
            orientation = _tiff(file, start)[1]
        file.seek(start + length + length % 2)
    if size is None:
        raise ValueError("no picture chunk")
    return size, orientation


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
