"""Whether a picture looks as it did when it was searched in vain."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.landmarks import FaceDetection
from dice_core.landmarks.region import Region
from dice_core.landmarks.searched_views import CHANGE, SearchedViews

FACE = FaceDetection(np.zeros((478, 3), np.float32), 0.9, Region(320, 200, 160))


def room() -> np.ndarray:
    """(480, 640, 3) a picture with smooth and with sharp parts."""
    y, x = np.mgrid[0:480, 0:640]
    return np.stack([x / 4, y / 4, 60 + 40 * ((x // 80 + y // 80) % 2)], axis=2).astype(np.uint8)


@pytest.fixture
def views() -> SearchedViews:
    """That have seen the room at frame 1."""
    views = SearchedViews(30)
    assert views.is_new(0, 1, room(), FACE)
    return views


def test_noise_is_no_change(views: SearchedViews) -> None:
    noise = np.random.default_rng(0).integers(-12, 13, (480, 640, 3))
    noisy = np.clip(room() + noise, 0, 255).astype(np.uint8)
    assert not views.is_new(0, 2, noisy, FACE)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_hand_that_comes_is_a_change(views: SearchedViews, channel: int) -> None:
    changed = room()
    changed[400:460, 100:160, channel] += 40
    assert views.is_new(0, 2, changed, FACE)
    assert not views.is_new(0, 3, changed, FACE), "that has been searched now"


def test_face_may_move_but_only_where_one_is(views: SearchedViews) -> None:
    changed = room()
    changed[140:260, 260:380] = 200
    assert not views.is_new(0, 2, changed, FACE)
    assert views.is_new(0, 3, changed, None)


def test_face_at_the_edge_or_outside_covers_what_is_in_the_picture(views: SearchedViews) -> None:
    changed = room()
    changed[:, 600:] = 200
    beyond = FaceDetection(FACE.points, 0.9, Region(900, 200, 160))
    assert views.is_new(0, 2, changed, beyond)
    at_edge = FaceDetection(FACE.points, 0.9, Region(640, 240, 960))
    assert not views.is_new(0, 3, room(), at_edge)


def test_what_changes_slowly_is_new_in_the_end(views: SearchedViews) -> None:
    def frame(number: int) -> np.ndarray:
        changed = room()
        changed[400:460, 100:160] += number
        return changed

    new = [number for number in range(1, 20) if views.is_new(0, 1 + number, frame(number), FACE)]
    assert new == [CHANGE, 2 * CHANGE]


def test_each_way_of_looking_has_its_own_view_and_none_lasts_for_ever(views: SearchedViews) -> None:
    assert views.is_new(1, 2, room(), FACE)
    assert [frame for frame in range(2, 100) if views.is_new(0, frame, room(), FACE)] == [31, 61, 91]


def test_restored_views_go_on_and_older_states_hold_none(views: SearchedViews) -> None:
    other = SearchedViews(30)
    other.restore(views.state)
    assert not other.is_new(0, 2, room(), FACE)
    other.restore({})
    assert other.is_new(0, 2, room(), FACE)
