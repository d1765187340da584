"""What the model shows beside its skin: its gums with the tongue and its teeth, and on its eyes our lashes and irises.

Its own lashes are strips for pictures of hairs with holes between them, which a plain material shows as black bands.
"""

from __future__ import annotations

import numpy as np

from dice_core.bodies import load_head
from dice_core.bodies.names import HEAD_JOINT_NAMES
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
}
_LASHES = ("lashes.L", "lashes.R")
_ON_EYES = ("iris.L", "iris.R", "pupil.L", "pupil.R")


def attached_parts(
    model: IctModel,
    found: Correspondence,
    turns: EyeTurns,
    identity: np.ndarray,
    expressions: np.ndarray,
    proxy: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Arrays as those of the packaged head's head_attached.npz.

    identity : (S, 26719, 3), expressions : (52, 26719, 3), as the model's vertices move; proxy : arrays of our topology
    in the model's shape.
    """
    own = _own_parts(model, found, identity, expressions)
    ours = _our_parts(model, found, turns, identity, proxy, start=len(own["rest_vertices"]))
    axis = {"shape_basis": 1, "expressions": 1}
    arrays = {name: np.concatenate([own[name], ours[name]], axis=axis.get(name, 0)) for name in own}
    return arrays | {"region_names": np.array([*_PARTS, *_LASHES, *_ON_EYES])}


def _own_parts(
    model: IctModel, found: Correspondence, identity: np.ndarray, expressions: np.ndarray
) -> dict[str, np.ndarray]:
    """The model's own parts, which hang on the head and move by its expressions."""
    kept = np.concatenate([np.r_[own] for own in _PARTS.values()])
    number = np.full(len(found.model), -1)
    number[kept] = np.arange(len(kept))
    starts = np.cumsum(model.mesh.sizes) - model.mesh.sizes
    faces = np.minimum.reduceat(number[model.mesh.corners], starts) >= 0
    in_faces = np.repeat(faces, model.mesh.sizes)
    return {
        "rest_vertices": found.model[kept].astype(np.float32),
        "face_corners": number[model.mesh.corners[in_faces]].astype(np.int32),
        "face_sizes": model.mesh.sizes[faces].astype(np.uint8),
        "uv": model.mesh.uv[in_faces].astype(np.float32),
        "region": np.repeat(np.arange(len(_PARTS)), [own.stop - own.start for own in _PARTS.values()]).astype(np.uint8),
        "joint": np.zeros(len(kept), np.uint8),
        "followed": np.zeros((len(kept), 1), np.int32),
        "followed_weights": np.zeros((len(kept), 1), np.float32),
        "shape_basis": identity[:, kept].astype(np.float16),
        "expressions": expressions[:, kept].astype(np.float16),
    }


def _our_parts(
    model: IctModel,
    found: Correspondence,
    turns: EyeTurns,
    identity: np.ndarray,
    proxy: dict[str, np.ndarray],
    start: int,
) -> dict[str, np.ndarray]:
    """Our lashes on the model's lids, and our irises and pupils on its eyeballs; start : number of the first vertex."""
    asset = read_asset("head_attached")
    names = [str(name) for name in asset["region_names"]]
    kept = np.flatnonzero(np.isin(asset["region"], [names.index(name) for name in (*_LASHES, *_ON_EYES)]))
    number = np.full(len(asset["region"]), -1)
    number[kept] = np.arange(len(kept))
    sizes = asset["face_sizes"].astype(np.int64)
    faces = np.minimum.reduceat(number[asset["face_corners"]], np.cumsum(sizes) - sizes) >= 0
    in_faces = np.repeat(faces, sizes)
    regions = np.array([names[k] for k in asset["region"][kept]])
    rest, shape, moved = (
        np.zeros((len(kept), 3)),
        np.zeros((len(identity), len(kept), 3)),
        np.zeros((len(asset["expressions"]), len(kept), 3)),
    )
    followed, joint = np.zeros((len(kept), 1), np.int32), np.zeros(len(kept), np.uint8)
    lashes = np.isin(regions, _LASHES)
    rest[lashes], shape[:, lashes], moved[:, lashes], followed[lashes] = _lashes(asset, kept[lashes], found, proxy)
    for side, ball in layout.EYEBALLS.items():
        own = np.flatnonzero(np.isin(regions, [f"iris.{side}", f"pupil.{side}"]))
        rest[own] = _on_front(
            found.model, model.triangles(ball), turns.spheres[side], _directions(asset, kept[own], side)
        )
        shape[:, own] = identity[:, ball].mean(axis=1)[:, None]
        moved[:, own] = turns.displacements(side, rest[own])
        joint[own] = HEAD_JOINT_NAMES.index(f"eye.{side}")
    order = {name: len(_PARTS) + k for k, name in enumerate((*_LASHES, *_ON_EYES))}
    return {
        "rest_vertices": rest.astype(np.float32),
        "face_corners": (number[asset["face_corners"][in_faces]] + start).astype(np.int32),
        "face_sizes": asset["face_sizes"][faces],
        "uv": asset["uv"][in_faces],
        "region": np.array([order[name] for name in regions], np.uint8),
        "joint": joint,
        "followed": followed,
        "followed_weights": lashes.astype(np.float32)[:, None],
        "shape_basis": shape.astype(np.float16),
        "expressions": moved.astype(np.float16),
    }


def _lashes(
    asset: dict[str, np.ndarray], kept: np.ndarray, found: Correspondence, proxy: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Our lashes where they grow on the model's lids: rest (n, 3), displacements of its identity (S, n, 3) and of its
    expressions (52, n, 3), and the vertex (n, 1) of the model whose dents each follows."""
    head, roots = load_head(), asset["followed"][kept, 0].astype(np.int64)
    rest = proxy["rest_vertices"][roots] + asset["rest_vertices"][kept] - head.mesh.rest_vertices[roots]
    shape = proxy["shape_basis"][:, roots].astype(np.float64)
    # A lash turns as ours does, on the lid that goes where the model's does.
    turned = asset["expressions"][:, kept].astype(np.float64) - head.expressions[:, roots]
    moved = proxy["expressions"][:, roots].astype(np.float64) + turned
    places = found.on_model
    followed = places.corners[roots, places.weights[roots].argmax(axis=1)]
    return rest, shape, moved, followed[:, None].astype(np.int32)


def _directions(asset: dict[str, np.ndarray], kept: np.ndarray, side: str) -> np.ndarray:
    """(n, 3) unit: where some of our attached vertices are from the middle of our eyeball."""
    head = load_head()
    ball = head.mesh.rest_vertices[head.mesh.region_vertices(f"eyeball.{side}")].astype(np.float64)
    offset = asset["rest_vertices"][kept] - (ball.min(axis=0) + ball.max(axis=0)) / 2
    return np.asarray(offset / np.linalg.norm(offset, axis=1, keepdims=True))


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
