"""Touches decided over time: what single frames say, without the flicker, and how deep the hand lies in the skin."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dice_core.fitting.temporal_filter import runs, smooth, smoothing_weights

__all__ = ["BESIDE", "BRIDGED_SECONDS", "HOVERING", "REST_DEPTH", "SHORTEST_SECONDS", "touch_over_time"]

BRIDGED_SECONDS = 0.15
"""A break in a touch that is no longer is none, if the hand touches in most frames of the whole: as in
`contact.touch_events`."""

SHORTEST_SECONDS = 0.08
"""A touch that is shorter is none: two frames of 24 a second. Set by hand on public clips of people who touch their
faces."""


HOVERING, BESIDE = 0.008, 0.025
"""Metres: a hand that was found to touch, but farther from the skin than this, was kept away by what the picture shows:
the first where its size puts it before the face, the second where its size puts it farther back, beside the face. Set
by hand on the same clips."""

REST_DEPTH = 0.0015
"""Metres below the skin at which a hand lies at least where it touches: as in the refinement of single frames."""


def touch_over_time(
    touching: np.ndarray, depth: np.ndarray, beside: np.ndarray, tracked: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whether a hand touches in each frame, (T,) bool, and metres of its deepest part below the skin, (T,).

    touching : (T,) bool and depth : (T,) metres, **positive inside**, as single frames say; beside : (T,) bool, where
    the hand's size alone puts it farther back; tracked : (T,) bool, where the hand is there. Touches at the ends stay
    as they are, because nobody knows how long they last; so does a picture.
    """
    touches = touching & tracked & (depth > np.where(beside, -BESIDE, -HOVERING))
    depth = np.maximum(depth, REST_DEPTH)
    if len(touches) == 1:
        return touches, depth
    bridged = _without_short(touches, round(BRIDGED_SECONDS * fps), gaps=True) & tracked
    steady = _where_mostly(touches, bridged)
    steady = _without_short(steady, round(SHORTEST_SECONDS * fps) - 1, gaps=False)
    known = np.flatnonzero(touches)
    if not len(known) or not steady.any():
        return steady, np.zeros(len(depth))
    filled = np.interp(np.arange(len(depth)), known, depth[known])
    return steady, np.where(steady, smooth(filled, smoothing_weights(steady, fps)), 0.0)


def _where_mostly(values: np.ndarray, bridged: np.ndarray) -> np.ndarray:
    """Runs of `bridged`, (T,) bool, in at least half of whose frames `values` are true; elsewhere the values."""
    result = values.copy()
    for first, last in runs(bridged):
        if 2 * values[first:last].sum() >= last - first:
            result[first:last] = True
    return result


def _without_short(values: np.ndarray, longest: int, *, gaps: bool) -> np.ndarray:
    """Values (T,) bool with runs of at most `longest` frames taken over by their neighbours, except at the ends.

    gaps : of False, otherwise those of True.
    """
    result = values.copy()
    edges = np.flatnonzero(np.diff(values.astype(np.int8))) + 1
    for first, last in pairwise(edges):
        if last - first <= longest and values[first] != gaps:
            result[first:last] = gaps
    return result
