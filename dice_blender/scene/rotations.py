"""Quaternions for keyframes: unit, scalar first, and without jumps of sign from frame to frame."""

from __future__ import annotations

import numpy as np

__all__ = ["continuous_quaternions"]


def continuous_quaternions(axis_angle: np.ndarray) -> np.ndarray:
    """Quaternions (w, x, y, z) of rotations over time, each on the same side as the one before.

    axis_angle : (T, 3), radians.
    Returns (T, 4) float64.
    """
    vector = np.asarray(axis_angle, np.float64)
    angle = np.linalg.norm(vector, axis=1, keepdims=True)
    # sin(a/2)/a, with its limit where the rotation vanishes
    scale = 0.5 * np.sinc(angle / (2 * np.pi))
    quaternions = np.concatenate([np.cos(angle / 2), vector * scale], axis=1)
    flips = np.sign(np.einsum("ti,ti->t", quaternions[1:], quaternions[:-1]))
    quaternions[1:] *= np.cumprod(np.where(flips < 0, -1.0, 1.0))[:, None]
    return quaternions
