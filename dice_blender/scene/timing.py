"""Which scene frame shows which frame of the take."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dice_core.take import Take

__all__ = ["LAST_FRAME", "Timing", "split_fps", "take_timing"]

LAST_FRAME = 1_048_574
"""The last frame that Blender's timeline reaches; its first is 0 for playback."""
# Frames by which a frame of even footage may be off its place, which is rounding of its time stamp. Set by hand: half
# of it would still tell the frames apart.
_EVEN_WITHIN = 0.5
# Decimals of a frame that are kept of uneven time stamps: a key that belongs on a whole frame is exactly there.
_DECIMALS = 3


@dataclass(frozen=True)
class Timing:
    """Map from the frames of a take to scene frames.

    frames : (T,) int, numbers of the take's frames in the footage, rising.
    places : (T,) float64, frames of the footage's own rate after the first one; uneven footage has gaps.
    start : scene frame of the first frame; step : scene frames a frame of the footage.
    trim : indices into `frames` of the first and the last frame that is played.
    """

    frames: np.ndarray
    places: np.ndarray
    start: float
    step: float = 1.0
    trim: tuple[int, int] | None = None

    @property
    def times(self) -> np.ndarray:
        """(T,) float64 scene frames of the take's frames, trimmed away or not."""
        return self.start + self.places * self.step

    @property
    def played(self) -> tuple[int, int]:
        """Indices of the first and the last frame that is played."""
        return (0, len(self.frames) - 1) if self.trim is None else self.trim

    @property
    def scene_range(self) -> tuple[int, int]:
        """First and last scene frame in which the take plays."""
        first, last = self.times[list(self.played)]
        return math.floor(first), math.ceil(last)

    @property
    def uneven(self) -> bool:
        """Whether the footage's frames do not follow each other at its frame rate."""
        return bool(np.abs(self.places - (self.frames - self.frames[0])).max(initial=0.0) > _EVEN_WITHIN)

    def scene_frames(self, footage_frames: np.ndarray) -> np.ndarray:
        """(n,) footage frame numbers -> (n,) float64 scene frames; numbers that the take has not are interpolated."""
        return np.interp(np.asarray(footage_frames, np.float64), self.frames, self.times)

    def moved(
        self, *, start: float | None = None, step: float | None = None, trim: tuple[int, int] | None = None
    ) -> Timing:
        """The same take elsewhere, faster or slower, or trimmed; what is None stays."""
        return replace(
            self,
            start=self.start if start is None else start,
            step=self.step if step is None else step,
            trim=self.trim if trim is None else trim,
        )


def take_timing(take: Take, start: float, step: float = 1.0, seconds: np.ndarray | None = None) -> Timing:
    """The timing of a take by the times of its frames, or by their numbers where these are not known.

    start : scene frame of its first frame; step : scene frames a frame of the footage; seconds : (T,) of its frames.
    """
    frames = np.asarray(take.frames, np.int64)
    places = (frames - frames[0]).astype(np.float64)
    if take.fps > 0 and seconds is not None:
        stamped = (seconds - seconds[0]) * take.fps
        if np.abs(stamped - places).max(initial=0.0) > _EVEN_WITHIN:
            places = np.round(stamped, _DECIMALS)
    return Timing(frames, places, start, step)


def split_fps(fps: float) -> tuple[int, float]:
    """Blender's whole frame rate and the base that divides it, e.g. 29.97 -> (30, 1.001).

    fps : frames a second, positive.
    """
    whole = max(1, round(fps))
    return whole, whole / fps
