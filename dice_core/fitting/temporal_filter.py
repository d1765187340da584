"""Smoothing and gap filling over time that does not lag: every frame sees as far ahead as back.

Locally weighted quadratic regression (Cleveland 1979) over a window centred on the frame; a parabola keeps the height
of a fast movement's turning points, where a plain average would cut them off.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from dice_core.geometry.rotations import axis_angle, rotation_matrices

__all__ = [
    "REACH",
    "SMOOTHING_SECONDS",
    "fill_gaps",
    "interpolate",
    "interpolate_rotation",
    "longest_gap",
    "smooth",
    "smooth_rotation",
    "smoothing_weights",
]

REACH = 8  # frames that a result may depend on, before and after
SMOOTHING_SECONDS = 0.135  # deviation of the Gaussian window for what a body does
_MIN_SIGMA_FRAMES = 1.0
_MAX_SIGMA_FRAMES = 4.0
_LONGEST_GAP_SECONDS = 0.27  # longer ones are absence, not a missed detection
_RIDGE = 1e-3  # keeps the parabola flat where few frames are there to hold it


def smoothing_weights(measured: np.ndarray, fps: float, seconds: float = SMOOTHING_SECONDS) -> np.ndarray:
    """The share that every frame has in the smoothed value of every other.

    measured : (T,) bool; seconds : deviation of the window's Gaussian.
    Returns (T, T) float with rows that sum to one, rows of absent frames zero.
    """
    count = len(measured)
    sigma = float(np.clip(seconds * fps, _MIN_SIGMA_FRAMES, _MAX_SIGMA_FRAMES))
    weights = np.zeros((count, count))
    for t in (int(row) for row in np.flatnonzero(measured)):
        low, high = max(0, t - REACH), min(count, t + REACH + 1)
        window = np.arange(low, high)[_connected(measured, t, low, high)]
        weights[t, window] = _window_weights(t - int(window[0]), int(window[-1]) - t, sigma)
    return weights


@lru_cache(maxsize=1024)
def _window_weights(before: int, after: int, sigma: float) -> np.ndarray:
    """The shares (before + 1 + after,) of an unbroken window of frames in the value of the frame within."""
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
    """Frames of the longest gap that is interpolated at a frame rate."""
    return int(min(REACH, round(_LONGEST_GAP_SECONDS * fps)))


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
    """Which frames of the window low..high belong to the same unbroken stretch as frame t, as a mask over it."""
    start, stop = t, t
    while start > low and measured[start - 1]:
        start -= 1
    while stop + 1 < high and measured[stop + 1]:
        stop += 1
    frames = np.arange(low, high)
    return (frames >= start) & (frames <= stop)
