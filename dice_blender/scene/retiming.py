"""An imported take at another time: delayed, faster or slower, trimmed, with its background and markers.

Only what is in the file is needed, not the take's folder. All keys of the take's objects move, the user's among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import bpy
import numpy as np

from .animation import actions_of, curves_of, is_ours
from .background import play_background
from .keys.per_frame import FRAME_KEYS, frame_key_name
from .markers import Touch, move_markers
from .nla import move_strips
from .object_data import shape_keys_of
from .parts import CAMERA, import_id, parts_in, read_timing, store_timing
from .timing import Timing

__all__ = ["retime", "trim_curves"]

# The modifier by which a curve holds outside the frames that are played.
_TRIM: Literal["LIMITS"] = "LIMITS"


def retime(scene: bpy.types.Scene, collection: bpy.types.Collection, after: Timing, touches: Iterable[Touch]) -> None:
    """Play an import at another time.

    after : as `Timing.moved` gives it, of the timing that the import has; touches : of the take, for its markers.
    """
    before = read_timing(collection)
    if before is None:
        return
    parts = parts_in(collection)
    for part, item in parts.items():
        blocks = (item, shape_keys_of(item)) if part == CAMERA else (item, shape_keys_of(item), item.data)
        for block in blocks:
            for curve in curves_of(block):
                _move_keys(curve, before, after)
        _rename_keys(item, after)
    move_strips(collection, before, after)
    store_timing(collection, after)
    trim_curves(collection)
    if CAMERA in parts:
        play_background(parts[CAMERA], after)
    move_markers(scene, touches, before, after, import_id(collection))


def trim_curves(collection: bpy.types.Collection) -> None:
    """Have every curve of an import hold its value outside the frames that are played; its keys stay."""
    timing = read_timing(collection)
    if timing is None:
        return
    first, last = (float(frame) for frame in timing.times[list(timing.played)])
    whole = timing.played == (0, len(timing.frames) - 1)
    for item in parts_in(collection).values():
        for block in (item, shape_keys_of(item)):
            for curve in curves_of(block):
                _trim(curve, None if whole else (first, last))
            _note_range(block, None if whole else (first, last))


def _trim(curve: bpy.types.FCurve, limits: tuple[float, float] | None) -> None:
    found: Any = next((modifier for modifier in curve.modifiers if modifier.type == _TRIM), None)
    if limits is None:
        if found is not None:
            curve.modifiers.remove(found)
        return
    if found is None:
        found = curve.modifiers.new(_TRIM)
    found.use_min_x = found.use_max_x = True
    found.min_x, found.max_x = limits


def _note_range(block: bpy.types.ID | None, limits: tuple[float, float] | None) -> None:
    """Write the frames that are played into a block's actions, where exporters and the NLA look for them."""
    for action in filter(is_ours, actions_of(block)):
        action.use_frame_range = limits is not None
        if limits is not None:
            action.frame_start, action.frame_end = limits


def _move_keys(curve: bpy.types.FCurve, before: Timing, after: Timing) -> None:
    points = curve.keyframe_points
    for name in ("co", "handle_left", "handle_right"):
        values = np.empty(2 * len(points), np.float32)
        points.foreach_get(name, values)
        times = values[::2].astype(np.float64)
        values[::2] = after.start + (times - before.start) * (after.step / before.step)
        points.foreach_set(name, values)
    curve.update()


def _rename_keys(item: bpy.types.Object, after: Timing) -> None:
    """Name per-frame keys after the frames that they show by now; those that the user has renamed keep their names."""
    keys: Any = shape_keys_of(item)
    if keys is None or FRAME_KEYS not in keys:
        return
    names = dict(line.split("|") for line in str(keys[FRAME_KEYS]).split("\n") if line)
    present = {block.name: block for block in keys.key_blocks}
    renamed = {}
    for index, name in names.items():
        if name in present:
            # A name of its own first: what is now the name of one key was that of another.
            present[name].name = f"moving {index}"
            renamed[index] = present[name]
    for index, block in renamed.items():
        block.name = frame_key_name(float(after.times[int(index)]))
        names[index] = block.name
    keys[FRAME_KEYS] = "\n".join(f"{index}|{name}" for index, name in names.items())
