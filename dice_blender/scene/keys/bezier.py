"""Few keys with bezier handles in the place of many: as few as an error bound takes, with one slope at each key.

Handles a third of the way to the next key make a bezier curve of Blender's a cubic in time (a Hermite spline), so that
the slopes of the closest one are a linear least-squares problem. Blender's own *Decimate* works on single curves, in an
open Graph Editor alone, and knows neither angles nor distances.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

__all__ = ["Bezier", "fit_bezier"]

# How strongly the slopes keep to those that do not overshoot, relative to one sample. Set by hand: enough to make the
# problem regular where two keys have no sample between them, too little to be seen elsewhere.
_STIFFNESS = 1e-3
# Share of the bound that is aimed for: the rest is for the float32 in which Blender keeps and evaluates keys.
_AIM = 0.98


@dataclass(frozen=True)
class Bezier:
    """A smooth curve through some of its samples.

    kept : (k,) int, rising, the samples that are keys; slopes : (k, d), of the curve there, units a frame.
    """

    kept: np.ndarray
    slopes: np.ndarray


def fit_bezier(
    times: np.ndarray, values: np.ndarray, distance: Callable[[np.ndarray, np.ndarray], np.ndarray], bound: float
) -> Bezier:
    """The curve of few keys that stays within a bound of all samples.

    times : (n,) float64, rising, n >= 2; values : (n, d) float64.
    distance : of two (n, d) arrays of values, (n,), 0 where they are the same; bound : the largest one allowed.

    Keys are added one a piece where the curve is farthest off, until nothing is (Schneider 1990, with one system for
    the slopes of all pieces); keys that are not needed any more by then are taken away again.
    """
    limits, bound = _calm_slopes(times, values), _AIM * bound
    kept = np.array([0, len(times) - 1])
    while True:
        found, errors = _closest(times, values, kept, limits, distance)
        worst = _worst_of_pieces(errors, kept)
        added = worst[errors[worst] > bound]
        if not len(added):
            break
        kept = np.union1d(kept, added)
    for index in kept[1:-1]:
        fewer = kept[kept != index]
        candidate, errors = _closest(times, values, fewer, limits, distance)
        if errors.max() <= bound:
            kept, found = fewer, candidate
    return found


def _closest(
    times: np.ndarray,
    values: np.ndarray,
    kept: np.ndarray,
    calm: np.ndarray,
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> tuple[Bezier, np.ndarray]:
    """The least-squares slopes at given keys, and the (n,) distances that remain."""
    n, k = len(times), len(kept)
    piece = np.clip(np.searchsorted(kept, np.arange(n), side="right") - 1, 0, k - 2)
    starts, ends = kept[piece], kept[piece + 1]
    length = (times[ends] - times[starts])[:, None]
    u = (times - times[starts])[:, None] / length
    through = (1 + 2 * u) * (1 - u) ** 2 * values[starts] + u**2 * (3 - 2 * u) * values[ends]
    left, right = length * u * (1 - u) ** 2, -length * u**2 * (1 - u)
    design = np.zeros((n, k))
    rows = np.arange(n)
    design[rows, piece], design[rows, piece + 1] = left[:, 0], right[:, 0]
    stiffness = _STIFFNESS * ((times[-1] - times[0]) / (n - 1)) ** 2
    normal = design.T @ design + stiffness * np.eye(k)
    slopes = np.linalg.solve(normal, design.T @ (values - through) + stiffness * calm[kept])
    errors = distance(through + left * slopes[piece] + right * slopes[piece + 1], values)
    return Bezier(kept, slopes), errors


def _worst_of_pieces(errors: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The sample with the largest error between each two keys, of those that have samples between them."""
    return np.array([a + 1 + int(errors[a + 1 : b].argmax()) for a, b in pairwise(kept) if b > a + 1], int)


def _calm_slopes(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n, d) slopes that overshoot nowhere: the harmonic mean of those to both sides, 0 at a turn.

    As Fritsch and Butland 1984 (doi:10.1137/0905021) have them for monotone pieces.
    """
    steps = np.diff(values, axis=0) / np.diff(times)[:, None]
    before, after = np.vstack([steps[:1], steps]), np.vstack([steps, steps[-1:]])
    product = before * after
    total = before + after
    return np.where(product > 0, 2 * product / np.where(total == 0, 1.0, total), 0.0)
