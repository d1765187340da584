"""Crops and cameras: what the network sees, and where in the take's camera space it lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import ShapeError  # noqa: E402
from dice_core.geometry.camera import Camera  # noqa: E402
from dice_core.network.model.cameras import OrthographicView, align_to_camera, view_in_frame  # noqa: E402
from dice_core.network.model.crop import Crop, centre_crop, crop_around, cut, normalise  # noqa: E402

FACE = np.array([[100.0, 80], [160, 80], [130, 150]])
HAND = np.array([[200.0, 120], [260, 200]])


def test_crop_holds_head_and_hand_in_its_middle() -> None:
    crop = crop_around(FACE, [HAND])
    assert crop is not None
    corners = np.array([[crop.left, crop.top], [crop.left + crop.size, crop.top + crop.size]])
    points = np.concatenate([FACE, HAND])
    assert np.all(points > corners[0])
    assert np.all(points < corners[1])
    above = 80 - crop.top
    assert above > 0.4 * 70  # the forehead's landmarks do not reach the crown
    assert crop.left == crop_around(FACE[:, [0, 1, 1]], [HAND]).left
    assert crop_around(None, []) is None
    moved = crop_around(FACE + 17, [HAND + 17])
    assert (moved.left, moved.top, moved.size) == (crop.left + 17, crop.top + 17, crop.size)
    assert crop_around(None, [HAND]).size < crop.size


def test_cut_scales_and_pads() -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    image[100:200, 300:400] = (10, 20, 30)
    assert np.all(cut(image, Crop(300, 100, 100)) == (10, 20, 30))
    outside = cut(image, Crop(-100, -50, 448))
    assert outside.shape == (224, 224, 3)
    assert np.all(outside[:25, :] == 0)
    assert np.all(outside[80:120, 205:] == (10, 20, 30))
    assert np.all(cut(image, Crop(5000, 0, 100)) == 0)
    with pytest.raises(ShapeError):
        cut(image[..., 0], Crop(0, 0, 10))


def test_points_of_the_cut_lie_where_the_frame_has_them() -> None:
    frame = np.zeros((300, 500, 3), np.uint8)
    frame[149:152, 279:282] = 255
    for mirrored in (False, True):
        crop = Crop(200, 100, 112, mirrored)
        seen = cut(frame, crop)[..., 0].astype(float)
        rows, columns = np.mgrid[:224, :224] + 0.5
        centre = np.array([(columns * seen).sum(), (rows * seen).sum()]) / seen.sum()
        assert np.abs(crop.to_frame(centre) - [280, 150]).max() < 0.02


def test_centre_crop_and_colours_equal_the_release(shared: Path) -> None:
    with np.load(shared / "reference_inputs.npz") as archive:
        pixels, expected = archive["image_u8_bgr"], archive["image"]
    assert np.abs(normalise(pixels[..., ::-1]).numpy() - expected).max() < 1e-6
    assert centre_crop(640, 480) == Crop(80, 0, 480)
    assert np.array_equal(cut(pixels[0], Crop(0, 0, 224)), pixels[0])


def test_view_is_carried_to_the_frame() -> None:
    crop = Crop(300, 100, 448)
    view = view_in_frame(np.array([-40.0, 112.0, 56.0]), crop)
    assert view.scale == pytest.approx(800.0)
    assert np.allclose(view.origin, [300 + 224 - 0.5, 100 + 112 - 0.5])
    mirrored = view_in_frame(np.array([40.0, 100.0, 56.0]), Crop(300, 100, 448, True))
    assert np.allclose(mirrored.origin, [300 + 2 * 124 - 0.5, 100 + 112 - 0.5])


def test_aligned_bodies_look_the_same() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(500, 3)) * [0.07, 0.1, 0.08]
    camera = Camera.from_fov(1280, 720, 25.0)
    for origin in ([640.0, 360.0], [250.0, 500.0], [1200.0, 100.0]):
        view = OrthographicView(700.0, np.array(origin))
        aligned = align_to_camera(points, view, camera)
        seen = camera.project(aligned.apply(points))
        # What remains is perspective itself: parts a tenth nearer look a tenth larger.
        assert np.sqrt(np.mean((seen - view.project(points)) ** 2)) < 3.0
        assert aligned.apply(np.zeros(3))[2] == pytest.approx(camera.fx / 700.0, rel=0.05)
        assert np.allclose(aligned.rotation @ aligned.rotation.T, np.eye(3))
        assert np.linalg.det(aligned.rotation) == pytest.approx(1.0)


def test_far_bodies_are_aligned_exactly() -> None:
    points = np.random.default_rng(4).normal(size=(50, 3)) * 0.1
    camera = Camera(200000.0, 200000.0, 500, 500, 1001, 1001)
    view = OrthographicView(800.0, np.array([300.0, 420.0]))
    aligned = align_to_camera(points, view, camera)
    assert np.abs(camera.project(aligned.apply(points)) - view.project(points)).max() < 0.1
