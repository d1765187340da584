"""Wavefront OBJ files from strangers, as far as a head model has them: vertices, and polygons with texture coordinates.

Everything else in such a file (comments, materials, normals, groups) is passed over.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dice_core.errors import InputError
from dice_core.storage import open_plain

__all__ = ["ObjMesh", "read_mesh", "read_vertices"]

LARGEST_FILE = 16_000_000
"""Bytes: a file of the ICT model has 2.7 million. Set by hand."""
_MOST_CORNERS = 8  # of a polygon, which has 3 or 4
_FARTHEST = 1e4
"""Units: a head in millimetres has 300."""


class ObjMesh(NamedTuple):
    """vertices : (V, 3) float64; corners : (C,) int32 and sizes : (F,) int32 of the polygons; uv : (C, 2) float32."""

    vertices: np.ndarray
    corners: np.ndarray
    sizes: np.ndarray
    uv: np.ndarray


def read_vertices(path: Path, count: int) -> np.ndarray:
    """(count, 3) float64, the vertices of a file in order.

    Raises InputError where the file is missing, too large, or has other than `count` vertices of finite numbers.
    """
    return _vertices(path, _lines(path), count)


def read_mesh(path: Path, count: int) -> ObjMesh:
    """Vertices and polygons of a file, whose corners have texture coordinates. Raises InputError as `read_vertices`."""
    lines = _lines(path)
    vertices = _vertices(path, lines, count)
    table = _numbers(path, [line[3:] for line in lines if line.startswith(b"vt ")], 2, "texture coordinates")
    sizes, corners = [], []
    for line in lines:
        if line.startswith(b"f "):
            own = line[2:].split()
            if not 3 <= len(own) <= _MOST_CORNERS:
                raise _unfit(path, f"it has a polygon of {len(own)} corners")
            sizes.append(len(own))
            corners += own
    try:
        pairs = np.array([corner.split(b"/")[:2] for corner in corners], np.int64).reshape(-1, 2) - 1
    except ValueError:
        raise _unfit(path, "its polygons do not name vertices and texture coordinates") from None
    limits = np.array([len(vertices), len(table)])
    if not len(pairs) or (pairs < 0).any() or (pairs >= limits).any():
        raise _unfit(path, "its polygons name vertices that it does not have")
    uv = table[pairs[:, 1]].astype(np.float32)
    return ObjMesh(vertices, pairs[:, 0].astype(np.int32), np.array(sizes, np.int32), uv)


def _lines(path: Path) -> list[bytes]:
    try:
        with open_plain(path) as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = "it is missing" if isinstance(error, FileNotFoundError) else (error.strerror or "unknown reason")
        raise _unfit(path, reason.lower()) from None
    if len(data) > LARGEST_FILE:
        raise _unfit(path, f"it has more than {LARGEST_FILE // 1_000_000} MB")
    return data.splitlines()


def _vertices(path: Path, lines: list[bytes], count: int) -> np.ndarray:
    own = [line[2:] for line in lines if line.startswith(b"v ")]
    if len(own) != count:
        raise _unfit(path, f"it has {len(own)} vertices, not {count}")
    return _numbers(path, own, 3, "vertices")


def _numbers(path: Path, lines: list[bytes], columns: int, what: str) -> np.ndarray:
    """(n, columns) float64 of lines of numbers; further numbers of a line are an error."""
    try:
        values = np.array(b" ".join(lines).split(), np.float64)
    except ValueError:
        raise _unfit(path, f"its {what} are no numbers") from None
    if len(values) != len(lines) * columns or not (np.abs(values) < _FARTHEST).all():
        raise _unfit(path, f"its {what} are not {columns} finite numbers each")
    return values.reshape(-1, columns)


def _unfit(path: Path, reason: str) -> InputError:
    return InputError(f"{path.name} of the head model cannot be used ({reason}): get the folder again.")
