"""What each input of the network is worth, on heads of people that nothing was learned from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.fitting.expression_prior import LANDMARKS, ExpressionPrior
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from expression_network.learning import learn
from expression_network.samples import Samples
from expression_network.training import (
    EXPRESSIONS,
    PENALTY,
    Reduction,
    calibrate,
    calibrate_together,
    export,
    linear,
    read_inputs,
)

__all__ = ["ablate", "bake", "correlations", "scores"]

LAST = ("p_re_lu_19", "p_re_lu_32", "p_re_lu_45", "p_re_lu_52", "p_re_lu_65", "p_re_lu_72")
BEFORE = ("p_re_lu_17", "p_re_lu_30", "p_re_lu_43", "p_re_lu_50", "p_re_lu_63", "p_re_lu_70")
MAPS = ("p_re_lu_14", "p_re_lu_27", "p_re_lu_40", "p_re_lu_60")
ALL = (LANDMARKS, *LAST, *BEFORE, *MAPS)
"""Inputs of the network that ships."""

VARIANTS = {
    "landmarks": (LANDMARKS,),
    "landmarks, last layers": (LANDMARKS, *LAST),
    "landmarks, last layers, the ones before": (LANDMARKS, *LAST, *BEFORE),
    "landmarks, all layers, maps": ALL,
    "all layers, maps": (*LAST, *BEFORE, *MAPS),
    "maps": MAPS,
}
"""Inputs of the linear readings that are compared."""

REGIONS = {
    "brows": ("brow",),
    "lids": ("eyeBlink", "eyeSquint", "eyeWide"),
    "gaze": ("eyeLook",),
    "mouth, jaw": ("mouth", "jaw"),
    "cheeks, nose": ("cheek", "nose"),
}
"""Expressions by the beginnings of their names."""


def bake(learned: Samples, calibrating: Samples, device: str) -> dict[str, np.ndarray]:
    """Weights by name, for `ExpressionPrior`: learned from some heads, calibrated on other people's."""
    inputs = read_inputs(learned, ALL)
    reduction, reading = learn(Reduction(inputs), inputs, learned, device)
    weights = export(reduction, reading, calibrate(reading(reduction(read_inputs(calibrating, ALL))), calibrating))
    return weights | calibrate_together(ExpressionPrior(weights), calibrating)


def scores(expression: np.ndarray, turn: np.ndarray, truth: Samples) -> dict[str, float]:
    """Mean correlation by region and in all, gain (slope of prediction on truth), and the turn's median error, degrees.

    expression : (n, 52); turn : (n, 3) axis-angle in the window's axes.
    """
    centred, true = expression - expression.mean(axis=0), truth.expression - truth.expression.mean(axis=0)
    both, own = (centred * true).sum(axis=0), (true**2).sum(axis=0)
    varied = own > 0
    correlation = np.where(varied, correlations(expression, truth.expression), np.nan)
    result = {"correlation": float(np.nanmean(correlation))}
    result["gain"] = float((both[varied] / own[varied]).mean())
    for region, starts in REGIONS.items():
        chosen = [name.startswith(starts) for name in EXPRESSION_NAMES]
        result[region] = float(np.nanmean(correlation[chosen]))
    between = np.swapaxes(rotation_matrices(turn), 1, 2) @ rotation_matrices(truth.turn)
    result["turn"] = float(np.degrees(np.median(np.linalg.norm(axis_angle(between), axis=1))))
    return result


def correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(k,) Pearson's, of the columns of (n, k); 0 where one of the two does not vary."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    spread = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    return np.asarray((one * other).sum(axis=0) / np.maximum(spread, 1e-9))


def ablate(learned: Samples, held: Samples, device: str, report: Callable[[str], None]) -> None:
    """Print a table: linear readings of parts of the inputs, on heads that were not learned from, then the network."""
    inputs, others = read_inputs(learned, ALL), read_inputs(held, ALL)
    reduction = Reduction(inputs)
    known, new = reduction(inputs), reduction(others)
    target = np.concatenate([learned.expression, learned.turn], axis=1)
    report(f"| inputs | {' | '.join(('correlation', 'gain', *REGIONS, 'turn'))} |")
    for title, names in VARIANTS.items():
        columns = reduction.columns(names)
        matrix, bias = linear(known[:, columns], target, PENALTY)
        report(_line(title, new[:, columns] @ matrix + bias, held))
    reduction, reading = learn(reduction, inputs, learned, device, lambda _: None)
    read = reading(reduction(others))
    report(_line("the same all, the network", read, held))
    half = len(held.head) // 2
    measured, calibrating = held.rows(slice(half)), held.rows(slice(half, None))
    calibration = calibrate(read[half:], calibrating)
    read[:, :EXPRESSIONS] = read[:, :EXPRESSIONS] * calibration.gain + calibration.offset
    report(_line("the same, amplitude set (half of the heads)", read[:half], measured))


def _line(title: str, read: np.ndarray, truth: Samples) -> str:
    row = scores(np.clip(read[:, :EXPRESSIONS], 0, 1), read[:, EXPRESSIONS:], truth)
    columns = [f"{row[name]:.2f}" for name in ("correlation", "gain", *REGIONS)]
    return f"| {title} | {' | '.join(columns)} | {row['turn']:.1f} |"
