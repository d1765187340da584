"""Timeline markers at the start and the end of every touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from dice_core.take import TouchEvent

from .timing import Timing

__all__ = ["Touch", "add_markers", "move_markers", "remove_markers", "touches_of"]

# Of a marker: the import that it belongs to, the footage frame that it marks, and the scene frame that it was put at.
_IMPORT, _FOOTAGE_FRAME, _PUT = "dice_import", "dice_footage_frame", "dice_frame"
# Of a marker: which of an import's markers it is, by what it was called first.
_MARK = "dice_mark"


@dataclass(frozen=True)
class Touch:
    """What a marker needs to know of a touch: its name, and footage frames, both ends included."""

    region: str
    hand: str
    first_frame: int
    last_frame: int


def touches_of(events: Iterable[TouchEvent]) -> list[Touch]:
    """The touches of a take."""
    return [Touch(event.region, event.hand, event.first_frame, event.last_frame) for event in events]


def add_markers(scene: bpy.types.Scene, touches: Iterable[Touch], timing: Timing, owner: str) -> list[str]:
    """Mark the touches of an import in the timeline, as far as it plays.

    owner : id of the import. Its markers that are there keep their names, and their places where the user has moved
    them; those of touches that are no longer there go. Returns the markers' names.
    """
    there = {str(marker[_MARK]): marker for marker in _own(scene, owner)}
    first, last = timing.scene_range
    names = []
    for mark, footage_frame in _marks(touches):
        at = round(float(timing.scene_frames(np.array([footage_frame]))[0]))
        if not first <= at <= last:
            continue
        marker: Any = there.pop(mark, None)
        if marker is None:
            marker = scene.timeline_markers.new(mark.rpartition("#")[0], frame=at)
            marker[_IMPORT], marker[_MARK] = owner, mark
        elif marker.frame == marker[_PUT]:
            marker.frame = at
        else:
            names.append(marker.name)
            continue
        marker[_FOOTAGE_FRAME], marker[_PUT] = footage_frame, marker.frame
        names.append(marker.name)
    for marker in there.values():
        scene.timeline_markers.remove(marker)
    return names


def move_markers(scene: bpy.types.Scene, touches: Iterable[Touch], before: Timing, after: Timing, owner: str) -> None:
    """Have an import's markers follow it, those that the user has moved by as much."""
    for marker in _own(scene, owner):
        shown: Any = marker
        at = after.start + (shown.frame - before.start) * after.step / before.step
        moved = shown.frame != shown[_PUT]
        shown.frame = round(at)
        if not moved:
            shown[_PUT] = shown.frame
    add_markers(scene, touches, after, owner)


def remove_markers(scene: bpy.types.Scene, owner: str) -> None:
    """Remove the markers of an import, whatever they are called by now."""
    for marker in _own(scene, owner):
        scene.timeline_markers.remove(marker)


def _own(scene: bpy.types.Scene, owner: str) -> list[bpy.types.TimelineMarker]:
    markers: list[Any] = list(scene.timeline_markers)
    return [marker for marker in markers if owner and marker.get(_IMPORT) == owner]


def _marks(touches: Iterable[Touch]) -> list[tuple[str, int]]:
    """For each marker its name with the number of the touch, and its footage frame."""
    marks = []
    for number, touch in enumerate(touches):
        side = touch.hand.removeprefix("hand_")[:1].upper()
        for word, frame in (("touch", touch.first_frame), ("release", touch.last_frame)):
            marks.append((f"{touch.region} {word} ({side})#{number}", frame))
    return marks
