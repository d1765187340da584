"""Following hands with the help of arms: sides, hands that no palm leads to, second readings of one hand."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.landmarks import LandmarkTracker
from dice_core.landmarks.arm_search import hand_at_arm, hands_by_arms
from dice_core.landmarks.pose import Arms
from dice_core.landmarks.tracker import ARM_INTERVAL, LOST_HAND_ARM_INTERVAL, MAX_MISSED_FRAMES
from tests.core.scripted_search import ScriptedSearch, arm, reading, script

BLANK = np.zeros((480, 640, 3), np.uint8)
LEFT, RIGHT = (450, 200), (150, 200)
NOWHERE = (0, 2000)


def arms(left: tuple[float, float], right: tuple[float, float]) -> Arms:
    return Arms(left=arm(*left), right=arm(*right), face_size=150)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> tuple[LandmarkTracker, ScriptedSearch]:
    search = ScriptedSearch(faces=[(300, 60, 150)], arms=arms(LEFT, RIGHT))
    script(monkeypatch, search)
    return LandmarkTracker(), search


def test_the_arm_decides_where_a_blurred_hand_looks_like_the_other_one(scripted) -> None:
    tracker, search = scripted
    sides = []
    for right in (0.0, 0.01, 0.0, 0.02, 0.0, 0.98, 0.99, 0.99):
        search.visible = [(*RIGHT, right)]
        sides.append(tracker.track(BLANK).hands[0].side)
    assert sides == ["right"] * 8
    search.arms, search.visible = None, [(*RIGHT, 0.0)]
    assert LandmarkTracker().track(BLANK).hands[0].side == "left", "without arms the network decides"


def test_the_hand_network_outvotes_an_arm_that_it_contradicts_for_long(scripted) -> None:
    tracker, search = scripted
    search.visible = [(*RIGHT, 0.0)]
    sides = [tracker.track(BLANK).hands[0].side for _ in range(20)]
    assert sides.count("right") == sides.index("left") > 5


def test_arms_are_looked_at_for_new_hands_and_now_and_then(scripted) -> None:
    tracker, search = scripted
    search.visible, search.arms = [(*RIGHT, 0.99)], arms(NOWHERE, RIGHT)
    for _ in range(3 * ARM_INTERVAL):
        tracker.track(BLANK)
    assert search.arm_looks == 3
    search.visible.append((*LEFT, 0.01))
    search.arms = arms(LEFT, RIGHT)
    while len(tracker.track(BLANK).hands) < 2:
        pass
    looks = search.arm_looks
    for _ in range(3 * ARM_INTERVAL):
        tracker.track(BLANK)
    assert search.arm_looks == looks, "both hands are known"


def test_a_hand_that_no_palm_leads_to_is_found_at_its_wrist(scripted) -> None:
    tracker, search = scripted
    search.palmless = [(*LEFT, 0.01)]
    assert [hand.side for hand in tracker.track(BLANK).hands] == ["left"]
    search.arms = arms(NOWHERE, RIGHT)
    assert LandmarkTracker().track(BLANK).hands == ()


def test_a_lost_hand_is_found_at_its_arm_however_far_it_went(scripted) -> None:
    tracker, search = scripted
    search.visible = [(*RIGHT, 0.99)]
    number = tracker.track(BLANK).hands[0].track
    away = (RIGHT[0] + 260, RIGHT[1])
    search.visible, search.palmless, search.arms = [], [(*away, 0.2)], arms(NOWHERE, away)
    hand = tracker.track(BLANK).hands[0]
    assert (hand.track, hand.side) == (number, "right")


def test_while_a_hand_is_lost_its_arm_is_looked_at_more_often(scripted) -> None:
    tracker, search = scripted
    search.visible = [(*RIGHT, 0.99)]
    tracker.track(BLANK)
    search.visible = []
    looks = search.arm_looks
    for _ in range(MAX_MISSED_FRAMES):
        assert tracker.track(BLANK).hands == ()
    assert search.arm_looks == looks + 1 + (MAX_MISSED_FRAMES - 1) // LOST_HAND_ARM_INTERVAL


def test_a_second_reading_at_one_arm_is_no_hand(scripted) -> None:
    tracker, search = scripted
    search.visible = [(*RIGHT, 0.99)]
    tracker.track(BLANK)
    search.visible.append((RIGHT[0] + 95, RIGHT[1], 0.01))
    for _ in range(2 * ARM_INTERVAL):
        hands = tracker.track(BLANK).hands
        assert [hand.side for hand in hands] == ["right"]
    search.arms = None
    other = LandmarkTracker()
    assert len(other.track(BLANK).hands) == 2, "what the arms rule out"


def test_hands_of_a_picture_are_the_persons_own() -> None:
    own, strangers = reading(*RIGHT, right=0.99), reading(300, 440, right=0.99)
    search = ScriptedSearch(palmless=[(*LEFT, 0.01)])
    hands = hands_by_arms(search, BLANK, arms(LEFT, RIGHT), [strangers, own], 2)
    assert hands[0] is own
    assert [hand.right for hand in hands[1:]] == [0.01], "and the one that was not found before"
    assert hands_by_arms(search, BLANK, arms(LEFT, RIGHT), [own], 1) == [own]


def test_a_strangers_hand_where_an_arm_is_guessed_does_not_come_back() -> None:
    own, strangers = reading(*RIGHT, right=0.99), reading(*LEFT, right=0.98)
    search = ScriptedSearch(palmless=[(*LEFT, 0.98)])
    assert hands_by_arms(search, BLANK, arms(LEFT, RIGHT), [strangers, own], 2) == [own]


def test_a_wrist_that_a_hand_is_at_is_not_searched_whatever_that_hand_looks_like() -> None:
    """A bad reading, of the wrong side, at a wrist whose elbow is not seen: a better one would be a second hand."""
    bad = reading(RIGHT[0] + 40, RIGHT[1] + 50, right=0.1)
    search = ScriptedSearch(palmless=[(*RIGHT, 0.99)])
    guessed = Arms(left=arm(*LEFT), right=arm(*RIGHT, elbow_presence=0.1), face_size=150)
    assert hands_by_arms(search, BLANK, guessed, [bad], 2) == [bad]


def test_a_hand_found_at_its_arm_takes_the_place_of_a_doubtful_one() -> None:
    """As where a shirt's print beside a wrist is all that a palm led to."""
    printed = reading(RIGHT[0] + 95, RIGHT[1], right=0.3)
    search = ScriptedSearch(palmless=[(*RIGHT, 0.99)])
    hands = hands_by_arms(search, BLANK, arms(LEFT, RIGHT), [printed], 2)
    assert [hand.right for hand in hands] == [0.99]


def test_faint_hands_at_a_wrist_are_no_hands() -> None:
    search = ScriptedSearch(palmless=[(*LEFT, 0.01)], presence=0.6)
    assert hand_at_arm(search, BLANK, arms(LEFT, RIGHT), "left") is None
    search.presence = 0.8
    assert hand_at_arm(search, BLANK, arms(LEFT, RIGHT), "left") is not None
    far = arms((LEFT[0] - 70, LEFT[1]), RIGHT)
    assert hand_at_arm(search, BLANK, far, "left") is None, "a hand in the window, but not at the wrist"
