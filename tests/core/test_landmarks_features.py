"""The inner layers of the face network, which its file lists as outputs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dice_core.landmarks.face import FaceLandmarker, merge_attention
from dice_core.landmarks.networks import FACE_FEATURES, FACE_LANDMARKS
from dice_core.landmarks.region import Region

WINDOW = Region(100.0, 90.0, 180.0, 0.1)


def test_a_face_holds_the_layers_as_the_network_gives_them() -> None:
    image = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    face = FaceLandmarker()(image, WINDOW)
    net = cv2.dnn.readNetFromONNX(str(FACE_LANDMARKS.path))
    net.setInput((WINDOW.crop(image, 192, replicate=True).astype(np.float32) / 255)[None])
    names = list(FACE_LANDMARKS.outputs)
    values = {name: np.asarray(value).reshape(-1) for name, value in zip(names, net.forward(names), strict=True)}
    assert {name: len(values[name]) for name in FACE_FEATURES} == FACE_FEATURES
    assert face.features is not None
    assert face.features.dtype == np.float16
    assert face.features == pytest.approx(np.concatenate([values[name] for name in FACE_FEATURES]), rel=1e-3, abs=1e-3)
    assert face.points == pytest.approx(WINDOW.to_image(merge_attention(values) / 192), abs=1e-3)


def test_points_go_into_a_window_and_back() -> None:
    points = np.random.default_rng(2).uniform(0, 200, (20, 3))
    inside = WINDOW.to_window(points)
    assert WINDOW.to_image(inside) == pytest.approx(points)
    assert WINDOW.to_window(np.array([[WINDOW.x, WINDOW.y]]))[0] == pytest.approx([0.5, 0.5])
