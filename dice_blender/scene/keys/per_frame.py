"""Key mode `per-frame`: one shape key a captured frame, exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dice_core.errors import InputError

from ..motion import Motion
from .plan import MeshPlan, ObjectMotion, ShapeKey

__all__ = ["FRAME_KEYS", "check_per_frame", "frame_key_name", "per_frame_plan"]

LARGEST = 500_000_000
"""Bytes of all shape keys of a take, of which Blender holds another copy or two: a head and a hand for five minutes.
Set by hand."""

FRAME_KEYS = "dice_frame_keys"
"""Of shape keys: for each frame of the take that has one, its index and the key's name, a line each."""


def frame_key_name(scene_frame: float) -> str:
    """What the key is called that shows a scene frame, the nearest whole one."""
    return f"frame_{round(scene_frame):04d}"


def check_per_frame(motions: Sequence[Motion]) -> None:
    """Raises InputError where the keys of some meshes would not fit into memory."""
    size = sum(int(motion.present.sum()) * motion.mesh.rest_vertices.nbytes for motion in motions)
    if size > LARGEST:
        raise InputError(
            f"A shape key for each of {len(motions[0].frames)} frames would take {size / 1e9:.1f} GB: choose rigged or "
            "compact keys, of which a clip of any length has a few."
        )


def per_frame_plan(motion: Motion, times: np.ndarray) -> MeshPlan:
    """Keys of which each is 1 at its own frame and 0 at its neighbours, on an object that follows the body's middle.

    times : (T,) scene frames. A key before frames in which the body is absent holds until the body is back. The basis
    is the mean of the clip about that middle: a frame without its key, deleted or muted, shows the body where it is, in
    its mean pose. Between frames vertices move on straight lines, as their middle does.
    """
    middles = np.empty((len(times), 3))
    total = np.zeros(motion.mesh.rest_vertices.shape)
    for rows, vertices in motion.surfaces():
        middles[rows] = vertices.mean(axis=1, dtype=np.float64)
        local = vertices - middles[rows, None].astype(np.float32)
        total += local[motion.present[rows]].sum(axis=0, dtype=np.float64)
    basis = (total / motion.present.sum()).astype(np.float32)
    return MeshPlan(basis, _keys(motion, times, middles), motion=ObjectMotion(middles))


def _keys(motion: Motion, times: np.ndarray, middles: np.ndarray) -> list[ShapeKey]:
    """middles : (T, 3) of the object, metres."""
    indices = np.flatnonzero(motion.present)
    keys: list[ShapeKey] = []
    for rows, undeformed, deformation in motion.both():
        for index in indices[(indices >= rows.start) & (indices < rows.stop)]:
            row = index - rows.start
            surface = undeformed[row].astype(np.float64) + deformation[row] - middles[index]
            at, weights = _marks(times, indices, len(keys))
            name = frame_key_name(times[index])
            keys.append(ShapeKey(name, surface.astype(np.float32), at, weights, int(index)))
    return keys


def _marks(times: np.ndarray, indices: np.ndarray, position: int) -> np.ndarray:
    """(2, n) scene frames and weights of the key at a position among those of `indices`, the frames that have one."""
    index = indices[position]
    marks: list[tuple[float, float]] = [(times[index], 1.0)]
    if position > 0:
        marks.insert(0, (times[index - 1], 0.0))
    if position + 1 < len(indices):
        following = indices[position + 1]
        if following - 1 > index:
            marks.append((times[following - 1], 1.0))
        marks.append((times[following], 0.0))
    return np.array(marks).T
