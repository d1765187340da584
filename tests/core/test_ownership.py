"""Whose hand it is: by the wrists of a person whose arms are where the test says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dice_core.landmarks import FaceDetection
from dice_core.landmarks.hand import hand_size
from dice_core.landmarks.ownership import (
    ARM_EVIDENCE,
    arm_evidence,
    at_wrist,
    belongs,
    free_arms,
    hand_window,
    is_no_hand,
    own_hands,
    side_of,
)
from dice_core.landmarks.pose import Arm, Arms
from dice_core.landmarks.region import Region
from tests.core.scripted_search import arm, reading

SIZE = hand_size(reading(0, 0).points)
FACE_SIZE = SIZE / 0.5
PICTURE = np.zeros((480, 640, 3), np.uint8)
BOTH = Arms(left=arm(450, 200), right=arm(150, 200), face_size=FACE_SIZE)


def hand(x: float, y: float) -> np.ndarray:
    return reading(x, y).points


def test_a_hand_is_on_the_side_of_the_wrist_that_it_is_at() -> None:
    assert side_of(hand(150, 200), BOTH) == "right"
    assert side_of(hand(450 + 0.5 * SIZE, 200), BOTH) == "left"
    assert arm_evidence(hand(150, 200), BOTH) == ARM_EVIDENCE
    assert arm_evidence(hand(450, 200), BOTH) == -ARM_EVIDENCE


def test_the_side_is_left_open_where_the_arms_do_not_tell() -> None:
    far = hand(150 + SIZE, 200)
    assert side_of(far, BOTH) is None, "at neither wrist"
    crossed = Arms(arm(150 + 0.4 * SIZE, 200), arm(150, 200), FACE_SIZE)
    assert side_of(hand(150, 200), crossed) is None, "both wrists are near"
    assert arm_evidence(hand(150, 200), crossed) == 0
    for unseen in (arm(150, 200, elbow_presence=0.3), arm(150, 200, wrist_presence=0.3)):
        guessed = Arms(BOTH.left, unseen, FACE_SIZE)
        assert side_of(hand(150, 200), guessed) is None, "the arm is guessed"
        assert at_wrist(hand(150, 200), guessed) == "right", "but it is where the hand is"


def test_distances_of_a_small_hand_are_measured_by_the_face() -> None:
    towards_the_camera = reading(150, 240).points
    towards_the_camera[:, :2] = (150, 240) + (towards_the_camera[:, :2] - (150, 240)) / 10
    off = towards_the_camera + np.array([0.3 * FACE_SIZE / 2, 0, 0], np.float32)
    assert side_of(off, BOTH) == "right", "several times its own size away"


def test_no_arm_has_two_hands() -> None:
    true, printed, left = reading(150, 200), reading(150 + 0.9 * SIZE, 200, right=0.5), reading(450, 200, right=0.01)
    assert own_hands([true, printed], BOTH) == [True, False]
    assert own_hands([printed, true], BOTH) == [False, True]
    assert own_hands([printed], BOTH) == [True], "the only one may be where the arm was guessed wrong"
    assert own_hands([true, left], BOTH) == [True, True]
    unseen = Arms(arm(450, 200, elbow_presence=0.3), BOTH.right, FACE_SIZE)
    assert own_hands([true, printed], unseen) == [True, True], "the other arm may be there"


def test_an_arm_has_one_hand_and_a_second_reading_of_it_is_none() -> None:
    known, again = reading(150, 200), reading(150 + 0.3 * SIZE, 200, right=0.5, presence=0.98)
    assert own_hands([known, again], BOTH) == [True, False]
    unseen = Arms(arm(450, 200, elbow_presence=0.3), BOTH.right, FACE_SIZE)
    assert own_hands([known, again], unseen) == [True, True], "it may be the other arm's"
    folded = Arms(arm(150 + 0.3 * SIZE, 200), BOTH.right, FACE_SIZE)
    assert own_hands([known, again], folded) == [True, True], "both wrists are there"


def test_a_mouth_that_looks_a_little_like_a_fist_is_none() -> None:
    def face_at(x: float, y: float) -> FaceDetection:
        return FaceDetection(np.zeros((478, 3), np.float32), 1.0, Region(x, y, FACE_SIZE))

    fist, face = reading(300, 60, presence=0.9), face_at(300, 40)
    near = Arms(arm(300 + SIZE, 60), BOTH.right, FACE_SIZE)
    assert is_no_hand(fist, face, near)
    assert not is_no_hand(reading(300, 60, presence=0.95), face, near), "surely a hand"
    assert not is_no_hand(fist, face_at(300, 60 - FACE_SIZE), near), "below the face, within an arm's reach"
    assert not is_no_hand(fist, face, Arms(arm(300, 60), BOTH.right, FACE_SIZE)), "at the end of an arm"


def test_a_collar_that_looks_like_a_hand_is_none() -> None:
    face = FaceDetection(np.zeros((478, 3), np.float32), 1.0, Region(300, 60 - FACE_SIZE, FACE_SIZE))
    for far, elbow in ((2.0, 0.9), (2.0, 0.1)):
        arms = Arms(*(arm(300 + way * far * SIZE, 60, elbow_presence=elbow) for way in (1, -1)), FACE_SIZE)
        assert is_no_hand(reading(300, 60, presence=0.9), face, arms), "out of reach, even of arms that are guessed"
        assert not is_no_hand(reading(300, 60, presence=0.95), face, arms), "surely a hand"


@pytest.mark.parametrize(("right", "kept"), [(0.97, [True, False]), (0.03, [False, True])])
def test_two_hands_that_are_surely_of_one_side_are_not_one_persons(right: float, kept: list[bool]) -> None:
    ours, theirs = reading(150, 200, right=right), reading(450, 200, right=right)
    assert own_hands([ours, theirs], BOTH) == kept, "the one at that side's arm is"
    doubtful = reading(450, 200, right=0.5)
    assert own_hands([ours, doubtful], BOTH) == [True, True]


def test_a_hand_that_no_arm_reaches_is_somebody_elses() -> None:
    far, further = reading(150 + 1.3 * SIZE, 200), reading(300, 480)
    assert own_hands([far], BOTH) == [True]
    assert own_hands([further], BOTH) == [False]
    unseen = Arms(BOTH.left, arm(150, 200, elbow_presence=0.3), FACE_SIZE)
    assert own_hands([further], unseen) == [True], "an arm that is not seen reaches anywhere"


def test_free_arms_have_a_wrist_in_the_picture_and_no_hand() -> None:
    assert free_arms([], BOTH, PICTURE) == ["left", "right"]
    assert free_arms(["left"], BOTH, PICTURE) == ["right"]
    outside = Arms(arm(450, 470), arm(150, 200, wrist_presence=0.2), FACE_SIZE)
    assert free_arms([], outside, PICTURE) == []


@pytest.mark.parametrize("turn", [0.0, 0.7, -2.5])
def test_the_window_at_a_wrist_holds_the_hand_upright(turn: float) -> None:
    cosine, sine = math.cos(turn), math.sin(turn)
    axes = np.array([[cosine, sine], [-sine, cosine]])
    points = reading(0, 0).points[:, :2] @ axes + (300, 200)
    knuckles = (2 * points[5] + points[17]) / 3
    window = hand_window(Arm(points[0], points[0], points[0], knuckles, 0.9, 0.9, 0.9))
    inside = window.to_window(points)
    assert inside.min() > 0.1
    assert inside.max() < 0.9
    assert np.ptp(inside, axis=0).max() > 0.3, "it fills a good part of it"
    assert inside[12, 1] < inside[0, 1], "fingers up"
    assert window.angle == pytest.approx(turn, abs=0.35)


def test_what_is_found_at_an_arm_has_to_fit_it() -> None:
    assert belongs(reading(150, 200), "right", BOTH)
    assert not belongs(reading(150, 200), "left", BOTH)
    assert not belongs(reading(150 + 0.6 * SIZE, 200), "right", BOTH)
    for face_size in (10 * SIZE, SIZE / 3):
        assert not belongs(reading(150, 200), "right", Arms(BOTH.left, BOTH.right, face_size)), "of no hand's size"
