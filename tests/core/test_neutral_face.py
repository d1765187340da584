"""Expressions measured from the frame in which a person's face rests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.capture import capture
from dice_core.engines.settings import CaptureSettings
from dice_core.fitting.expression_prior import FacePrediction
from dice_core.fitting.neutral_face import MEAN_REST, measured_from, rest_of
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip
from dice_core.take import open_take

COUNT = len(EXPRESSION_NAMES)
FROWN, GAZE = EXPRESSION_NAMES.index("browDownLeft"), EXPRESSION_NAMES.index("eyeLookUpLeft")


def told(expression: np.ndarray) -> FacePrediction:
    return FacePrediction(expression, np.full(COUNT, 0.1), np.zeros(3), 0.1, np.zeros(4))


def test_the_resting_face_is_none_and_the_full_action_stays_full() -> None:
    rng = np.random.default_rng(0)
    expression = rng.uniform(0, 0.6, COUNT)
    expression[GAZE] = 0.5
    rest = rest_of(told(expression))
    measured = measured_from(told(expression), rest).expression
    assert np.delete(measured, [k for k, name in enumerate(EXPRESSION_NAMES) if name.startswith("eyeLook")]).max() == 0
    assert measured[GAZE] == 0.5, "a gaze has no rest"
    assert measured_from(told(np.ones(COUNT)), rest).expression == pytest.approx(np.ones(COUNT))


def test_below_the_resting_face_there_is_nothing() -> None:
    rest = np.zeros(COUNT)
    rest[FROWN] = 0.4
    for read, expected in ((0.0, 0.0), (0.3, 0.0), (0.7, 0.5), (1.0, 1.0)):
        expression = np.full(COUNT, read)
        assert measured_from(told(expression), rest).expression[FROWN] == pytest.approx(expected)


def test_of_a_person_without_a_resting_face_brows_alone_are_measured_anew() -> None:
    prediction = told(np.random.default_rng(1).uniform(0, 1, COUNT))
    brows = np.array([name.startswith("browDown") for name in EXPRESSION_NAMES])
    measured = measured_from(prediction, MEAN_REST).expression
    assert measured[~brows].tobytes() == prediction.expression[~brows].tobytes()
    assert (measured[brows] < prediction.expression[brows]).all()


def test_even_a_grimace_leaves_room_to_act() -> None:
    rest = rest_of(told(np.ones(COUNT)))
    assert measured_from(told(np.ones(COUNT)), rest).expression == pytest.approx(np.ones(COUNT))
    assert measured_from(told(np.full(COUNT, 0.85)), rest).expression[FROWN] == pytest.approx(0.5)


def test_a_capture_measures_expressions_from_the_resting_face(tmp_path: Path) -> None:
    """Measured from a frame of the bundled clip in which she smiles, she does not smile there."""
    frames, smiling = (10, 16), 12
    smile = {}
    for chosen in (None, smiling):
        path = tmp_path / f"{chosen}.dicetake"
        capture(open_footage(str(sample_clip()), frames), path, CaptureSettings(neutral=chosen))
        take = open_take(path)
        assert take.info["engine"]["settings"]["neutral"] == chosen
        smile[chosen] = take.array("head.expression")[:, EXPRESSION_NAMES.index("mouthSmileLeft")].mean()
    assert smile[None] > 0.3
    assert smile[smiling] < 0.5 * smile[None]
