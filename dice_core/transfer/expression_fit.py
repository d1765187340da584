"""The 52 expressions by which our head moves as a captured surface does, where its own keys mean something else."""

from __future__ import annotations

import numpy as np

__all__ = ["fit_expressions"]

RIDGE = 1e-3
"""Of an expression's squared motion: what its full weight costs. Keeps apart expressions that move nearly alike, and
makes weights a thousandth too small."""

CONVERGED = 1e-4
"""Of a full expression: a round that changes no weight by more ends the fit."""

MOST_ROUNDS = 500


def fit_expressions(
    displacement: np.ndarray, basis: np.ndarray, weights: np.ndarray, possible: np.ndarray
) -> np.ndarray:
    """Weights from 0 to 1 of the expressions that explain how a surface moves, by bounded least squares.

    displacement : (T, n, 3) of n points from rest; basis : (E, n, 3) full expressions; weights : (n,) of the points;
    possible : (E,) bool, the others stay 0. Coordinate descent, all frames at once. Returns (T, E) float64.
    """
    root = np.sqrt(weights / weights.sum())[:, None]
    columns = (basis * root).reshape(len(basis), -1)
    wanted = (displacement * root).reshape(len(displacement), -1) @ columns.T
    matrix = columns @ columns.T
    diagonal = np.diagonal(matrix).copy()
    matrix[np.diag_indices_from(matrix)] *= 1 + RIDGE
    found = np.zeros_like(wanted)
    moving = np.flatnonzero(possible & (diagonal > 0))
    for _ in range(MOST_ROUNDS):
        largest = 0.0
        for k in moving:
            step = (wanted[:, k] - found @ matrix[k]) / matrix[k, k]
            new = np.clip(found[:, k] + step, 0, 1)
            largest = max(largest, float(np.abs(new - found[:, k]).max(initial=0)))
            found[:, k] = new
        if largest < CONVERGED:
            break
    return found
