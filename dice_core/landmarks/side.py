"""Which hand is the left one: evidence accumulated over a track, and one left and one right hand a person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dice_core.landmarks.detections import Side

__all__ = ["accumulate", "evidence", "resolve"]

MAX_EVIDENCE = 4.0
"""Log odds that one frame contributes at most (98 %): the network is often overconfident. Set by hand."""

EVIDENCE_DECAY = 0.9
"""Share of the accumulated evidence that is kept at the next frame: a change of side takes about seven frames that
agree on it. Set by hand."""


def evidence(right: float) -> float:
    """Log odds for the right hand, from the network's probability of it; limited."""
    right = min(max(right, 1e-6), 1 - 1e-6)
    return min(max(math.log(right / (1 - right)), -MAX_EVIDENCE), MAX_EVIDENCE)


def accumulate(accumulated: float, right: float) -> float:
    """Evidence of a track after one more frame."""
    return EVIDENCE_DECAY * accumulated + evidence(right)


def resolve(evidences: Sequence[float]) -> list[tuple[Side, float]]:
    """Sides of the hands of one person, with the confidence in each.

    Two hands that both look like the same side become one of each: the one with less evidence changes, and its
    confidence is 0.5.
    """
    result: list[tuple[Side, float]] = [
        ("right" if value >= 0 else "left", 1 / (1 + math.exp(-abs(value)))) for value in evidences
    ]
    if len(result) == 2 and result[0][0] == result[1][0]:
        weaker = min((0, 1), key=lambda index: result[index][1])
        result[weaker] = ("left" if result[weaker][0] == "right" else "right", 0.5)
    return result
