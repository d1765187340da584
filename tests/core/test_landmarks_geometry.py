"""Anchors, decoding, suppression and windows against answers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dice_core.landmarks.detector import Detection, anchor_centres, decode, suppress
from dice_core.landmarks.face import face_tracking_region, merge_attention
from dice_core.landmarks.face_indices import LEFT_EYE, LEFT_IRIS, LIPS, RIGHT_EYE, RIGHT_IRIS
from dice_core.landmarks.hand import palm_region, same_palm, tracking_region
from dice_core.landmarks.region import Region, direction_angle


def test_anchors_of_both_detectors_match_the_networks_outputs() -> None:
    palm = anchor_centres(192, (8, 16, 16, 16))
    face = anchor_centres(128, (8, 16, 16, 16))
    assert palm.shape == (2016, 2)
    assert face.shape == (896, 2)
    np.testing.assert_allclose(palm[0], [0.5 / 24, 0.5 / 24])
    np.testing.assert_allclose(palm[1], palm[0])
    np.testing.assert_allclose(palm[2], [1.5 / 24, 0.5 / 24], err_msg="x runs fastest")
    np.testing.assert_allclose(palm[24 * 24 * 2], [0.5 / 12, 0.5 / 12])
    np.testing.assert_allclose(palm[24 * 24 * 2 + 6], [1.5 / 12, 0.5 / 12], err_msg="six anchors a cell")
    np.testing.assert_allclose(face[-1], [7.5 / 8, 7.5 / 8])


def test_decoding_adds_the_anchor_to_centre_and_keypoints_but_not_to_the_extent() -> None:
    anchors = np.array([[0.25, 0.5], [0.75, 0.5], [0.5, 0.5]], np.float32)
    raw = np.zeros((3, 3, 2), np.float32)
    raw[1] = [[10, -20], [30, 40], [5, 6]]
    logits = np.array([-3.0, 2.0, 200.0], np.float32)
    boxes, scores = decode(raw.ravel(), logits, anchors, 100, 0.5)
    np.testing.assert_allclose(scores, [1.0, 1 / (1 + math.exp(-2))], rtol=1e-6)
    np.testing.assert_allclose(boxes[0], [[0.5, 0.5], [0, 0], [0.5, 0.5]])
    np.testing.assert_allclose(boxes[1], [[0.85, 0.3], [0.3, 0.4], [0.8, 0.56]], rtol=1e-6)


def test_suppression_averages_one_object_by_score_and_keeps_another() -> None:
    boxes = np.array(
        [
            [[0.50, 0.5], [0.2, 0.2], [0.5, 0.5]],
            [[0.54, 0.5], [0.2, 0.2], [0.6, 0.5]],
            [[0.90, 0.5], [0.1, 0.1], [0.9, 0.5]],
            [[0.46, 0.5], [0.2, 0.2], [0.1, 0.1]],
        ]
    )
    scores = np.array([0.9, 0.6, 0.55, 0.3])
    merged = suppress(boxes, scores)
    assert [score for _, score in merged] == [0.9, 0.55]
    share = 0.6 / 1.5
    np.testing.assert_allclose(merged[0][0], (1 - share) * boxes[0] + share * boxes[1], err_msg="0.3 has no vote")
    np.testing.assert_allclose(merged[1][0], boxes[2])


def test_suppression_of_weak_boxes_only_keeps_the_best() -> None:
    boxes = np.array([[[0.5, 0.5], [0.2, 0.2]], [[0.52, 0.5], [0.2, 0.2]]])
    ((box, score),) = suppress(boxes, np.array([0.4, 0.3]))
    assert score == 0.4
    np.testing.assert_allclose(box, boxes[0])


def test_suppression_of_nothing() -> None:
    assert suppress(np.zeros((0, 3, 2)), np.zeros(0)) == []


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5])
def test_crop_and_to_image_are_inverse(angle: float) -> None:
    """A bright dot is found in the crop where `to_image` sends it back to its pixel."""
    image = np.zeros((200, 300, 3), np.uint8)
    image[87:90, 139:142] = 255
    region = Region(150.0, 95.0, 96.0, angle)
    crop = region.crop(image, 96, replicate=False).astype(float)[..., 0]
    rows, columns = np.mgrid[0:96, 0:96]
    found = np.array([[(columns * crop).sum(), (rows * crop).sum()]]) / crop.sum()
    np.testing.assert_allclose(region.to_image(found / 96), [[140, 88]], atol=0.05)


def test_what_is_seen_in_the_mirror_image_of_a_crop_is_found_in_the_image() -> None:
    image = np.zeros((200, 240, 3), np.uint8)
    image[78:83, 138:143] = 255  # around (140, 80)
    window = Region(120.0, 90.0, 150.0, 0.4)
    mirror = window.crop(image, 150, replicate=True)[:, ::-1, 0].astype(float)
    rows, columns = np.indices(mirror.shape)
    seen = [(columns * mirror).sum() / mirror.sum(), (rows * mirror).sum() / mirror.sum(), 15.0]
    assert window.mirrored_to_image(np.array([seen]), 150)[0] == pytest.approx([140, 80, 15], abs=0.05)


def test_crop_of_the_whole_image_letterboxes_with_black_or_goes_on() -> None:
    image = np.full((40, 80, 3), 200, np.uint8)
    window = Region.of_image(image)
    assert (window.x, window.y, window.size) == (40, 20, 80)
    black = window.crop(image, 80, replicate=False)
    assert black[:19].max() == 0
    assert black[61:].max() == 0
    assert (black[21:59] == 200).all()
    assert (window.crop(image, 80, replicate=True) == 200).all()


def test_large_windows_show_averages_in_the_same_place() -> None:
    """A disc keeps its place when a grainy picture is reduced, and the grain goes."""
    rows, columns = np.mgrid[0:900, 0:1200]
    disc = np.hypot(columns - 700.0, rows - 430.0) < 120
    grain = np.random.default_rng(0).normal(0, 40, disc.shape)
    image = np.repeat(np.clip(disc * 120 + 60 + grain, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    region = Region(680.0, 450.0, 700.0, 0.6)
    crop = region.crop(image, 100, replicate=True)[..., 0].astype(float)
    inside = crop > 120
    found = np.argwhere(inside)[:, ::-1].mean(axis=0)
    np.testing.assert_allclose(region.to_image(found[None] / 100), [[700, 430]], atol=1.0)
    plain = region.crop(image, 100, replicate=True, average=False)[..., 0].astype(float)
    assert crop[45:50, 55:60].std() < 0.4 * plain[45:50, 55:60].std()


@pytest.mark.parametrize("window", [Region(-300, -300, 900, 0.3), Region(5, 3, 4000), Region(900, 30, 700, -1)])
def test_large_windows_beyond_the_border(window: Region) -> None:
    image = np.full((31, 700, 3), 77, np.uint8)
    assert (window.crop(image, 100, replicate=True) == 77).all()


def test_depth_has_the_scale_of_x_and_is_not_turned() -> None:
    point = Region(10.0, 20.0, 50.0, math.pi / 2).to_image(np.array([[0.7, 0.5, -0.1]]))
    np.testing.assert_allclose(point, [[10, 30, -5]], atol=1e-9)


def test_direction_angle_is_clockwise_from_upright() -> None:
    up, right, down = np.array([0, -1]), np.array([1, 0]), np.array([0, 1])
    origin = np.zeros(2)
    assert direction_angle(origin, up, math.pi / 2) == pytest.approx(0)
    assert direction_angle(origin, right, math.pi / 2) == pytest.approx(math.pi / 2)
    assert abs(direction_angle(origin, down, math.pi / 2)) == pytest.approx(math.pi)
    assert direction_angle(origin, down, 0) == pytest.approx(math.pi / 2)


def test_palm_window_reaches_towards_the_fingers() -> None:
    keypoints = np.zeros((7, 2))
    keypoints[0], keypoints[2] = [100, 100], [140, 100]
    window = palm_region(Detection(0.9, np.array([120.0, 100.0]), np.array([40.0, 40.0]), keypoints))
    assert window.angle == pytest.approx(math.pi / 2), "fingers to the right: turned clockwise"
    assert (window.x, window.y) == pytest.approx((140, 100)), "half a palm further on"
    assert window.size == pytest.approx(104)


def test_palm_of_a_hand_is_recognised_and_the_other_hands_is_not() -> None:
    points = np.array([[0, 50], [-20, 40], [-30, 25], [-40, 10], [-45, 0], [-15, 0], [0, 0], [0, 0], [0, 0], [0, -5]])
    points = np.vstack([points, [[0, 0]] * 3, [[12, -2]], [[0, 0]] * 3, [[22, 5]], [[0, 0]] * 3])
    keypoints = points[[0, 5, 9, 13, 17, 1, 2]].astype(float)
    palm = Detection(0.9, np.zeros(2), np.array([60.0, 60.0]), keypoints)
    assert same_palm(palm, points + np.array([8, 4]))
    assert not same_palm(palm, points + np.array([30, 0]))
    assert not same_palm(palm, points * np.array([-1, 1])), "a hand in the same place, but the other one"


def test_hand_tracking_window_turns_and_scales_with_the_hand() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(21, 2)) * 20 + 100
    points[0] = [100, 180]
    upright = tracking_region(points)
    cosine, sine = math.cos(0.8), math.sin(0.8)
    turned = points @ (1.5 * np.array([[cosine, sine], [-sine, cosine]])) + [50, -20]
    window = tracking_region(turned)
    assert window.size == pytest.approx(1.5 * upright.size)
    assert math.remainder(window.angle - upright.angle - 0.8, 2 * math.pi) == pytest.approx(0, abs=1e-9)
    expected = np.array([upright.x, upright.y]) @ (1.5 * np.array([[cosine, sine], [-sine, cosine]])) + [50, -20]
    np.testing.assert_allclose([window.x, window.y], expected)


def test_face_tracking_window_holds_all_points_one_and_a_half_times() -> None:
    points = np.random.default_rng(1).uniform(50, 150, (478, 3))
    points[33, :2], points[263, :2] = [80, 90], [120, 90]
    points[0, :2], points[1, :2] = [40, 100], [160, 100]
    window = face_tracking_region(points)
    assert window.angle == pytest.approx(0)
    assert window.x == pytest.approx(100)
    assert window.size == pytest.approx(180)


def test_overlap() -> None:
    assert Region(0, 0, 2).overlap(Region(0, 0, 2, 1.0)) == pytest.approx(1)
    assert Region(0, 0, 2).overlap(Region(1, 0, 2)) == pytest.approx(1 / 3)
    assert Region(0, 0, 2).overlap(Region(5, 0, 2)) == 0


def test_window_far_outside_or_broken_is_not_near_the_image() -> None:
    image = np.zeros((50, 60, 3), np.uint8)
    assert Region(30, 25, 20).is_near_image(image)
    assert Region(-10, 25, 20).is_near_image(image)
    assert not Region(-30, 25, 20).is_near_image(image)
    assert not Region(math.nan, 25, 20).is_near_image(image)
    assert not Region(30, 25, 0).is_near_image(image)


def test_attention_replaces_lips_and_eyes_and_keeps_the_meshs_depth() -> None:
    mesh = np.arange(468 * 3, dtype=np.float32).reshape(468, 3)
    outputs = {
        "output_mesh_identity": mesh.ravel(),
        "output_lips": np.full(160, -1, np.float32),
        "output_left_eye": np.full(142, -2, np.float32),
        "output_right_eye": np.full(142, -3, np.float32),
        "output_left_iris": np.full(10, -4, np.float32),
        "output_right_iris": np.full(10, -5, np.float32),
    }
    points = merge_attention(outputs)
    for indices, value in ((LIPS, -1), (LEFT_EYE, -2), (RIGHT_EYE, -3), (LEFT_IRIS, -4), (RIGHT_IRIS, -5)):
        assert (points[list(indices), :2] == value).all()
    np.testing.assert_array_equal(points[:468, 2], mesh[:, 2])
    untouched = sorted(set(range(468)) - {*LIPS, *LEFT_EYE, *RIGHT_EYE})
    np.testing.assert_array_equal(points[untouched], mesh[untouched])
    contour = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
    np.testing.assert_allclose(points[468:473, 2], mesh[list(contour), 2].mean())


def test_attention_lists_are_disjoint_and_complete() -> None:
    assert [len(set(indices)) for indices in (LIPS, LEFT_EYE, RIGHT_EYE)] == [80, 71, 71]
    assert not set(LIPS) & set(LEFT_EYE)
    assert not set(LEFT_EYE) & set(RIGHT_EYE)
