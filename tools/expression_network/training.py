"""The network that `ExpressionPrior` evaluates: its inputs, its parts, and how its amplitude and doubt are set.

Numbers were set by hand, compared on heads that were not learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch

from dice_core.fitting.expression_prior import (
    DEVIATION_KNOTS,
    LANDMARKS,
    ExpressionPrior,
    aligned_landmarks,
    knot_shares,
    layer_slices,
    mirrored_reading,
)
from dice_core.fitting.mirrored_face import mirrored_expression
from expression_network.samples import Samples

__all__ = [
    "REDUCED",
    "Calibration",
    "Inputs",
    "Reading",
    "Reduction",
    "calibrate",
    "calibrate_together",
    "deviations",
    "export",
    "linear",
    "read_inputs",
]

REDUCED = {
    LANDMARKS: 128,
    **{"p_re_lu_19": 48, "p_re_lu_32": 24, "p_re_lu_45": 24, "p_re_lu_52": 24, "p_re_lu_65": 24, "p_re_lu_72": 24},
    **{"p_re_lu_17": 128, "p_re_lu_30": 64, "p_re_lu_43": 64, "p_re_lu_50": 64, "p_re_lu_63": 64, "p_re_lu_70": 64},
    **{"p_re_lu_14": 96, "p_re_lu_27": 96, "p_re_lu_40": 96, "p_re_lu_60": 96},
}
"""Numbers to which each input is reduced."""

EXPRESSIONS, TURN = 52, 3

FARTHEST = 6.0
"""Deviations at which an input is clipped."""

COMPONENT_FACES = 6000
"""Faces from which the principal components are taken."""

PENALTY = 6000.0
"""Of linear readings, for inputs of unit deviation."""

LARGEST_GAIN = 2.0
"""By which the variation of an expression is enlarged at most: what is hardly seen would be noise."""

FEW = 30
"""Predictions that count as much as all other expressions together, where the error is told."""

LEAST_ERROR = 0.02
"""Of the full action: errors below are as good as none where the deviations are set."""


@dataclass(frozen=True)
class Inputs:
    """What the network reads of n faces: values (n, .) by name."""

    values: dict[str, np.ndarray]

    def rows(self, chosen: np.ndarray | slice) -> dict[str, torch.Tensor]:
        """Float32 of some faces."""
        return {name: torch.from_numpy(np.asarray(values[chosen], np.float32)) for name, values in self.values.items()}

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))


def read_inputs(samples: Samples, names: Sequence[str]) -> Inputs:
    """The inputs of some names, LANDMARKS or layers."""
    slices = layer_slices()
    return Inputs(
        {
            name: aligned_landmarks(samples.landmarks) if name == LANDMARKS else samples.features[:, slices[name]]
            for name in names
        }
    )


class Reduction:
    """Principal components of every input, fixed: what the layers have in common, in few numbers."""

    def __init__(self, inputs: Inputs) -> None:
        self._names = tuple(inputs.values)
        self.weights = self._components(inputs)

    @staticmethod
    def _components(inputs: Inputs) -> dict[str, np.ndarray]:
        torch.manual_seed(3)
        few = np.sort(np.random.default_rng(5).choice(len(inputs), min(COMPONENT_FACES, len(inputs)), replace=False))
        weights: dict[str, np.ndarray] = {}
        for name, values in inputs.rows(few).items():
            mean, scale = values.mean(dim=0), values.std(dim=0)
            scale = scale + 0.05 * scale.mean() + 1e-6
            normal = ((values - mean) / scale).clamp(-FARTHEST, FARTHEST)
            _, spread, axes = torch.pca_lowrank(normal, REDUCED[name], center=False, niter=2)
            # Whitened in part: directions of little spread are not blown up to the size of the others.
            deviation = spread / len(few) ** 0.5
            reduce = axes / torch.sqrt(deviation**2 + 0.1 * deviation[0] ** 2)
            for part, value in (("mean", mean), ("scale", scale), ("reduce", reduce)):
                weights[f"{name}.{part}"] = value.numpy()
        return weights

    def with_weights(self, changed: dict[str, np.ndarray]) -> Reduction:
        """The same with other values of some of the weights."""
        other = copy(self)
        other.weights = self.weights | changed
        return other

    def columns(self, names: Sequence[str]) -> np.ndarray:
        """Where some inputs stand among the reduced ones."""
        belongs = np.repeat(self._names, [REDUCED[name] for name in self._names])
        return np.flatnonzero(np.isin(belongs, names))

    def __call__(self, inputs: Inputs) -> np.ndarray:
        """(n, width) float32: all inputs of n faces, each by its own matrix."""
        weights, chunks = self.weights, []
        for start in range(0, len(inputs), 512):
            parts = []
            for name, values in inputs.rows(slice(start, start + 512)).items():
                normal = (values.numpy() - weights[f"{name}.mean"]) / weights[f"{name}.scale"]
                parts.append(np.clip(normal, -FARTHEST, FARTHEST) @ weights[f"{name}.reduce"])
            chunks.append(np.concatenate(parts, axis=1))
        return np.concatenate(chunks)


@dataclass(frozen=True)
class Reading:
    """Expressions and turn from the reduced inputs: hidden (width, HIDDEN) and its bias, last (HIDDEN, 55), direct
    (width, 55), bias (55,). Angles in radians."""

    hidden: np.ndarray
    hidden_bias: np.ndarray
    last: np.ndarray
    direct: np.ndarray
    bias: np.ndarray

    def __call__(self, reduced: np.ndarray) -> np.ndarray:
        """(n, 55) for (n, width)."""
        lit = np.maximum(reduced @ self.hidden + self.hidden_bias, 0)
        return np.asarray(lit @ self.last + reduced @ self.direct + self.bias)


def linear(reduced: np.ndarray, target: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression of standardised inputs: matrix (width, t) and bias (t,) for the inputs as they are."""
    mean, scale = reduced.mean(axis=0), reduced.std(axis=0) + 1e-6
    normal = (reduced - mean) / scale
    middle = target.mean(axis=0)
    square = normal.T @ normal + penalty * np.eye(normal.shape[1], dtype=normal.dtype)
    matrix = np.linalg.solve(square, normal.T @ (target - middle)) / scale[:, None]
    return matrix, middle - mean @ matrix


@dataclass(frozen=True)
class Calibration:
    """What is done to a reading after it has been learned.

    Who is unsure predicts the middle of what is possible, so that predictions vary less than what they predict. gain,
    offset : (52,) of the expressions, so that they vary as much (the slope of prediction on truth is then Pearson's
    correlation). deviation : (knots, 52) of an expression where its prediction is one of `DEVIATION_KNOTS`, so that
    errors on faces that were not learned from are as large as they say; turn : radians, the same of the turn.
    """

    gain: np.ndarray
    offset: np.ndarray
    deviation: np.ndarray
    turn: float


def calibrate(read: np.ndarray, samples: Samples) -> Calibration:
    """From a reading (n, 55) of faces of other people than those that were learned from."""
    mean, truth = read[:, :EXPRESSIONS], samples.expression
    gain = np.clip(truth.std(axis=0) / np.maximum(mean.std(axis=0), 1e-3), 1.0, LARGEST_GAIN)
    offset = np.array([_offset(gain[k] * mean[:, k], truth[:, k]) for k in range(EXPRESSIONS)])
    turn = float(np.sqrt(((read[:, EXPRESSIONS:] - samples.turn) ** 2).mean()))
    return Calibration(gain, offset, deviations(np.clip(gain * mean + offset, 0, 1), truth), turn)


def deviations(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(knots, 52) root mean squares of the errors of predictions (n, 52) around each of `DEVIATION_KNOTS`.

    A knot that few predictions lie near has the mean of all expressions there added, as if from `FEW` more.
    """
    below, share = knot_shares(predicted)
    square = (predicted - truth) ** 2
    weight, total = np.zeros((2, len(DEVIATION_KNOTS), predicted.shape[1]))
    for knot in range(len(DEVIATION_KNOTS)):
        near = np.where(below == knot, 1 - share, np.where(below == knot - 1, share, 0.0))
        weight[knot], total[knot] = near.sum(axis=0), (near * square).sum(axis=0)
    usual = (total.sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9))[:, None]
    return np.asarray(np.sqrt(np.maximum((total + FEW * usual) / (weight + FEW), LEAST_ERROR**2)))


def _offset(values: np.ndarray, truth: np.ndarray) -> float:
    """What has to be added so that the mean is right once all has been clipped to 0 and 1, by bisection."""
    low, high = -1.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        too_much = np.clip(values + middle, 0, 1).mean() > truth.mean()
        low, high = (low, middle) if too_much else (middle, high)
    return (low + high) / 2


def calibrate_together(prior: ExpressionPrior, samples: Samples) -> dict[str, np.ndarray]:
    """Weights by name, for `ExpressionPrior.together`, from faces of other people that were read both ways.

    The mean of both readings is made to vary as much as one of them does.
    """
    first = np.flatnonzero(samples.head[1:] == samples.head[:-1])
    read = prior.read(samples.landmarks, samples.features)
    true = np.concatenate([samples.expression, samples.turn], axis=1)
    mean, middle = ((values[first] + mirrored_reading(values[first + 1])) / 2 for values in (read, true))
    turn = middle[:, EXPRESSIONS:]  # in windows that differ a little
    # Each face counts as its mirror image, too, so that left and right are calibrated alike.
    one, both, truth = (_both_sides(values[:, :EXPRESSIONS]) for values in (read[first], mean, middle))
    gain = np.maximum(one.std(axis=0) / np.maximum(both.std(axis=0), 1e-3), 1)
    offset = np.array([_offset(gain[k] * both[:, k], truth[:, k]) for k in range(EXPRESSIONS)])
    weights = {
        "gain": gain,
        "offset": offset,
        "expression": deviations(np.clip(gain * both + offset, 0, 1), truth),
        "turn": np.sqrt(((mean[:, EXPRESSIONS:] - turn) ** 2).mean()),
    }
    return {f"mirrored.{name}": np.asarray(values, np.float16) for name, values in weights.items()}


def _both_sides(expression: np.ndarray) -> np.ndarray:
    """(2 n, 52) n faces' expressions and those of their mirror images."""
    return np.concatenate([expression, mirrored_expression(expression)])


def export(reduction: Reduction, reading: Reading, calibration: Calibration) -> dict[str, np.ndarray]:
    """Weights by name, for `ExpressionPrior`, with the calibration in the last layer."""
    last, direct, bias = (np.array(part, np.float64) for part in (reading.last, reading.direct, reading.bias[None]))
    for part in (last, direct, bias):
        part[:, :EXPRESSIONS] *= calibration.gain
    bias[:, :EXPRESSIONS] += calibration.offset
    weights = {
        **reduction.weights,
        "hidden.weight": reading.hidden,
        "hidden.bias": reading.hidden_bias,
        "last.weight": last,
        "last.bias": bias[0],
        "direct.weight": direct,
        "deviation.expression": calibration.deviation,
        "deviation.turn": np.array(calibration.turn),
    }
    return {name: np.asarray(values, np.float16) for name, values in weights.items()}
