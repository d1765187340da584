"""The network that `ExpressionPrior` evaluates: how it learns, and how its amplitude and doubt are set.

Numbers were set by hand, compared on heads that were not learned from and on the stills of `benchmark_accuracy.py make
--seed 11`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from dice_core.fitting.expression_prior import LANDMARKS, aligned_landmarks, layer_slices
from expression_network.samples import Samples

__all__ = [
    "REDUCED",
    "Calibration",
    "Inputs",
    "Reading",
    "Reduction",
    "calibrate",
    "export",
    "learn",
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

HIDDEN = 768

DROPPED, NOISE = 0.3, 0.4
"""Share of the hidden units that are left out, and deviation of what is added to the reduced inputs, of their own.
Without, the network learns how rendered skin looks: heads of other people then do worse after the sixth epoch."""

BATCH, EPOCHS, DECAY = 512, (20, 10), 0.03
"""Faces of a step; epochs with the matrices that reduce the inputs as they are (principal components), and with these
learning too, which is worth more than any width; AdamW's decay."""

LEAST_STEPS = 16
"""Of an epoch, of smaller batches where there are few faces."""

RATE, FINE_RATE, REDUCE_RATE = 2e-3, 5e-4, 1e-4
"""Largest learning rates: while the matrices stay, after that, and theirs."""

TURN_UNIT, TURN_WEIGHT, LEAST_SPREAD = 0.1, 0.5, 0.02
"""Radians in which the loss has the turn, its weight against the expressions', and what is added to the deviation of an
expression among the faces, its unit."""

EXPRESSIONS, TURN = 52, 3
OUTPUTS = 2 * EXPRESSIONS + TURN + 1

FARTHEST = 6.0
"""Deviations at which an input is clipped."""

COMPONENT_FACES = 6000
"""Faces from which the principal components are taken."""

PENALTY = 6000.0
"""Of linear readings, for inputs of unit deviation."""

LARGEST_GAIN = 2.0
"""By which the variation of an expression is enlarged at most: what is hardly seen would be noise."""

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


class Network(nn.Module):
    """A hidden layer between the reduced inputs (n, width) and expressions and turn (n, 55), and a way around it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, HIDDEN)
        self.last = nn.Linear(HIDDEN, EXPRESSIONS + TURN)
        self.direct = nn.Linear(width, EXPRESSIONS + TURN, bias=False)
        nn.init.zeros_(self.direct.weight)
        self.drop = nn.Dropout(DROPPED)

    def forward(self, reduced: torch.Tensor) -> torch.Tensor:
        lit = self.drop(torch.relu(self.hidden(reduced)))
        return torch.as_tensor(self.last(lit) + self.direct(reduced))

    def reading(self) -> Reading:
        """What has been learned, for numpy."""
        hidden, bias, last, direct, end = (
            part.detach().float().cpu().numpy()
            for part in (self.hidden.weight, self.hidden.bias, self.last.weight, self.direct.weight, self.last.bias)
        )
        return Reading(hidden.T, bias, last.T, direct.T, end)


class _Lesson:
    """Faces to learn from, on a device, and the loss of what is read of them."""

    def __init__(self, inputs: Inputs, samples: Samples, reduction: Reduction, device: str) -> None:
        self.values = {name: torch.from_numpy(np.asarray(value)).to(device) for name, value in inputs.values.items()}
        self.expression = torch.from_numpy(samples.expression).to(device)
        self.turn = torch.from_numpy(samples.turn).to(device)
        self.unit = self.expression.std(dim=0) + LEAST_SPREAD
        self.weights = {name: torch.from_numpy(value).to(device) for name, value in reduction.weights.items()}
        reduced = torch.cat([self.reduced(rows) for rows in torch.arange(len(inputs), device=device).split(4096)])
        self.fixed, self.spread = reduced, reduced.std(dim=0)

    def reduced(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, width) of some faces, by the matrices as they are now."""
        weights, parts = self.weights, []
        for name, values in self.values.items():
            normal = (values[rows].float() - weights[f"{name}.mean"]) / weights[f"{name}.scale"]
            parts.append(normal.clamp(-FARTHEST, FARTHEST) @ weights[f"{name}.reduce"])
        return torch.cat(parts, dim=1)

    def loss(self, network: Network, rows: torch.Tensor, learns_to_reduce: bool) -> torch.Tensor:
        reduced = self.reduced(rows) if learns_to_reduce else self.fixed[rows]
        read = network(reduced + NOISE * self.spread * torch.randn_like(reduced))
        wrong = (read[:, :EXPRESSIONS] - self.expression[rows]) / self.unit
        turned = (read[:, EXPRESSIONS:] - self.turn[rows]) / TURN_UNIT
        return (wrong**2).mean() + TURN_WEIGHT * (turned**2).mean()


def learn(
    reduction: Reduction, inputs: Inputs, samples: Samples, device: str = "cpu", report: Callable[[str], None] = print
) -> tuple[Reduction, Reading]:
    """From n faces: how their inputs are reduced, starting from `reduction`, and read."""
    torch.manual_seed(3)
    lesson = _Lesson(inputs, samples, reduction, device)
    network = Network(lesson.fixed.shape[1]).to(device).train()
    matrices = [f"{name}.reduce" for name in inputs.values]
    for count, learns_to_reduce in zip(EPOCHS, (False, True), strict=True):
        groups, rates = [{"params": list(network.parameters())}], [FINE_RATE if learns_to_reduce else RATE]
        if learns_to_reduce:
            lesson.weights |= {name: nn.Parameter(lesson.weights[name].clone()) for name in matrices}
            groups, rates = [*groups, {"params": [lesson.weights[name] for name in matrices]}], [*rates, REDUCE_RATE]
        batch = min(BATCH, max(1, len(inputs) // LEAST_STEPS))
        steps = len(inputs) // batch
        optimiser = torch.optim.AdamW(groups, lr=rates[0], weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=count * steps + 1, pct_start=0.15)
        for epoch in range(count):
            total = 0.0
            for rows in torch.randperm(len(inputs), device=device).split(batch)[:steps]:
                loss = lesson.loss(network, rows, learns_to_reduce)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                total += float(loss.detach())
            report(f"epoch {epoch + 1} of {count}: {total / steps:.3f}")
    learned = {name: lesson.weights[name].detach().float().cpu().numpy() for name in matrices}
    return reduction.with_weights(learned), network.reading()


@dataclass(frozen=True)
class Calibration:
    """What is done to a reading after it has been learned.

    Who is unsure predicts the middle of what is possible, so that predictions vary less than what they predict. gain,
    offset : (52,) of the expressions, so that they vary as much (the slope of prediction on truth is then Pearson's
    correlation). The logarithm of an expression's deviation is base + slope x its prediction, (52,) each, so that
    errors on faces that were not learned from are as large as they say; turn : radians, the same of the turn.
    """

    gain: np.ndarray
    offset: np.ndarray
    base: np.ndarray
    slope: np.ndarray
    turn: float


def calibrate(read: np.ndarray, samples: Samples) -> Calibration:
    """From a reading (n, 55) of faces of other people than those that were learned from."""
    mean, truth = read[:, :EXPRESSIONS], samples.expression
    gain = np.clip(truth.std(axis=0) / np.maximum(mean.std(axis=0), 1e-3), 1.0, LARGEST_GAIN)
    offset = np.array([_offset(gain[k] * mean[:, k], truth[:, k]) for k in range(EXPRESSIONS)])
    corrected = gain * mean + offset
    error = np.clip(corrected, 0, 1) - truth
    size = np.log(np.maximum(np.abs(error), LEAST_ERROR))
    centred = corrected - corrected.mean(axis=0)
    slope = np.maximum((centred * size).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1e-6), 0)
    told = np.exp(slope * corrected)
    base = np.log(np.maximum(np.sqrt(((error / told) ** 2).mean(axis=0)), LEAST_ERROR))
    turn = float(np.sqrt(((read[:, EXPRESSIONS:] - samples.turn) ** 2).mean()))
    return Calibration(gain, offset, base, slope, turn)


def _offset(values: np.ndarray, truth: np.ndarray) -> float:
    """What has to be added so that the mean is right once all has been clipped to 0 and 1, by bisection."""
    low, high = -1.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        too_much = np.clip(values + middle, 0, 1).mean() > truth.mean()
        low, high = (low, middle) if too_much else (middle, high)
    return (low + high) / 2


def export(reduction: Reduction, reading: Reading, calibration: Calibration) -> dict[str, np.ndarray]:
    """Weights by name, for `ExpressionPrior`, with the calibration in the last layer."""
    gain, slope = calibration.gain, calibration.slope
    means = [np.array(part, np.float64) for part in (reading.last, reading.direct, reading.bias[None])]
    for part in means:
        part[:, :EXPRESSIONS] *= gain
    means[2][:, :EXPRESSIONS] += calibration.offset
    last, direct, bias = (
        np.concatenate([part[:, :EXPRESSIONS], part[:, :EXPRESSIONS] * slope, part[:, EXPRESSIONS:], rest], axis=1)
        for part, rest in ((part, np.zeros((len(part), 1))) for part in means)
    )
    bias[0, EXPRESSIONS : 2 * EXPRESSIONS] += calibration.base
    bias[0, -1] = np.log(calibration.turn)
    weights = {
        **reduction.weights,
        "hidden.weight": reading.hidden,
        "hidden.bias": reading.hidden_bias,
        "last.weight": last,
        "last.bias": bias[0],
        "direct.weight": direct,
    }
    return {name: np.asarray(values, np.float16) for name, values in weights.items()}
