"""Key mode `per-frame`: one shape key a captured frame, exact."""

from __future__ import annotations

import numpy as np

from ..motion import Motion
from .plan import MeshPlan, ObjectMotion, ShapeKey

__all__ = ["FRAME_KEYS", "frame_key_name", "per_frame_plan"]

FRAME_KEYS = "dice_frame_keys"
"""Of shape keys: for each frame of the take that has one, its index and the key's name, a line each."""


def frame_key_name(scene_frame: float) -> str:
    """What the key is called that shows a scene frame, the nearest whole one."""
    return f"frame_{round(scene_frame):04d}"


def per_frame_plan(motion: Motion, times: np.ndarray) -> MeshPlan:
    """Keys of which each is 1 at its own frame and 0 at its neighbours, on an object that follows the body's middle.

    times : (T,) scene frames. A key before frames in which the body is absent holds until the body is back. The basis
    is the mean of the clip about that middle: a frame without its key, deleted or muted, shows the body where it is, in
    its mean pose. Between frames vertices move on straight lines, as their middle does.
    """
    vertices = motion.vertices
    middles = vertices.mean(axis=1, dtype=np.float64)
    local = vertices - middles[:, None].astype(np.float32)
    basis = local[motion.present].mean(axis=0, dtype=np.float64).astype(np.float32)
    return MeshPlan(basis, _keys(motion, times, middles), motion=ObjectMotion(middles))


def _keys(motion: Motion, times: np.ndarray, middles: np.ndarray) -> list[ShapeKey]:
    """middles : (T, 3) of the object, metres."""
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
        surface = motion.undeformed[index].astype(np.float64) + motion.deformation[index] - middles[index]
        keys.append(ShapeKey(frame_key_name(times[index]), surface.astype(np.float32), at, weights, int(index)))
    return keys
