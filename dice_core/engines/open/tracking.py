"""Landmarks ahead of the fitting: decoding and the landmark networks run in a thread of their own.

OpenCV lets go of Python's lock while it decodes and while its networks run, so the second core does this stage.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from dice_core.landmarks import FrameLandmarks, LandmarkTracker
from dice_core.media import Footage

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
    Errors of the thread are raised here; closing the iterator ends the thread after the frame in hand.
    """
    waiting: queue.Queue[TrackedFrame | BaseException | None] = queue.Queue(maxsize=_AHEAD)
    ended = threading.Event()

    def put(item: TrackedFrame | BaseException | None) -> bool:
        while not ended.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            tracker = LandmarkTracker()
            if state is not None:
                tracker.restore(state)
            for row, image in footage.frames(start):
                landmarks = tracker.detect(image) if still else tracker.track(image)
                if not put(TrackedFrame(row, landmarks, tracker.state)):
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, name="landmarks", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        ended.set()
        thread.join()
