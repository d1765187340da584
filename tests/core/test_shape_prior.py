"""The learned prediction of a head's shape."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.errors import MissingModelError
from dice_core.fitting import shape_prior
from dice_core.fitting.shape_prior import SHAPE_ASSET, HeadShapePrior
from dice_core.landmarks import LandmarkTracker
from dice_core.landmarks.detections import FaceDetection
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip, sample_truth
from dice_core.take import open_take

MOST_BYTES = 200_000


@cache
def sample_faces() -> tuple[FaceDetection, ...]:
    """Some frames of the bundled clip, as they are tracked."""
    tracker, found = LandmarkTracker(), []
    for row, image in open_footage(sample_clip()).frames():
        face = tracker.detect(image).face
        assert face is not None
        if row % 18 == 0:
            found.append(face)
    return tuple(found)


def missed(shape: np.ndarray) -> float:
    """Metres by which landmarks at rest are off those of the bundled clip's person, about their middles."""
    head, true = load_head(), open_take(sample_truth()).meshes["head"].rest_vertices
    found, known = (head.landmarks(vertices).astype(float) for vertices in (head.rest(shape), true))
    return float(np.linalg.norm(found - found.mean(axis=0) - known + known.mean(axis=0), axis=1).mean())


def test_a_face_is_read_more_like_the_person_than_the_mean_head() -> None:
    prediction = HeadShapePrior.load().predict(sample_faces())
    assert prediction is not None
    assert missed(prediction.mean) < 0.95 * missed(np.zeros_like(prediction.mean))


def test_several_faces_are_read_as_their_mean_and_are_no_surer() -> None:
    prior, faces = HeadShapePrior.load(), sample_faces()[:2]
    one, other, both = (prior.predict(few) for few in (faces[:1], faces[1:], faces))
    assert one is not None
    assert other is not None
    assert both is not None
    assert both.mean == pytest.approx((one.mean + other.mean) / 2, abs=1e-5)
    assert both.covariance.tolist() == one.covariance.tolist()


def test_where_and_how_large_a_face_is_does_not_matter() -> None:
    prior, face = HeadShapePrior.load(), sample_faces()[0]
    x, y, size, angle = face.region.to_array()
    moved = replace(
        face,
        points=(face.points * [2, 2, 2] + [30, -10, 0]).astype(face.points.dtype),
        region=type(face.region)(2 * x + 30, 2 * y - 10, 2 * size, angle),
    )
    one, other = prior.predict([face]), prior.predict([moved])
    assert one is not None
    assert other is not None
    assert other.mean == pytest.approx(one.mean, abs=1e-3)


def test_faces_that_the_network_did_not_read_tell_nothing() -> None:
    face = replace(sample_faces()[0], features=None)
    assert HeadShapePrior.load().predict([face]) is None
    assert HeadShapePrior.load().predict([]) is None
    both, other = (HeadShapePrior.load().predict(faces) for faces in ([face, sample_faces()[0]], sample_faces()[:1]))
    assert both is not None
    assert other is not None
    assert both.mean.tolist() == other.mean.tolist()


def test_the_asset_is_the_one_of_the_notice_small_and_a_covariance() -> None:
    content = SHAPE_ASSET.read_bytes()
    assert hashlib.sha256(content).hexdigest() in SHAPE_ASSET.with_name("LICENSES.md").read_text(encoding="utf-8")
    assert len(content) < MOST_BYTES
    with np.load(SHAPE_ASSET, allow_pickle=False) as archive:
        assert all(np.isfinite(archive[name]).all() for name in archive.files)
        covariance = archive["covariance"].astype(float)
    assert covariance == pytest.approx(covariance.T, abs=1e-5)
    assert np.linalg.eigvalsh(covariance).min() > 1e-4


def test_a_missing_asset_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shape_prior, "SHAPE_ASSET", tmp_path / "face_shape.npz")
    HeadShapePrior.load.cache_clear()
    try:
        with pytest.raises(MissingModelError, match=r"face_shape\.npz is missing"):
            HeadShapePrior.load()
    finally:
        HeadShapePrior.load.cache_clear()
