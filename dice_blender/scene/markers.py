"""Timeline markers at the start and the end of every touch."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np

from dice_core.take import TouchEvent

from .timing import Timing

__all__ = ["add_markers"]


def add_markers(scene: bpy.types.Scene, events: Iterable[TouchEvent], timing: Timing) -> list[str]:
    """Mark touches in the timeline; a marker that is already there is not doubled.

    Returns the markers' names.
    """
    present = {(marker.name, marker.frame) for marker in scene.timeline_markers}
    names = []
    for event in events:
        side = event.hand.removeprefix("hand_")[:1].upper()
        frames = timing.scene_frames(np.array([event.first_frame, event.last_frame]))
        for word, frame in zip(("touch", "release"), frames, strict=True):
            mark = (f"{event.region} {word} ({side})", round(frame))
            if mark not in present:
                scene.timeline_markers.new(mark[0], frame=mark[1])
                present.add(mark)
            names.append(mark[0])
    return names
