"""Landmarks of the footage and the crops that the network reads, made in a thread of their own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dice_core.errors import Stopped
from dice_core.landmarks import FrameLandmarks, HandDetection, LandmarkTracker
from dice_core.landmarks.earlier_hands import SeenFrame, track_clip
from dice_core.media.footage import Footage, spread_rows
from dice_core.network.model.crop import Crop, crop_around, cut
from dice_core.prefetch import prefetch

__all__ = ["TrackedFrame", "View", "sample_frames", "track", "views_of"]

_CAPACITY = 32  # frames that may wait for the network, 150 kB each; two batches of a graphics card


@dataclass(frozen=True)
class View:
    """What the network reads of a frame.

    side : of the hand in it, "none" where there is none; crop : where it stands in the frame;
    pixels : (224, 224, 3) uint8 RGB.
    """

    side: str
    crop: Crop
    pixels: np.ndarray


@dataclass(frozen=True)
class TrackedFrame:
    """A frame's landmarks, its views, and the tracker's state after it; frame : index in the footage."""

    frame: int
    landmarks: FrameLandmarks
    views: tuple[View, ...]
    tracker: dict[str, np.ndarray]


def views_of(image: np.ndarray, landmarks: FrameLandmarks, sides: Sequence[str], *, mirrored: bool) -> tuple[View, ...]:
    """The views of a frame: first the one that the head comes from, with the hand of its side if it is there.

    sides : of the hands to look for; mirrored : the head is read from the mirrored frame. None where there is no face.
    """
    if landmarks.face is None:
        return ()
    face = landmarks.face.points
    hands = {hand.side: hand.points for hand in wanted_hands(landmarks, sides)}
    first, second = ("left", "right") if mirrored else ("right", "left")
    views = []
    for side, flipped in ((first, mirrored), (second, not mirrored)):
        if side == first or side in hands:
            crop = crop_around(face, [hands[side]] if side in hands else [], flipped)
            assert crop is not None
            views.append(View(side if side in hands else "none", crop, cut(image, crop)))
    return tuple(views)


def wanted_hands(landmarks: FrameLandmarks, sides: Sequence[str]) -> list[HandDetection]:
    """The hands of the sides that are looked for."""
    return [hand for hand in landmarks.hands if hand.side in sides]


def track(
    footage: Footage, start: int, state: dict[str, np.ndarray] | None, sides: Sequence[str], *, mirrored: bool
) -> Generator[TrackedFrame, None, None]:
    """Landmarks and views of the rows from `start` on, in order.

    state : the tracker's after the row before `start`, None at the first; the rest as in `views_of`.
    """

    def tracked() -> Iterator[TrackedFrame]:
        tracker = LandmarkTracker()
        if state is not None:
            tracker.restore(state)
        frames = footage.frames(start)
        seen: Iterator[SeenFrame] = (
            (SeenFrame(row, image, tracker.detect(image), tracker.state) for row, image in frames)
            if footage.kind == "image"
            else track_clip(frames, tracker)
        )
        for one in seen:
            views = views_of(one.image, one.landmarks, sides, mirrored=mirrored)
            yield TrackedFrame(one.row + footage.first_frame, one.landmarks, views, one.state)

    return prefetch(tracked(), _CAPACITY, "landmarks")


def sample_frames(
    footage: Footage, most: int, should_stop: Callable[[], bool]
) -> list[tuple[np.ndarray, FrameLandmarks]]:
    """At most `most` frames spread evenly over the footage: image and landmarks of each.

    Raises Stopped where `should_stop` says so.
    """
    tracker = LandmarkTracker()
    found = []
    for row in spread_rows(footage.count, most):
        if should_stop():
            raise Stopped
        image = footage.read(int(row))
        found.append((image, tracker.detect(image)))
    return found
