"""Components of a surface's motion over any number of frames, from a bounded sample of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from .blas_threads import one_blas_thread
from .components import Fit, distances, fit_components, fit_weights, nonnegative

__all__ = ["Components", "Offsets", "decompose"]

# The sample, set by hand: frames that components are worked out of, whose time grows with their square, and bytes that
# their offsets may have; never fewer than what two dozen components need.
_MOST_FRAMES, _MOST_BYTES, _FEWEST_FRAMES = 384, 64_000_000, 96
# What is left of it for frames that turn out to be too far off.
_RESERVE = 1 / 3
# Passes over all frames in which such frames are looked for. Set by hand.
_PASSES = 3
# Share of the tolerance that the sample is kept within, so that the frames between are within the whole. Set by hand.
_SAMPLE_WITHIN = 0.9
# Where the whole take is hardly farther off than the sample, more frames in it would not help. Set by hand.
_HARDLY = 1.05


@dataclass(frozen=True)
class Offsets:
    """Offsets of V vertices in T frames from the shape that no component changes, some frames at a time.

    blocks : gives them anew whenever it is called: rows, and (n, V, 3) float32, metres.
    """

    frames: int
    vertices: int
    blocks: Callable[[], Iterable[tuple[slice, np.ndarray]]]

    @classmethod
    def of(cls, values: np.ndarray) -> Offsets:
        """Those that are in memory. values : (T, V, 3)."""
        return cls(len(values), values.shape[1], lambda: [(slice(0, len(values)), values)])

    def rows(self) -> Iterable[tuple[slice, np.ndarray]]:
        """The blocks as (n, 3 V) float32."""
        for rows, values in self.blocks():
            yield rows, np.asarray(values, np.float32).reshape(len(values), -1)


@dataclass(frozen=True)
class Components:
    """offsets[t] is about sum_k weights[t, k] * shapes[k].

    shapes : (K, V, 3) float32, metres; weights : (T, K) float32 in [0, 1], the largest of each component at 1.
    error : metres, the largest distance of any vertex in any frame from what is reproduced, measured in all frames.
    """

    shapes: np.ndarray
    weights: np.ndarray
    error: float


@one_blas_thread()
def decompose(offsets: Offsets, tolerance: float, limit: int, aim: float | None = None) -> Components:
    """Few shapes whose weighted sums keep every vertex within `tolerance`, at most `limit` of them.

    tolerance : metres; aim : metres, a smaller error that is sought as long as it takes no more shapes.

    Principal components need weights of both signs, which importers and engines clamp at 0. One shape more makes all
    weights positive: the opposite of the sum of the others, which takes back what is added to all of them alike.

    Of more frames than the sample holds, the components are those of the sample, and the weights of every frame are
    fitted to them. Frames that are too far off then join the sample, in at most `_PASSES` passes, so that memory is the
    same for any number of frames, and time grows in proportion to it.
    """
    aim = tolerance if aim is None else aim
    most = min(_MOST_FRAMES, max(_FEWEST_FRAMES, _MOST_BYTES // (12 * max(offsets.vertices, 1))))
    if offsets.frames <= most:
        rows = np.concatenate([np.zeros((0, 3 * offsets.vertices), np.float32), *(rows for _, rows in offsets.rows())])
        fit = _positive(fit_components(rows, tolerance, limit - 1, aim))
        error = float(distances(rows - fit.weights.T @ fit.shapes).max(initial=0.0))
    else:
        fit = _positive(_fit_many(offsets, tolerance, limit - 1, aim, most))
        error = fit.error  # the change of sign is exact but for the rounding of float32
    return Components(fit.shapes.reshape(-1, offsets.vertices, 3), fit.weights.T, error)


def _positive(fit: Fit) -> Fit:
    if not len(fit.shapes):
        return fit
    shapes, weights = nonnegative(fit.shapes, fit.weights)
    return replace(fit, shapes=shapes, weights=weights)


def _fit_many(offsets: Offsets, tolerance: float, limit: int, aim: float, most: int) -> Fit:
    """`fit_components` for more than `most` frames, with weights and error of all of them."""
    reserve = int(most * _RESERVE)
    sample, error = _sampled(offsets, most - reserve)
    nothing = np.zeros((0, 3 * offsets.vertices), np.float32)
    best = Fit(nothing, np.zeros((0, offsets.frames), np.float32), np.ones(offsets.vertices), error)
    if error <= tolerance:
        return best
    for _ in range(_PASSES):
        fit = fit_components(sample, tolerance * _SAMPLE_WITHIN, limit, aim)
        farthest = _Farthest(offsets, max(1, reserve // (_PASSES - 1)))
        weights = np.empty((len(fit.shapes), offsets.frames), np.float32)
        for rows, values in offsets.rows():
            weights[:, rows] = fit_weights(values, fit) if len(fit.shapes) else 0.0
            farthest.add(rows, values, distances(values - weights[:, rows].T @ fit.shapes).max(axis=1))
        error = float(farthest.distance.max())
        if error < best.error:
            best = replace(fit, weights=weights, error=error)
        if error <= max(tolerance, _HARDLY * fit.error):
            break
        sample = np.concatenate([sample, farthest.values[farthest.distance > max(fit.error, tolerance)]])
    return best


def _sampled(offsets: Offsets, count: int) -> tuple[np.ndarray, float]:
    """Frames spread over all, (n, 3 V): of each of equal stretches the middle one and the one with the largest offset.

    count : how many at most. Returns them, and the largest offset of all frames in metres.
    """
    farthest = _Farthest(offsets, max(1, count // 2))
    stretches = len(farthest.distance)
    middles = (np.arange(stretches) * 2 + 1) * offsets.frames // (2 * stretches)
    found = []
    for rows, values in offsets.rows():
        farthest.add(rows, values, distances(values).max(axis=1))
        within = middles[(middles >= rows.start) & (middles < rows.stop) & ~np.isin(middles, farthest.rows)]
        found.append(values[within - rows.start])
    return np.concatenate([*found, farthest.values]), float(farthest.distance.max())


class _Farthest:
    """Of each of equal stretches of all frames the one that is farthest off.

    distance : (S,) metres; rows : (S,) int; values : (S, 3 V).
    """

    def __init__(self, offsets: Offsets, stretches: int) -> None:
        self._frames = offsets.frames
        self.distance = np.full(stretches, -1.0)
        self.rows = np.full(stretches, -1)
        self.values = np.zeros((stretches, 3 * offsets.vertices), np.float32)

    def add(self, rows: slice, values: np.ndarray, distance: np.ndarray) -> None:
        """Look at some frames: values (n, 3 V), distance (n,)."""
        stretch = np.arange(rows.start, rows.stop) * len(self.distance) // self._frames
        for number in np.unique(stretch):
            inside = np.flatnonzero(stretch == number)
            row = inside[distance[inside].argmax()]
            if distance[row] > self.distance[number]:
                self.distance[number], self.rows[number] = distance[row], rows.start + row
                self.values[number] = values[row]
