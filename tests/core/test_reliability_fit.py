"""The fit of how far hands can be relied on: known weights are found again, and its table says what is."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from reliability.judged import JudgedHands
from reliability.regression import calibration, fit, named_weights

from dice_core.fitting.reliability import FEATURES, Reliability

COUNT = 40_000


def simulated() -> tuple[JudgedHands, np.ndarray]:
    """Hands of which the first two features decide, and the probability that each is right."""
    random = np.random.default_rng(3)
    features = random.normal(2.0, 3.0, (COUNT, len(FEATURES)))
    probability = 1 / (1 + np.exp(-(0.9 * (features[:, 0] - 2) / 3 - 0.5 * (features[:, 1] - 2) / 3 - 0.4)))
    return JudgedHands(features, random.uniform(size=COUNT) < probability, np.ones(COUNT)), probability


def test_known_weights_are_found_again() -> None:
    hands, probability = simulated()
    arrays = fit(hands)
    assert named_weights(arrays)[0] == (FEATURES[0], pytest.approx(0.9, abs=0.05))
    assert named_weights(arrays)[1] == (FEATURES[1], pytest.approx(-0.5, abs=0.05))
    regression = Reliability(arrays["mean"], arrays["deviation"], arrays["weight"], float(arrays["bias"]))
    assert np.abs(regression.predict(hands.features) - probability).max() < 0.05


def test_the_table_is_of_what_is_said() -> None:
    count = len(FEATURES)
    weight = np.zeros(count)
    weight[0] = 1.0
    regression = Reliability(np.zeros(count), np.ones(count), weight, 0.0)
    features = np.zeros((10, count))
    features[:4, 0], features[4:, 0] = -1.0, 1.0  # 0.27 and 0.73 are said of them
    right = np.array([1, 0, 0, 0, 1, 1, 1, 1, 0, 0], bool)
    lines = calibration(regression, JudgedHands(features, right, np.ones(10)))
    assert "| 0.25 to 0.50 | 4 | 0.27 | 0.25 |" in lines
    assert "| 0.50 to 0.75 | 6 | 0.73 | 0.67 |" in lines
    assert len(lines) == 5
