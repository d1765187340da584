"""Key mode `per-frame`: one shape key a captured frame, exact."""

from __future__ import annotations

import numpy as np

from ..motion import Motion
from .plan import ShapeKey

__all__ = ["per_frame_keys"]


def per_frame_keys(motion: Motion, frames: np.ndarray, times: np.ndarray, origin: np.ndarray) -> list[ShapeKey]:
    """Keys of which each is 1 at its own frame and 0 at its neighbours.

    frames, times : (T,) footage frame numbers and the scene frames that show them; origin : (3,) of the object, metres.
    A key before frames in which the body is absent holds until the body is back.
    """
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
        keys.append(ShapeKey(f"frame_{frames[index]:04d}", surface.astype(np.float32), at, weights))
    return keys
