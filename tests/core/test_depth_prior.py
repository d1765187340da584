from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import Hand, load_hand, load_head
from dice_core.errors import MissingModelError
from dice_core.fitting import depth_prior
from dice_core.fitting.depth_prior import (
    FEATURE_COUNT,
    DepthPrediction,
    HandDepthPrior,
    depth_features,
    seldom_behind,
)
from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.head_view import HeadView
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles
from dice_core.geometry.rasterizer import depth_map

SIZE = 400
CAMERA = Camera.from_fov(SIZE, SIZE, 35.0)
HEAD_AT = np.array([0.0, 0.0, 0.8])
SCALE = 0.3


@pytest.fixture(scope="module")
def view() -> HeadView:
    """A head that looks at the camera from the middle of the picture."""
    head = load_head()
    pose = HeadPose(np.zeros(3), HEAD_AT, np.zeros(52))
    vertices = head.mesh.rest_vertices + HEAD_AT
    return HeadView(pose, depth_map(vertices, triangles(head.mesh), CAMERA, SCALE), SCALE)


def key_points(hand: Hand, turn: tuple[float, float, float], place: tuple[float, float, float]) -> np.ndarray:
    angles = np.clip(hand.dof_mean, hand.dof_lower, hand.dof_upper)
    shape = np.zeros(len(hand.shape_basis))
    return hand.keypoints(shape, 1.0, np.array(turn), angles, HEAD_AT + place).astype(float)


def seen(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks and relative depths that an ideal network reports."""
    return CAMERA.project(points), (points[:, 2] - points[0, 2]) * CAMERA.fx / points[:, 2].mean()


def predict(view: HeadView, points: np.ndarray, side: str = "right") -> DepthPrediction:
    return HandDepthPrior.load().predict(*seen(points), side, CAMERA, view)


PALM_TO_FACE = (0.0, np.pi, 0.0)
OVER_THE_MOUTH = (-0.02, 0.13, -0.17)  # presses the skin in by a millimetre
FAR_BEFORE = (-0.02, 0.10, -0.36)


def test_a_hand_over_the_mouth_touches(view: HeadView) -> None:
    points = key_points(load_hand("right"), PALM_TO_FACE, OVER_THE_MOUTH)
    found = predict(view, points)
    assert found.touch_probability > 0.6
    assert found.mean == pytest.approx(points[:, 2].mean(), abs=0.01)


def test_a_hand_far_before_the_face_is_free(view: HeadView) -> None:
    points = key_points(load_hand("right"), PALM_TO_FACE, FAR_BEFORE)
    found = predict(view, points)
    assert found.touch_probability < 0.3
    assert found.mean < view.front_at(np.array([SIZE / 2, SIZE / 2])) - 0.08, "well before the face"
    assert found.mean_sigma > predict(view, key_points(load_hand("right"), PALM_TO_FACE, OVER_THE_MOUTH)).mean_sigma


@pytest.mark.parametrize("place", [OVER_THE_MOUTH, FAR_BEFORE])
def test_the_left_hand_is_the_right_ones_mirror_image(place: tuple[float, float, float], view: HeadView) -> None:
    right = key_points(load_hand("right"), PALM_TO_FACE, place)
    mirror = HeadView(view.pose, view.front[:, ::-1], view.scale)
    a, b = predict(view, right), predict(mirror, right * [-1.0, 1.0, 1.0], "left")
    assert b.mean == pytest.approx(a.mean, abs=0.004)
    assert b.relative == pytest.approx(a.relative, abs=0.004)
    assert b.touch_probability == pytest.approx(a.touch_probability, abs=0.05)


def test_the_prediction_depends_on_the_head_behind_the_hand(view: HeadView) -> None:
    """The same landmarks before a head that is turned aside are not the same hand."""
    points = key_points(load_hand("right"), PALM_TO_FACE, OVER_THE_MOUTH)
    empty = HeadView(view.pose, np.full_like(view.front, np.inf), view.scale)
    assert predict(empty, points).touch_probability < predict(view, points).touch_probability


def test_landmarks_keep_their_middle_and_spread(view: HeadView) -> None:
    points = key_points(load_hand("right"), (0.3, np.pi - 0.6, 0.2), OVER_THE_MOUTH)
    found = predict(view, points)
    assert found.relative.mean() == pytest.approx(0.0, abs=1e-9)
    assert np.abs(found.relative - (points[:, 2] - points[:, 2].mean())).mean() < 0.012
    assert (found.relative_sigma > 0).all()


def test_features_of_many_hands_are_those_of_each(view: HeadView) -> None:
    hands = [key_points(load_hand("right"), PALM_TO_FACE, place) for place in (OVER_THE_MOUTH, FAR_BEFORE)]
    pixels, depth = (np.stack(column) for column in zip(*map(seen, hands), strict=True))
    together = depth_features(pixels, depth, "right", CAMERA, view)
    assert together.shape == (2, FEATURE_COUNT)
    for k in range(2):
        alone = depth_features(pixels[k : k + 1], depth[k : k + 1], "right", CAMERA, view)
        assert together[k] == pytest.approx(alone[0], abs=1e-6)


def test_the_prediction_is_the_mean_of_the_networks_that_ship(view: HeadView) -> None:
    with np.load(depth_prior.DEPTH_ASSET, allow_pickle=False) as archive:
        weights = {name: archive[name] for name in archive.files}
    alone = [HandDepthPrior({name: values for name, values in weights.items() if name[0] == k}) for k in "01"]
    points = key_points(load_hand("right"), PALM_TO_FACE, OVER_THE_MOUTH)
    pixels, depth = seen(points)
    features = depth_features(pixels[None], depth[None], "right", CAMERA, view)
    first, second = (prior.evaluate(features) for prior in alone)
    assert np.abs(first - second).max() > 0.01
    np.testing.assert_allclose(HandDepthPrior(weights).evaluate(features), (first + second) / 2, atol=1e-6)


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth_prior, "DEPTH_ASSET", tmp_path / "hand_depth.npz")
    HandDepthPrior.load.cache_clear()
    with pytest.raises(MissingModelError, match=r"hand_depth\.npz is missing"):
        HandDepthPrior.load()


def test_the_notice_names_the_file_that_ships() -> None:
    asset = depth_prior.DEPTH_ASSET
    notice = asset.with_name("LICENSES.md").read_text(encoding="utf-8")
    assert f"| `{asset.name}` | `{hashlib.sha256(asset.read_bytes()).hexdigest()}` |" in notice
    with np.load(asset, allow_pickle=False) as archive:
        assert all(np.isfinite(archive[name]).all() for name in archive.files)
    assert asset.stat().st_size < 4_000_000


def test_free_hands_are_seldom_behind_a_face() -> None:
    """Where prediction and knowledge are equally sure, the truth is in the middle."""
    assert seldom_behind(-0.15, 0.02, 0.1, 0.0) == -0.15, "before the face nothing is known"
    assert seldom_behind(0.04, 0.02, 0.1, 0.3) == 0.04, "hands at ears are there"
    assert seldom_behind(0.04, 0.02, 0.1, 0.0) == pytest.approx(-0.02)
    assert seldom_behind(0.04, 0.02, 0.1, 0.125) == pytest.approx(0.0)
    assert seldom_behind(0.04, 0.02, 0.7, 0.0) == 0.04, "hands on hips may be"
