"""Frames in which a head was not seen, filled from those before and after."""

from __future__ import annotations

import numpy as np

from dice_core.geometry.rotations import axis_angle, rotation_matrices

__all__ = ["filled", "filled_rotations"]


def filled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values (T, ...) with those of unknown frames interpolated in time, held at both ends."""
    if known.all():
        return values
    result = values.copy()
    index = np.flatnonzero(known)
    after = np.searchsorted(index, np.arange(len(values))).clip(0, len(index) - 1)
    before = (after - 1).clip(0)
    for k in np.flatnonzero(~known):
        one, other = index[before[k]], index[after[k]]
        share = 1.0 if other <= k or one >= other else (k - one) / (other - one)
        result[k] = values[one] * (1 - share) + values[other] * share
    return result


def filled_rotations(vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Axis-angle vectors (T, 3), those of unknown frames by turning evenly from the one before to the one after."""
    if known.all():
        return vectors
    turns = rotation_matrices(vectors)
    index = np.flatnonzero(known)
    result = vectors.copy()
    for k in np.flatnonzero(~known):
        place = int(np.searchsorted(index, k))
        one, other = index[max(place - 1, 0)], index[min(place, len(index) - 1)]
        share = 0.0 if one == other else (k - one) / (other - one)
        step = axis_angle(turns[other] @ turns[one].T)
        result[k] = axis_angle(rotation_matrices(share * step) @ turns[one])
    return result
