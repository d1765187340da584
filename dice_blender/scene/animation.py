"""Keyframes written as whole arrays, in every Blender from 4.2: with and without slots and channelbags."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

__all__ = ["CurveWriter", "held_steps"]

_CONSTANT, _LINEAR = 0, 1
_AUTO_CLAMPED = 4


class CurveWriter:
    """Adds animation curves to one data block (an object, a shape-key block, an image user's camera)."""

    def __init__(self, block: bpy.types.ID, name: str) -> None:
        """name : of the action that holds the curves."""
        data: Any = block.animation_data_create()
        action = bpy.data.actions.new(name)
        data.action = action
        self._bag: Any = action
        if hasattr(action, "slots"):
            slot = action.slots.new(id_type=block.id_type, name=block.name)
            data.action_slot = slot
            strip: Any = action.layers.new("Layer").strips.new(type="KEYFRAME")
            self._bag = strip.channelbag(slot, ensure=True)
        self._groups: dict[str, Any] = {}

    def write(
        self,
        path: str,
        index: int,
        times: np.ndarray,
        values: np.ndarray,
        *,
        group: str | None = None,
        stepped: bool = False,
    ) -> None:
        """One curve through (times, values), without the keys that repeat both their neighbours.

        path, index : the animated property and its component (0 for a single value).
        times : (n,) scene frames, rising; values : (n,).
        stepped : values hold until the next key instead of being interpolated.
        """
        curve = self._bag.fcurves.new(path, index=index)
        if group is not None:
            if group not in self._groups:
                self._groups[group] = self._bag.groups.new(group)
            curve.group = self._groups[group]
        keep = _telling(np.asarray(values, np.float32))
        points = np.stack([times, values], axis=1)[keep].astype(np.float32)
        count = len(points)
        curve.keyframe_points.add(count)
        curve.keyframe_points.foreach_set("co", points.ravel())
        kinds = np.full(count, _CONSTANT if stepped else _LINEAR, np.int32)
        curve.keyframe_points.foreach_set("interpolation", kinds)
        handles = np.full(count, _AUTO_CLAMPED, np.int32)
        curve.keyframe_points.foreach_set("handle_left_type", handles)
        curve.keyframe_points.foreach_set("handle_right_type", handles)
        curve.update()

    def write_vector(self, path: str, times: np.ndarray, values: np.ndarray, *, group: str | None = None) -> None:
        """One curve for each component. values : (n, components)."""
        for index in range(values.shape[1]):
            self.write(path, index, times, values[:, index], group=group)


def held_steps(times: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys at the frames where a state changes. times, states : (T,) -> the same, shorter."""
    change = np.concatenate([[True], states[1:] != states[:-1]])
    return times[change], states[change]


def _telling(values: np.ndarray) -> np.ndarray:
    """(n,) bool: keys that a constant run could not do without."""
    same = values[1:] == values[:-1]
    before = np.concatenate([[True], same])
    after = np.concatenate([same, [True]])
    keep = ~(before & after)
    keep[0] = True
    return keep
