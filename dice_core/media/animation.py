"""Image files that hold several pictures: animated PNG and WebP, TIFF of several pages, HEIC and AVIF sequences."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from dice_core.media.heif_boxes import is_heif

__all__ = ["holds_several"]

_TIFF_SUBFILE, _TIFF_PAGES_ENOUGH = 0xFE, 2
_TIFF_REDUCED, _TIFF_MASK = 1, 4  # bits of a page that is a small copy, or the transparency, of another
MOST_TIFF_DIRECTORIES = 64
"""Directories looked at; more are a loop, or more pages than two in any case. Set by hand."""


def holds_several(path: Path) -> bool:
    """Whether an image file holds several pictures, of which a reader of images would see the first alone.

    Small copies and masks of a picture do not count. Damaged files say no. Raises OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(32)
        try:
            if start.startswith(b"\x89PNG\r\n\x1a\n"):
                return _png(file)
            if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
                return start[12:16] == b"VP8X" and bool(start[20:21] and start[20] & 2)
            if start[:4] in (b"II*\0", b"MM\0*"):
                return _tiff(file, "<" if start[:2] == b"II" else ">")
        except struct.error:
            return False
        return is_heif(start) == "animation"


def _png(file: BinaryIO) -> bool:
    file.seek(8)
    while True:
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"acTL":
            return bool(struct.unpack(">I", file.read(4))[0] > 1)
        if kind in (b"IDAT", b"IEND"):
            return False
        file.seek(length + 4, 1)


def _tiff(file: BinaryIO, order: str) -> bool:
    file.seek(4)
    pages = 0
    for _ in range(MOST_TIFF_DIRECTORIES):
        (offset,) = struct.unpack(f"{order}I", file.read(4))
        if not offset:
            return False
        file.seek(offset)
        (count,) = struct.unpack(f"{order}H", file.read(2))
        kind = 0
        for _ in range(count):
            tag, _, _, value = struct.unpack(f"{order}HHI4s", file.read(12))
            if tag == _TIFF_SUBFILE:
                (kind,) = struct.unpack(f"{order}I", value)
        pages += not kind & (_TIFF_REDUCED | _TIFF_MASK)
        if pages >= _TIFF_PAGES_ENOUGH:
            return True
    return False
