"""Hands by the arms that they belong to: others' hands and second readings of one left out, lost ones looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from dice_core.landmarks.detections import Side
from dice_core.landmarks.hand import HandReading
from dice_core.landmarks.hand_search import HOPELESS, same_hand
from dice_core.landmarks.ownership import at_wrist, belongs, free_arms, hand_window, own_hands
from dice_core.landmarks.pose import Arms
from dice_core.landmarks.region import Region

__all__ = ["hand_at_arm", "hands_by_arms"]


class _Search(Protocol):
    def refine_hand(self, image: np.ndarray, region: Region, least: float = 0.0) -> HandReading | None:
        """As `HandSearch.refine_hand`."""


def hands_by_arms(
    search: _Search, image: np.ndarray, arms: Arms, readings: Sequence[HandReading], count: int
) -> list[HandReading]:
    """Of some readings of a picture those that can be the person's own, then hands found at arms that had none.

    count : how many hands there are at most.
    """
    hands = _own(readings, arms)
    for side in free_arms({_side(reading, arms) for reading in hands}, arms, image):
        found = hand_at_arm(search, image, arms, side) if len(hands) < count else None
        if found is None or any(same_hand(found.points, hand.points) for hand in hands):
            continue
        own = _own([*hands, found], arms)
        hands = own if found in own else hands
    return hands


def hand_at_arm(search: _Search, image: np.ndarray, arms: Arms, side: Side) -> HandReading | None:
    """The hand at the end of one arm, None where none is seen."""
    reading = search.refine_hand(image, hand_window(arms.arm(side)), HOPELESS)
    return reading if reading is not None and belongs(reading, side, arms) else None


def _own(readings: Sequence[HandReading], arms: Arms) -> list[HandReading]:
    return [reading for reading, own in zip(readings, own_hands(readings, arms), strict=True) if own]


def _side(reading: HandReading, arms: Arms) -> Side:
    return at_wrist(reading.points, arms) or ("right" if reading.right >= 0.5 else "left")
