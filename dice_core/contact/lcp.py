"""Contact forces that push and never pull (a linear complementarity problem), and the translation out of a contact."""

from __future__ import annotations

import numpy as np

__all__ = ["minimum_translation", "solve_lcp"]

SOFTENING = 0.02
"""Share added to the diagonal (the compliance of the contacts themselves), so that rows which ask for nearly the same
share a force instead of one carrying it all. Set by hand."""

PATIENCE = 4
"""Exchanges of all wrong rows without progress before they are exchanged one by one, which always ends."""

MAX_EXCHANGES = 200
"""A few hundred rows need 5 to 15; the limit only keeps a degenerate case finite."""

DEPTH_WEIGHT = 30.0
"""Weight of a row's remaining depth against the length of the translation: a single row keeps 1 / 31 of its depth. Set
by hand."""

NEWTON_STEPS = 30
"""Limit on Newton's steps in three unknowns; 3 to 8 suffice."""

CONVERGED = 1e-9
"""Metres: a step shorter than this ends Newton's iteration."""


def solve_lcp(compliance: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Forces x >= 0 with compliance x >= depth, where a force is zero unless its row just reaches its depth.

    compliance : (m, m) symmetric positive semi-definite, metres a unit of force; depth : (m,) metres, **positive
    inside**, negative for rows that do not touch yet.
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


def minimum_translation(directions: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """The shortest translation that moves every row out by its excess; a compromise where rows oppose each other.

    directions : (m, 3) unit, the way out of each row; excess : (m,) metres of depth to be removed; a row at or below
    zero asks for nothing, but the translation must not push it in.
    Returns (3,) float64, metres: the minimum of |s|^2 / 2 + DEPTH_WEIGHT / 2 sum (excess - directions s)_+^2.
    """
    shift = np.zeros(3)
    if not len(excess) or excess.max() <= 0:
        return shift
    for _ in range(NEWTON_STEPS):
        left = excess - directions @ shift
        inside = left > 0
        d = directions[inside]
        gradient = shift - DEPTH_WEIGHT * (left[inside] @ d)
        step = np.linalg.solve(np.eye(3) + DEPTH_WEIGHT * d.T @ d, gradient)
        shift = shift - step
        if np.abs(step).max() < CONVERGED:
            break
    return shift
