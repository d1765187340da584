"""Which scene frame shows which frame of the take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Timing", "split_fps"]


@dataclass(frozen=True)
class Timing:
    """Linear map from footage frames to scene frames.

    first : footage frame that is shown at scene frame `start`; step : scene frames a footage frame.
    """

    first: int
    start: float
    step: float = 1.0

    def scene_frames(self, footage_frames: np.ndarray) -> np.ndarray:
        """(T,) footage frame numbers -> (T,) float64 scene frames."""
        return self.start + (np.asarray(footage_frames, np.float64) - self.first) * self.step


def split_fps(fps: float) -> tuple[int, float]:
    """Blender's whole frame rate and the base that divides it, e.g. 29.97 -> (30, 1.001).

    fps : frames a second, positive.
    """
    whole = max(1, round(fps))
    return whole, whole / fps
