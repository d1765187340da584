"""The learned prediction of expressions and head turn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import dice_core
from dice_core.bodies import load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.errors import MissingModelError
from dice_core.fitting import expression_prior
from dice_core.fitting.expression_prior import (
    DEVIATION_KNOTS,
    EXPRESSION_ASSET,
    LANDMARKS,
    ExpressionPrior,
    FacePrediction,
    aligned_landmarks,
    window_rotation,
)
from dice_core.geometry.camera import Camera
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.landmarks import LandmarkTracker
from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.networks import FACE_FEATURES
from dice_core.landmarks.region import Region
from dice_core.media.opening import open_footage
from dice_core.take import open_take

SAMPLE = Path(dice_core.__file__).parent / "sample"
CAMERA = Camera.from_fov(640, 480, 40.0)
MOST_BYTES = 12_000_000


@cache
def sample_faces() -> tuple[tuple[FaceDetection, np.ndarray, np.ndarray], ...]:
    """Some frames of the bundled clip: the face as it is tracked, its true expression and rotation."""
    truth = open_take(SAMPLE / "sample_truth.dicetake")
    expressions, rotations = truth.array("head.expression"), truth.array("head.rotation")[:, 0]
    tracker, found = LandmarkTracker(), []
    for row, image in open_footage(SAMPLE / "sample.mp4").frames():
        if row % 6 == 0:
            face = tracker.detect(image).face
            assert face is not None
            found.append((face, expressions[row], rotations[row].astype(float)))
    return tuple(found)


def degrees(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.linalg.norm(axis_angle(one.T @ other))))


def test_a_windows_axes_are_those_of_a_camera_that_looks_at_it() -> None:
    middle = np.array([CAMERA.cx, CAMERA.cy, 90.0, 0.0])
    assert window_rotation(CAMERA, middle) == pytest.approx(np.eye(3))
    aside = window_rotation(CAMERA, np.array([500.0, 100.0, 90.0, 0.3]))
    assert aside.T @ aside == pytest.approx(np.eye(3))
    assert np.linalg.det(aside) == pytest.approx(1)
    ray = CAMERA.rays(np.array([500.0, 100.0]))
    assert aside[:, 2] == pytest.approx(ray / np.linalg.norm(ray))
    # The window's x axis, in the picture.
    along = CAMERA.project(ray + 1e-4 * aside[:, 0]) - CAMERA.project(ray)
    assert np.arctan2(along[1], along[0]) == pytest.approx(0.3, abs=0.05)


def test_aligned_points_are_alike_wherever_the_face_is() -> None:
    head = load_head()
    points = head.mesh.rest_vertices
    face = np.concatenate([head.landmarks(points), head.irises(points)]).astype(float)
    cosine, sine = np.cos(0.4), np.sin(0.4)
    moved = 7.0 * face
    moved[:, :2] = moved[:, :2] @ np.array([[cosine, sine], [-sine, cosine]])
    both = aligned_landmarks(np.stack([face, moved + np.array([3.0, -2.0, 5.0])]))
    assert both[1] == pytest.approx(both[0], abs=1e-5)
    assert both[0].reshape(478, 3)[263, 1] == pytest.approx(both[0].reshape(478, 3)[33, 1], abs=1e-5)


def tiny(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights of a network that reads the points and one layer."""
    weights: dict[str, np.ndarray] = {}
    for name, count in ((LANDMARKS, 1434), ("p_re_lu_32", 128)):
        weights[f"{name}.mean"] = rng.normal(0, 0.1, count)
        weights[f"{name}.scale"] = rng.uniform(0.5, 2, count)
        weights[f"{name}.reduce"] = rng.normal(0, 0.1, (count, 4))
    for name, shape in (("hidden", (8, 6)), ("last", (6, 55))):
        weights[f"{name}.weight"], weights[f"{name}.bias"] = rng.normal(0, 0.3, shape), rng.normal(0, 0.3, shape[1])
    weights["deviation.expression"] = rng.uniform(0.05, 0.5, (len(DEVIATION_KNOTS), 52))
    weights["deviation.turn"] = np.array(0.04)
    return {**weights, "direct.weight": rng.normal(0, 0.3, (8, 55))}


def test_the_network_computes_what_its_weights_say() -> None:
    rng = np.random.default_rng(0)
    weights = tiny(rng)
    landmarks = rng.uniform(0, 1, (2, 478, 3))
    features = rng.normal(0, 3, (2, sum(FACE_FEATURES.values())))
    found = ExpressionPrior(weights).evaluate(landmarks, features)
    for row in range(2):
        inputs = {LANDMARKS: aligned_landmarks(landmarks[row : row + 1])[0], "p_re_lu_32": features[row, 288:416]}
        reduced: list[float] = []
        for name, values in inputs.items():
            normal = [
                min(max((v - m) / s, -6.0), 6.0)
                for v, m, s in zip(values, weights[f"{name}.mean"], weights[f"{name}.scale"], strict=True)
            ]
            reduced += [float(np.dot(normal, column)) for column in weights[f"{name}.reduce"].T]
        hidden = [
            max(0.0, float(np.dot(reduced, column)) + bias)
            for column, bias in zip(weights["hidden.weight"].T, weights["hidden.bias"], strict=True)
        ]
        out = np.dot(hidden, weights["last.weight"]) + np.dot(reduced, weights["direct.weight"]) + weights["last.bias"]
        assert found[row, :52] == pytest.approx(np.minimum(np.maximum(out[:52], 0), 1), abs=1e-4)
        variances = weights["deviation.expression"] ** 2
        told = [np.interp(found[row, k], DEVIATION_KNOTS, variances[:, k]) for k in range(52)]
        assert found[row, 52:104] == pytest.approx(np.sqrt(told), rel=1e-3)
        assert found[row, 104:107] == pytest.approx(out[52:], abs=1e-4)
        assert found[row, 107] == pytest.approx(0.04)


def test_points_that_come_from_elsewhere_tell_nothing() -> None:
    region = Region(100.0, 100.0, 180.0)
    assert ExpressionPrior.load().predict(FaceDetection(np.zeros((478, 3), np.float32), 1.0, region)) is None


def test_the_bundled_clips_faces_are_read() -> None:
    """Rendered by another renderer than the heads that the network learned from, with other skin and light."""
    prior, camera = ExpressionPrior.load(), open_take(SAMPLE / "sample_truth.dicetake").camera
    predictions, turns, truth = [], [], []
    for face, expression, rotation in sample_faces():
        told = prior.predict(face)
        assert isinstance(told, FacePrediction)
        predictions.append(told.expression)
        truth.append(expression)
        turns.append(
            degrees(
                window_rotation(camera, told.window) @ rotation_matrices(told.rotation), rotation_matrices(rotation)
            )
        )
        assert ((told.expression >= 0) & (told.expression <= 1)).all()
        assert ((told.expression_sigma > 0) & (told.expression_sigma < 0.6)).all(), "however strong an expression is"
    assert np.median(turns) < 6.0
    found, true = np.array(predictions), np.array(truth)
    for name in varied(true):
        index = EXPRESSION_NAMES.index(name)
        assert np.corrcoef(found[:, index], true[:, index])[0, 1] > 0.5, name


def varied(true: np.ndarray) -> Iterator[str]:
    """Expressions that the clip surely shows."""
    for name in ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthSmileLeft", "mouthSmileRight"):
        if true[:, EXPRESSION_NAMES.index(name)].std() > 0.1:
            yield name


def test_the_asset_is_the_one_of_the_notice_and_small() -> None:
    content = EXPRESSION_ASSET.read_bytes()
    assert hashlib.sha256(content).hexdigest() in EXPRESSION_ASSET.with_name("LICENSES.md").read_text(encoding="utf-8")
    with np.load(EXPRESSION_ASSET, allow_pickle=False) as archive:
        assert sum(archive[name].nbytes for name in archive.files) < MOST_BYTES
        assert all(np.isfinite(archive[name]).all() for name in archive.files)


def test_a_missing_asset_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(expression_prior, "EXPRESSION_ASSET", tmp_path / "face_expression.npz")
    ExpressionPrior.load.cache_clear()
    try:
        with pytest.raises(MissingModelError, match=r"face_expression\.npz is missing"):
            ExpressionPrior.load()
    finally:
        ExpressionPrior.load.cache_clear()
