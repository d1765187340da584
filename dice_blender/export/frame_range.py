"""Which scene frames an export takes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import bpy

from ..scene.animation import played_curves
from ..scene.importer import RANGE_PROPERTY

__all__ = ["key_range", "playback_range"]

_ROUNDING = 1e-3


def playback_range(scene: bpy.types.Scene) -> tuple[int, int]:
    """First and last frame that the scene plays, its preview range where that is on."""
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return scene.frame_start, scene.frame_end


def key_range(
    blocks: Iterable[bpy.types.ID | None], collection: bpy.types.Collection, scene: bpy.types.Scene
) -> tuple[int, int]:
    """First and last frame with a key on any of the blocks; muted curves, tracks and strips do not count.

    What a modifier holds outside some frames counts from the first of these to the last, as in a take that is trimmed.

    Keys that stand still leave no key at their end, but the custom properties of a take (its footage's frame number)
    are keyed over all of it: they count as long as the other keys have not been moved away from them.
    Without any key it is the range that the take was imported to, or else the scene's.
    """
    motion: list[tuple[float, float]] = []
    properties: list[tuple[float, float]] = []
    for block in blocks:
        data: Any = getattr(block, "animation_data", None)
        if data is not None:
            _add_ranges(data, motion, properties)
    taken = _union(properties)
    moved = _union(motion)
    if moved is None or (taken is not None and taken[0] <= moved[0] and moved[1] <= taken[1]):
        moved = taken
    if moved is not None:
        return math.floor(moved[0] + _ROUNDING), math.ceil(moved[1] - _ROUNDING)
    if collection.get(RANGE_PROPERTY):
        first, last = collection[RANGE_PROPERTY]
        return first, last
    return playback_range(scene)


def _add_ranges(data: Any, motion: list[tuple[float, float]], properties: list[tuple[float, float]]) -> None:
    if data.action is not None:
        for curve in played_curves(data):
            if not curve.mute and len(curve.keyframe_points):
                (properties if curve.data_path.startswith("[") else motion).extend(_played_range(curve))
    if not data.use_nla:
        return
    solo = [track for track in data.nla_tracks if track.is_solo]
    for track in solo or data.nla_tracks:
        if not track.mute:
            motion.extend(_strip_range(strip) for strip in track.strips if not strip.mute)


def _played_range(curve: Any) -> list[tuple[float, float]]:
    """First and last frame in which a curve moves by its keys, where it does at all."""
    first, last = curve.range()
    for limits in curve.modifiers:
        if limits.type == "LIMITS" and not limits.mute:
            first = max(first, limits.min_x) if limits.use_min_x else first
            last = min(last, limits.max_x) if limits.use_max_x else last
    return [(first, last)] if first <= last else []


def _strip_range(strip: Any) -> tuple[float, float]:
    """First and last frame of a strip; of one that is played once, as far as what it plays moves."""
    start, end = strip.frame_start, strip.frame_end
    if strip.action is None or strip.use_reverse or strip.use_animated_time or strip.repeat != 1.0:
        return start, end
    curves = [curve for curve in played_curves(strip) if len(curve.keyframe_points)]
    played = _union([played for curve in curves for played in _played_range(curve)])
    if played is None:
        return start, end
    first, last = (start + (frame - strip.action_frame_start) * strip.scale for frame in played)
    first, last = max(start, first), min(end, last)
    return (first, last) if first <= last else (start, end)


def _union(ranges: list[tuple[float, float]]) -> tuple[float, float] | None:
    return (min(r[0] for r in ranges), max(r[1] for r in ranges)) if ranges else None
