"""Smoothing that follows motion: as wide a window as noise alone explains, frame by frame, without lag.

Each frame is smoothed with windows of several widths (`temporal_filter`). From the narrowest on, a wider one replaces
the one before as far as their difference is no more than the noise that the narrower one leaves; where something moves
so fast that the wider window would cut it off, they differ by more, and the narrower one stays. This is the
intersection of confidence intervals (Goldenshluger and Nemirovski 1997; Katkovnik 1999, doi:10.1109/78.782208) with a
soft decision, so that the result is continuous in its input.
"""

from __future__ import annotations

import numpy as np

from dice_core.fitting.temporal_filter import SMOOTHING_SECONDS, smoothing_weights
from dice_core.geometry.rotations import axis_angle, rotation_matrices

__all__ = ["adaptive_smooth", "adaptive_smooth_rotation"]

# Tuned on ten public clips of people who touch their faces and on the rendered sample.
_EXPLAINED, _MOTION = 3.0, 5.0
"""Differences, in deviations of the noise, up to which noise explains them and from which on motion does."""

_LEAST_WINDOW_FRAMES = 0.45  # deviation of a window; a narrower one leaves a frame as it is
_LEAST_WINDOW_SECONDS = 0.012


def adaptive_smooth(
    values: np.ndarray,
    measured: np.ndarray,
    fps: float,
    noise: float | np.ndarray,
    widest: float = SMOOTHING_SECONDS,
) -> np.ndarray:
    """Values over time, smoothed where they are still and followed where they move.

    values : (T, G, D), G groups of D channels that move together, so that a group is decided on as a whole;
    measured : (T,) bool; noise : deviation of one channel's error from frame to frame, in the values' unit, or (T,) one
    a frame; widest : seconds, deviation of the widest window.
    Returns (T, G, D); rows that are not measured stay as they are. A row depends on `temporal_filter.reach` rows
    before and after.
    """
    windows = _windows(measured, fps, widest)
    flat = values.reshape(len(values), -1)
    offsets = [(weights @ flat - flat).reshape(values.shape) for weights in windows]
    return values + np.where(measured[:, None, None], _combined(offsets, windows, noise), 0.0)


def adaptive_smooth_rotation(
    rotation: np.ndarray, measured: np.ndarray, fps: float, noise: float, widest: float = SMOOTHING_SECONDS
) -> np.ndarray:
    """`adaptive_smooth` of rotation vectors (T, 3), in the tangent space of each frame's own; noise : radians."""
    windows = _windows(measured, fps, widest)
    matrices = rotation_matrices(rotation)
    turns = np.zeros((len(rotation), len(rotation), 3))
    for t in np.flatnonzero(measured):
        around = np.flatnonzero(windows[-1][t])
        turns[t, around] = axis_angle(matrices[t].T @ matrices[around])
    offsets = [np.einsum("ts,tsx->tx", weights, turns)[:, None] for weights in windows]
    turn = _combined(offsets, windows, noise)[measured, 0]
    result = np.array(rotation, np.float64)
    result[measured] = axis_angle(matrices[measured] @ rotation_matrices(turn))
    return result


def _windows(measured: np.ndarray, fps: float, widest: float) -> list[np.ndarray]:
    """Weights (T, T) of the windows, from a frame alone to the widest, each twice as wide as the one before."""
    windows: list[np.ndarray] = []
    seconds = widest
    while seconds * fps > _LEAST_WINDOW_FRAMES and seconds > _LEAST_WINDOW_SECONDS:
        windows.insert(0, smoothing_weights(measured, fps, seconds))
        seconds /= 2
    return [np.diag(measured.astype(np.float64)), *windows]


def _combined(offsets: list[np.ndarray], windows: list[np.ndarray], noise: float | np.ndarray) -> np.ndarray:
    """(T, G, D) what to add to the values: the offset of the widest window that noise explains.

    offsets : each window's smoothed values less the values, (T, G, D); windows : their weights (T, T).
    """
    left = [noise * np.sqrt(np.maximum((weights**2).sum(axis=1), 1e-12)) for weights in windows]
    result = offsets[0].copy()
    explained = np.ones(result.shape[:2])
    for k in range(1, len(offsets)):
        differences = [np.sqrt(((offsets[k] - offsets[j]) ** 2).mean(axis=2)) / left[j][:, None] for j in range(k)]
        explained *= 1 - _ramp(np.max(differences, axis=0))
        result += explained[..., None] * (offsets[k] - result)
    return result


def _ramp(deviations: np.ndarray) -> np.ndarray:
    """0 where noise explains a difference, 1 where motion does, with a continuous slope between."""
    t = np.clip((deviations - _EXPLAINED) / (_MOTION - _EXPLAINED), 0, 1)
    return t * t * (3 - 2 * t)
