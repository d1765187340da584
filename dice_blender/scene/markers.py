"""Timeline markers at the start and the end of every touch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass

import bpy
import numpy as np

from dice_core.take import TouchEvent

from .timing import Timing

__all__ = ["Touch", "add_markers", "move_markers", "remove_markers", "touches_of"]

# Of a scene, with the id of an import behind it: what is known of the import's markers, which have no properties of
# their own from Blender 5.0 on.
_KNOWN = "dice_markers_"


@dataclass
class _Known:
    """A marker as it was put: its footage frame, its scene frame, and its name."""

    footage_frame: int
    put: int
    name: str


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
    known, there = _read(scene, owner), _own(scene, owner)
    first, last = timing.scene_range
    kept: dict[str, _Known] = {}
    names = []
    for mark, footage_frame in _marks(touches):
        at = round(float(timing.scene_frames(np.array([footage_frame]))[0]))
        if not first <= at <= last:
            continue
        marker = there.pop(mark, None)
        if marker is None:
            marker = scene.timeline_markers.new(mark.rpartition("#")[0], frame=at)
            kept[mark] = _Known(footage_frame, at, marker.name)
        elif marker.frame == known[mark].put:
            marker.frame = at
            kept[mark] = _Known(footage_frame, at, marker.name)
        else:
            kept[mark] = known[mark]
        names.append(marker.name)
    for marker in there.values():
        scene.timeline_markers.remove(marker)
    _write(scene, owner, kept)
    return names


def move_markers(scene: bpy.types.Scene, touches: Iterable[Touch], before: Timing, after: Timing, owner: str) -> None:
    """Have an import's markers follow it, those that the user has moved by as much."""
    known = _read(scene, owner)
    for mark, marker in _own(scene, owner).items():
        moved = marker.frame != known[mark].put
        marker.frame = round(after.start + (marker.frame - before.start) * after.step / before.step)
        known[mark] = _Known(known[mark].footage_frame, known[mark].put if moved else marker.frame, marker.name)
    _write(scene, owner, known)
    add_markers(scene, touches, after, owner)


def remove_markers(scene: bpy.types.Scene, owner: str) -> None:
    """Remove the markers of an import, whatever they are called by now."""
    for marker in _own(scene, owner).values():
        scene.timeline_markers.remove(marker)
    _write(scene, owner, {})


def _own(scene: bpy.types.Scene, owner: str) -> dict[str, bpy.types.TimelineMarker]:
    """The markers of an import by what they mark: found by name, or where the user has renamed them, by frame."""
    free = list(scene.timeline_markers)
    found: dict[str, bpy.types.TimelineMarker] = {}
    known = _read(scene, owner)
    for by_frame in (False, True):
        for mark, entry in known.items():
            if mark in found:
                continue
            fits = [m for m in free if (m.frame == entry.put if by_frame else m.name == entry.name)]
            # Of several of one name, as a touch of two hands at one place, the one that was put there.
            marker = next((m for m in fits if m.frame == entry.put), next(iter(fits), None))
            if marker is not None:
                found[mark] = marker
                free.remove(marker)
    return found


def _read(scene: bpy.types.Scene, owner: str) -> dict[str, _Known]:
    stored = scene.get(_KNOWN + owner, "") if owner else ""
    return {mark: _Known(*entry) for mark, entry in json.loads(stored or "{}").items()}


def _write(scene: bpy.types.Scene, owner: str, known: dict[str, _Known]) -> None:
    if known:
        scene[_KNOWN + owner] = json.dumps({mark: astuple(entry) for mark, entry in known.items()})
    elif scene.get(_KNOWN + owner) is not None:
        del scene[_KNOWN + owner]


def _marks(touches: Iterable[Touch]) -> list[tuple[str, int]]:
    """For each marker its name with the number of the touch, and its footage frame."""
    marks = []
    for number, touch in enumerate(touches):
        side = touch.hand.removeprefix("hand_")[:1].upper()
        for word, frame in (("touch", touch.first_frame), ("release", touch.last_frame)):
            marks.append((f"{touch.region} {word} ({side})#{number}", frame))
    return marks
