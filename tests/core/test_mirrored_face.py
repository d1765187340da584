"""Faces that are read both ways, as they are and as their mirror images."""

from __future__ import annotations

from contextlib import closing
from functools import cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import dice_core
from dice_core.bodies import load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.engines.open import tracking
from dice_core.fitting.expression_prior import (
    DEVIATION_KNOTS,
    EXPRESSION_ASSET,
    ExpressionPrior,
    FacePrediction,
    mirrored_reading,
)
from dice_core.fitting.mirrored_face import LANDMARK_MIRROR, mirrored_expression, read_mirrored_too
from dice_core.fitting.packaged_weights import packaged_weights
from dice_core.landmarks import LandmarkTracker
from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.face import FaceLandmarker
from dice_core.landmarks.region import Region
from dice_core.media.opening import open_footage

SAMPLE = Path(dice_core.__file__).parent / "sample" / "sample.mp4"


@cache
def sample_face() -> tuple[np.ndarray, FaceDetection]:
    """A frame of the bundled clip and its face, read one way."""
    image = open_footage(SAMPLE).read(30)
    face = LandmarkTracker().detect(image).face
    assert face is not None
    return image, face


def test_what_is_right_becomes_left_and_what_looks_inward_stays_so() -> None:
    weights = np.zeros(52)
    for name, value in (("eyeLookInLeft", 0.3), ("mouthRight", 0.7), ("jawOpen", 0.2)):
        weights[EXPRESSION_NAMES.index(name)] = value
    other = dict(zip(EXPRESSION_NAMES, mirrored_expression(weights), strict=True))
    assert {name: value for name, value in other.items() if value} == {
        "eyeLookInRight": 0.3,
        "mouthLeft": 0.7,
        "jawOpen": 0.2,
    }


def test_landmarks_change_places_with_their_counterparts() -> None:
    head, order = load_head(), LANDMARK_MIRROR
    assert order[order].tolist() == list(range(478))
    assert order[:468].tolist() == head.landmark_mirror.tolist()
    points = head.mesh.rest_vertices
    face = np.concatenate([head.landmarks(points), head.irises(points)])
    assert np.linalg.norm(face[order] * [-1, 1, 1] - face, axis=1).max() < 2e-3, "metres: an even face"


def test_a_face_and_its_mirror_image_are_read_as_mirror_images() -> None:
    """One reading alone does not do so: the network knows left from right."""
    image, face = sample_face()
    region, width = face.region, image.shape[1]
    read = FaceLandmarker()
    # The crop's own pixels, mirrored: a window in between has its own rounding.
    assert face.picture is not None
    window = Region(width - 1 - region.x, region.y, region.size, -region.angle)
    mirror = read.picture(np.ascontiguousarray(face.picture[:, ::-1]), window)
    alone = back(mirror.points, width) - face.points
    both, other = read_mirrored_too(face, read), read_mirrored_too(mirror, read)
    apart = back(other.points, width) - both.points
    pixel = region.size / 192  # of what the network looks at
    assert np.abs(apart[:, :2] - apart[:, :2].mean(axis=0)).max() < 1e-3 * pixel
    assert np.abs(apart).max() < 1.1 * pixel, "windows count from the corner of a pixel"
    assert np.linalg.norm(alone[:, :2] - alone[:, :2].mean(axis=0), axis=1).max() > pixel

    prior = ExpressionPrior.load()
    told, twin = told_of(prior, both), told_of(prior, other)
    assert mirrored_expression(twin.expression) == pytest.approx(told.expression, abs=2e-3)
    assert mirrored_expression(twin.expression_sigma) == pytest.approx(told.expression_sigma, abs=0.02)
    assert twin.rotation * [1, -1, -1] == pytest.approx(told.rotation, abs=2e-3)
    single = told_of(prior, face), told_of(prior, mirror)
    assert np.abs(mirrored_expression(single[1].expression) - single[0].expression).max() > 0.02


def back(points: np.ndarray, width: int) -> np.ndarray:
    """Landmarks of a mirrored picture in the picture."""
    result = points[LANDMARK_MIRROR].astype(float)
    result[:, 0] = width - 1 - result[:, 0]
    return result


def told_of(prior: ExpressionPrior, face: FaceDetection) -> FacePrediction:
    told = prior.predict(face)
    assert told is not None
    return told


def test_the_points_are_the_mean_of_both_readings() -> None:
    _, face = sample_face()
    assert face.picture is not None
    both = read_mirrored_too(face, FaceLandmarker())
    twin = FaceLandmarker().picture(np.ascontiguousarray(face.picture[:, ::-1]), Region(96, 96, 192))
    expected = twin.points[LANDMARK_MIRROR] * [-1, 1, 1] + [191, 0, 0]
    found = face.region.to_window(both.points) * 192
    assert found == pytest.approx((face.region.to_window(face.points) * 192 + expected) / 2, abs=1e-2)
    assert both.mirrored_features == pytest.approx(twin.features)
    assert both.features is face.features
    assert both.picture is None


def test_a_face_whose_picture_is_not_known_stays_as_it_is() -> None:
    face = FaceDetection(np.zeros((478, 3), np.float32), 1.0, Region(100.0, 100.0, 180.0))
    assert read_mirrored_too(face, FaceLandmarker()) is face


def test_both_readings_count_alike_and_vary_as_much_as_one() -> None:
    rng = np.random.default_rng(2)
    weights = packaged_weights(EXPRESSION_ASSET) | {
        "mirrored.gain": rng.uniform(1, 1.2, 52),
        "mirrored.offset": rng.normal(0, 0.05, 52),
        "mirrored.expression": rng.uniform(0.05, 0.4, (len(DEVIATION_KNOTS), 52)),
        "mirrored.turn": np.array(0.03),
    }
    faces, twins = rng.uniform(-0.2, 1.2, (2, 3, 55)).astype(np.float32)
    found = ExpressionPrior(weights).together(faces, twins)
    order = [int(k) for k in mirrored_expression(np.arange(52))]
    for row in range(3):
        for k in range(52):
            mean = (faces[row, k] + twins[row, order[k]]) / 2
            expected = min(max(mean * weights["mirrored.gain"][k] + weights["mirrored.offset"][k], 0), 1)
            assert found[row, k] == pytest.approx(expected, abs=1e-5)
            variance = np.interp(expected, DEVIATION_KNOTS, weights["mirrored.expression"][:, k] ** 2)
            assert found[row, 52 + k] == pytest.approx(np.sqrt(variance), rel=1e-3)
        turn = (faces[row, 52:] + twins[row, 52:] * [1, -1, -1]) / 2
        assert found[row, 104:107] == pytest.approx(turn, abs=1e-6)
        assert found[row, 107] == pytest.approx(0.03)
    assert mirrored_reading(mirrored_reading(faces)) == pytest.approx(faces)


@pytest.mark.parametrize("kind", ["clip", "picture"])
def test_every_face_of_footage_is_read_both_ways(kind: str, tmp_path: Path) -> None:
    path = SAMPLE
    if kind == "picture":
        path = tmp_path / "frame.png"
        cv2.imwrite(str(path), cv2.cvtColor(sample_face()[0], cv2.COLOR_RGB2BGR))
    with closing(tracking.track(open_footage(path), 0, None)) as tracked:
        frames = list(islice(tracked, 4))
    assert len(frames) == (1 if kind == "picture" else 4)
    for frame in frames:
        face = frame.landmarks.face
        assert face is not None
        assert face.mirrored_features is not None
        assert frame.told is not None
        assert frame.told.expression == pytest.approx(told_of(ExpressionPrior.load(), face).expression, abs=1e-6)
