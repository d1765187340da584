"""Our head laid onto the model's, and which point of the one each vertex of the other is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies import load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.errors import InputError
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.head_import import ict_layout as layout
from dice_core.head_import.ict_folder import IctModel
from dice_core.head_import.surface_matching import HeadSurface, matched
from dice_core.transfer.bare_head import TO_WORLD, bare_head
from dice_core.transfer.surface_points import SurfacePoints
from dice_core.transfer.target import understand_head

__all__ = ["Correspondence", "find_correspondence"]

FAR, FARTHEST = 0.006, 0.02
"""Metres from our head up to which a vertex of the model's follows it fully, and from which it does not: the model goes
on to the shoulders, where our neck ends. Set by hand."""

LIP_MARGIN = 0.004
"""Metres around our lips within which the model's skin is at its mouth."""

TINY = 1e-9

_NO_FACE = "No face with two eyes was found on the head model: get the folder FaceXModel of ICT-FaceKit again."


@dataclass(frozen=True)
class Correspondence:
    """Two heads in one place, metres, our axes; the pivot of our head, about which heads turn, is the origin.

    model : (26719, 3) the model's vertices; ours : (V, 3) our vertices on the model's surface; rotation : (3, 3) from
    the model's own axes.
    on_model : our vertices as points of the model; on_ours : the model's vertices up to HEAD_COUNT as points of ours;
    following : (HEAD_COUNT,) from 1 to 0, how far each of them follows what happens to ours.
    """

    model: np.ndarray
    ours: np.ndarray
    rotation: np.ndarray
    on_model: SurfacePoints
    on_ours: SurfacePoints
    following: np.ndarray


def find_correspondence(model: IctModel, should_stop: Callable[[], None]) -> Correspondence:
    """Find the face on the model, and lay our head onto it.

    Raises InputError where no face or no eyeballs are found: the folder then holds something else than a head.
    """
    triangles = model.triangles(slice(0, layout.HEAD_COUNT), *layout.EYEBALLS.values())
    try:
        target = understand_head(bare_head(model.vertices, triangles), should_stop)
    except InputError as error:  # whose sentence is for a character, of which something can be set by hand
        raise InputError(_NO_FACE) from error
    if set(target.balls) != {"L", "R"}:
        raise InputError(_NO_FACE)
    # Of the similarity only the place and the nod: the model is upright, symmetric, and in true size.
    turn = TO_WORLD.T @ target.similarity.rotation
    angle = np.arctan2(turn[2, 1] - turn[1, 2], turn[1, 1] + turn[2, 2])
    rotation = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    offset = target.similarity.offset @ TO_WORLD * [0.0, 1.0, 1.0]
    vertices = (model.vertices - offset) @ rotation
    ours = (target.similarity.to_target(target.registered) @ TO_WORLD - offset) @ rotation
    surface, own = _surfaces(model, vertices, ours)
    on_model, on_ours = matched(own, surface), matched(surface, own)
    distance = np.linalg.norm(on_ours.of(ours) - surface.vertices, axis=1)
    distance[surface.inner] = 0.0  # the mouth's lining follows our own wherever it is
    t = np.clip((distance - FAR) / (FARTHEST - FAR), 0, 1)
    return Correspondence(vertices, ours, rotation, on_model, on_ours, 1 - t * t * (3 - 2 * t))


def _surfaces(model: IctModel, vertices: np.ndarray, ours: np.ndarray) -> tuple[HeadSurface, HeadSurface]:
    """The model's surface and ours in one place."""
    head, jaw = load_head(), EXPRESSION_NAMES.index("jawOpen")
    every = mesh_triangles(head.mesh)
    inner, lips = (head.mesh.region_vertices(*names) for names in (("mouth_inner", "tongue"), ("lips",)))
    own = HeadSurface(
        ours, every[~head.rigid_vertices[every].any(axis=1)], inner, inner | lips, _share(head.expressions[jaw])
    )
    count = layout.HEAD_COUNT
    lining = np.zeros(count, bool)
    lining[layout.MOUTH_SOCKET] = True
    low, high = ours[lips].min(axis=0) - LIP_MARGIN, ours[lips].max(axis=0) + LIP_MARGIN
    near = ((vertices[:count] > low) & (vertices[:count] < high)).all(axis=1)
    surface = HeadSurface(
        vertices[:count],
        model.triangles(slice(0, count)),
        lining,
        lining | near,
        _share(model.expressions[jaw, :count]),
    )
    return surface, own


def _share(displacement: np.ndarray) -> np.ndarray:
    """(n,) length of displacements (n, 3) against the longest."""
    length = np.linalg.norm(displacement.astype(np.float64), axis=1)
    return np.asarray(length / max(float(length.max()), TINY))
