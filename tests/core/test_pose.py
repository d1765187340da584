"""The body network: its window, what its maps say, and the arm that the bundled clip shows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dice_core.landmarks import FaceDetection, LandmarkTracker
from dice_core.landmarks.hand import hand_size
from dice_core.landmarks.networks import POSE_LANDMARKS, Network
from dice_core.landmarks.ownership import AT_WRIST
from dice_core.landmarks.pose import BODY_BELOW, BODY_SCALE, MAP_SIDE, Arms, PoseLandmarker, body_region, refine
from dice_core.landmarks.region import Region
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip

# Of landmarks 0, 11, 16 and 33: x, y, z, visibility, presence; and one cell of a map.
ORIGINAL = [
    [114.3487, 70.2198, 33.1594, 4.2134, 6.3778],
    [132.8618, 86.8947, 57.2561, 8.1917, 7.6027],
    [80.5516, 120.3371, 56.9971, 0.5285, 5.9058],
    [111.9994, 141.2518, -0.1515, -17.6495, 18.1153],
]
ORIGINAL_MAP = -2.0352


def face_at(region: Region) -> FaceDetection:
    return FaceDetection(np.zeros((478, 3), np.float32), 1.0, region)


def test_the_bodys_window_is_below_the_face_and_turned_with_it() -> None:
    upright = body_region(face_at(Region(300, 100, 80)))
    assert (upright.x, upright.y) == pytest.approx((300, 100 + BODY_BELOW * 80))
    assert upright.size == pytest.approx(BODY_SCALE * 80)
    lying = body_region(face_at(Region(300, 100, 80, math.pi / 2)))
    assert (lying.x, lying.y) == pytest.approx((300 - BODY_BELOW * 80, 100))
    assert lying.angle == pytest.approx(math.pi / 2)


def test_landmarks_move_to_the_middle_of_their_maps() -> None:
    rows, columns = np.mgrid[0:MAP_SIDE, 0:MAP_SIDE]

    def bump(column: float, row: float, height: float) -> np.ndarray:
        shown = height * np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / 0.8)
        return np.log(np.maximum(shown, 1e-30) / (1 - shown))

    maps = np.stack([bump(20.5, 30.25, 0.9), bump(20.5, 30.25, 0.3), bump(20.5, 30.25, 0.9), bump(0, 63, 0.9)], axis=-1)
    points = np.array([[20, 31], [20, 31], [-2, 31], [0.5, 63.5]]) / MAP_SIDE
    refined = refine(points, maps) * MAP_SIDE
    np.testing.assert_allclose(refined[0], [20.5, 30.25], atol=0.01)
    np.testing.assert_allclose(refined[1], [20, 31], err_msg="a faint map says nothing")
    np.testing.assert_allclose(refined[2], [-2, 31], err_msg="outside of the window there is no map")
    assert np.abs(refined[3] - [0, 63]).max() < 0.5, "at the edge a part of the map is left"


def test_outputs_are_those_of_the_original() -> None:
    """A picture of waves, that TensorFlow 2.21 read with the original TFLite network: places in the window, of 256
    pixels, and logits of visibility and presence."""
    rows, columns = np.mgrid[0:256, 0:256]
    waves = np.stack([np.sin(columns / (7 + 3 * k)) * np.cos(rows / (11 + 2 * k)) for k in range(3)], axis=-1)
    network = Network(POSE_LANDMARKS)
    outputs = network(np.round(127.5 + 127.5 * waves).astype(np.uint8))
    points = outputs["Identity"].reshape(-1, 5)
    np.testing.assert_allclose(points[[0, 11, 16, 33]], ORIGINAL, atol=0.02)
    assert outputs["Identity_3"].reshape(MAP_SIDE, MAP_SIDE, -1)[32, 20, 16] == pytest.approx(ORIGINAL_MAP, abs=0.01)


def test_the_clips_hand_is_at_the_end_of_its_arm() -> None:
    """Of the arm the clip shows a stump of the forearm alone."""
    tracker, landmarker = LandmarkTracker(), PoseLandmarker()
    with open_footage(sample_clip()) as footage:
        images = [footage.read(frame) for frame in (4, 16, 40, 56)]
    for image, shown in zip(images, (0, 1, 1, 1), strict=True):
        found = tracker.detect(image)
        assert [hand.side for hand in found.hands] == ["right"] * shown
        assert found.face is not None
        arms = landmarker(image, found.face)
        assert isinstance(arms, Arms)
        for hand in found.hands:
            right, left = (np.linalg.norm(hand.points[0, :2] - arm.wrist) for arm in (arms.right, arms.left))
            assert right < AT_WRIST * hand_size(hand.points)
            assert left > 2 * right


def test_no_body_no_arms() -> None:
    assert PoseLandmarker()(np.zeros((240, 320, 3), np.uint8), face_at(Region(160, 60, 50))) is None
