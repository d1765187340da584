"""When the frames of a video are shown: an even frame rate, or a time for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dice_core.media.footage import DEFAULT_FPS, HIGHEST_FPS

__all__ = ["FrameTimes", "frame_times"]

TOLERANCE = 0.5
"""Frames by which a frame of an even clip may come early or late: clocks of phones and containers that count
milliseconds jitter by less, and every frame is still nearest to its own place."""


@dataclass(frozen=True)
class FrameTimes:
    """fps : frames a second; seconds : (n,) float64, after the first frame; even : whether frame k is at k / fps."""

    fps: float
    seconds: np.ndarray
    even: bool


def frame_times(stamps: Sequence[float | None], rates: Sequence[float]) -> FrameTimes:
    """Frame rate and times from what a container says.

    stamps : seconds at which each frame is shown, None where the container does not say; rates : frames a second that
    it announces, the most trusted first; those that cannot be are passed over.

    A clip is even if all its frames lie where one of the rates has them, within `TOLERANCE`; the mean rate of the clip
    is tried last. Otherwise each frame keeps its time, and the rate is that of most frames (the median interval).
    Stamps that are missing or do not increase are not believed: the clip then counts as even.
    """
    count = len(stamps)
    believed = [rate for rate in rates if 0 < rate <= HIGHEST_FPS]
    known = np.array([np.nan if stamp is None else stamp for stamp in stamps], np.float64)
    gaps = np.diff(known)
    if count < 2 or not np.all(gaps > 0):
        return _even(believed[0] if believed else DEFAULT_FPS, count)
    seconds = known - known[0]
    mean = (count - 1) / seconds[-1]
    for rate in (*believed, mean):
        if 0 < rate <= HIGHEST_FPS and np.abs(seconds * rate - np.arange(count)).max() <= TOLERANCE:
            return _even(rate, count)
    usual = 1 / float(np.median(gaps))
    return FrameTimes(_nearest(min(usual, HIGHEST_FPS), believed), seconds, even=False)


def _even(fps: float, count: int) -> FrameTimes:
    return FrameTimes(fps, np.arange(count) / fps, even=True)


def _nearest(rate: float, announced: Sequence[float]) -> float:
    """The announced rate that a measured one comes from, as 24 for 24.39 in a clock of milliseconds, or else itself."""
    return next((other for other in announced if abs(rate - other) <= 0.02 * other), rate)
