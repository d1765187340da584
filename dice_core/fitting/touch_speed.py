"""How fast a hand moves before a face, and what that says of a touch: one that rests on skin or strokes it is slow.

One that comes, goes or passes is fast, and may look for some frames as if it touched what is behind it.
"""

from __future__ import annotations

import numpy as np

from dice_core.fitting.touch_search import STAYS

__all__ = ["may_touch", "speed_across"]

STEP_SECONDS = 1 / 30
"""Between the places of which a speed is told, or a frame, if that is longer: in less, jitter is taken for speed. Set
by hand."""

USUAL_SPEED = 0.25
"""Metres a second across the view, by which speeds of hands that touch are spread: at this speed the odds of a touch
are the e-th part, at twice as much the 55th. Of 0.2, 0.25 and 0.3 chosen on public clips; tried on rendered ones, see
docs/accuracy.md."""


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


def may_touch(probability: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """(T,) bool: whether hands that look like touching, with a probability (T,), do so at speeds (T,), metres a second.

    What looks sure may be faster: speeds of hands that touch are taken to be normally distributed, those of others to
    be anything.
    """
    odds = probability / np.maximum(1 - probability, 1e-6)
    return np.asarray(odds * np.exp(-((speed / USUAL_SPEED) ** 2)) >= STAYS / (1 - STAYS))
