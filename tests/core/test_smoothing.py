"""Heads and hands over time: distances, which single frames know badly, and touches, which have to survive them."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.engines.open.frames import OpenFrames
from dice_core.engines.open.smoothing import smooth_hand, smooth_head

FPS, FRAMES = 30.0, 40
HEAD_AT, BEFORE = 1.7, 0.12  # metres: the head's distance, and how far before it a hand touches


def footage(touching: bool) -> OpenFrames:
    """A head and a right hand that keep still, and whose distances are found wrongly in ten frames: both by a tenth
    where a hand over the mouth makes the face smaller."""
    frames = OpenFrames.empty(FRAMES)
    head, hand = frames.head, frames.right
    head.found[:] = hand.found[:] = 1
    head.translation[:] = 0.0, 0.0, HEAD_AT
    head.translation[15:25, 2] *= 1.1
    hand.centre[:] = head.translation - [0.0, 0.0, BEFORE]
    hand.free_centre[:] = hand.centre + np.array([0.0, 0.0, 0.03])
    hand.free_centre[::7, 2] += 0.25
    hand.touching[:] = touching
    hand.touch_probability[:] = 0.9 if touching else 0.1
    hand.depth[:] = 0.002
    return frames


def test_a_touching_hand_keeps_its_place_before_a_head_whose_distance_jumps() -> None:
    frames = footage(touching=True)
    head = smooth_head(frames.head, FPS, load_head())
    hand = smooth_hand(frames.right, head, frames.head, FPS, load_hand("right"))
    assert hand.touching.all()
    assert np.abs(np.diff(head.translation[:, 2])).max() < 0.02, "found: jumps of 17 centimetres"
    np.testing.assert_allclose(head.translation[:, 2] - hand.centre[:, 2], BEFORE, atol=0.002)


def test_outliers_of_a_free_hands_distance_are_left_out_and_its_place_in_the_picture_stays() -> None:
    frames = footage(touching=False)
    frames.head.translation[:, 2] = HEAD_AT
    frames.right.free_centre[:] = 0.1, 0.05, HEAD_AT - 0.2
    frames.right.free_centre[::7] *= 1.2
    frames.right.centre[:] = frames.right.free_centre
    head = smooth_head(frames.head, FPS, load_head())
    hand = smooth_hand(frames.right, head, frames.head, FPS, load_hand("right"))
    np.testing.assert_allclose(hand.centre[:, 2], HEAD_AT - 0.2, atol=0.02)
    np.testing.assert_allclose(hand.centre[:, :2] / hand.centre[:, 2:], [[0.1 / 1.5, 0.05 / 1.5]] * FRAMES, atol=1e-6)


def test_a_picture_stays_as_it_is() -> None:
    frames = footage(touching=True).rows(slice(15, 16))
    head = smooth_head(frames.head, FPS, load_head())
    hand = smooth_hand(frames.right, head, frames.head, FPS, load_hand("right"))
    np.testing.assert_array_equal(head.translation, frames.head.translation)
    np.testing.assert_array_equal(hand.centre, frames.right.centre)


def free_hand(size_says: float, view_says: float, view_deviation: float, count: int) -> OpenFrames:
    """A head and a free right hand that keep still, metres from the camera by its size and by what is predicted."""
    frames = OpenFrames.empty(count)
    head, hand = frames.head, frames.right
    head.found[:] = hand.found[:] = 1
    head.translation[:] = 0.0, 0.0, 1.0
    hand.free_centre[:] = hand.centre[:] = np.array([0.2, 0.1, 1.0]) * size_says
    hand.predicted_distance[:], hand.distance_deviation[:] = view_says, view_deviation
    return frames


@pytest.mark.parametrize("count", [1, FRAMES])
def test_a_free_hand_is_where_its_size_and_its_view_agree_best(count: int) -> None:
    frames = free_hand(size_says=1.0, view_says=0.8, view_deviation=0.08, count=count)
    head = smooth_head(frames.head, FPS, load_head())
    hand = smooth_hand(frames.right, head, frames.head, FPS, load_hand("right"))
    np.testing.assert_allclose(hand.centre[:, 2], 0.9, atol=1e-3, err_msg="of a metre, its size tells 8 centimetres")
    np.testing.assert_allclose(hand.centre[:, :2] / hand.centre[:, 2:], [[0.2, 0.1]] * count, atol=1e-6)
    certain = free_hand(size_says=1.0, view_says=0.8, view_deviation=0.02, count=count)
    hand = smooth_hand(certain.right, head, certain.head, FPS, load_hand("right"))
    np.testing.assert_allclose(hand.centre[:, 2], 0.8 + 0.2 / 17, atol=1e-3)


@pytest.mark.parametrize("count", [1, FRAMES])
def test_a_hand_without_a_head_is_where_its_size_says(count: int) -> None:
    frames = free_hand(size_says=1.3, view_says=0.0, view_deviation=0.0, count=count)
    frames.head.found[:] = 0
    head = smooth_head(frames.head, FPS, load_head())
    hand = smooth_hand(frames.right, head, frames.head, FPS, load_hand("right"))
    np.testing.assert_allclose(hand.centre, frames.right.centre, atol=1e-6)


@pytest.mark.parametrize(
    ("seen", "kept"),
    [([0], []), ([39], []), ([0, 1], [0, 1]), ([38, 39], [38, 39]), ([20, 21], []), ([20, 21, 22], [20, 21, 22])],
)
def test_a_hand_that_is_seen_for_a_moment_is_a_misdetection(seen: list[int], kept: list[int]) -> None:
    frames = free_hand(size_says=0.8, view_says=0.0, view_deviation=0.0, count=FRAMES)
    frames.right.found[:] = 0
    frames.right.found[seen] = 1
    head = smooth_head(frames.head, FPS, load_head())
    hand = smooth_hand(frames.right, head, frames.head, FPS, load_hand("right"))
    assert np.flatnonzero(hand.tracked).tolist() == kept


def test_a_hand_that_passes_fast_before_a_head_does_not_touch_it() -> None:
    frames = footage(touching=True)
    frames.right.free_centre[:20, 0] = np.linspace(-0.25, 0.0, 20) * frames.right.free_centre[:20, 2]
    head = smooth_head(frames.head, FPS, load_head())
    hand = smooth_hand(frames.right, head, frames.head, FPS, load_hand("right"))
    assert not hand.touching[:14].any(), "as long as the head is measured where it is"
    assert hand.touching[20:].all()
