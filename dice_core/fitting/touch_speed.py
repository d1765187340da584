"""How fast a hand moves before a face, and what that says of a touch: one that rests on skin or strokes it is slow.

One that comes, goes or passes is fast, and may look for some frames as if it touched what is behind it.
"""

from __future__ import annotations

import numpy as np

from dice_core.fitting.touch_search import STAYS

__all__ = ["may_touch", "speed_across", "speed_along"]

STEP_SECONDS = 1 / 30
"""Between the places of which a speed is told, or a frame, if that is longer: in less, jitter is taken for speed. Set
by hand."""

REACH_SECONDS, LEAST_PLACES = 0.2, 3
"""Before or after a frame: the distances of which a speed along the view is told, and how many at least. A single one
is off by some percent. Set by hand."""

USUAL_ACROSS, USUAL_ALONG = 0.25, 0.35
"""Metres a second across the view and along it, by which speeds of hands that touch are spread, the second with the
error of its measuring: at such a speed the odds of a touch are the e-th part, at twice as much the 55th. Set by hand on
public clips; what rendered ones say of them is in docs/accuracy.md."""


def speed_across(hand: np.ndarray, head: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    """(T,) metres a second across the view of a hand before a head: to a frame or from it, whichever is slower, so that
    the frame in which a hand arrives is one of those in which it lies still; 0 where nothing is known.

    hand, head : (T, 3) metres, camera space; known : (T,) bool, where both are.
    """
    count, step = len(hand), max(1, round(STEP_SECONDS * fps))
    if count <= step:
        return np.zeros(count)
    # At the head's distance: how far away the hand itself is, is what a touch decides.
    share = np.where(known, head[:, 2], 0.0) / np.where(known, hand[:, 2], 1.0)
    place = hand[:, :2] * share[:, None] - head[:, :2]
    way = np.linalg.norm(place[step:] - place[:-step], axis=1) * fps / step
    way[~(known[step:] & known[:-step])] = np.inf
    unknown = np.full(step, np.inf)
    slower = np.minimum(np.concatenate([unknown, way]), np.concatenate([way, unknown]))
    return np.where(np.isfinite(slower), slower, 0.0)


def speed_along(hand: np.ndarray, head: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    """(T,) metres a second along the view of a hand against a head: of the slopes of the lines through what is known
    before a frame and after it the flatter one, as of `speed_across`; 0 where too little is known.

    hand, head : (T,) metres from the camera, the hand's by its size alone; known : (T,) bool, where both are.
    """
    reach = max(2, round(REACH_SECONDS * fps))
    before = np.arange(-reach, 1.0)
    apart = np.where(known, hand - head, 0.0)
    slopes = np.minimum(_steepness(apart, known, before), _steepness(apart, known, -before[::-1]))
    return np.where(np.isfinite(slopes), slopes, 0.0) * fps


def _steepness(values: np.ndarray, known: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(T,) size of the slope, a frame, of the line through the known ones of values (T,) at offsets (K,) from each;
    infinite where they are too few."""
    reach = len(offsets) - 1
    padding = (reach, 0) if offsets[0] < 0 else (0, reach)

    def around(terms: np.ndarray, power: int) -> np.ndarray:
        return np.asarray(np.convolve(np.pad(terms, padding), (offsets**power)[::-1], "valid"))

    there = known.astype(np.float64)
    count, first, second = (around(there, power) for power in range(3))
    spread = count * second - first**2
    enough = (count >= LEAST_PLACES) & (spread > 0)
    slope = (count * around(values, 1) - first * around(values, 0)) / np.where(enough, spread, 1.0)
    return np.where(enough, np.abs(slope), np.inf)


def may_touch(probability: np.ndarray, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """(T,) bool: whether hands that look like touching, with a probability (T,), do so at speeds (T,), metres a second.

    What looks sure may be faster: speeds of hands that touch are taken to be normally distributed, those of others to
    be anything.
    """
    odds = probability / np.maximum(1 - probability, 1e-6)
    likelihood = np.exp(-((across / USUAL_ACROSS) ** 2) - (along / USUAL_ALONG) ** 2)
    return np.asarray(odds * likelihood >= STAYS / (1 - STAYS))
