"""Does the hand touch the head, and does it run into it? From the head's signed distance at every hand vertex.

Definitions of Decaf (Shimada et al., "Decaf: Monocular Deformation Capture for Face and Hand Interactions", 2023,
doi:10.1145/3618329) and of DICE's released evaluation: distances are **positive inside**, in metres.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dice_core.geometry.signed_distance import PartsIndex

__all__ = [
    "COLLISION_DEPTH",
    "LEAK_DISTANCE",
    "TOUCH_DISTANCE",
    "Plausibility",
    "hand_distances",
    "harmonic_mean",
    "is_touching",
]

LEAK_DISTANCE = 0.05
"""Metres: greater depths are taken for leaks of the distance field and set to 0."""
COLLISION_DEPTH = 0.005
"""Metres: a frame in which a hand vertex is as deep as this is a collision."""
TOUCH_DISTANCE = 0.005
"""Metres: a frame in which a hand vertex is as near as this to the surface is a touch."""


def hand_distances(index: PartsIndex, hand: np.ndarray) -> np.ndarray:
    """Signed distance of the head's surface at hand vertices, as the metrics want it.

    index : the head; hand : (V, 3) metres.
    Returns (V,) metres, positive inside, leaks set to 0, at least -LEAK_DISTANCE.
    """
    distance = index.query(hand, LEAK_DISTANCE).distance
    # What lies deeper than the limit is a leak, what lies as far outside is not; only what is deep in the box can be.
    far = np.flatnonzero(distance <= -LEAK_DISTANCE)
    low, high = index.bounds
    deep = far[((hand[far] > low + LEAK_DISTANCE) & (hand[far] < high - LEAK_DISTANCE)).all(axis=1)]
    if len(deep):
        distance[deep] = np.maximum(index.query(hand[deep]).distance, -LEAK_DISTANCE)
    return np.where(distance >= LEAK_DISTANCE, 0.0, distance)


def is_touching(distance: np.ndarray) -> bool:
    """Whether a hand with these distances touches the head."""
    return bool((np.abs(distance) <= TOUCH_DISTANCE).any())


def harmonic_mean(one: float, other: float) -> float:
    """F of two percentages; 0 where both are 0."""
    return 2 * one * other / (one + other) if one + other > 0 else 0.0


@dataclass
class Plausibility:
    """Gathers the distances of frames in which there are a head and a hand."""

    _deepest: list[float] = field(default_factory=list)
    _collision: list[float] = field(default_factory=list)
    _touching: list[bool] = field(default_factory=list)

    def add(self, distance: np.ndarray) -> None:
        """One frame. distance : (V,) of all vertices of all hands, as `hand_distances` gives them."""
        inside = np.maximum(distance, 0)
        self._deepest.append(float(inside.max()))
        self._collision.append(float(inside.sum() / len(distance)))
        self._touching.append(is_touching(distance))

    @property
    def frames(self) -> int:
        """Frames added."""
        return len(self._deepest)

    @property
    def touch_frames(self) -> int:
        """Frames with a touch."""
        return sum(self._touching)

    @property
    def non_col_percent(self) -> float | None:
        """**Non.Col**: percent of frames in which no hand vertex is 5 mm or more inside; None without a frame."""
        if not self._deepest:
            return None
        return 100 * float(np.mean(np.array(self._deepest) < COLLISION_DEPTH))

    @property
    def col_dist_mm(self) -> float | None:
        """**Col.Dist**: sum of the inside distances by the number of hand vertices, mean over frames."""
        return 1000 * float(np.mean(self._collision)) if self._collision else None

    @property
    def max_penetration_mm(self) -> float | None:
        """Deepest hand vertex of all frames."""
        return 1000 * max(self._deepest) if self._deepest else None

    def result(self) -> dict[str, Any]:
        """The four metrics under their names as JSON values."""
        return {
            "non_col_percent": self.non_col_percent,
            "col_dist_mm": self.col_dist_mm,
            "max_penetration_mm": self.max_penetration_mm,
            "touch_frames": self.touch_frames,
        }
