"""What the model shows beside its skin: its gums with the tongue, teeth and lashes, and our irises on its eyes."""

from __future__ import annotations

import numpy as np

from dice_core.bodies import load_head
from dice_core.bodies.names import EXPRESSION_NAMES, HEAD_JOINT_NAMES
from dice_core.bodies.store import read_asset
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.head_import import ict_layout as layout
from dice_core.head_import.correspondence import Correspondence
from dice_core.head_import.displacements import EyeTurns
from dice_core.head_import.ict_folder import IctModel

__all__ = ["attached_parts"]

LIFT = 0.12e-3
"""Metres that irises lie before the eyeball's polygons, as on the packaged head."""

_PARTS = {
    "gums": layout.GUMS,
    "teeth_upper": layout.UPPER_TEETH,
    "teeth_lower": layout.LOWER_TEETH,
    "lashes.L": layout.LASHES["L"],
    "lashes.R": layout.LASHES["R"],
}
_ON_EYES = ("iris.L", "iris.R", "pupil.L", "pupil.R")


def attached_parts(
    model: IctModel, found: Correspondence, turns: EyeTurns, identity: np.ndarray, expressions: np.ndarray
) -> dict[str, np.ndarray]:
    """Arrays as those of the packaged head's head_attached.npz.

    identity : (S, 26719, 3), expressions : (52, 26719, 3), as the model's vertices move.
    """
    own = _own_parts(model, found, identity, expressions)
    eyes = _irises(model, found, turns, identity, start=len(own["rest_vertices"]))
    names = (*_PARTS, *_ON_EYES)
    axis = {"shape_basis": 1, "expressions": 1}
    arrays = {name: np.concatenate([own[name], eyes[name]], axis=axis.get(name, 0)) for name in own}
    return arrays | {"region_names": np.array(names)}


def _own_parts(
    model: IctModel, found: Correspondence, identity: np.ndarray, expressions: np.ndarray
) -> dict[str, np.ndarray]:
    """The model's own parts, which hang on the head and move by its expressions."""
    kept = np.concatenate([np.r_[own] for own in _PARTS.values()])
    region = np.repeat(np.arange(len(_PARTS)), [own.stop - own.start for own in _PARTS.values()])
    number = np.full(len(found.model), -1)
    number[kept] = np.arange(len(kept))
    starts = np.cumsum(model.mesh.sizes) - model.mesh.sizes
    faces = np.minimum.reduceat(number[model.mesh.corners], starts) >= 0
    in_faces = np.repeat(faces, model.mesh.sizes)
    lashes = np.isin(region, [list(_PARTS).index(f"lashes.{side}") for side in "LR"])
    skin = model.triangles(slice(0, layout.SKIN_COUNT))
    nearest = SurfaceIndex(found.model, skin).query(found.model[kept[lashes]])
    followed = np.zeros(len(kept), np.int32)
    followed[lashes] = skin[nearest.triangle, nearest.barycentric.argmax(axis=1)]
    return {
        "rest_vertices": found.model[kept].astype(np.float32),
        "face_corners": number[model.mesh.corners[in_faces]].astype(np.int32),
        "face_sizes": model.mesh.sizes[faces].astype(np.uint8),
        "uv": model.mesh.uv[in_faces].astype(np.float32),
        "region": region.astype(np.uint8),
        "joint": np.zeros(len(kept), np.uint8),
        "followed": followed[:, None],
        "followed_weights": lashes.astype(np.float32)[:, None],
        "shape_basis": identity[:, kept].astype(np.float16),
        "expressions": expressions[:, kept].astype(np.float16),
    }


def _irises(
    model: IctModel, found: Correspondence, turns: EyeTurns, identity: np.ndarray, start: int
) -> dict[str, np.ndarray]:
    """Our irises and pupils, laid onto the fronts of the model's eyeballs; start : number of their first vertex."""
    asset, head = read_asset("head_attached"), load_head()
    names = [str(name) for name in asset["region_names"]]
    kept = np.flatnonzero(np.isin(asset["region"], [names.index(name) for name in _ON_EYES]))
    number = np.full(len(asset["region"]), -1)
    number[kept] = np.arange(len(kept))
    sizes = asset["face_sizes"].astype(np.int64)
    faces = np.minimum.reduceat(number[asset["face_corners"]], np.cumsum(sizes) - sizes) >= 0
    in_faces = np.repeat(faces, sizes)
    rest = np.zeros((len(kept), 3))
    shape, moved = np.zeros((len(identity), len(kept), 3)), np.zeros((len(EXPRESSION_NAMES), len(kept), 3))
    joint = np.zeros(len(kept), np.uint8)
    regions = np.array([names[k] for k in asset["region"][kept]])
    for side, ball in layout.EYEBALLS.items():
        own = np.flatnonzero(np.char.endswith(regions, f".{side}"))
        ours = head.mesh.rest_vertices[head.mesh.region_vertices(f"eyeball.{side}")].astype(np.float64)
        direction = asset["rest_vertices"][kept[own]] - (ours.min(axis=0) + ours.max(axis=0)) / 2
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        rest[own] = _on_front(found.model, model.triangles(ball), turns.spheres[side], direction)
        shape[:, own] = identity[:, ball].mean(axis=1)[:, None]
        moved[:, own] = turns.displacements(side, rest[own])
        joint[own] = HEAD_JOINT_NAMES.index(f"eye.{side}")
    order = {name: len(_PARTS) + k for k, name in enumerate(_ON_EYES)}
    return {
        "rest_vertices": rest.astype(np.float32),
        "face_corners": (number[asset["face_corners"][in_faces]] + start).astype(np.int32),
        "face_sizes": asset["face_sizes"][faces],
        "uv": asset["uv"][in_faces],
        "region": np.array([order[name] for name in regions], np.uint8),
        "joint": joint,
        "followed": np.zeros((len(kept), 1), np.int32),
        "followed_weights": np.zeros((len(kept), 1), np.float32),
        "shape_basis": shape.astype(np.float16),
        "expressions": moved.astype(np.float16),
    }


def _on_front(
    vertices: np.ndarray, faces: np.ndarray, sphere: tuple[np.ndarray, float], direction: np.ndarray
) -> np.ndarray:
    """(n, 3) points a little before an eyeball's surface in directions (n, 3) from its middle."""
    centre, radius = sphere
    length = np.full(len(direction), radius)
    index = SurfaceIndex(vertices, faces)
    for _ in range(4):  # the eyeball is nearly round: each step is a hundred times nearer
        hit = index.query(centre + length[:, None] * direction).points(vertices, faces)
        length = np.einsum("nx,nx->n", hit - centre, direction)
    return np.asarray(centre + (length + LIFT)[:, None] * direction)
