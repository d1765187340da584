"""Where the eyes of an open head look, against the head."""

from __future__ import annotations

import numpy as np

from dice_core.bodies import load_head
from dice_core.geometry.rotations import rotation_matrices
from dice_core.take.frames import Body

__all__ = ["gaze_angles"]

IRISES = (0, 5)
"""Rows of the irises' middles, the subject's right eye first."""


def gaze_angles(head: Body) -> list[float] | None:
    """[left, up] in degrees, the mean of both eyes, in the head's own axes; None without the head's rotation."""
    if head.rotation is None:
        return None
    model = load_head()
    irises = model.irises(head.vertices)
    angles = []
    for row, eye in zip(IRISES, ("eyeball.R", "eyeball.L"), strict=True):
        direction = irises[row] - head.vertices[model.mesh.region_vertices(eye)].mean(axis=0)
        x, y, z = rotation_matrices(head.rotation[0]).T @ direction
        angles.append([np.degrees(np.arctan2(x, -z)), np.degrees(np.arctan2(-y, np.hypot(x, z)))])
    return [float(value) for value in np.mean(angles, axis=0)]
