"""When a take plays on a character where no import says it."""

from __future__ import annotations

import bpy

from dice_core.take import Take

from ..scene.pictures import find_footage, frame_seconds
from ..scene.scene_settings import scene_fps
from ..scene.timing import Timing, take_timing

__all__ = ["own_timing"]


def own_timing(take: Take, scene: bpy.types.Scene) -> Timing:
    """A take at the footage's own speed, from the scene's first frame on; a photo's frame is the first."""
    step = scene_fps(scene) / take.fps if take.fps > 0 else 1.0
    return take_timing(take, float(scene.frame_start), step, frame_seconds(take, find_footage(take)))
