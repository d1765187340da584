"""A logistic regression with a ridge, and how well what it says agrees with what is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dice_core.fitting.reliability import FEATURES, Reliability
from reliability.judged import JudgedHands

__all__ = ["calibration", "fit", "named_weights"]

_RIDGE = 10.0
"""Cost of a squared weight, of features with a deviation of 1: chosen by what is left out of eight parts in turn, where
3 to 30 are alike."""
_STEPS = 30
_LEAST_DEVIATION = 1e-3
_BOUNDS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


def fit(hands: JudgedHands) -> dict[str, np.ndarray]:
    """The regression's arrays as the asset holds them, by iteratively reweighted least squares."""
    mean = np.average(hands.features, axis=0, weights=hands.weight)
    variance = np.average((hands.features - mean) ** 2, axis=0, weights=hands.weight)
    deviation = np.maximum(np.sqrt(variance), _LEAST_DEVIATION)
    solution = np.zeros(len(FEATURES) + 1)
    inputs = np.column_stack([(hands.features - mean) / deviation, np.ones(len(hands.right))])
    ridge = np.diag([_RIDGE] * len(FEATURES) + [0.0])
    for _ in range(_STEPS):
        told = 1 / (1 + np.exp(-(inputs @ solution)))
        gradient = inputs.T @ (hands.weight * (told - hands.right)) + ridge @ solution
        curvature = (inputs * (hands.weight * told * (1 - told))[:, None]).T @ inputs + ridge
        solution -= np.linalg.solve(curvature, gradient)
    names = {"mean": mean, "deviation": deviation, "weight": solution[:-1], "bias": solution[-1]}
    return {name: np.asarray(value, np.float32) for name, value in names.items()}


def named_weights(arrays: dict[str, np.ndarray]) -> list[tuple[str, float]]:
    """What each feature counts, the largest first."""
    pairs = [(name, float(weight)) for name, weight in zip(FEATURES, arrays["weight"], strict=True)]
    return sorted(pairs, key=lambda pair: -abs(pair[1]))


def calibration(regression: Reliability, hands: JudgedHands) -> list[str]:
    """Lines of a table: hands by what the regression says of them, and what share of them is right."""
    told = regression.predict(hands.features)
    lines = ["| said | hands | mean of what is said | right |", "| --- | --- | --- | --- |"]
    for low, high in pairwise(_BOUNDS):
        inside = (told >= low) & (told < high)
        if inside.any():
            said, right = (np.average(values[inside], weights=hands.weight[inside]) for values in (told, hands.right))
            lines.append(f"| {low:.2f} to {high:.2f} | {inside.sum()} | {said:.2f} | {right:.2f} |")
    share = np.average(hands.right, weights=hands.weight)
    brier, constant = (np.average((x - hands.right) ** 2, weights=hands.weight) for x in (told, share))
    return [*lines, f"Brier score {brier:.3f}, of the share of right hands alone {constant:.3f}"]
