"""Which hand is the left one: evidence gathered over a track, and one left and one right hand a person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dice_core.landmarks.detections import Side

__all__ = ["accumulate", "evidence", "resolve"]

EVIDENCE_LIMIT = 4.0
"""Log odds that one frame may contribute (98 %): the network is often surer than it should be."""

MEMORY = 0.9
"""Share of the gathered evidence that the next frame keeps: a flip needs about seven frames that agree on it."""


def evidence(right: float) -> float:
    """Log odds for the right hand, from the network's probability of it; limited."""
    right = min(max(right, 1e-6), 1 - 1e-6)
    return min(max(math.log(right / (1 - right)), -EVIDENCE_LIMIT), EVIDENCE_LIMIT)


def accumulate(gathered: float, right: float) -> float:
    """Evidence of a track after one more frame."""
    return MEMORY * gathered + evidence(right)


def resolve(evidences: Sequence[float]) -> list[tuple[Side, float]]:
    """Sides of the hands of one person, with the confidence in each.

    Two hands that both look like the same side become one of each: the less sure one yields, with confidence 0.5.
    """
    result: list[tuple[Side, float]] = [
        ("right" if value >= 0 else "left", 1 / (1 + math.exp(-abs(value)))) for value in evidences
    ]
    if len(result) == 2 and result[0][0] == result[1][0]:
        weaker = min((0, 1), key=lambda index: result[index][1])
        result[weaker] = ("left" if result[weaker][0] == "right" else "right", 0.5)
    return result
