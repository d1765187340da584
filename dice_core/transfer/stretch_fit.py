"""Corrections of all frames of a stretch together: what each frame asks for, and no more acceleration than that takes.

Levenberg-Marquardt. Frames are coupled by second differences alone, so that the normal equations are block tridiagonal
in pairs of frames and are eliminated from one end to the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dice_core.fitting.levenberg_marquardt import Quadratic, retract

__all__ = ["minimise_stretch"]

FIRST_DAMPING, DAMPING_FACTOR, MOST_DAMPING = 1e-3, 6.0, 1e4
"""Of the diagonal; customary values of the method."""

TOLERANCE = 1e-3
"""Relative decrease of the cost at which it stops."""

LARGEST_STEP = 0.3
"""Radians and metres of an entry in one step."""


def minimise_stretch(
    evaluate: Callable[[int, np.ndarray], Quadratic],
    values: np.ndarray,
    free: np.ndarray,
    joined: np.ndarray,
    limit: np.ndarray,
    stiffness: np.ndarray,
    iterations: int,
) -> np.ndarray:
    """Minimise the sum of what frames cost and of squared second differences over time.

    evaluate : the terms of frame k at a correction (n,); values : (T, n) to start from; free : (T,) bool, frames that
    may change; joined : (T,) bool, frames k whose second difference with k - 1 and k + 1 counts; limit : (n,) largest
    size of each entry; stiffness : (n,) weight of a second difference. Returns (T, n).
    """
    rows = np.flatnonzero(free).tolist()
    if not rows:
        return values
    middle = np.flatnonzero(joined)
    square, coupling = stiffness**2, _coupling(middle, rows, len(joined))

    def cost_of(terms: list[Quadratic], at: np.ndarray) -> float:
        return sum(one.cost for one in terms) + float(((_second_differences(at, middle) * stiffness) ** 2).sum())

    terms = [evaluate(k, values[k]) for k in rows]
    least, damping = cost_of(terms, values), FIRST_DAMPING
    for _ in range(iterations):
        pull = square * _pull(values, middle)[rows]
        gradient = np.array([one.gradient for one in terms]) + pull
        blocked = (values[rows] <= -limit) & (gradient > 0) | (values[rows] >= limit) & (gradient < 0)
        while True:
            step = -_solved([one.matrix for one in terms], coupling, square, gradient, blocked, damping)
            step = np.clip(step, -LARGEST_STEP, LARGEST_STEP)
            trial = values.copy()
            for k, move in zip(rows, step, strict=True):
                trial[k] = np.clip(retract(values[k], move), -limit, limit)
            found = [evaluate(k, trial[k]) for k in rows]
            cost = cost_of(found, trial)
            if cost < least:
                break
            damping *= DAMPING_FACTOR
            if damping > MOST_DAMPING:
                return values
        decrease = (least - cost) / least
        values, terms, least = trial, found, cost
        damping /= DAMPING_FACTOR
        if decrease < TOLERANCE:
            break
    return values


def _second_differences(values: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """(m, n) of values (T, n) about frames (m,)."""
    return np.asarray(values[middle - 1] - 2 * values[middle] + values[middle + 1])


def _pull(values: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """(T, n) half the derivative of the sum of squared second differences about frames (m,)."""
    second = _second_differences(values, middle)
    pull = np.zeros_like(values)
    pull[middle - 1] += second
    pull[middle] -= 2 * second
    pull[middle + 1] += second
    return pull


def _coupling(middle: np.ndarray, rows: list[int], count: int) -> Callable[[int, int], float]:
    """Half the second derivative of that sum by the k-th and the m-th of `rows`; count : frames in all.

    Frames more than two apart do not know each other: what is kept grows with the frames, not with their square.
    """
    bands = np.zeros((3, count))  # of a frame and itself, the next one, and the one after that
    for offset, weight in ((-1, 1), (0, 4), (1, 1)):
        bands[0, middle + offset] += weight
    bands[1, middle - 1] -= 2
    bands[1, middle] -= 2
    bands[2, middle - 1] += 1

    def between(k: int, m: int) -> float:
        apart = abs(rows[k] - rows[m])
        return float(bands[apart, min(rows[k], rows[m])]) if apart < len(bands) else 0.0

    return between


def _solved(
    matrices: list[np.ndarray],
    coupling: Callable[[int, int], float],
    square: np.ndarray,
    gradient: np.ndarray,
    blocked: np.ndarray,
    damping: float,
) -> np.ndarray:
    """(F, n) solution of (blocks + coupling x diag(square) + damping) x = gradient, 0 where blocked."""
    count, size = gradient.shape
    starts = list(range(0, count, 2))

    def block(a: int, b: int) -> np.ndarray:
        first, second = range(a, min(a + 2, count)), range(b, min(b + 2, count))
        whole = np.zeros((len(first) * size, len(second) * size))
        for i, k in enumerate(first):
            for j, m in enumerate(second):
                part = np.diag(coupling(k, m) * square)
                if k == m:
                    part = part + matrices[k]
                    part[np.diag_indices(size)] *= 1 + damping
                    part[np.diag_indices(size)] += 1e-9
                part[blocked[k]] = 0
                part[:, blocked[m]] = 0
                if k == m:
                    part[blocked[k], blocked[k]] = 1
                whole[i * size : (i + 1) * size, j * size : (j + 1) * size] = part
        return whole

    right = np.where(blocked, 0, gradient)
    diagonals: list[np.ndarray] = []
    belows: list[np.ndarray] = []
    sides = [right[a : a + 2].ravel() for a in starts]
    for number, a in enumerate(starts):
        diagonal = block(a, a)
        if number:
            below = block(a, starts[number - 1])
            carried = np.linalg.solve(diagonals[-1], below.T).T
            diagonal = diagonal - carried @ below.T
            sides[number] = sides[number] - carried @ sides[number - 1]
            belows.append(below)
        diagonals.append(diagonal)
    x = [np.zeros(0)] * len(starts)
    for number in range(len(starts) - 1, -1, -1):
        side = sides[number]
        if number + 1 < len(starts):
            side = side - belows[number].T @ x[number + 1]
        x[number] = np.linalg.solve(diagonals[number], side)
    return np.concatenate(x).reshape(count, size)
