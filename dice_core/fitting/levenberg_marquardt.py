"""Bounded, damped Gauss-Newton on small dense problems whose first three unknowns are a rotation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Quadratic", "cross_matrices", "minimise", "retract", "robust_cost", "robust_root"]

_FIRST_DAMPING = 1e-3  # of the matrix's diagonal
_LEAST_DAMPING = 1e-7
_TINY_TURN = 1e-12  # radians
_DAMPING_FACTOR = 6.0  # after a step that failed, and its inverse after one that succeeded
_REJECTIONS = 6  # steps tried with growing damping before a point is accepted as the minimum
# All of these are customary values of the method, set by hand.


@dataclass
class Quadratic:
    """A sum of squares near a point: cost, its gradient (n,) and its Gauss-Newton matrix (n, n).

    Residuals are added term by term, so that a problem reads as a list of its terms.
    """

    cost: float
    gradient: np.ndarray
    matrix: np.ndarray

    @classmethod
    def zero(cls, unknowns: int) -> Quadratic:
        """Nothing added yet."""
        return cls(0.0, np.zeros(unknowns), np.zeros((unknowns, unknowns)))

    def add(self, residual: np.ndarray, jacobian: np.ndarray) -> None:
        """Add |residual|^2; residual : (m,), jacobian : (m, n)."""
        self.add_gauss_newton(float(residual @ residual), residual, jacobian)

    def add_robust(self, residual: np.ndarray, jacobian: np.ndarray, scale: float) -> None:
        """Add the pseudo-Huber loss of vectors, which grows linearly past `scale`.

        residual : (m, k) one vector a row, jacobian : (m, k, n).
        """
        root = robust_root(residual, scale)
        weight = 1 / np.sqrt(root)[:, None]
        rows = jacobian * weight[:, :, None]
        values = (residual * weight).ravel()
        self.add_gauss_newton(float(2 * scale**2 * (root - 1).sum()), values, rows.reshape(-1, rows.shape[-1]))

    def add_gauss_newton(self, cost: float, values: np.ndarray, rows: np.ndarray) -> None:
        """Add a cost with the gradient rows' values and the Gauss-Newton matrix rows' rows.

        values : (m,), rows : (m, n).
        """
        self.cost += cost
        self.gradient += rows.T @ values
        self.matrix += rows.T @ rows

    def add_diagonal(self, start: int, residual: np.ndarray, weight: np.ndarray | float) -> None:
        """Add |weight * residual|^2 of the unknowns from `start` on, where residual is unknown minus target."""
        stop, size = start + len(residual), len(self.gradient)
        square = weight * weight
        force = square * residual
        self.cost += float(force @ residual)
        self.gradient[start:stop] += force
        self.matrix.reshape(-1)[start * (size + 1) : stop * (size + 1) : size + 1] += square

    def add_precision(self, start: int, residual: np.ndarray, precision: np.ndarray) -> None:
        """Add residual' precision residual of the unknowns from `start` on."""
        stop = start + len(residual)
        force = precision @ residual
        self.cost += float(residual @ force)
        self.gradient[start:stop] += force
        self.matrix[start:stop, start:stop] += precision


def robust_root(residual: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    """(m,) of residual (m, k): near 1 for vectors shorter than `scale`, about length / scale for longer ones.

    scale : of all vectors, or (m,) of each.
    """
    return np.sqrt(1 + np.einsum("mk,mk->m", residual, residual) / scale**2)


def robust_cost(residual: np.ndarray, scale: np.ndarray | float) -> float:
    """The cost that `Quadratic.add_robust` adds; residual : (m, k), scale : of all or (m,) of each."""
    return float((2 * scale**2 * (robust_root(residual, scale) - 1)).sum())


def cross_matrices(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) to (..., 3, 3) with cross_matrices(a) @ b = a x b."""
    crosses = np.zeros((*vectors.shape, 3), vectors.dtype)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        crosses[..., j, i] = vectors[..., k]
        crosses[..., i, j] = -vectors[..., k]
    return crosses


def retract(x: np.ndarray, step: np.ndarray) -> np.ndarray:
    """x after a step: the first three unknowns are a rotation vector, which the step turns from the left."""
    moved = x + step
    moved[:3] = _turned(x[:3].tolist(), step[:3].tolist())
    return moved


def _turned(vector: list[float], turn: list[float]) -> tuple[float, float, float]:
    """The rotation vector of `vector` followed by `turn`: the product of their quaternions, angle at most pi."""
    w, x, y, z = _quaternion(*vector)
    tw, tx, ty, tz = _quaternion(*turn)
    real = tw * w - tx * x - ty * y - tz * z
    a = tw * x + tx * w + ty * z - tz * y
    b = tw * y + ty * w + tz * x - tx * z
    c = tw * z + tz * w + tx * y - ty * x
    sine = math.sqrt(a * a + b * b + c * c)
    factor = 2 * math.atan2(math.copysign(sine, real), abs(real)) / sine if sine > _TINY_TURN else 2.0
    return factor * a, factor * b, factor * c


def _quaternion(x: float, y: float, z: float) -> tuple[float, float, float, float]:
    angle = math.sqrt(x * x + y * y + z * z)
    share = math.sin(angle / 2) / angle if angle > _TINY_TURN else 0.5
    return math.cos(angle / 2), share * x, share * y, share * z


def minimise(
    evaluate: Callable[[np.ndarray], Quadratic],
    start: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    iterations: int,
    tolerance: float = 1e-3,
    largest_step: np.ndarray | float = np.inf,
    cost: Callable[[np.ndarray], float] | None = None,
) -> tuple[np.ndarray, float]:
    """Levenberg-Marquardt with bounds kept by projection and an active set.

    evaluate : cost, gradient and matrix at a point; derivatives of the rotation are taken for a small turn
    from the left. start, lower, upper : (n,). tolerance : relative decrease of the cost at which it stops.
    largest_step : bound on each entry of a step. cost : the cost of a point alone, where that is much cheaper.
    Returns the best point (n,) and its cost.
    """
    x = np.concatenate([start[:3], np.clip(start[3:], lower[3:], upper[3:])])
    damping = _FIRST_DAMPING
    first = evaluate(x)
    terms: Quadratic | None = first
    least = first.cost
    for _ in range(iterations):
        if terms is None:
            terms = evaluate(x)
        at_bound = ((x <= lower) & (terms.gradient > 0)) | ((x >= upper) & (terms.gradient < 0))
        free = np.flatnonzero(~at_bound)
        matrix = terms.matrix[np.ix_(free, free)]
        diagonal = np.diag(matrix) + 1e-12
        trial: Quadratic | None = None
        for _ in range(_REJECTIONS):
            step = np.zeros_like(x)
            step[free] = -np.linalg.solve(matrix + np.diag(damping * diagonal), terms.gradient[free])
            step = np.clip(step, -largest_step, largest_step)
            candidate = retract(x, step)
            candidate[3:] = np.clip(candidate[3:], lower[3:], upper[3:])
            if cost is None:
                trial = evaluate(candidate)
                reached = trial.cost
            else:
                reached = cost(candidate)
            if reached < least:
                break
            damping *= _DAMPING_FACTOR
        else:
            return x, least
        decrease = (least - reached) / least
        x, least, terms = candidate, reached, trial
        damping = max(damping / _DAMPING_FACTOR, _LEAST_DAMPING)
        if decrease < tolerance:
            break
    return x, least
