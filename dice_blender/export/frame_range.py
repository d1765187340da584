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
                (properties if curve.data_path.startswith("[") else motion).append((curve.range()[0], curve.range()[1]))
    if not data.use_nla:
        return
    solo = [track for track in data.nla_tracks if track.is_solo]
    for track in solo or data.nla_tracks:
        if not track.mute:
            motion.extend((strip.frame_start, strip.frame_end) for strip in track.strips if not strip.mute)


def _union(ranges: list[tuple[float, float]]) -> tuple[float, float] | None:
    return (min(r[0] for r in ranges), max(r[1] for r in ranges)) if ranges else None
