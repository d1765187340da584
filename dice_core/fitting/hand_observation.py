"""What the landmark network sees of a hand in one frame, and how it is seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dice_core.fitting.depth_prior import DepthPrediction

__all__ = ["KNUCKLES", "THUMB", "HandObservation", "edge_on", "hand_size"]

THUMB = slice(1, 5)
KNUCKLES = [5, 9, 13, 17]
"""Landmarks of the thumb, and of the four other fingers' knuckles."""

# When a hand counts as seen edge-on.
_FLAT_WIDTH = 0.65  # width between the outer knuckles over the palm's length, of a palm seen flat
_FLAT_FROM, _EDGE_RANGE = 0.85, 0.5  # shares of that width: flat at the first, edge-on at the first minus the second
_GUESSED = 0.1  # weight of the landmarks of a hidden thumb against all others; set by hand


@dataclass(frozen=True)
class HandObservation:
    """What the landmark network sees of a hand in one frame.

    pixels : (21, 2); depth : (21,) pixels, relative; world : (21, 3) metres, camera axes, relative;
    depth_prediction : what `HandDepthPrior` makes of the hand before the head, None where no head is seen;
    thumb_hidden : whether the thumb's landmarks are guesses, because it is behind the face (`hidden_thumb`).
    """

    pixels: np.ndarray
    depth: np.ndarray
    world: np.ndarray
    depth_prediction: DepthPrediction | None = None
    thumb_hidden: bool = False

    @classmethod
    def of(cls, points: np.ndarray, world: np.ndarray) -> HandObservation:
        """From a detection's points (21, 3) in pixels and its world points (21, 3) in metres."""
        points = points.astype(np.float64)
        return cls(points[:, :2], points[:, 2], world.astype(np.float64))

    @cached_property
    def size(self) -> float:
        """`hand_size` of its pixels."""
        return hand_size(self.pixels)

    @cached_property
    def edge_on(self) -> float:
        """`edge_on` of its pixels."""
        return edge_on(self.pixels)

    def predicted(self) -> DepthPrediction:
        """The depth prediction. Raises ValueError without one."""
        if self.depth_prediction is None:
            raise ValueError(
                "A hand is refined against a head by the depth that its view suggests: give depth_prediction."
            )
        return self.depth_prediction

    def trust(self) -> np.ndarray:
        """(21,) how far each landmark counts, 0 to 1."""
        trust = np.ones(len(self.pixels))
        if self.thumb_hidden:
            trust[THUMB] = _GUESSED
        return trust


def hand_size(pixels: np.ndarray) -> float:
    """Longer side of the box around the landmarks, pixels; pixels : (21, 2)."""
    return float(np.ptp(pixels, axis=0).max())


def edge_on(pixels: np.ndarray) -> float:
    """How far a hand is seen edge-on: 0 for a palm that faces the camera, 1 when knuckles and wrist lie on a line.

    pixels : (21, 2).
    """
    along = pixels[KNUCKLES].mean(axis=0) - pixels[0]
    length = float(np.linalg.norm(along))
    row = pixels[KNUCKLES[-1]] - pixels[KNUCKLES[0]]
    width = abs(float(along[0] * row[1] - along[1] * row[0])) / max(length, 1e-6)
    openness = width / max(length, 1e-6) / _FLAT_WIDTH
    return float(np.clip((_FLAT_FROM - openness) / _EDGE_RANGE, 0.0, 1.0))
