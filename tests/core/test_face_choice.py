"""Which of several faces is followed: the one that is surely a face and lasts, whatever is printed larger beside it."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.engines.open.engine import OpenEngine
from dice_core.engines.settings import CaptureSettings
from dice_core.landmarks.detections import FaceDetection, RatedFace
from dice_core.landmarks.face_choice import FULL_EVIDENCE, LEAST_EVIDENCE, FacePath, best_face, choose_path
from dice_core.landmarks.region import Region
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip

ROWS = [0, 10, 20, 30, 40]


def face(x: float, y: float, width: float, sureness: float) -> RatedFace:
    """sureness : 0 where it is just a face, 1 where it surely is."""
    corners = np.array([[-0.5, -0.6], [0.5, -0.6], [-0.5, 0.6], [0.5, 0.6]])
    points = np.zeros((4, 3), np.float32)
    points[:, :2] = corners * width + [x, y]
    evidence = LEAST_EVIDENCE + sureness * (FULL_EVIDENCE - LEAST_EVIDENCE)
    return RatedFace(FaceDetection(points, 1.0, Region(x, y, 2 * width)), evidence)


def test_a_print_on_the_shirt_is_not_the_person() -> None:
    real = [face(300 + 2 * k, 80, 60, 1.0) for k in range(5)]
    printed = [face(310, 230, 110, sureness) for sureness in (0.1, 0.0, 0.4, 0.2, 0.0)]
    chosen, path = choose_path(ROWS, [[one, other] for one, other in zip(printed, real, strict=True)])
    assert chosen == [one.face for one in real]
    assert path is not None
    assert path.accepts(face(305, 84, 58, 1.0).face, 15)
    assert not path.accepts(printed[0].face, 15)
    assert path.region(5).x == pytest.approx(301.0)


def test_of_two_people_the_larger_one_is_followed_through_the_picture() -> None:
    near = [face(100 + 60 * k, 200, 120, 1.0) for k in range(5)]
    far = [face(500, 150, 60, 1.0) for _ in range(5)]
    chosen, path = choose_path(ROWS, [[other, one] for one, other in zip(near, far, strict=True)])
    assert chosen == [one.face for one in near]
    assert path is not None
    assert path.distance(near[2].face, 20) < 0.1
    assert not path.accepts(far[0].face, 0)


def test_a_single_face_needs_no_path() -> None:
    only = face(200, 200, 90, 0.1)
    chosen, path = choose_path(ROWS[:3], [[only], [], [only]])
    assert chosen == [only.face, None, only.face]
    assert path is None
    assert choose_path(ROWS[:2], [[], []]) == ([None, None], None)
    _, path = choose_path(ROWS[:3], [[only], [], [only]], always=True)
    assert path is not None
    assert path.accepts(only.face, 10)


def test_the_face_of_a_picture() -> None:
    sure, large, doubtful = face(100, 80, 50, 1.0), face(100, 300, 90, 1.0), face(300, 200, 160, 0.2)
    assert best_face([sure, doubtful]) is sure.face
    assert best_face([sure, doubtful, large]) is large.face
    assert best_face([doubtful]) is doubtful.face
    assert best_face([]) is None


def test_without_any_that_counts_it_is_the_most_likely_one() -> None:
    """As of a character's head, which is there for sure and hardly looks like a face."""
    hardly, less = face(100, 80, 50, -0.5), face(300, 80, 90, -0.9)
    assert best_face([less, hardly]) is hardly.face


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
    weak = [[face(100 * k, 80, 50, -0.4), face(300, 90 * k, 40, -0.9)] for k in range(5)]
    assert choose_path(ROWS, weak)[1] is None
    passing = [face(500, 60, 70, 0.5)], [face(260, 200, 60, 0.6)]
    assert choose_path(ROWS, [weak[0] + passing[0], weak[1] + passing[1], *weak[2:]])[1] is None
    sure = [face(200, 200, 90, 1.0) for _ in range(5)]
    chosen, path = choose_path(ROWS, [[*other, one] for one, other in zip(sure, weak, strict=True)])
    assert chosen == [one.face for one in sure]
    assert path is None
