"""The ICT-FaceKit folder, read and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.errors import InputError
from dice_core.geometry.mesh import triangles_of
from dice_core.head_import import ict_layout as layout
from dice_core.head_import.obj_reading import ObjMesh, read_mesh, read_vertices

__all__ = ["IctModel", "find_model", "missing_files", "read_model"]

_SHOWN = 4
"""Names of missing files that a sentence lists."""
_TALLEST, _SHORTEST = 0.6, 0.2
"""Metres of the whole model, which is 0.34 high."""


@dataclass(frozen=True)
class IctModel:
    """The model in metres and our axes, about its own origin.

    mesh : neutral, (26719, 3); identity : (100, 26719, 3) float32, one standard deviation each; expressions :
    (52, 26719, 3) float32 in the order of EXPRESSION_NAMES, zero for those that it lacks.
    """

    mesh: ObjMesh
    identity: np.ndarray
    expressions: np.ndarray

    @property
    def vertices(self) -> np.ndarray:
        """(26719, 3) float64, metres."""
        return self.mesh.vertices

    def triangles(self, *wanted: slice) -> np.ndarray:
        """(T, 3) int32: triangles whose corners all lie in some ranges of vertices."""
        every = triangles_of(self.mesh.corners, self.mesh.sizes)
        inside = np.zeros(len(self.vertices), bool)
        for part in wanted:
            inside[part] = True
        return every[inside[every].all(axis=1)]


def find_model(folder: Path) -> Path | None:
    """The folder with the model's OBJ files in a folder that a user names: itself, one called FaceXModel in it, or one
    a level below, as in the repository's archive; None where there is none."""
    if not folder.is_dir():
        return None
    for place in (folder, folder / layout.MODEL_FOLDER, *sorted(folder.glob(f"*/{layout.MODEL_FOLDER}"))):
        if (place / layout.NEUTRAL).is_file():
            return place
    return None


def missing_files(folder: Path) -> list[str]:
    """Names of the model's files that a folder lacks."""
    return [name for name in _files() if not (folder / name).is_file()]


def read_model(folder: Path, progress: Callable[[float], None]) -> IctModel:
    """Read all files of the model.

    folder : as `find_model` gives it; progress : called with the share that is done.
    Raises InputError in one sentence where files are missing, damaged, too large or of another topology.
    """
    missing = missing_files(folder)
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise InputError(
            f"{folder.name} is not a whole ICT-FaceKit model: it lacks {', '.join(missing[:_SHOWN])}{more}. Get the "
            "folder FaceXModel again."
        )
    neutral = read_mesh(folder / layout.NEUTRAL, layout.VERTEX_COUNT)
    _check_parts(neutral)
    done, total = 1, len(_files())

    def displacement(name: str) -> np.ndarray:
        nonlocal done
        moved = read_vertices(folder / name, layout.VERTEX_COUNT) - neutral.vertices
        done += 1
        progress(done / total)
        return (layout.UNIT * moved @ layout.TO_OURS).astype(np.float32)

    identity = np.stack([displacement(layout.identity_file(k)) for k in range(layout.IDENTITY_COUNT)])
    expressions = np.zeros((len(EXPRESSION_NAMES), layout.VERTEX_COUNT, 3), np.float32)
    for name, files in layout.expression_files().items():
        for file in files:
            expressions[EXPRESSION_NAMES.index(name)] += displacement(file)
    mesh = neutral._replace(vertices=layout.UNIT * neutral.vertices @ layout.TO_OURS)
    return IctModel(mesh, identity, expressions)


def _files() -> list[str]:
    modes = [layout.identity_file(k) for k in range(layout.IDENTITY_COUNT)]
    return [layout.NEUTRAL, *(file for files in layout.expression_files().values() for file in files), *modes]


def _check_parts(mesh: ObjMesh) -> None:
    """Raises InputError where the mesh cannot be ICT's: another size, or polygons between parts that are apart."""
    height = layout.UNIT * float(np.ptp(mesh.vertices[:, 1]))
    if not _SHORTEST < height < _TALLEST:
        raise InputError(
            f"{layout.NEUTRAL} is {height:.3g} m high, where ICT's head has 0.34: get the folder FaceXModel again."
        )
    part = np.full(layout.VERTEX_COUNT, -1)
    parts = (slice(0, layout.HEAD_COUNT), layout.GUMS, layout.UPPER_TEETH, layout.LOWER_TEETH)
    for number, own in enumerate((*parts, *layout.EYEBALLS.values())):
        part[own] = number
    of_corner = part[mesh.corners]
    starts = np.cumsum(mesh.sizes) - mesh.sizes
    if (np.minimum.reduceat(of_corner, starts) != np.maximum.reduceat(of_corner, starts)).any():
        raise InputError(f"{layout.NEUTRAL} has another topology than ICT's head: get the folder FaceXModel again.")
