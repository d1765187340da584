"""How far hands can be relied on: what they are judged by, the regression, and what a take says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dice_core.cli import main
from dice_core.errors import MissingModelError
from dice_core.fitting import reliability
from dice_core.fitting.reliability import FEATURES, HandEvidence, Reliability, reliability_features
from dice_core.geometry.camera import Camera
from dice_core.sample import sample_clip
from dice_core.take import open_take
from dice_core.take.mesh_frames import NOT_JUDGED
from dice_core.take.reliability import UNSURE, hand_reliability
from tests.core.synthetic_bodies import sphere_mesh
from tests.core.take_files import frames, started, values

HEAD, HAND = sphere_mesh("head", 6, 8, 0.1), sphere_mesh("hand_right", 5, 6, 0.03)
CAMERA = Camera(600.0, 600.0, 319.5, 239.5, 640, 480)
ALL = np.ones(1, bool)


def evidence(**changes: object) -> HandEvidence:
    """One frame of a hand half a metre away, before a head at 60 cm, that touches and agrees with all that is known."""
    spread = np.random.default_rng(0).uniform(-0.05, 0.05, (1, 21, 3)) * [1, 1, 0.2]
    spread -= spread.mean(axis=1, keepdims=True)
    keypoints = spread + np.array([0.0, 0.05, 0.5])
    told = HandEvidence(
        rows=slice(0, 1),
        found=ALL,
        presence=np.array([0.9]),
        touching=ALL,
        touch_probability=np.array([0.9]),
        predicted_distance=np.array([0.5]),
        distance_deviation=np.array([0.03]),
        free_distance=np.array([0.5]),
        landmarks=CAMERA.project(keypoints),
        touches=ALL,
        keypoints=keypoints,
        head_place=np.array([[0.0, 0.0, 0.6]]),
        head_turn=np.array([1.0]),
        camera=CAMERA,
        fps=24.0,
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def feature(name: str, told: HandEvidence) -> float:
    return float(reliability_features(told, ALL)[0, FEATURES.index(name)])


def test_what_agrees_has_no_error() -> None:
    told = evidence()
    for name in ("beyond prediction", "beyond size", "size beyond prediction", "steadiness", "landmark error"):
        assert feature(name, told) == pytest.approx(0, abs=1e-9)
    assert feature("touch probability", told) == pytest.approx(np.log(9))
    assert feature("touch agrees", told) == pytest.approx(np.log(9))
    assert feature("touch agrees", evidence(touches=~ALL)) == pytest.approx(-np.log(9))
    assert feature("before the head", told) == pytest.approx(np.arcsinh(1.0)), "0.1 m, which is the unit"
    assert feature("deviation", told) == pytest.approx(np.log(0.03))


def test_what_disagrees_is_measured() -> None:
    assert feature("beyond prediction", evidence(predicted_distance=np.array([0.7]))) == pytest.approx(np.arcsinh(2.0))
    assert feature("beyond size", evidence(free_distance=np.array([0.4]))) == pytest.approx(np.arcsinh(1.0))
    told = evidence()
    moved = evidence(landmarks=told.landmarks + np.array([0.1 * np.ptp(told.landmarks[0], axis=0).max(), 0]))
    assert feature("landmark error", moved) == pytest.approx(np.arcsinh(1.0)), "a tenth of the hand's size"


def test_frames_around_count_and_missing_ones_do_not() -> None:
    """Five frames of 10 a second: those within 0.15 s are the neighbours, one of which was not found."""
    told = evidence()
    many = {name: np.repeat(getattr(told, name), 5, axis=0) for name in ("presence", "landmarks", "distance_deviation")}
    distance = np.array([9.0, 0.5, 0.5, 0.6, 9.0])
    clip = evidence(
        **many,
        rows=slice(2, 3),
        found=np.array([1, 0, 1, 1, 1], bool),
        touching=np.array([0, 0, 1, 0, 0], bool),
        touch_probability=np.array([0.5, 0.0, 0.9, 0.7, 0.5]),
        predicted_distance=distance,
        free_distance=distance,
        fps=10.0,
    )
    assert feature("touches in frames around", clip) == pytest.approx(0.5)
    assert feature("touch probability", clip) == pytest.approx(np.log(0.8 / 0.2))
    assert feature("steadiness", clip) == pytest.approx(np.arcsinh(0.5)), "a deviation of 5 cm"


def test_the_regression_is_what_its_weights_say() -> None:
    count = len(FEATURES)
    weight = np.zeros(count)
    weight[0] = 2.0
    regression = Reliability(np.ones(count), np.full(count, 0.5), weight, -1.0)
    inputs = np.ones((3, count))
    inputs[:, 0] = [1.0, 1.5, 1000.0]
    expected = [1 / (1 + np.e), 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(-7.0))]
    assert regression.predict(inputs) == pytest.approx(expected), "beyond four deviations a feature counts no more"


def test_disagreement_makes_the_packaged_one_less_sure() -> None:
    regression = Reliability.load()

    def told(**changes: object) -> float:
        return float(regression.predict(reliability_features(evidence(**changes), ALL))[0])

    best = told()
    assert best > 0.4
    assert told(predicted_distance=np.array([0.7])) < best
    assert told(free_distance=np.array([0.4])) < best
    assert told(distance_deviation=np.array([0.1])) < best
    assert told(landmarks=evidence().landmarks + np.array([15.0, 0])) < best


def test_an_installation_without_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reliability, "RELIABILITY_ASSET", tmp_path / "gone.npz")
    Reliability.load.cache_clear()
    try:
        with pytest.raises(MissingModelError, match="install DICE again"):
            Reliability.load()
    finally:
        Reliability.load.cache_clear()


def test_stretches_of_unsure_frames(tmp_path: Path) -> None:
    writer = started(tmp_path / "a.dicetake", fps=20.0, first_frame=0, frame_count=40)
    for mesh in (HEAD, HAND):
        writer.add_mesh(mesh)
    told = np.full(40, 0.6, np.float32)
    told[:3] = NOT_JUDGED
    told[3] = 0.96
    told[10:12] = told[15:17] = 0.1  # three frames between them: 0.15 s
    told[30] = UNSURE - 0.01
    arrays = frames(0, 40) | values(HEAD, 40, 0) | values(HAND, 40, 1)
    writer.write_chunk(arrays | {f"reliability_{HAND.name}": told})
    writer.finish(complete=True)
    hand = hand_reliability(open_take(writer.path), HAND.name)
    assert hand is not None
    assert hand.spans == ((10, 16), (30, 30))
    assert hand.unsure == pytest.approx(5 / 37)
    assert hand.sure == pytest.approx(1 / 37)
    assert hand.right == pytest.approx(told[3:].mean())


def test_a_take_that_judges_nothing_has_none(tmp_path: Path) -> None:
    writer = started(tmp_path / "a.dicetake", first_frame=0, frame_count=2)
    writer.add_mesh(HAND)
    arrays = frames(0, 2) | values(HAND, 2, 1)
    writer.write_chunk(arrays | {f"reliability_{HAND.name}": np.full(2, NOT_JUDGED, np.float32)})
    assert hand_reliability(open_take(writer.path), HAND.name) is None


def test_a_capture_judges_its_hand_where_it_stands_with_the_head(tmp_path: Path) -> None:
    path = tmp_path / "a.dicetake"
    assert main(["capture", str(sample_clip()), "--frames", "8:24", "-o", str(path)]) == 0
    take = open_take(path)
    told, there = take.array("reliability_hand_right"), take.array("tracked_hand_right") > 0
    assert ((told >= 0) == there).all()
    assert told.max() < 1
    touching = take.array("hand_right.contact").max(axis=1) > 0
    assert touching.any()
    assert told[touching].mean() > told[there & ~touching].mean(), "it comes from afar"
