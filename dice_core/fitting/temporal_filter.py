"""Smoothing and gap filling over time without lag: the window of a frame reaches as far ahead as back.

Locally weighted quadratic regression (Cleveland 1979, doi:10.1080/01621459.1979.10481038) over a window centred on the
frame; a parabola keeps the height of a fast movement's turning points, which a plain average would cut off. All widths
are in seconds, so that a movement is smoothed alike at every frame rate.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from dice_core.geometry.rotations import axis_angle, rotation_matrices

__all__ = [
    "BLINK_SECONDS",
    "EXPRESSION_SECONDS",
    "REACH_SECONDS",
    "SMOOTHING_SECONDS",
    "fill_gaps",
    "interpolate",
    "interpolate_rotation",
    "longest_gap",
    "reach",
    "runs",
    "smooth",
    "smooth_rotation",
    "smoothing_weights",
]

# Set by hand on the rendered sample, which has 24 frames a second.
SMOOTHING_SECONDS = 0.135
"""Deviation of the window's Gaussian for poses."""

EXPRESSION_SECONDS = 4 / 24
"""The same for expressions, whose jitter shows more than the pose's: four of the sample's frames."""

BLINK_SECONDS = 1 / 24
"""The same for blinks, which last a tenth of a second or two: one of the sample's frames."""

REACH_SECONDS = 8 / 24
"""How far a window reaches before and after its frame: two deviations of the widest Gaussian."""

_LONGEST_GAP_SECONDS = 0.27  # set by hand: a longer gap is absence, not a missed detection
_RIDGE = 1e-3  # keeps the parabola flat where the window holds few frames
_LEAST_SIGMA_FRAMES = 0.1  # a frame that is smoothed by less keeps its value, to within rounding


def reach(fps: float) -> int:
    """Frames before and after a frame on which its smoothed value may depend, and the longest gap that may be filled.

    fps : frames a second; what fills gaps and then smooths depends on twice as many frames. Returns at least 1.
    """
    return max(1, round(REACH_SECONDS * fps))


def smoothing_weights(measured: np.ndarray, fps: float, seconds: float = SMOOTHING_SECONDS) -> np.ndarray:
    """The weights of all frames in the smoothed value of each.

    measured : (T,) bool; fps : frames a second; seconds : deviation of the window's Gaussian, at any frame rate.
    Returns (T, T) float with rows that sum to one; rows of absent frames are zero.
    """
    count, frames = len(measured), reach(fps)
    sigma = max(seconds * fps, _LEAST_SIGMA_FRAMES)
    weights = np.zeros((count, count))
    for t in (int(row) for row in np.flatnonzero(measured)):
        low, high = max(0, t - frames), min(count, t + frames + 1)
        window = np.arange(low, high)[_connected(measured, t, low, high)]
        weights[t, window] = _window_weights(t - int(window[0]), int(window[-1]) - t, sigma)
    return weights


@lru_cache(maxsize=1024)
def _window_weights(before: int, after: int, sigma: float) -> np.ndarray:
    """Weights (before + 1 + after,) of the frames of an unbroken window; sigma : frames."""
    offset = np.arange(-before, after + 1) / sigma
    gauss = np.exp(-0.5 * offset**2)
    basis = np.stack([np.ones_like(offset), offset, offset**2], axis=1)
    normal = (basis * gauss[:, None]).T @ basis + np.diag([0.0, _RIDGE, _RIDGE])
    share = np.linalg.solve(normal, (basis * gauss[:, None]).T)[0]
    share /= share.sum()
    share.setflags(write=False)
    return share


def smooth(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Apply `smoothing_weights` to values (T, ...) of any shape."""
    flat = values.reshape(len(values), -1)
    return (weights @ flat).reshape(values.shape)


def runs(values: np.ndarray) -> list[tuple[int, int]]:
    """First frame of each run of true values (T,) bool, and the frame after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def smooth_rotation(rotation: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Apply `smoothing_weights` to rotation vectors (T, 3), in the tangent space of each frame's own rotation."""
    matrices = rotation_matrices(rotation)
    result = np.array(rotation, np.float64)
    for t in np.flatnonzero(weights.any(axis=1)):
        window = np.flatnonzero(weights[t])
        relative = axis_angle(matrices[t].T @ matrices[window])
        result[t] = axis_angle(matrices[t] @ rotation_matrices(weights[t, window] @ relative))
    return result


def longest_gap(fps: float) -> int:
    """Frames of the longest gap that is interpolated; fps : frames a second. Never more than `reach`."""
    return round(_LONGEST_GAP_SECONDS * fps)


def fill_gaps(measured: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Absent frames between measured ones that are few enough to interpolate.

    measured : (T,) bool; longest : frames of the longest gap to fill.
    Returns the frames to fill (n,), and for each the measured frame before and after it (n,), (n,).
    """
    present = np.flatnonzero(measured)
    fill, before, after = [], [], []
    for a, b in pairwise(present):
        if 1 < b - a <= longest + 1:
            gap = np.arange(a + 1, b)
            fill.append(gap)
            before.append(np.full(len(gap), a))
            after.append(np.full(len(gap), b))
    if not fill:
        none = np.zeros(0, np.int64)
        return none, none, none
    return np.concatenate(fill), np.concatenate(before), np.concatenate(after)


def interpolate(values: np.ndarray, fill: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
    """Linear interpolation in place; values : (T, ...), the rest from `fill_gaps`."""
    share = ((fill - before) / np.maximum(after - before, 1)).reshape(-1, *([1] * (values.ndim - 1)))
    values[fill] = (1 - share) * values[before] + share * values[after]


def interpolate_rotation(rotation: np.ndarray, fill: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
    """Interpolation along the shortest turn in place; rotation : (T, 3) rotation vectors."""
    start, end = rotation_matrices(rotation[before]), rotation_matrices(rotation[after])
    turn = axis_angle(np.swapaxes(start, -1, -2) @ end)
    share = ((fill - before) / np.maximum(after - before, 1))[:, None]
    rotation[fill] = axis_angle(start @ rotation_matrices(share * turn))


def _connected(measured: np.ndarray, t: int, low: int, high: int) -> np.ndarray:
    """(high - low,) bool: frames of the window low..high-1 that belong to the same unbroken run as frame t."""
    start, stop = t, t
    while start > low and measured[start - 1]:
        start -= 1
    while stop + 1 < high and measured[stop + 1]:
        stop += 1
    frames = np.arange(low, high)
    return (frames >= start) & (frames <= stop)
