"""Hands that the picture as it stands does not show: windows turned around the face, and close to it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dice_core.landmarks import FaceDetection, LandmarkTracker
from dice_core.landmarks.detector import AnchorDetector, Detection
from dice_core.landmarks.hand import HandReading
from dice_core.landmarks.hand_search import (
    AGREEING_ON_SECOND,
    AGREEING_WINDOWS,
    EMPTY_WINDOWS,
    LEAST_AGREEING,
    LEAST_HAND,
    TURNED_SCALES,
    TURNS,
    HandSearch,
    close_up,
)
from dice_core.landmarks.networks import PALM_DETECTOR
from dice_core.landmarks.region import Region
from dice_core.landmarks.tracker import MAX_MISSED_FRAMES, SEARCH_INTERVAL, THOROUGH_SEARCH_INTERVAL
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip
from tests.core.scripted_search import ScriptedSearch, reading, script

BLANK = np.zeros((480, 640, 3), np.uint8)
FACE = FaceDetection(np.zeros((478, 3), np.float32), 1.0, Region(320, 240, 100))


def test_a_palm_is_found_in_a_turned_window_where_it_is_in_the_turned_picture() -> None:
    with open_footage(sample_clip()) as footage:
        image = footage.read(40)
    detect = AnchorDetector(PALM_DETECTOR)
    height, width = image.shape[:2]
    assert height == width, "so that the turned picture fills the same window"
    turned = np.ascontiguousarray(np.rot90(image))  # (x, y) becomes (y, width - 1 - x), in pixels that are looked up
    straight = detect(turned, 0.5)
    window = Region(width / 2, height / 2, width, math.pi / 2)
    found = detect(image, 0.5, window)
    assert len(found) == len(straight) > 0
    for one, other in zip(found, straight, strict=True):
        back = np.stack([width - other.keypoints[:, 1], other.keypoints[:, 0]], axis=1)
        assert np.abs(one.keypoints - back).max() < 0.02 * width
        assert one.score == pytest.approx(other.score, abs=0.05)
        np.testing.assert_allclose(one.extent, other.extent, rtol=0.1)


class _Networks:
    """Palms at one place, in the first `windows` turned windows; a hand of a given size and presence there."""

    def __init__(self, windows: int, presence: float, scale: float) -> None:
        self.left, self.presence, self.scale = windows, presence, scale
        self.looks = 0

    def palms(self, image: np.ndarray, threshold: float, window: Region) -> list[Detection]:
        self.looks += 1
        self.left -= 1
        if self.left < 0:
            return []
        keypoints = np.zeros((7, 2), np.float32)
        keypoints[0] = [0, 10]
        return [Detection(0.9, np.array([320.0, 240.0]), np.array([40.0, 40.0]), keypoints)]

    def read(self, image: np.ndarray, region: Region) -> HandReading:
        hand = reading(0, 0, presence=self.presence)
        return HandReading(hand.points * self.scale + [320, 240, 0], hand.world, self.presence, 0.9, region)


def _agreed(
    windows: int, presence: float = 0.6, scale: float = 1.0, known: tuple[HandReading, ...] = ()
) -> tuple[list[HandReading], _Networks]:
    search, networks = object.__new__(HandSearch), _Networks(windows, presence, scale)
    search._palms, search.read_hand = networks.palms, networks.read  # type: ignore[assignment]
    return search.agreed_hand(BLANK, FACE, known), networks


def test_windows_have_to_agree_on_a_hand() -> None:
    found, networks = _agreed(AGREEING_WINDOWS)
    assert len(found) == 1
    assert networks.looks == AGREEING_WINDOWS, "and then no more are searched"
    assert _agreed(AGREEING_WINDOWS - 1)[0] == []
    assert _agreed(16, presence=0.4)[0] == [], "readings that are no hand count for nothing"


def test_what_is_much_smaller_than_the_face_is_no_hand() -> None:
    size = 108.0  # pixels, of the scripted hand, at a face window of 100
    assert _agreed(16, scale=1.05 * LEAST_HAND * 100 / size)[0] != []
    assert _agreed(16, scale=0.95 * LEAST_HAND * 100 / size)[0] == []


def test_beside_a_known_hand_fewer_windows_have_to_agree_on_another() -> None:
    elsewhere, here = reading(600, 100), reading(320, 240)
    found, networks = _agreed(AGREEING_ON_SECOND, known=(elsewhere,))
    assert (len(found), networks.looks) == (1, AGREEING_ON_SECOND)
    assert _agreed(AGREEING_ON_SECOND - 1, known=(elsewhere,))[0] == []
    found, networks = _agreed(16, known=(here,))
    assert (found, networks.looks) == ([], EMPTY_WINDOWS), "the known hand is not found again"


def test_wider_windows_in_which_nothing_agrees_end_the_search() -> None:
    assert _agreed(0)[1].looks == EMPTY_WINDOWS == TURNS // 2, "windows that show nothing end it earlier"
    assert _agreed(LEAST_AGREEING - 1)[1].looks == TURNS
    assert _agreed(LEAST_AGREEING)[1].looks == TURNS * len(TURNED_SCALES)


def test_close_up_is_smaller_than_the_picture() -> None:
    small = FaceDetection(FACE.points, 1.0, Region(300, 200, 50))
    assert close_up(BLANK, small) == Region(300, 200, 200)
    assert close_up(BLANK, FaceDetection(FACE.points, 1.0, Region(300, 200, 170))) is None
    assert close_up(BLANK, None) is None


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> tuple[LandmarkTracker, ScriptedSearch]:
    search = ScriptedSearch(faces=[(320, 240, 100)])
    script(monkeypatch, search)
    return LandmarkTracker(), search


def test_a_clip_without_hands_is_searched_thoroughly_now_and_then(scripted) -> None:
    tracker, search = scripted
    for _ in range(2 * THOROUGH_SEARCH_INTERVAL):
        assert tracker.track(BLANK).hands == ()
    assert search.thorough_looks == 2
    search.hidden = reading(350, 250)
    frames = 0
    while not tracker.track(BLANK).hands:
        frames += 1
    assert frames < THOROUGH_SEARCH_INTERVAL


def test_the_thorough_search_waits_while_a_lost_hand_is_expected_where_it_was(scripted) -> None:
    tracker, search = scripted
    search.visible = [(350, 250, 0.99)]
    while search.thorough_looks < 2:
        tracker.track(BLANK)
    for _ in range(THOROUGH_SEARCH_INTERVAL - 2):
        assert len(tracker.track(BLANK).hands) == 1
    search.visible = []
    for _ in range(MAX_MISSED_FRAMES):
        assert tracker.track(BLANK).hands == ()
    assert search.thorough_looks == 2
    for _ in range(SEARCH_INTERVAL):
        tracker.track(BLANK)
    assert search.thorough_looks == 3


def test_a_second_hand_is_also_looked_for_close_to_the_face(scripted) -> None:
    tracker, search = scripted
    search.faces = [(320, 240, 50)]
    search.visible = [(300, 200, 0.99)]
    search.only_close_up = [(100, 200, 0.01)]
    counts = [len(tracker.track(BLANK).hands) for _ in range(SEARCH_INTERVAL + 1)]
    assert counts[-1] == 2


def test_without_hands_picture_and_surroundings_of_the_face_are_searched_in_turns(scripted) -> None:
    tracker, search = scripted
    search.faces = [(320, 240, 50)]
    for picture in (BLANK, BLANK, BLANK + 40, BLANK + 40):  # what looks the same is not searched again
        tracker.track(picture)
    assert [None if window is None else round(window.size) for window in search.windows] == [None, 200, None, 200]
