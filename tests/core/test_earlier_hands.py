"""Hands that are found late are followed back to the frame in which they came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from dice_core.landmarks import LandmarkTracker, earlier_hands
from dice_core.landmarks.earlier_hands import track_clip
from dice_core.landmarks.hand import HandReading
from dice_core.landmarks.pose import Arms
from dice_core.landmarks.region import Region
from dice_core.landmarks.tracker import SEARCH_INTERVAL
from tests.core.scripted_search import ScriptedSearch, arm, script

FIRST, SECOND = (300, 200, 0.99), (100, 200, 0.01)
LEVELS = 8  # of grey from frame to frame, so that every picture is new


@dataclass
class Arriving(ScriptedSearch):
    """A second hand that is there from the frame `comes` on, as the pictures' grey levels count them."""

    comes: int = 4

    def _look(self, image: np.ndarray) -> None:
        self.visible = [FIRST, SECOND] if image[0, 0, 0] >= LEVELS * self.comes else [FIRST]

    def read_hand(self, image: np.ndarray, region: Region) -> HandReading:
        self._look(image)
        return super().read_hand(image, region)

    def hand_regions(self, image: np.ndarray, known: list[HandReading], window: Region | None = None) -> list[Region]:
        self._look(image)
        return super().hand_regions(image, known, window)


def clip(count: int) -> Iterator[tuple[int, np.ndarray]]:
    for frame in range(count):
        yield frame, np.full((480, 640, 3), LEVELS * frame, np.uint8)


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Arriving:
    search = Arriving()
    script(monkeypatch, search)
    return search


def test_a_hand_is_in_every_frame_from_the_one_in_which_it_came(search: Arriving) -> None:
    tracker = LandmarkTracker()
    assert [len(tracker.track(image).hands) for _, image in clip(12)].index(2) == SEARCH_INTERVAL, "without going back"
    seen = list(track_clip(clip(12), LandmarkTracker()))
    assert [frame.row for frame in seen] == list(range(12))
    assert [len(frame.landmarks.hands) for frame in seen] == [1] * search.comes + [2] * (12 - search.comes)
    second = [frame.landmarks.hand("left") for frame in seen[search.comes :]]
    assert len({hand.track for hand in second if hand is not None}) == 1
    assert all(hand is not None and abs(hand.points[:, 0].mean() - SECOND[0]) < 10 for hand in second)


def test_a_hand_that_jumps_is_followed_back_by_its_arm(search: Arriving, monkeypatch: pytest.MonkeyPatch) -> None:
    """It moves by more than the window in which it is read, as hands do at ten frames a second."""

    def look(image: np.ndarray) -> None:
        frame = int(image[0, 0, 0]) // LEVELS
        where = (600 - 250 * (frame % 2), 200)
        search.visible = [(*where, 0.99)] if frame == 5 else []
        search.palmless = [(*where, 0.99)] if 3 <= frame < 5 else []
        search.arms = Arms(left=arm(100, 200), right=arm(*where), face_size=150) if search.arms else None

    monkeypatch.setattr(search, "_look", look)
    search.faces = [(300, 60, 150)]
    for known in (True, False):
        search.arms = Arms(left=arm(100, 200), right=arm(100, 200), face_size=150) if known else None
        seen = list(track_clip(clip(6), LandmarkTracker()))
        assert [len(frame.landmarks.hands) for frame in seen] == ([0, 0, 0, 1, 1, 1] if known else [0, 0, 0, 0, 0, 1])


def test_going_back_leaves_the_tracker_as_it_is(search: Arriving) -> None:
    plain, other = LandmarkTracker(), LandmarkTracker()
    states = [plain.track(image) and plain.state for _, image in clip(14)]
    for frame, state in zip(track_clip(clip(14), other), states, strict=True):
        for name, values in state.items():
            np.testing.assert_array_equal(frame.state[name], values, err_msg=name)


def test_a_clip_that_goes_on_from_a_state_is_the_same(search: Arriving) -> None:
    whole = list(track_clip(clip(16), LandmarkTracker()))
    tracker = LandmarkTracker()
    tracker.restore(whole[5].state)
    rest = list(track_clip((item for item in clip(16) if item[0] > 5), tracker))
    for frame, expected in zip(rest, whole[6:], strict=True):
        assert [hand.track for hand in frame.landmarks.hands] == [hand.track for hand in expected.landmarks.hands]


def test_large_pictures_are_not_kept(search: Arriving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier_hands, "LARGEST_MEMORY", 3 * 480 * 640 * 3)
    counts = [len(frame.landmarks.hands) for frame in track_clip(clip(30), LandmarkTracker())]
    assert counts.index(2) == SEARCH_INTERVAL - 3, "three frames back from where it was found"
