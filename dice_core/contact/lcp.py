"""Pushes that never pull: the linear complementarity problem of contact, and the shortest way out of a deep contact."""

from __future__ import annotations

import numpy as np

__all__ = ["pushes", "shortest_way_out"]

SOFTENING = 0.02
"""Share added to the diagonal: rows that want nearly the same share a push, instead of one taking it all."""

PATIENCE = 4
"""Exchanges of all wrong rows without progress before they are exchanged one by one, which always ends."""

MAX_EXCHANGES = 200
"""A few hundred rows need 5 to 15; the bound only keeps a degenerate case finite."""

WAY_OUT_WEIGHT = 30.0
"""How much a row's remaining depth weighs against the length of the way: 1 / 31 of the depth is left by one row."""

WAY_OUT_STEPS = 30
"""Newton steps in three unknowns; 3 to 8 suffice."""


def pushes(compliance: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Smallest pushes x >= 0 with compliance x >= depth, where a push is zero unless its row just reaches its depth.

    compliance : (m, m) symmetric positive semi-definite; depth : (m,), negative for rows that do not touch yet.
    Returns (m,) float64. It depends continuously on both: with the softened diagonal the problem is strictly convex.
    Block principal pivoting, Judice and Pires 1994, doi:10.1016/0305-0548(94)90106-6.
    """
    matrix = compliance.astype(np.float64)
    diagonal = np.diagonal(matrix).copy()
    scale = 1 / np.sqrt(np.maximum(diagonal, 1e-12 * max(float(diagonal.max(initial=0)), 1e-300)))
    matrix *= scale[:, None] * scale
    matrix[np.diag_indices_from(matrix)] += SOFTENING
    wanted = depth * scale
    tolerance = 1e-9 * max(float(np.abs(wanted).max(initial=0)), 1e-300)
    pushing = wanted > 0
    x = np.zeros(len(depth))
    fewest, patience = len(depth) + 1, PATIENCE
    for _ in range(MAX_EXCHANGES):
        rows = np.flatnonzero(pushing)
        x[:] = 0
        x[rows] = np.linalg.solve(matrix[np.ix_(rows, rows)], wanted[rows])
        left = wanted - matrix[:, rows] @ x[rows]
        wrong = np.where(pushing, x < -tolerance, left > tolerance)
        number = int(wrong.sum())
        if number == 0:
            break
        if number < fewest:
            fewest, patience = number, PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            last = int(np.flatnonzero(wrong)[-1])
            wrong[:] = False
            wrong[last] = True
        pushing ^= wrong
    return np.maximum(x, 0) * scale


def shortest_way_out(directions: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """Shift that brings every row out by its excess, as short as possible; a compromise where rows oppose each other.

    directions : (m, 3) unit, the way out of each row; excess : (m,) metres, rows at or below zero ask for nothing
    but must not be made worse.
    Returns (3,) float64, metres: the minimum of |s|^2 / 2 + WAY_OUT_WEIGHT / 2 sum (excess - directions s)_+^2.
    """
    shift = np.zeros(3)
    if not len(excess) or excess.max() <= 0:
        return shift
    for _ in range(WAY_OUT_STEPS):
        left = excess - directions @ shift
        inside = left > 0
        d = directions[inside]
        gradient = shift - WAY_OUT_WEIGHT * (left[inside] @ d)
        step = np.linalg.solve(np.eye(3) + WAY_OUT_WEIGHT * d.T @ d, gradient)
        shift = shift - step
        if np.abs(step).max() < 1e-9:
            break
    return shift
