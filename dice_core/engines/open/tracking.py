"""Landmarks ahead of the fitting: decoding and the landmark networks run in a thread of their own.

OpenCV lets go of Python's lock while it decodes and while its networks run, so the second core does this stage.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from dice_core.landmarks import FrameLandmarks, LandmarkTracker
from dice_core.media.footage import Footage
from dice_core.prefetch import run_ahead

__all__ = ["TrackedFrame", "track_ahead"]

_AHEAD = 16  # frames that may wait to be fitted: landmarks only, a few kilobytes each


@dataclass(frozen=True)
class TrackedFrame:
    """A frame's landmarks and the tracker's state after it; row counts from the first frame of the capture."""

    row: int
    landmarks: FrameLandmarks
    state: dict[str, np.ndarray]


def track_ahead(
    footage: Footage, start: int, state: dict[str, np.ndarray] | None, *, still: bool
) -> Generator[TrackedFrame, None, None]:
    """Landmarks of the rows from `start` on, in order.

    state : the tracker's after the row before `start`, None at the first. still : search the only frame thoroughly.
    As `run_ahead`: errors of the thread are raised here, and closing the iterator ends it.
    """

    def landmarks() -> Iterator[TrackedFrame]:
        tracker = LandmarkTracker()
        if state is not None:
            tracker.restore(state)
        for row, image in footage.frames(start):
            found = tracker.detect(image) if still else tracker.track(image)
            yield TrackedFrame(row, found, tracker.state)

    return run_ahead(landmarks(), _AHEAD, "landmarks")
