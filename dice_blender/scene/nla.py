"""An imported take as one layer of the NLA: a strip on a track of its own for each thing that moves, and back again.

Its strips play the take's actions frame by frame at first. How the user moves, scales, mutes or blends them stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from .animation import is_ours, own_strips
from .object_data import shape_keys_of
from .parts import CAMERA, parts_in, read_timing
from .timing import Timing

__all__ = ["is_layer", "move_strips", "put_on_tracks", "take_off_tracks"]

# Frames: Blender knows no shorter strip.
_SHORTEST = 1.0
# Frames: what float32 makes of a frame number.
_ROUNDING = 1e-2


def is_layer(collection: bpy.types.Collection) -> bool:
    """Whether something of an import plays from NLA tracks."""
    return any(own_strips(data) for data in _animated(collection))


def put_on_tracks(collection: bpy.types.Collection) -> int:
    """Have everything of an import play from NLA tracks that bear its name; how many strips are new.

    The picture behind the camera stays where it is. Strips beside which there are others of the import already are
    placed and played as those are.
    """
    timing = read_timing(collection)
    if timing is None:
        return 0
    like = next((strip for data in _animated(collection) for strip in own_strips(data)), None)
    made = 0
    for data in _animated(collection):
        action = data.action
        if not is_ours(action) or data.use_tweak_mode:
            continue
        slot = getattr(data, "action_slot", None)
        data.action = None
        track = data.nla_tracks.new()
        track.name = collection.name
        strip = track.strips.new(collection.name, int(timing.times[0]), action)
        if slot is not None:
            strip.action_slot = slot
        first, last = _span(timing, action)
        _cut(strip, first, last)
        strip.frame_start_raw, strip.frame_end_raw = first, last
        if like is not None:
            _play_like(strip, like)
        made += 1
    return made


def take_off_tracks(collection: bpy.types.Collection) -> int:
    """Have everything of an import play from its actions again, without its tracks; how many strips are gone.

    An action of the user's own that has taken the place of the take's stays, and so does the strip beside it; and so
    does a strip that is being tweaked.
    """
    gone = 0
    for data in _animated(collection):
        for strip in own_strips(data):
            if data.action is not None or data.use_tweak_mode:
                continue
            action, slot = strip.action, getattr(strip, "action_slot", None)
            track = next(track for track in data.nla_tracks if strip in list(track.strips))
            track.strips.remove(strip)
            if not len(track.strips):
                data.nla_tracks.remove(track)
            data.action = action
            if slot is not None:
                data.action_slot = slot
            gone += 1
    return gone


def move_strips(collection: bpy.types.Collection, before: Timing, after: Timing) -> None:
    """Have strips follow their keys to another time, wherever the user has put them."""
    pace = after.step / before.step

    def moved(frame: float) -> float:
        return after.start + (frame - before.start) * pace

    for data in _animated(collection):
        for strip in own_strips(data):
            start, end = moved(strip.frame_start), moved(strip.frame_end)
            first, last = moved(strip.action_frame_start), moved(strip.action_frame_end)
            if abs(strip.action_frame_end - before.times[-1]) < _ROUNDING:
                # It plays the take to its end, which may have come later since.
                end += (after.times[-1] - last) * strip.scale * strip.repeat
                last = float(after.times[-1])
            _cut(strip, first, max(last, first + _SHORTEST))
            strip.frame_start_raw, strip.frame_end_raw = start, max(end, start + _SHORTEST)


def _animated(collection: bpy.types.Collection) -> Iterator[Any]:
    """The animation data of what moves in an import."""
    for part, item in parts_in(collection).items():
        for block in (item, shape_keys_of(item)) if part != CAMERA else ():
            data = getattr(block, "animation_data", None)
            if data is not None:
                yield data


def _span(timing: Timing, action: Any) -> tuple[float, float]:
    """First and last frame that a strip of an action shows: all of the take, and keys of the user beyond it."""
    first, last = timing.times[0], timing.times[-1]
    start, end = action.curve_frame_range
    first, last = min(first, start), max(last, end)
    return float(first), float(max(last, first + _SHORTEST))


def _cut(strip: Any, first: float, last: float) -> None:
    """What a strip plays of its action. Blender keeps the two in order, so that the outer one has to be set first."""
    strip.action_frame_end = max(last, strip.action_frame_end)
    strip.action_frame_start, strip.action_frame_end = first, last


def _play_like(strip: Any, like: Any) -> None:
    """Place and play a strip as another one of the same import."""
    for name in ("blend_type", "extrapolation", "influence", "use_reverse", "mute", "scale", "repeat"):
        setattr(strip, name, getattr(like, name))
    _cut(strip, like.action_frame_start, like.action_frame_end)
    strip.frame_start_raw, strip.frame_end_raw = like.frame_start, like.frame_end
