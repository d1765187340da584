"""Which of several faces is followed: the one that is surely a face and lasts, whatever is printed larger beside it."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.engines.open.engine import OpenEngine
from dice_core.engines.settings import CaptureSettings
from dice_core.landmarks import FaceDetection
from dice_core.landmarks.face_choice import FacePath, best_face, choose_path
from dice_core.landmarks.region import Region
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip

ROWS = [0, 10, 20, 30, 40]


def face(x: float, y: float, width: float, confidence: float) -> FaceDetection:
    corners = np.array([[-0.5, -0.6], [0.5, -0.6], [-0.5, 0.6], [0.5, 0.6]])
    points = np.zeros((4, 3), np.float32)
    points[:, :2] = corners * width + [x, y]
    return FaceDetection(points, confidence, Region(x, y, 2 * width))


def test_a_print_on_the_shirt_is_not_the_person() -> None:
    real = [face(300 + 2 * k, 80, 60, 1.0) for k in range(5)]
    printed = [face(310, 230, 110, confidence) for confidence in (0.9, 0.58, 0.99, 0.95, 0.7)]
    chosen, path = choose_path(ROWS, [[one, other] for one, other in zip(printed, real, strict=True)])
    assert chosen == real
    assert path is not None
    assert path.accepts(face(305, 84, 58, 1.0), 15)
    assert not path.accepts(printed[0], 15)
    assert path.region(5).x == pytest.approx(301.0)


def test_of_two_people_the_larger_one_is_followed_through_the_picture() -> None:
    near = [face(100 + 60 * k, 200, 120, 1.0) for k in range(5)]
    far = [face(500, 150, 60, 1.0) for _ in range(5)]
    chosen, path = choose_path(ROWS, [[other, one] for one, other in zip(near, far, strict=True)])
    assert chosen == near
    assert path is not None
    assert path.distance(near[2], 20) < 0.1
    assert not path.accepts(far[0], 0)


def test_a_single_face_needs_no_path() -> None:
    only = face(200, 200, 90, 0.97)
    chosen, path = choose_path(ROWS[:3], [[only], [], [only]])
    assert chosen == [only, None, only]
    assert path is None
    assert choose_path(ROWS[:2], [[], []]) == ([None, None], None)


def test_the_face_of_a_picture() -> None:
    sure, large = face(100, 80, 50, 1.0), face(100, 300, 160, 0.9)
    assert best_face([large, sure]) is sure
    assert best_face([large, face(400, 80, 40, 0.6)]) is large
    assert best_face([]) is None


def test_a_path_survives_being_stored() -> None:
    _, path = choose_path(ROWS[:2], [[face(100, 80, 50, 1.0), face(300, 80, 50, 0.99)]] * 2)
    assert path is not None
    again = FacePath.from_arrays(path.to_arrays())
    assert again.region(5) == path.region(5)


def test_the_bundled_clip_shows_one_face() -> None:
    """Where there is no choice, nothing is started anew."""
    engine = OpenEngine(open_footage(str(sample_clip()), (0, 24)), CaptureSettings())
    assert "face_frames" not in engine.prepare(None, lambda: False)


def test_what_is_surely_no_face_is_no_choice() -> None:
    """Weak readings of hands and cloth come and go."""
    weak = [[face(100 * k, 80, 50, 0.7), face(300, 90 * k, 40, 0.6)] for k in range(5)]
    assert choose_path(ROWS, weak)[1] is None
    passing = [face(500, 60, 70, 0.995)], [face(260, 200, 60, 0.996)]
    assert choose_path(ROWS, [weak[0] + passing[0], weak[1] + passing[1], *weak[2:]])[1] is None
    sure = [face(200, 200, 90, 1.0) for _ in range(5)]
    chosen, path = choose_path(ROWS, [[*other, one] for one, other in zip(sure, weak, strict=True)])
    assert chosen == sure
    assert path is None
