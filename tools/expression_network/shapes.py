"""The shape of a resting head as the packaged head's modes describe it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dice_core.bodies import load_head

__all__ = ["landmark_modes", "mirrored", "shape_of"]

VERTEX_SIGMA = 0.0005
"""Metres by which a vertex of a resting head is off what the modes can do, one deviation. Set by hand."""


def shape_of(rest: np.ndarray) -> np.ndarray:
    """(S,) the packaged head's coefficients that explain the vertices (V, 3) of a resting head best.

    Linear regression with the population's deviations as its prior. All vertices count, not the landmarks alone: modes
    that explain a face of another make by a little turn ears outward by a centimetre.
    """
    moved = (rest - load_head().rest(np.zeros(len(_modes())))).ravel()
    return np.asarray(_inverse() @ (_modes() @ moved), np.float32)


def mirrored(rest: np.ndarray) -> np.ndarray:
    """(V, 3) the mirror image of a head (V, 3), vertex by vertex."""
    return np.asarray(rest[_mirror()] * [-1, 1, 1])


@lru_cache(maxsize=1)
def landmark_modes() -> np.ndarray:
    """(S, 1404) metres by which each of the packaged head's modes moves the landmarks."""
    head = load_head()
    return np.asarray(head.landmarks(head.shape_basis).reshape(len(head.shape_basis), -1), np.float64)


@lru_cache(maxsize=1)
def _modes() -> np.ndarray:
    """(S, 3 V)."""
    basis = load_head().shape_basis
    return basis.reshape(len(basis), -1).astype(np.float64)


@lru_cache(maxsize=1)
def _inverse() -> np.ndarray:
    """Of the normal equations' matrix (S, S)."""
    modes = _modes()
    return np.asarray(np.linalg.inv(modes @ modes.T + VERTEX_SIGMA**2 * np.eye(len(modes))))


@lru_cache(maxsize=1)
def _mirror() -> np.ndarray:
    """(V,) each vertex's counterpart on the other side: the packaged head is even, but for half a millimetre."""
    rest = load_head().mesh.rest_vertices.astype(np.float64)
    other = rest * [-1, 1, 1]
    squared = (rest**2).sum(axis=1) - 2 * other @ rest.T
    return np.asarray(squared.argmin(axis=1))
