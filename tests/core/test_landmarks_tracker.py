"""Following faces and hands: with scripted networks, and with the real ones on pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.errors import ShapeError
from dice_core.landmarks import FaceDetection, FrameLandmarks, LandmarkTracker, hand_track, model_identities
from dice_core.landmarks.hand import hand_size
from dice_core.landmarks.hand_search import best_hands, same_hand
from dice_core.landmarks.networks import ASSETS
from dice_core.landmarks.region import Region
from dice_core.landmarks.side import accumulate, evidence, resolve
from dice_core.landmarks.tracker import MAX_MISSED_FRAMES, SEARCH_INTERVAL, UNCHANGED_SEARCH_INTERVAL
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip
from tests.core.scripted_search import ScriptedSearch, reading, script

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
needs_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photos are not part of the repository")
BLANK = np.zeros((480, 640, 3), np.uint8)
GREY = np.full_like(BLANK, 40)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> tuple[LandmarkTracker, ScriptedSearch]:
    search = ScriptedSearch()
    script(monkeypatch, search)
    return LandmarkTracker(), search


def test_second_hand_is_searched_for_only_now_and_then(scripted) -> None:
    tracker, search = scripted
    search.visible = [(300, 200, 0.99)]
    for _ in range(2 * SEARCH_INTERVAL):
        assert len(tracker.track(BLANK).hands) == 1
    assert search.palm_looks == 2
    search.visible.append((100, 200, 0.01))
    counts = [len(tracker.track(BLANK).hands) for _ in range(SEARCH_INTERVAL)]
    assert counts[-1] == 2
    looks = search.palm_looks
    tracker.track(BLANK)
    assert search.palm_looks == looks, "two hands are followed: nothing left to look for"


def test_footage_of_few_frames_a_second_is_searched_as_often_in_time(scripted) -> None:
    _, search = scripted
    tracker = LandmarkTracker(pace=0.4)
    search.visible = [(300, 200, 0.99)]
    for _ in range(2 * SEARCH_INTERVAL):
        tracker.track(BLANK)
    assert search.palm_looks == 5, "every fourth of twenty"


def test_without_hands_every_new_picture_is_searched(scripted) -> None:
    tracker, search = scripted
    for frame in range(3):
        assert tracker.track(GREY if frame % 2 else BLANK).hands == ()
    assert search.palm_looks == 3


def test_picture_that_does_not_change_is_searched_again_only_after_a_while(scripted) -> None:
    tracker, search = scripted
    search.faces = [(300, 200, 80)]  # so small that its surroundings are looked at, too
    for _ in range(UNCHANGED_SEARCH_INTERVAL):
        tracker.track(BLANK)
    assert search.palm_looks == 2, "once in the whole picture, once around the face"
    for _ in range(2):
        tracker.track(BLANK)
    assert search.palm_looks == 4
    search.visible = [(500, 300, 0.99)]
    assert tracker.track(BLANK).hands == (), "it looks as if there were none"
    assert len(tracker.track(GREY).hands) == 1


def test_picture_in_which_a_hand_was_found_is_searched_when_it_comes_again(scripted) -> None:
    tracker, search = scripted
    search.visible = [(300, 200, 0.99)]
    assert len(tracker.track(GREY).hands) == 1
    search.visible = []
    for _ in range(MAX_MISSED_FRAMES + 2):
        tracker.track(BLANK)
    search.visible = [(300, 200, 0.99)]
    assert len(tracker.track(GREY).hands) == 1


def test_with_an_interval_every_other_frame_is_searched(scripted) -> None:
    _, search = scripted
    tracker = LandmarkTracker(idle_interval=2)
    looks = []

    def look() -> int:
        before = search.palm_looks
        tracker.track(GREY if len(looks) // 2 % 2 else BLANK)
        looks.append(search.palm_looks - before)
        return looks[-1]

    assert [look() for _ in range(5)] == [1, 0, 1, 0, 1]
    search.visible = [(300, 200, 0.99)]
    assert [look() for _ in range(3)] == [0, 1, 0], "found at the next look, then followed"
    search.visible = []
    lost = [look() for _ in range(MAX_MISSED_FRAMES)]
    assert lost[0] == 1, "at once"
    assert sum(lost) == 1 + (MAX_MISSED_FRAMES - 1) // 2
    assert sum(look() for _ in range(6)) == 3


def test_track_goes_on_after_an_occlusion_and_keeps_its_number_and_side(scripted) -> None:
    tracker, search = scripted
    search.visible = [(300, 200, 0.99)]
    numbers = {tracker.track(BLANK).hands[0].track for _ in range(5)}
    search.visible = []
    for _ in range(MAX_MISSED_FRAMES):
        assert tracker.track(BLANK).hands == ()
    search.visible = [(330, 210, 0.6)]
    hand = tracker.track(BLANK).hands[0]
    assert {hand.track} == numbers
    assert hand.side == "right"
    assert hand.side_confidence > 0.9, "what was seen before the occlusion still counts"


@pytest.mark.parametrize(("right", "continues"), [(0.4, True), (0.02, False)])
def test_a_blurred_hand_that_comes_back_is_the_one_that_was_lost(scripted, right: float, continues: bool) -> None:
    tracker, search = scripted
    search.visible = [(300, 200, 0.99)]
    first = tracker.track(BLANK).hands[0].track
    for _ in range(4):
        tracker.track(BLANK)
    search.visible = []
    tracker.track(BLANK)
    search.visible = [(300 + 105, 200, right)]  # out of the window in which it is read first, but near
    tracks = [hand.track for hand in tracker.track(BLANK).hands]
    assert tracks == ([first] if continues else [first + 1])


def test_hand_that_stays_away_gets_a_new_track(scripted) -> None:
    tracker, search = scripted
    search.visible = [(300, 200, 0.99)]
    first = tracker.track(BLANK).hands[0].track
    search.visible = []
    for _ in range(MAX_MISSED_FRAMES + 1):
        tracker.track(BLANK)
    search.visible = [(300, 200, 0.99)]
    assert tracker.track(GREY).hands[0].track != first


def test_window_that_slid_onto_something_doubtful_is_dropped_and_stays_dropped(scripted) -> None:
    tracker, search = scripted
    search.visible = [(300, 200, 0.99)]
    tracker.track(BLANK)
    search.presence = 0.55
    counts = []
    for _ in range(12):
        counts.append(len(tracker.track(BLANK).hands))
    assert counts[0] == 1, "one blurred frame is forgiven"
    assert counts[-3:] == [0, 0, 0]
    search.presence = 0.9
    assert len(tracker.track(BLANK).hands) == 1


def test_missing_second_hand_is_searched_for_more_often(scripted) -> None:
    tracker, search = scripted
    search.visible = [(150, 200, 0.01), (450, 200, 0.99)]
    tracker.track(BLANK)
    search.visible = search.visible[:1]
    tracker.track(BLANK)
    search.palm_looks = 0
    for _ in range(6):
        tracker.track(BLANK)
    assert search.palm_looks == 2


def test_one_doubtful_frame_does_not_change_the_side(scripted) -> None:
    tracker, search = scripted
    sides = []
    for right in (0.9, 0.95, 0.9, 0.02, 0.2, 0.9):
        search.visible = [(300, 200, right)]
        sides.append(tracker.track(BLANK).hands[0].side)
    assert sides == ["right"] * 6


def test_two_tracks_that_drift_onto_one_hand_become_one(scripted) -> None:
    tracker, search = scripted
    search.visible = [(200, 200, 0.99), (340, 200, 0.01)]
    assert len(tracker.track(BLANK).hands) == 2
    search.visible = [(270, 200, 0.99)]
    assert len(tracker.track(BLANK).hands) == 1


def test_face_nearest_to_the_last_one_is_followed_otherwise_the_largest(scripted) -> None:
    tracker, search = scripted
    search.faces = [(100, 100, 60), (400, 100, 90)]
    face = tracker.track(BLANK).face
    assert face is not None
    assert face.region.x == 400
    search.faces = [(100, 100, 200), (460, 100, 50)]
    face = tracker.track(BLANK).face
    assert face is not None
    assert face.points[33, 0] > 400


def test_restored_tracker_goes_on_exactly_as_the_other(scripted) -> None:
    tracker, search = scripted

    def step(index: int) -> None:
        search.visible = [(150 + 3 * index, 200, 0.98), (450 - index, 250, 0.03)][: 1 + index % 7 // 3]
        search.faces = [(300, 100, 80)] if index % 5 else []

    for index in range(25):
        step(index)
        tracker.track(BLANK)
    other = LandmarkTracker()
    other.restore({name: np.array(values) for name, values in tracker.state.items()})
    for index in range(25, 60):
        step(index)
        ours, theirs = tracker.track(BLANK), other.track(BLANK)
        assert_same(ours, theirs)
    for name, values in tracker.state.items():
        np.testing.assert_array_equal(values, other.state[name])


def test_state_survives_an_npz(scripted, tmp_path: Path) -> None:
    tracker, search = scripted
    fresh = {name: values.copy() for name, values in tracker.state.items()}
    search.visible, search.faces = [(300, 200, 0.99)], [(300, 100, 80)]
    tracker.track(BLANK)
    for state in (fresh, tracker.state):
        np.savez(tmp_path / "state.npz", **state)
        with np.load(tmp_path / "state.npz", allow_pickle=False) as stored:
            tracker.restore(stored)
        for name, values in state.items():
            np.testing.assert_array_equal(tracker.state[name], values)


def test_sides_of_one_person_differ() -> None:
    assert [side for side, _ in resolve([3.0, -1.0])] == ["right", "left"]
    assert resolve([3.0, 1.0]) == [("right", pytest.approx(0.9526, abs=1e-4)), ("left", 0.5)]
    assert resolve([-0.5, -2.0])[0] == ("right", 0.5)
    assert resolve([]) == []


def test_side_evidence_is_limited_and_forgets() -> None:
    assert evidence(0.5) == pytest.approx(0)
    assert evidence(1.0) == 4.0
    assert evidence(0.0) == -4.0
    gathered = 0.0
    for _ in range(200):
        gathered = accumulate(gathered, 1.0)
    flips = 0
    while gathered > 0:
        gathered = accumulate(gathered, 0.0)
        flips += 1
    assert 5 <= flips <= 10


def test_best_hands_are_different_ones_within_reach_of_the_face() -> None:
    face = FaceDetection(np.zeros((478, 3), np.float32), 1.0, Region(300, 100, 80))
    near, again, far = reading(320, 150, presence=0.8), reading(325, 152, presence=0.7), reading(800, 100)
    assert best_hands([far, near, again], face, 2) == [near, far]
    assert best_hands([far, near, again], None, 1) == [far]
    assert same_hand(near.points, again.points)
    assert not same_hand(near.points, far.points)


def test_what_is_as_small_as_an_ear_beside_a_face_is_no_hand() -> None:
    face = FaceDetection(np.zeros((478, 3), np.float32), 1.0, Region(300, 100, 700))
    ear = reading(500, 150)  # 108 pixels
    assert best_hands([ear], face, 2) == []
    assert best_hands([ear], FaceDetection(face.points, 1.0, Region(300, 100, 500)), 2) == [ear]
    far = reading(1200, 150)
    assert best_hands([far], face, 2) == [far], "nearer to the camera or not, who knows"


def test_wrong_images_are_refused() -> None:
    tracker = LandmarkTracker()
    for image in (np.zeros((10, 10), np.uint8), np.zeros((10, 10, 4), np.uint8), np.zeros((10, 10, 3))):
        with pytest.raises(ShapeError, match="uint8"):
            tracker.detect(image)


def test_nothing_is_found_in_noise_or_black() -> None:
    tracker = LandmarkTracker()
    noise = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    for image in (BLANK[:64, :64], noise):
        for found in (tracker.detect(image), tracker.track(image)):
            assert found.face is None
            assert found.hands == ()


def test_packaged_networks_are_the_ones_that_the_notice_lists() -> None:
    notice = (ASSETS / "NOTICE.md").read_text(encoding="utf-8")
    assert len(model_identities()) == 5
    for name, digest in model_identities().items():
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == digest
        assert f"`{name}` `{digest}`" in notice


@needs_photos
@pytest.mark.parametrize("name", ["1", "2", "3", "4"])
def test_photo_has_a_face_and_a_right_hand(name: str) -> None:
    image = read_photo(name)
    tracker = LandmarkTracker()
    found = tracker.detect(image)
    assert found.face is not None
    assert [hand.side for hand in found.hands] == ["right"]
    mirrored = tracker.detect(np.ascontiguousarray(image[:, ::-1]))
    assert [hand.side for hand in mirrored.hands] == ["left"]


@needs_photos
def test_small_person_in_a_large_frame_is_found() -> None:
    small = cv2.resize(read_photo("2"), (300, 300), interpolation=cv2.INTER_AREA)
    frame = np.full((1080, 1920, 3), 128, np.uint8)
    frame[700:1000, 1500:1800] = small
    found = LandmarkTracker().detect(frame)
    assert found.face is not None
    assert len(found.hands) == 1
    centre = found.hands[0].points[:, :2].mean(axis=0)
    assert 1500 < centre[0] < 1800
    assert 700 < centre[1] < 1000


@needs_photos
def test_panned_photo_is_tracked_and_resumes_exactly() -> None:
    image = read_photo("3")[:700]
    frames = [np.ascontiguousarray(image[5 * i : 600 + 5 * i, 20 + 6 * i : 720 + 6 * i]) for i in range(12)]
    tracker, other = LandmarkTracker(), LandmarkTracker()
    first = [tracker.track(frame) for frame in frames[:6]]
    other.restore(tracker.state)
    rest = [tracker.track(frame) for frame in frames[6:]]
    for ours, frame in zip(rest, frames[6:], strict=True):
        assert_same(ours, other.track(frame))
    steps = [np.array([20 + 6 * i, 5 * i]) for i in range(12)]
    hands = [found.hands[0].points[:, :2] + step for found, step in zip(first + rest, steps, strict=True)]
    assert {found.hands[0].track for found in first + rest} == {0}
    assert np.linalg.norm(np.mean(hands[3:], axis=0) - hands[-1], axis=1).mean() < 4.0


def read_photo(name: str) -> np.ndarray:
    return cv2.imread(str(PHOTOS / f"{name}.png"), cv2.IMREAD_COLOR_RGB)


def assert_same(ours: FrameLandmarks, theirs: FrameLandmarks) -> None:
    assert (ours.face is None) == (theirs.face is None)
    if ours.face is not None and theirs.face is not None:
        np.testing.assert_array_equal(ours.face.points, theirs.face.points)
    assert len(ours.hands) == len(theirs.hands)
    for hand, other in zip(ours.hands, theirs.hands, strict=True):
        assert (hand.side, hand.presence, hand.track) == (other.side, other.presence, other.track)
        np.testing.assert_array_equal(hand.points, other.points)
        np.testing.assert_array_equal(hand.world, other.world)


def test_a_hand_that_moves_fast_is_read_where_it_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture slides through the view: what is read on the way has to be what is read where it begins."""
    with open_footage(str(sample_clip()), (30, 31)) as footage:
        picture = footage.read(0)
    start = LandmarkTracker().detect(picture).hands[0].points[:, :2]
    size = hand_size(start)

    def errors() -> list[float]:
        tracker, found = LandmarkTracker(), []
        for k in range(4):
            way = round(0.35 * k * size)
            (hand,) = tracker.track(np.roll(picture, way, axis=1)).hands
            off = np.linalg.norm(hand.points[:, :2] - [way, 0] - start, axis=1)
            found.append(float(off.mean() / size))
        return found

    ahead = errors()
    monkeypatch.setattr(hand_track, "AHEAD", 0.0)
    behind = errors()
    assert ahead[:2] == behind[:2], "how it moves is known from the second frame on"
    assert max(ahead[2:]) < 0.04
    assert min(behind[2:]) > 1.5 * max(ahead[2:])
