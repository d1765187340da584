"""The reading of a person's shape that `HeadShapePrior` evaluates: how it learns, and how well it does.

Numbers were set by hand, compared on people of whom nothing was learned.
"""

from __future__ import annotations

import numpy as np

from dice_core.fitting.expression_prior import ExpressionPrior
from dice_core.fitting.shape_prior import HeadShapePrior
from expression_network.samples import Samples
from expression_network.shapes import landmark_modes
from expression_network.training import linear

__all__ = ["learn_shape", "share_missed"]

PENALTY = 6000.0
"""For inputs of unit deviation."""


def learn_shape(learned: Samples, others: Samples) -> dict[str, np.ndarray]:
    """Weights by name, for `HeadShapePrior`: learned from some people, the covariance of its error from others.

    It reads what the packaged expression network reduces its inputs to.
    """
    matrix, bias = linear(_reduced(learned), learned.shape.astype(np.float64), PENALTY)
    errors = _reduced(others) @ matrix + bias - others.shape
    covariance = errors.T @ errors / len(errors)
    return {
        "weight": matrix.astype(np.float16),
        "bias": bias.astype(np.float32),
        "covariance": covariance.astype(np.float32),
    }


def share_missed(weights: dict[str, np.ndarray], learned: Samples, others: Samples) -> float:
    """Mean distance of the landmarks of resting faces from the true ones, by that of the mean of those learned from."""
    read = HeadShapePrior(weights).evaluate(_reduced(others))
    found, mean = (_distance(shape - others.shape) for shape in (read, learned.shape.mean(axis=0)))
    return found / mean


def _reduced(samples: Samples) -> np.ndarray:
    """(n, width) of n faces."""
    prior, count = ExpressionPrior.load(), len(samples.head)
    rows = (samples.rows(slice(start, start + 512)) for start in range(0, count, 512))
    return np.concatenate([prior.reduced(few.landmarks, few.features) for few in rows])


def _distance(shapes: np.ndarray) -> float:
    """Mean distance that shapes (n, S) move the landmarks, metres."""
    moved = (shapes @ landmark_modes()).reshape(len(shapes), -1, 3)
    return float(np.linalg.norm(moved, axis=2).mean())
