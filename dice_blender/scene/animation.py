"""Keyframes written as whole arrays, in every Blender from 4.2: with and without slots and channelbags."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

__all__ = [
    "CurveWriter",
    "actions_of",
    "curves_of",
    "held_steps",
    "is_ours",
    "is_own_curve",
    "own_strips",
    "played_curves",
]

_CONSTANT, _LINEAR = 0, 1
_AUTO_CLAMPED = 4


_OURS, _CURVES = "dice_curves", "\n"


class CurveWriter:
    """Writes animation curves of one data block (an object, a shape-key block, a camera).

    An action that an earlier import has written is written anew: its own curves go, those of the user stay.
    """

    def __init__(self, block: bpy.types.ID, name: str, *, keep: bool = False) -> None:
        """name : of the action that holds the curves, where the block has none of ours yet; keep : add to those."""
        data: Any = block.animation_data_create()
        strips = own_strips(data)
        if not is_ours(data.action) and not strips:
            _give_action(block, data, name)
        self._data: Any = data
        # Data or strip: what plays the action.
        owner = data if is_ours(data.action) else strips[0]
        self._action: Any = owner.action
        self._bag: Any = owner.action
        if hasattr(owner.action, "slots"):
            self._bag = owner.action.layers[0].strips[0].channelbag(owner.action_slot, ensure=True)
        if not keep:
            self._remove_own()
        self._groups: dict[str, Any] = {group.name: group for group in self._bag.groups}

    def _remove_own(self) -> None:
        own = set(filter(None, str(self._action[_OURS]).split(_CURVES)))
        for curve in [curve for curve in self._bag.fcurves if f"{curve.data_path}|{curve.array_index}" in own]:
            self._bag.fcurves.remove(curve)
        for group in [group for group in self._bag.groups if not len(group.channels)]:
            self._bag.groups.remove(group)
        self._action[_OURS] = ""

    def remove(self, starts: tuple[str, ...]) -> None:
        """Remove the curves whose data path starts in one of these ways, the user's among them."""
        for curve in [curve for curve in self._bag.fcurves if curve.data_path.startswith(starts)]:
            self._bag.fcurves.remove(curve)

    def discard(self) -> None:
        """Remove the action again, where the user has no curves in it."""
        if len(self._bag.fcurves):
            return
        self._data.action = None
        bpy.data.actions.remove(self._action)

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
        taken = self._bag.fcurves.find(path, index=index)
        if taken is not None:
            self._bag.fcurves.remove(taken)
        curve = self._bag.fcurves.new(path, index=index)
        self._action[_OURS] += f"{path}|{index}{_CURVES}"
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


def _give_action(block: Any, data: Any, name: str) -> None:
    """An empty action of ours for a block, in the place of the user's own where it has one."""
    if data.action is not None:
        data.action.use_fake_user = True  # which would be lost otherwise
    action: Any = bpy.data.actions.new(name)
    action[_OURS] = ""
    data.action = action
    if hasattr(action, "slots"):
        slot = action.slots.new(id_type=block.id_type, name=block.name)
        data.action_slot = slot
        action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(slot, ensure=True)


def is_ours(action: Any) -> bool:
    """Whether an import has made an action."""
    return action is not None and _OURS in action


def is_own_curve(curve: bpy.types.FCurve) -> bool:
    """Whether an import has written a curve."""
    action: Any = curve.id_data
    return f"{curve.data_path}|{curve.array_index}" in str(action.get(_OURS, "")).split(_CURVES)


def actions_of(owner: bpy.types.ID | None) -> list[bpy.types.Action]:
    """The active action of a data block and those of its NLA strips."""
    data: Any = getattr(owner, "animation_data", None)
    if data is None:
        return []
    strips = [strip.action for track in data.nla_tracks for strip in track.strips]
    return [action for action in (data.action, *strips) if action is not None]


def own_strips(data: Any) -> list[Any]:
    """The NLA strips of animation data, or of none, that play an action of ours."""
    if data is None:
        return []
    return [strip for track in data.nla_tracks for strip in track.strips if is_ours(strip.action)]


def curves_of(block: bpy.types.ID | None) -> list[bpy.types.FCurve]:
    """The curves that move a data block, the user's among them: of its action, and of ours on its NLA tracks."""
    data: Any = None if block is None else getattr(block, "animation_data", None)
    if data is None:
        return []
    players = {} if data.action is None else {data.action: data}
    for strip in own_strips(data):
        players.setdefault(strip.action, strip)
    return [curve for player in players.values() for curve in played_curves(player)]


def played_curves(owner: Any) -> list[bpy.types.FCurve]:
    """The curves of the action of animation data or of an NLA strip."""
    action = owner.action
    if not hasattr(action, "layers"):
        return list(action.fcurves)
    slot = owner.action_slot
    bags = [] if slot is None else [strip.channelbag(slot) for layer in action.layers for strip in layer.strips]
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]


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
