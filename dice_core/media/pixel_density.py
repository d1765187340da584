"""Pixels of images that are not square, as exported frames of anamorphic and broadcast footage have them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

__all__ = ["MOST_ASPECT", "stored_pixel_aspect"]

MOST_ASPECT = 4.0
"""Width of a pixel in heights, or the other way round, that is believed; film squeezed for wide screens has 2."""

_TIFF_ACROSS, _TIFF_DOWN = 0x11A, 0x11B
_JFIF_BYTES = 14


def stored_pixel_aspect(path: Path) -> float:
    """Width of a pixel in heights, before the image is turned, by the density that a PNG, JPEG or TIFF file says.

    1 where it says none, or none that can be. Raises OSError if the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(32)
        try:
            if start.startswith(b"\x89PNG\r\n\x1a\n"):
                across, down = _png(file)
            elif start[:4] == b"\xff\xd8\xff\xe0" and start[6:11] == b"JFIF\0":
                across, down = struct.unpack(">HH", start[_JFIF_BYTES : _JFIF_BYTES + 4])
            elif start[:4] in (b"II*\0", b"MM\0*"):
                across, down = _tiff(file, "<" if start[:2] == b"II" else ">")
            else:
                return 1.0
        except struct.error:
            return 1.0
    aspect = down / across if across > 0 and down > 0 else 1.0
    return aspect if 1 / MOST_ASPECT <= aspect <= MOST_ASPECT else 1.0


def _png(file: BinaryIO) -> tuple[float, float]:
    file.seek(8)
    while True:
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"pHYs":
            across, down = struct.unpack(">II", file.read(8))
            return across, down
        if kind in (b"IDAT", b"IEND"):
            return 1.0, 1.0
        file.seek(length + 4, 1)


def _tiff(file: BinaryIO, order: str) -> tuple[float, float]:
    file.seek(4)
    file.seek(struct.unpack(f"{order}I", file.read(4))[0])
    (count,) = struct.unpack(f"{order}H", file.read(2))
    places = {}
    for _ in range(count):
        tag, _, _, place = struct.unpack(f"{order}HHII", file.read(12))
        places[tag] = place
    densities = []
    for tag in (_TIFF_ACROSS, _TIFF_DOWN):
        if tag not in places:
            return 1.0, 1.0
        file.seek(places[tag])
        numerator, denominator = struct.unpack(f"{order}II", file.read(8))
        densities.append(numerator / denominator if denominator else 0.0)
    return densities[0], densities[1]
