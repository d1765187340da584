"""Hands followed back in time: a hand that is found was in the frames before, too, in which the detector missed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dice_core.landmarks.detections import FrameLandmarks, HandDetection
from dice_core.landmarks.hand import HandReading, tracking_region
from dice_core.landmarks.hand_search import same_hand
from dice_core.landmarks.tracker import SEARCH_INTERVAL, LandmarkTracker

__all__ = ["SeenFrame", "track_clip"]

SURELY = 0.9
"""Presence from which a hand is followed to the frame before: of hands that are clearly seen it stays above. Set by
hand on six rendered clips (seed 32); a false hand would be followed back as well."""

LARGEST_MEMORY = 96 * 2**20
"""Bytes of pictures that are kept to go back to: as many frames as between two searches, of up to 1080 lines. Set by
hand."""


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """A frame of a clip: row in the footage; image, (h, w, 3) uint8 RGB; landmarks; state of the tracker after it."""

    row: int
    image: np.ndarray
    landmarks: FrameLandmarks
    state: dict[str, np.ndarray]


def track_clip(
    frames: Iterable[tuple[int, np.ndarray]],
    tracker: LandmarkTracker,
    on_read: Callable[[SeenFrame], None] = lambda seen: None,
) -> Iterator[SeenFrame]:
    """Landmarks of successive frames, each some frames later, so that hands found meanwhile are in it, too.

    frames : row and image of each; on_read : given each at once, without those hands. A frame depends on those before
    it and on at most `SEARCH_INTERVAL` after it.
    """
    waiting: list[SeenFrame] = []
    for row, image in frames:
        seen = SeenFrame(row, image, tracker.track(image), tracker.state)
        on_read(seen)
        for hand in _new_hands(seen.landmarks, waiting):
            _follow_back(hand, waiting, tracker)
        waiting.append(seen)
        if len(waiting) > max(1, min(SEARCH_INTERVAL, LARGEST_MEMORY // image.nbytes)):
            yield waiting.pop(0)
    yield from waiting


def _new_hands(landmarks: FrameLandmarks, before: list[SeenFrame]) -> list[HandDetection]:
    """The hands of a frame that the frame before it, if any, does not have."""
    known = {hand.track for hand in before[-1].landmarks.hands} if before else set()
    return [hand for hand in landmarks.hands if hand.track not in known]


def _follow_back(hand: HandDetection, waiting: list[SeenFrame], tracker: LandmarkTracker) -> None:
    """Enter a hand, in place, in the frames before the one in which it was found, as far as it can be seen there."""
    for k in reversed(range(len(waiting))):
        others = waiting[k].landmarks.hands
        if len(others) >= tracker.max_hands or any(hand.side == other.side for other in others):
            return
        reading = _read(hand, waiting[k], tracker)
        if reading is None or any(same_hand(reading.points, other.points) for other in others):
            return
        hand = replace(
            hand, points=reading.points, world=reading.world, presence=reading.presence, region=reading.region
        )
        waiting[k] = replace(waiting[k], landmarks=replace(waiting[k].landmarks, hands=(*others, hand)))


def _read(hand: HandDetection, earlier: SeenFrame, tracker: LandmarkTracker) -> HandReading | None:
    """A hand in the frame before, where it was in this one or else at the end of its arm; None where it is not seen."""
    region = tracking_region(hand.points)
    if region.is_near_image(earlier.image):
        reading = tracker.read_hand(earlier.image, region)
        if reading.presence >= SURELY:
            return reading
    face = earlier.landmarks.face
    return None if face is None else tracker.hand_at_arm(earlier.image, face, hand.side)
