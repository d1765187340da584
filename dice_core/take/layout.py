"""The arrays that a take may hold: their types, shapes and ranges, checked before they are read and after."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from dice_core.geometry.mesh import Mesh
from dice_core.npy_header import NpyHeader
from dice_core.take.archive import Archive
from dice_core.take.mesh_frames import HAND_LANDMARKS, HEAD_LANDMARKS, NOT_JUDGED

__all__ = [
    "MESH_NAME_LISTS",
    "REQUIRED",
    "ArrayKind",
    "chunk_keys",
    "chunk_kind",
    "read_checked",
    "read_mesh_arrays",
]

REQUIRED = ("vertices", "deformation", "contact")
"""Arrays that a chunk has of every mesh, beside `tracked`."""

_PREFIXES = ("tracked", "confidence", "landmarks", "reliability")
_SUFFIXES = ("vertices", "deformation", "contact", "rotation", "translation", "expression")

MESH_NAME_LISTS = ("region_names", "joint_names", "shape_key_names", "attached_region_names", "attached_layout")

# The limits of a mesh are set by hand, at least half as much again as any body that can be captured has: the largest
# head has 27,000 vertices and 53 shape keys, a hand 20 joints.
_MOST = {"V": 40_000, "C": 320_000, "F": 80_000, "R": 255, "J": 256, "K": 16, "S": 256, "1": 1}
# Those of an attachment, which has its own sizes but for J and S: vertices, corners, faces, regions, influences of
# joints and of vertices.
_MOST |= {"aV": 40_000, "aC": 320_000, "aF": 80_000, "aR": 255, "aK": 16, "aN": 8}
_MOST_CORNERS = 32
"""Corners of a polygon; bodies have triangles and quads."""
_MOST_AROUND = 256
"""Polygon corners at a vertex; tables of neighbours are as wide as the busiest vertex has."""
_LONGEST_NAME = 63
"""Characters: what a name may have in Blender."""

_METRES = 1e4
"""Coordinates beyond this are none of a person in front of a camera."""
_SECONDS = 1e7
"""A clip is not longer than this: it is a third of a year."""


@dataclass(frozen=True)
class ArrayKind:
    """What an array of a take has to be: numpy's name of its type, its shape, and the range of its values."""

    dtype: str
    shape: tuple[int, ...]
    low: float
    high: float

    def check_header(self, name: str, header: NpyHeader) -> None:
        """Raises ValueError where an array is of another type or shape."""
        if header.dtype != np.dtype(self.dtype) or header.shape != self.shape:
            raise ValueError(
                f"{name} is {_shape(header.shape)} {header.dtype}, not {_shape(self.shape)} {np.dtype(self.dtype)}"
            )

    def check_values(self, name: str, values: np.ndarray) -> None:
        """Raises ValueError where a value is out of range or not a number."""
        # Written so that NaN, which passes through both, is refused.
        if values.size and not (self.low <= values.min() and values.max() <= self.high):
            raise ValueError(f"{name} holds values that are not within {self.low:g} and {self.high:g}")


def chunk_keys(mesh_names: Collection[str]) -> frozenset[str]:
    """The names of all arrays that a chunk may have."""
    of_meshes = {f"{part}_{name}" for name in mesh_names for part in _PREFIXES}
    of_meshes |= {f"{name}.{part}" for name in mesh_names for part in _SUFFIXES}
    return frozenset({"frame", "time", *of_meshes})


def chunk_kind(key: str, frames: int, mesh_names: Collection[str], mesh: Callable[[str], Mesh]) -> ArrayKind:
    """What an array of a chunk has to be.

    frames : of the chunk; mesh : gives a mesh by its name, called only where its size matters.
    Raises KeyError for a key that is none of `chunk_keys`.
    """
    if key not in chunk_keys(mesh_names):
        raise KeyError(key)
    if key == "frame":
        return ArrayKind("<i4", (frames,), 0, 2**31 - 1)
    if key == "time":
        return ArrayKind("<f8", (frames,), -_SECONDS, _SECONDS)
    prefix, _, name = key.partition("_")
    if name in mesh_names:
        landmarks = HEAD_LANDMARKS if name == "head" else HAND_LANDMARKS
        return {
            "tracked": ArrayKind("|u1", (frames,), 0, 2),
            "confidence": ArrayKind("<f4", (frames,), -1e3, 1e3),
            "landmarks": ArrayKind("<f4", (frames, landmarks, 2), -1e6, 1e6),
            "reliability": ArrayKind("<f4", (frames,), NOT_JUDGED, 1),
        }[prefix]
    name, _, suffix = key.partition(".")
    return _mesh_kind(suffix, frames, mesh(name))


def _mesh_kind(suffix: str, frames: int, mesh: Mesh) -> ArrayKind:
    vertices, joints, keys = len(mesh.rest_vertices), len(mesh.joints), len(mesh.shape_key_names)
    return {
        "vertices": ArrayKind("<f4", (frames, vertices, 3), -_METRES, _METRES),
        "deformation": ArrayKind("<f4", (frames, vertices, 3), -_METRES, _METRES),
        "contact": ArrayKind("<f4", (frames, vertices), -0.01, 1.01),
        "rotation": ArrayKind("<f4", (frames, joints, 3), -1e4, 1e4),
        "translation": ArrayKind("<f4", (frames, 3), -_METRES, _METRES),
        "expression": ArrayKind("<f4", (frames, keys), -1e3, 1e3),
    }[suffix]


def read_checked(archive: Archive, kinds: Mapping[str, ArrayKind]) -> dict[str, np.ndarray]:
    """Arrays of a file, each as its kind says.

    Raises KeyError where one is missing, ValueError where one is damaged or not of its kind.
    """
    arrays = {}
    for name, kind in kinds.items():
        arrays[name] = archive.read(name, partial(kind.check_header, name))
        kind.check_values(name, arrays[name])
    return arrays


# Sizes by letter: vertices, polygon corners, faces, regions, joints, influences a vertex, shape keys.
_MESH_ARRAYS: dict[str, tuple[str, tuple[str | int, ...], float, float]] = {
    "rest_vertices": ("<f4", ("V", 3), -_METRES, _METRES),
    "face_corners": ("<i4", ("C",), 0, _MOST["V"]),
    "face_sizes": ("<i4", ("F",), 3, _MOST_CORNERS),
    "uv": ("<f4", ("C", 2), -1e3, 1e3),
    "region": ("|u1", ("V",), 0, 255),
    "region_names": ("U", ("R",), 0, 0),
    "joints": ("<f4", ("J", 3), -_METRES, _METRES),
    "parents": ("<i4", ("J",), -1, _MOST["J"]),
    "joint_names": ("U", ("J",), 0, 0),
    "skin_joints": ("<i4", ("V", "K"), 0, _MOST["J"]),
    "skin_weights": ("<f4", ("V", "K"), -0.01, 1.01),
    "shape_key_names": ("U", ("S",), 0, 0),
    "shape_key_deltas": ("<f2", ("S", "V", 3), -_METRES, _METRES),
    "attached_rest_vertices": ("<f4", ("aV", 3), -_METRES, _METRES),
    "attached_face_corners": ("<i4", ("aC",), 0, _MOST["V"] + _MOST["aV"]),
    "attached_face_sizes": ("<i4", ("aF",), 3, _MOST_CORNERS),
    "attached_uv": ("<f4", ("aC", 2), -1e3, 1e3),
    "attached_region": ("|u1", ("aV",), 0, 255),
    "attached_region_names": ("U", ("aR",), 0, 0),
    "attached_skin_joints": ("<i4", ("aV", "aK"), 0, _MOST["J"]),
    "attached_skin_weights": ("<f4", ("aV", "aK"), -0.01, 1.01),
    "attached_followed": ("<i4", ("aV", "aN"), 0, _MOST["V"]),
    "attached_followed_weights": ("<f4", ("aV", "aN"), -0.01, 1.01),
    "attached_shape_key_deltas": ("<f2", ("S", "aV", 3), -_METRES, _METRES),
    "attached_layout": ("U", ("1",), 0, 0),
}
_OPTIONAL = frozenset({"attached_shape_key_deltas", "attached_layout"})
_ALWAYS = frozenset({"rest_vertices", "face_corners", "face_sizes", "uv", "region", "region_names"})
_TOGETHER = (
    frozenset({"joints", "parents", "joint_names", "skin_joints", "skin_weights"}),
    frozenset({"shape_key_names", "shape_key_deltas"}),
    frozenset(name for name in _MESH_ARRAYS if name.startswith("attached_")) - _OPTIONAL,
)
# What an array needs beside it.
_NEEDED = (
    ("attached_layout", "attached_rest_vertices"),
    ("attached_shape_key_deltas", "attached_rest_vertices"),
    ("attached_shape_key_deltas", "shape_key_names"),
    ("attached_rest_vertices", "joints"),
)


def read_mesh_arrays(archive: Archive) -> dict[str, np.ndarray]:
    """The arrays of a mesh: sizes that fit each other, indices within range, proper polygons, parents before children.

    Arrays of other names are left out. Raises KeyError where one is missing, ValueError where one is wrong.
    """
    wanted = [name for name in _MESH_ARRAYS if name in archive.names or name in _ALWAYS]
    for group in _TOGETHER:
        if group & set(wanted):
            wanted += sorted(group - set(wanted))
    for name, needed in _NEEDED:
        if name in wanted and needed not in wanted:
            raise KeyError(needed)
    sizes: dict[str | int, int] = {}
    for name in wanted:
        _check_mesh_header(name, archive.header(name), sizes)
    arrays = {}
    for name in wanted:
        kind, _, low, high = _MESH_ARRAYS[name]
        arrays[name] = archive.read(name)
        if kind == "U":
            _check_names(name, arrays[name])
        else:
            ArrayKind(kind, (), low, high).check_values(name, arrays[name])
    _check_polygons(arrays["face_corners"], arrays["face_sizes"], sizes["V"])
    _check_indices(arrays)
    if "attached_rest_vertices" in arrays:
        _check_attachment(arrays, sizes)
    return arrays


def _check_mesh_header(name: str, header: NpyHeader, sizes: dict[str | int, int]) -> None:
    """sizes : those known by now; the ones that this array is the first to have are added."""
    kind, dimensions, _, _ = _MESH_ARRAYS[name]
    assert header.dtype is not None
    right = header.dtype.kind == "U" if kind == "U" else header.dtype == np.dtype(kind)
    if not right or len(header.shape) != len(dimensions):
        raise ValueError(f"{name} is {_shape(header.shape)} {header.dtype}, which it cannot be")
    if kind == "U" and header.dtype.itemsize > 4 * _LONGEST_NAME:
        raise ValueError(f"{name} has names of more than {_LONGEST_NAME} characters")
    for dimension, size in zip(dimensions, header.shape, strict=True):
        if isinstance(dimension, str) and not 1 <= size <= _MOST[dimension]:
            raise ValueError(f"{name} has {size} rows or columns, not 1 to {_MOST[dimension]}")
        expected = dimension if isinstance(dimension, int) else sizes.setdefault(dimension, size)
        if size != expected:
            raise ValueError(f"{name} has {size} rows or columns where {expected} belong")


def _check_names(name: str, values: np.ndarray) -> None:
    names = [str(value) for value in values]
    if len(set(names)) < len(names) or not all(item and item.isprintable() for item in names):
        raise ValueError(f"{name} holds a name twice, an empty one or one that cannot be printed")


def _check_polygons(corners: np.ndarray, sizes: np.ndarray, vertices: int) -> None:
    if int(sizes.sum()) != len(corners) or int(corners.max()) >= vertices:
        raise ValueError("face_corners and face_sizes do not fit the vertices")
    if int(np.bincount(corners).max()) > _MOST_AROUND:
        raise ValueError(f"more than {_MOST_AROUND} polygons meet at a vertex")
    starts = np.cumsum(sizes) - sizes
    for size in np.unique(sizes):
        polygons = np.sort(corners[starts[sizes == size][:, None] + np.arange(size)], axis=1)
        if (polygons[:, 1:] == polygons[:, :-1]).any():
            raise ValueError("a polygon has a vertex twice")


def _check_indices(arrays: Mapping[str, np.ndarray]) -> None:
    if int(arrays["region"].max()) >= len(arrays["region_names"]):
        raise ValueError("region names a region that is not there")
    if "joints" not in arrays:
        return
    parents = arrays["parents"]
    if parents[0] != -1 or (parents >= np.arange(len(parents))).any():
        raise ValueError("parents puts a joint before its parent")
    if int(arrays["skin_joints"].max()) >= len(parents):
        raise ValueError("skin_joints names a joint that is not there")


def _check_attachment(arrays: Mapping[str, np.ndarray], sizes: Mapping[str | int, int]) -> None:
    vertices = sizes["V"] + sizes["aV"]
    _check_polygons(arrays["attached_face_corners"], arrays["attached_face_sizes"], vertices)
    if int(arrays["attached_region"].max()) >= len(arrays["attached_region_names"]):
        raise ValueError("attached_region names a region that is not there")
    if int(arrays["attached_skin_joints"].max()) >= len(arrays["parents"]):
        raise ValueError("attached_skin_joints names a joint that is not there")
    if int(arrays["attached_followed"].max()) >= sizes["V"]:
        raise ValueError("attached_followed names a vertex that is not there")


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single"
