"""Irises and pupils for drawings, so that one sees where a head looks."""

from __future__ import annotations

import math

import numpy as np

from dice_core.geometry.mesh import Mesh

__all__ = ["IRIS_COLOUR", "PUPIL_COLOUR", "eye_coordinates", "paint_eyes"]

# Colours are set by hand.
IRIS_COLOUR = (0.26, 0.40, 0.47)
PUPIL_COLOUR = (0.04, 0.04, 0.05)

IRIS_ANGLE, PUPIL_ANGLE = math.radians(24.0), math.radians(9.0)
"""Radians between the eye's axis and the edges: 6 and 2.3 mm on the open head's eyeballs, as people have them."""

_EYEBALLS = ("eyeball.L", "eyeball.R")
_SEARCHED = math.radians(30.0)  # the ring around the axis whose mean direction is the axis; holds the iris and no more
_ROUNDS = 5
_AHEAD = np.array([0.0, 0.0, -1.0])  # a head at rest looks at the camera
_FAR = 9.0  # radians: of what is no eye
_TINY = 1e-9  # length of a direction that a damaged eye, all in one point, has


def eye_coordinates(mesh: Mesh) -> np.ndarray:
    """(V, 2) radians: where on an eyeball each vertex lies, right and down from the point that looks ahead.

    Their length is the angle from the eye's axis, so that circles around the origin are round on the eye. Vertices of
    no eyeball are far away.
    """
    result = np.full((len(mesh.rest_vertices), 2), _FAR)
    for name in _EYEBALLS:
        if name in mesh.region_names and (ball := mesh.region_vertices(name)).any():
            result[ball] = _on_ball(mesh.rest_vertices[ball].astype(np.float64))
    return result


def paint_eyes(colours: np.ndarray, coordinates: np.ndarray) -> None:
    """Paint irises and pupils over colours (n, 3), in place, at `eye_coordinates` (n, 2)."""
    angles = np.hypot(coordinates[:, 0], coordinates[:, 1])
    colours[angles < IRIS_ANGLE] = IRIS_COLOUR
    colours[angles < PUPIL_ANGLE] = PUPIL_COLOUR


def _on_ball(ball: np.ndarray) -> np.ndarray:
    """Coordinates (n, 2) of the vertices (n, 3) of an eyeball at rest."""
    outward = ball - (ball.min(axis=0) + ball.max(axis=0)) / 2
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), _TINY)
    axis = _AHEAD
    for _ in range(_ROUNDS):
        near = outward[outward @ axis > math.cos(_SEARCHED)]
        if not len(near):
            break
        axis = near.mean(axis=0) / max(float(np.linalg.norm(near.mean(axis=0))), _TINY)
    angles = np.arccos(np.clip(outward @ axis, -1.0, 1.0))
    right = np.cross(axis, [0.0, -1.0, 0.0])
    right /= max(float(np.linalg.norm(right)), _TINY)
    plane = np.stack([outward @ right, outward @ np.cross(axis, right)], axis=1)
    return plane * (angles / np.maximum(np.linalg.norm(plane, axis=1), _TINY))[:, None]
