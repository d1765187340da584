"""Corrections over time: each stretch near the face from its fullest touch outwards, then all its frames together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from dice_core.fitting.levenberg_marquardt import Quadratic
from dice_core.fitting.temporal_filter import runs
from dice_core.transfer.contact_fit import ContactFitter, ContactGoals
from dice_core.transfer.hand_carry import CarriedHand
from dice_core.transfer.stretch_fit import minimise_stretch

__all__ = ["smoothed", "solve_stretches"]

ACCELERATIONS = (0.07, 0.04, 0.025)
"""Deviations of a correction's second difference over time, in that of its first, tried one after the other until the
hand shakes no more than it may. Tuned on `both palms`, `hand over mouth` and `fist under chin`: at 0.1 hands of another
size than ours shake, at 0.03 touches come late."""

SHAKING = 1.05
"""Mean acceleration that a hand may have, in that of the take's hand or, where that is larger, of the carried-over one:
a large hand's fingers go a longer way. A little less than the tenth more that is not seen."""

TOGETHER = 10
"""Steps, at most, in which all frames of a stretch are solved together."""

CLEARING = 4
"""Places, at most, that are tried in a frame to get a hand out of the head. Set by hand."""

LEFT_IN = 0.0003
"""Metres that a hand may be too deep, which nobody sees. Set by hand."""

Wanted = Callable[[int], tuple[CarriedHand, ContactGoals]]
"""The carried-over hand of a frame and its goals; sets the head to that frame."""


def solve_stretches(
    fitter: ContactFitter, wanted: Wanted, source: np.ndarray, near: np.ndarray, tracked: np.ndarray,
    touching: np.ndarray, sigma: float, corrections: np.ndarray, advance: Callable[[int], None],
) -> None:  # fmt: skip
    """Set the corrections (T, n) of frames near the face, which are zero before.

    source : (T, s, 3) the samples in the take; near, tracked : (T,) bool; touching : (T,) how much of the hand touches;
    sigma : frames, of the average over time that all frames of a stretch are solved from together. advance : called
    with how many frames are done since.
    """
    for k, neighbour in _in_order(near, touching):
        previous = None if neighbour is None else corrections[neighbour]
        corrections[k] = fitter.fit(*wanted(k), previous)
        advance(0)
    corrections[:] = smoothed(corrections, tracked, sigma)
    for first, end in runs(near):
        _together(fitter, wanted, source, (first, end), tracked, corrections, advance)
        _clear(fitter, wanted, (first, end), sigma, corrections, advance)
        advance(end - first)


def _together(
    fitter: ContactFitter, wanted: Wanted, source: np.ndarray, stretch: tuple[int, int], tracked: np.ndarray,
    corrections: np.ndarray, advance: Callable[[int], None],
) -> None:  # fmt: skip
    """Solve frames first to end of a stretch together, against those before and after it, which stay."""
    first, end = stretch
    low, high = max(first - 2, 0), min(end + 2, len(tracked))
    known = tracked[low:high]
    free = np.zeros(high - low, bool)
    free[first - low : end - low] = True
    joined = np.zeros(high - low, bool)
    joined[1:-1] = known[:-2] & known[1:-1] & known[2:]
    hands = {row: wanted(low + row)[0] for row in np.flatnonzero(known).tolist()}

    def acceleration(values: np.ndarray) -> float:
        points = np.zeros((high - low, *source.shape[1:]))
        for row, hand in hands.items():
            points[row] = fitter.samples(hand, values[row])
        return _acceleration(points, joined)

    most = SHAKING * max(_acceleration(source[low:high], joined), acceleration(np.zeros_like(corrections[low:high])))
    for deviation in ACCELERATIONS:
        stiffness = 1 / (deviation * fitter.steady)
        start = corrections[low:high]
        evaluate = _costs(fitter, wanted, low, advance)
        corrections[low:high] = minimise_stretch(evaluate, start, free, joined, fitter.limit, stiffness, TOGETHER)
        if acceleration(corrections[low:high]) <= most:
            break


def _costs(
    fitter: ContactFitter, wanted: Wanted, low: int, advance: Callable[[int], None]
) -> Callable[[int, np.ndarray], Quadratic]:
    """What frame low + row costs at a correction; what is near the head is found where a frame is first asked for."""
    costs: dict[int, Callable[[np.ndarray], Quadratic]] = {}

    def evaluate(row: int, x: np.ndarray) -> Quadratic:
        advance(0)
        hand, goals = wanted(low + row)
        if row not in costs:
            costs[row] = fitter.terms(hand, goals, x)
        return costs[row](x)

    return evaluate


def _clear(
    fitter: ContactFitter, wanted: Wanted, stretch: tuple[int, int], sigma: float, corrections: np.ndarray,
    advance: Callable[[int], None],
) -> None:  # fmt: skip
    """Move hands straight out of the head where the solve of a stretch left them in it: at folds, no small step may be
    a better one. Frames around such a one move a part of the way, so that the hand does not jump."""
    first, end = stretch
    moves = np.zeros((end - first, 3))
    for row in range(end - first):
        advance(0)
        hand, goals = wanted(first + row)
        trial, least = corrections[first + row].copy(), np.inf
        for _ in range(CLEARING):
            depth, out = fitter.deepest(hand, goals, trial)
            if depth < least:
                least, moves[row] = depth, trial[3:6] - corrections[first + row, 3:6]
            if depth <= LEFT_IN:
                break
            trial[3:6] += depth * out
    if moves.any():
        shared = smoothed(moves, np.ones(len(moves), bool), sigma)
        farther = (moves**2).sum(axis=1) > (shared**2).sum(axis=1)
        corrections[first:end, 3:6] += np.where(farther[:, None], moves, shared)


def _acceleration(points: np.ndarray, joined: np.ndarray) -> float:
    """Mean length of the second difference over time of points (T, s, 3), about joined frames (T,)."""
    middle = np.flatnonzero(joined)
    second = points[middle + 1] - 2 * points[middle] + points[middle - 1]
    return float(np.linalg.norm(second, axis=2).mean()) if len(middle) else 0.0


def _in_order(near: np.ndarray, weight: np.ndarray) -> Iterator[tuple[int, int | None]]:
    """Frames in the order in which they are solved, each with the neighbour that it starts from, or None.

    near, weight : (T,). A stretch begins where most of the hand touches, and goes on from there to both ends: a hand
    that approaches is then already in the pose in which it touches.
    """
    for first, end in runs(near):
        best = first + int(np.argmax(weight[first:end]))
        yield best, None
        yield from ((k, k - 1) for k in range(best + 1, end))
        yield from ((k, k + 1) for k in range(best - 1, first - 1, -1))


def smoothed(values: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Values (T, n) averaged over time with a Gaussian of `sigma` frames, over known frames alone; (T,) bool."""
    reach = int(np.ceil(3 * sigma))
    if reach == 0:
        return values
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    result, stretch = values.copy(), np.cumsum(~known)
    for k in np.flatnonzero(known).tolist():
        span = slice(max(0, k - reach), min(len(known), k + reach + 1))
        joined = known[span] & (stretch[span] == stretch[k])
        share = kernel[span.start - k + reach : span.stop - k + reach] * joined
        result[k] = share @ values[span] / share.sum()
    return result
