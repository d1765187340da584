"""Heads and hands over time: distances, which single frames know badly, and touches, which have to survive them."""

from __future__ import annotations

import numpy as np

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
