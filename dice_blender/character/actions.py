"""Actions of a transfer: one for each data block, beside the user's own, played by keys or by a strip of the NLA."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from ..scene.animation import CurveWriter
from .values_before import Channel, give_back_values, note_values, value_of

__all__ = ["OWNER", "ActionMaker", "remove_actions"]

OWNER = "dice_transfer"
"""Of an action, an object, a shape key's block: the id of the transfer that made it, or made something of it."""
_WRITTEN = "dice_curves"
_BEFORE = "dice_action_before"
"""Of a data block: the user's action that transfers' stand in for."""
_SLOT_BEFORE = "dice_slot_before"
_WAITING = "dice_actions_waiting"
"""Of a data block: owner -> the action of a transfer that a later one's stands in for, in the order of time."""


class _Writer(CurveWriter):
    """Writes curves, and reads beforehand what their properties are. before : by channel."""

    def __init__(self, block: bpy.types.ID, name: str) -> None:
        super().__init__(block, name)
        self._block = block
        self.before: dict[Channel, float] = {}

    def write(self, path: str, index: int, times: np.ndarray, values: np.ndarray, **options: Any) -> None:
        if (path, index) not in self.before:
            self.before[path, index] = value_of(self._block, (path, index))
        super().write(path, index, times, values, **options)


class ActionMaker:
    """Makes one action for each data block that a transfer keys.

    name : of the actions; owner : id of the transfer; nla : whether they are pushed to tracks of their own, beside
    whatever the block plays, or become what the block plays.
    """

    def __init__(self, name: str, owner: str, *, nla: bool) -> None:
        self._name = name
        self._owner = owner
        self._nla = nla
        self._open: dict[bpy.types.ID, _Writer] = {}

    def curves(self, block: bpy.types.ID) -> CurveWriter:
        """What writes curves of a data block into its action of this transfer."""
        if block not in self._open:
            block.animation_data_create()
            _lay_aside(block)
            writer = _Writer(block, self._name)
            action: Any = _animation_of(block).action
            action[OWNER] = self._owner
            self._open[block] = writer
        return self._open[block]

    @contextmanager
    def abandoned_on_failure(self) -> Iterator[None]:
        """Have every data block play and be again what it was before where the block ends with an exception."""
        try:
            yield
        except BaseException:
            for block, writer in self._open.items():
                note_values(block, writer.before)
                remove_actions(block, self._owner)
            raise

    def finish(self, first: float) -> None:
        """Have the actions played. first : scene frame in which they begin."""
        for block, writer in self._open.items():
            note_values(block, writer.before)
            data: Any = _animation_of(block)
            action = data.action
            del action[_WRITTEN]  # an import writes curves anew in actions that say so
            if self._nla:
                slot = getattr(data, "action_slot", None)
                _play_again(block)
                track = data.nla_tracks.new()
                track.name = self._name
                strip = track.strips.new(self._name, round(first), action)
                if slot is not None:
                    strip.action_slot = slot
                strip.extrapolation = "HOLD_FORWARD"
                strip.blend_type = "REPLACE"


def remove_actions(block: bpy.types.ID, owner: str) -> None:
    """Take the actions of a transfer from a data block, and have it play and be what it was before."""
    data: Any = _animation_of(block)
    if data is None:
        return
    gone = set()
    for track in list(data.nla_tracks):
        own = [strip for strip in track.strips if strip.action is not None and strip.action.get(OWNER) == owner]
        gone |= {strip.action for strip in own}
        for strip in own:
            track.strips.remove(strip)
        if own and not len(track.strips):
            data.nla_tracks.remove(track)
    waiting = _waiting(block)
    if owner in waiting:
        gone.add(waiting.pop(owner))
        _set_waiting(block, waiting)
    if data.action is not None and data.action.get(OWNER) == owner:
        gone.add(data.action)
        _play_again(block)
    give_back_values(block, _keyed_by_transfers(block))
    bpy.data.batch_remove({action for action in gone if not action.users - action.use_fake_user})


def _animation_of(block: bpy.types.ID) -> Any:
    return getattr(block, "animation_data", None)


def _lay_aside(block: bpy.types.ID) -> None:
    """Have a data block play no action, and note on it the one that it played, which holds that in the file as well."""
    data, noted = _animation_of(block), _properties_of(block)
    action = data.action
    if action is None:
        return
    if action.get(OWNER) is not None:
        _set_waiting(block, _waiting(block) | {action[OWNER]: action})
    else:
        earlier = noted.get(_BEFORE)
        if earlier is not None:  # the user has chosen another action meanwhile, and may want both
            earlier.use_fake_user = True
        noted[_BEFORE] = action
        if getattr(data, "action_slot", None) is not None:
            noted[_SLOT_BEFORE] = data.action_slot.identifier
    data.action = None


def _play_again(block: bpy.types.ID) -> None:
    """Give a data block back the action of the transfer before, or the user's, or none."""
    data, noted = _animation_of(block), _properties_of(block)
    waiting = _waiting(block)
    if waiting:
        data.action = waiting.popitem()[1]
        _set_waiting(block, waiting)
        if hasattr(data, "action_slot"):
            data.action_slot = data.action.slots[0]
        return
    data.action = noted.get(_BEFORE)
    slot = noted.get(_SLOT_BEFORE)
    if data.action is not None and slot is not None:
        data.action_slot = next((s for s in data.action.slots if s.identifier == slot), data.action_slot)
    for name in (_BEFORE, _SLOT_BEFORE):
        if name in noted:
            del noted[name]


def _keyed_by_transfers(block: bpy.types.ID) -> set[Channel]:
    """What the actions of the transfers that a data block has key, whether they play or not."""
    data = _animation_of(block)
    strips = [strip.action for track in data.nla_tracks for strip in track.strips]
    actions = [action for action in (data.action, *strips) if action is not None and action.get(OWNER) is not None]
    return {
        (curve.data_path, curve.array_index)
        for action in (*actions, *_waiting(block).values())
        for curve in _curves_in(action)
    }


def _curves_in(action: Any) -> list[bpy.types.FCurve]:
    if not hasattr(action, "layers"):
        return list(action.fcurves)
    bags = [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags for curve in bag.fcurves]


def _waiting(block: bpy.types.ID) -> dict[str, bpy.types.Action]:
    """Owner -> action, without those that the user has deleted."""
    return {owner: action for owner, action in _properties_of(block).get(_WAITING, {}).items() if action is not None}


def _set_waiting(block: bpy.types.ID, actions: dict[str, bpy.types.Action]) -> None:
    noted = _properties_of(block)
    if actions:
        noted[_WAITING] = actions
    elif _WAITING in noted:
        del noted[_WAITING]


def _properties_of(block: bpy.types.ID) -> Any:
    """A data block, whose custom properties its type does not tell."""
    return block
