"""The shape of a resting face as the packaged head's modes describe it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dice_core.bodies import load_head

__all__ = ["landmark_modes", "shape_of"]

LANDMARK_SIGMA = 0.001
"""Metres by which a landmark of a resting face is off what the packaged head's modes can do, one deviation. Set by
hand."""


def shape_of(landmarks: np.ndarray) -> np.ndarray:
    """(S,) the packaged head's coefficients that explain the landmarks (468, 3) of a resting face best.

    Linear regression with the population's deviations as its prior: modes that landmarks do not show stay at none.
    """
    moved = (landmarks - _mean_landmarks()).ravel()
    return np.asarray(_inverse() @ (landmark_modes() @ moved), np.float32)


@lru_cache(maxsize=1)
def landmark_modes() -> np.ndarray:
    """(S, 1404) metres by which each of the packaged head's modes moves the landmarks."""
    head = load_head()
    return np.asarray(head.landmarks(head.shape_basis).reshape(len(head.shape_basis), -1), np.float64)


@lru_cache(maxsize=1)
def _mean_landmarks() -> np.ndarray:
    head = load_head()
    return head.landmarks(head.rest(np.zeros(len(head.shape_basis))))


@lru_cache(maxsize=1)
def _inverse() -> np.ndarray:
    """Of the normal equations' matrix (S, S)."""
    modes = landmark_modes()
    return np.asarray(np.linalg.inv(modes @ modes.T + LANDMARK_SIGMA**2 * np.eye(len(modes))))
