"""Key mode `per-frame`: one shape key a captured frame, exact."""

from __future__ import annotations

import numpy as np

from ..motion import Motion
from .plan import MeshPlan, ShapeKey

__all__ = ["per_frame_plan"]


def per_frame_plan(motion: Motion, times: np.ndarray) -> MeshPlan:
    """Keys of which each is 1 at its own frame and 0 at its neighbours, on an object that stands still.

    times : (T,) scene frames. A key before frames in which the body is absent holds until the body is back.
    """
    centre = motion.undeformed[motion.present].mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    rest = motion.mesh.rest_vertices - motion.mesh.rest_vertices.mean(axis=0)
    return MeshPlan(rest, _keys(motion, times, centre), location=centre)


def _keys(motion: Motion, times: np.ndarray, origin: np.ndarray) -> list[ShapeKey]:
    """origin : (3,) of the object, metres."""
    indices = np.flatnonzero(motion.present)
    keys = []
    for position, index in enumerate(indices):
        marks: list[tuple[float, float]] = [(times[index], 1.0)]
        if position > 0:
            marks.insert(0, (times[index - 1], 0.0))
        if position + 1 < len(indices):
            following = indices[position + 1]
            if following - 1 > index:
                marks.append((times[following - 1], 1.0))
            marks.append((times[following], 0.0))
        at, weights = np.array(marks).T
        surface = motion.undeformed[index].astype(np.float64) + motion.deformation[index] - origin
        keys.append(ShapeKey(f"frame_{motion.frames[index]:04d}", surface.astype(np.float32), at, weights))
    return keys
