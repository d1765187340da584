"""Where the hands of a take can be relied on, in figures for people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.take.reader import Take

__all__ = ["SURE", "UNSURE", "HandReliability", "hand_reliability", "hands_reliability"]

SURE, UNSURE = 0.95, 0.25
"""Probabilities of being right from which a hand is called sure in a frame, and below which it is called unsure."""

_BRIDGED_SECONDS = 0.25  # between unsure frames, which then are one stretch


@dataclass(frozen=True)
class HandReliability:
    """How far a hand can be relied on in the frames in which it stands with the head.

    right : expected share of frames in which its depth is right to 15 mm and its touch is right; sure, unsure : shares
    of frames by `SURE` and `UNSURE`; spans : first and last frame of the footage of each stretch that is unsure.
    """

    right: float
    sure: float
    unsure: float
    spans: tuple[tuple[int, int], ...]


def hand_reliability(take: Take, mesh: str) -> HandReliability | None:
    """How far a hand of a take can be relied on; None where the engine does not judge it, or it never stands with a
    head. Raises InputError as `Take.array`."""
    key = f"reliability_{mesh}"
    if not take.has(key):
        return None
    values = take.array(key)
    judged = values >= 0
    if not judged.any():
        return None
    unsure = take.frames[judged & (values < UNSURE)]
    told = values[judged]
    spans = tuple((int(span[0]), int(span[-1])) for span in _stretches(unsure, _BRIDGED_SECONDS * take.fps))
    return HandReliability(float(told.mean()), float((told >= SURE).mean()), len(unsure) / len(told), spans)


def hands_reliability(take: Take) -> dict[str, HandReliability | None]:
    """`hand_reliability` of every hand of a take, by the name of its mesh."""
    return {mesh: hand_reliability(take, mesh) for mesh in take.info["meshes"] if mesh != "head"}


def _stretches(frames: np.ndarray, longest: float) -> list[np.ndarray]:
    """Rising frames in parts between which more than `longest` frames are missing; none for no frames."""
    return [part for part in np.split(frames, np.flatnonzero(np.diff(frames) - 1 > longest) + 1) if len(part)]
