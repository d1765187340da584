"""The field of view that a camera wrote into a photo (EXIF) or a video (QuickTime's metadata)."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from dice_core.media.headers import exif_start, image_size

__all__ = ["image_field_of_view", "video_field_of_view"]

FILM_DIAGONAL = math.hypot(36.0, 24.0)
"""Millimetres of the film that a "35 mm equivalent" compares with; makers of phones compare the diagonals."""

NARROWEST, WIDEST = 4.0, 140.0
"""Degrees along the longer side that are believed: a long telephoto lens, and the widest that still draws straight
lines. Set by hand."""

SAME_SHAPE = 0.01
"""Share by which the sides' ratio may differ from that of the picture as the camera took it: with more, somebody cut
something off, and nobody knows how much. Set by hand; scaling rounds by a pixel."""

_EQUIVALENT_KEYS = (
    "com.apple.quicktime.camera.focal_length.35mm_equivalent",
    "camera.focal_length.35mm_equivalent",
)
"""What Apple's cameras write into a movie, of the whole file or of its picture."""

_EXIF_POINTER = 0x8769
_FOCAL_LENGTH, _EQUIVALENT = 0x920A, 0xA405
_WIDTH, _HEIGHT = 0xA002, 0xA003
_PLANE_ACROSS, _PLANE_UNIT = 0xA20E, 0xA210
_MILLIMETRES = {2: 25.4, 3: 10.0, 4: 1.0}
"""Of the units of the focal plane's resolution: inches, centimetres and, as some cameras say, millimetres."""

_SHORT, _LONG, _RATIONAL = 3, 4, 5
_MOST_ENTRIES = 1000
"""Of a directory; cameras write some dozens. Set by hand."""


def image_field_of_view(path: Path) -> float | None:
    """Degrees along the longer side of a photo, by its EXIF data: CIPA DC-008, tags FocalLengthIn35mmFilm, or
    FocalLength with FocalPlaneXResolution.

    None where it does not say, where the value cannot be, and where the picture has other proportions than the one that
    the camera took. Raises OSError if the file cannot be read.
    """
    size, start = image_size(path), exif_start(path)
    if size is None or start is None:
        return None
    with path.open("rb") as file:
        try:
            values = _exif(file, start)
        except (struct.error, ValueError, ZeroDivisionError):
            return None
    taken = values.get(_WIDTH, 0.0), values.get(_HEIGHT, 0.0)
    if min(taken) > 0 and abs(max(taken) / min(taken) * min(size) / max(size) - 1) > SAME_SHAPE:
        return None
    if values.get(_EQUIVALENT, 0.0) > 0:
        return _of_equivalent(values[_EQUIVALENT], size)
    unit = _MILLIMETRES.get(int(values.get(_PLANE_UNIT, 2)), 0.0)
    across, focal = values.get(_PLANE_ACROSS, 0.0), values.get(_FOCAL_LENGTH, 0.0)
    if min(unit, across, focal) <= 0 or min(taken) <= 0:
        return None
    # The resolution counts the pixels of the picture as it was taken.
    return _believed(2 * math.atan(max(taken) / 2 / (focal * across / unit)))


def video_field_of_view(metadata: Mapping[str, str], size: tuple[int, int]) -> float | None:
    """Degrees along the longer side of a video, by what its camera wrote; None where it does not say.

    metadata : as the container or its video track holds it; size : width and height of its picture.
    """
    for key in _EQUIVALENT_KEYS:
        try:
            equivalent = float(metadata.get(key, ""))
        except ValueError:
            continue
        if math.isfinite(equivalent) and equivalent > 0:
            return _of_equivalent(equivalent, size)
    return None


def _of_equivalent(focal: float, size: tuple[int, int]) -> float | None:
    """Of a focal length in millimetres on film whose diagonal is the picture's."""
    side = max(size) / math.hypot(*size) * FILM_DIAGONAL
    return _believed(2 * math.atan(side / 2 / focal))


def _believed(angle: float) -> float | None:
    degrees = math.degrees(angle)
    return degrees if NARROWEST <= degrees <= WIDEST else None


def _exif(file: BinaryIO, start: int) -> dict[int, float]:
    """The numbers that we need, by tag, out of the EXIF directory of a structure that begins at `start`."""
    file.seek(start)
    head = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise ValueError("no TIFF structure")
    first = _directory(file, start, struct.unpack(f"{order}I", head[4:])[0], order)
    if _EXIF_POINTER not in first:
        return {}
    return _directory(file, start, int(first[_EXIF_POINTER]), order)


def _directory(file: BinaryIO, start: int, offset: int, order: str) -> dict[int, float]:
    """First number of each entry that is a short, a long or a rational number."""
    file.seek(start + offset)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    if count > _MOST_ENTRIES:
        raise ValueError("a directory beyond measure")
    entries = [struct.unpack(f"{order}HHI4s", file.read(12)) for _ in range(count)]
    values: dict[int, float] = {}
    for tag, kind, _, value in entries:
        if kind == _SHORT:
            values[tag] = struct.unpack(f"{order}H", value[:2])[0]
        elif kind == _LONG:
            values[tag] = struct.unpack(f"{order}I", value)[0]
        elif kind == _RATIONAL:
            file.seek(start + struct.unpack(f"{order}I", value)[0])
            numerator, denominator = struct.unpack(f"{order}II", file.read(8))
            values[tag] = numerator / denominator if denominator else 0.0
    return values
