"""Irises and pupils: the faces around the points of the eyeballs that look ahead."""

from __future__ import annotations

import numpy as np

from dice_core.geometry.mesh import Mesh

__all__ = ["eye_faces"]

_EYEBALLS = ("eyeball.L", "eyeball.R")
# Degrees between the eye's axis and the edge of its part: between rings of the open head's eyeballs, whose edges are
# at 11 and 22 degrees, 3 and 6 mm from the axis.
_PUPIL, _IRIS = 16.0, 30.0
# The axis is where the vertices within the iris have their mean; the search starts at the head's own straight ahead.
_AHEAD = np.array([0.0, -1.0, 0.0])
_ROUNDS = 5


def eye_faces(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """The faces of the irises without the pupils, and those of the pupils, (F,) bool each.

    mesh : in Blender's axes, so that the head at rest looks along -y.
    """
    angles = np.full(len(mesh.rest_vertices), 180.0)
    for name in _EYEBALLS:
        if name in mesh.region_names and (ball := mesh.region_vertices(name)).any():
            angles[ball] = _angles(mesh.rest_vertices[ball])
    starts = np.cumsum(mesh.face_sizes) - mesh.face_sizes
    widest = np.maximum.reduceat(angles[mesh.face_corners], starts)
    pupils = widest < _PUPIL
    return (widest < _IRIS) & ~pupils, pupils


def _angles(ball: np.ndarray) -> np.ndarray:
    """(n,) degrees between the axis of an eyeball, (n, 3) vertices at rest, and each of its vertices."""
    outward = ball - (ball.min(axis=0) + ball.max(axis=0)) / 2
    outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    axis = _AHEAD
    for _ in range(_ROUNDS):
        angles = np.degrees(np.arccos(np.clip(outward @ axis, -1.0, 1.0)))
        near = outward[angles < _IRIS]
        if not len(near):
            break
        axis = near.mean(axis=0) / np.linalg.norm(near.mean(axis=0))
    return angles
