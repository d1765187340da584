"""The constants of a person, surveyed on a clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.engines.base import SIDES
from dice_core.engines.open.engine import OpenEngine
from dice_core.engines.open.survey import DEFAULT_FOV, Person, survey
from dice_core.engines.open.tracking import sample_landmarks
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError, Stopped
from dice_core.fitting.neutral_face import MEAN_REST
from dice_core.geometry.camera import Camera
from dice_core.media.footage import SURVEY_FRAMES
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip, sample_truth
from dice_core.take import open_take


@pytest.fixture(scope="module")
def person() -> Person:
    footage = open_footage(str(sample_clip()))
    camera = Camera.from_fov(footage.width, footage.height, DEFAULT_FOV)
    return survey(camera, sample_landmarks(footage, SURVEY_FRAMES, lambda: False)[0], SIDES)


def test_the_hand_is_as_large_beside_the_head_as_in_the_truth(person: Person) -> None:
    truth = open_take(sample_truth()).meshes["hand_right"].joints
    found = person.hand_mesh("right").joints
    ratio = np.linalg.norm(found[1:] - found[0], axis=1).mean() / np.linalg.norm(truth[1:] - truth[0], axis=1).mean()
    assert ratio == pytest.approx(1.0, abs=0.06)


def test_a_person_survives_being_stored(person: Person) -> None:
    again = Person.from_arrays(person.to_arrays())
    assert again.camera == person.camera
    assert again.hand_scale == person.hand_scale
    assert again.head_mesh().rest_vertices.tolist() == person.head_mesh().rest_vertices.tolist()


def test_the_field_of_view_is_the_users_if_given() -> None:
    engine = OpenEngine(open_footage(str(sample_clip()), (0, 1)), CaptureSettings(fov=60.0))
    assert engine.camera.fov_degrees == pytest.approx(60.0)


def test_a_person_remembers_how_its_face_rests(person: Person) -> None:
    rested = replace(person, rest=np.linspace(0, 0.5, len(MEAN_REST)))
    assert Person.from_arrays(rested.to_arrays()).rest.tolist() == rested.rest.tolist()
    assert person.rest.tolist() == MEAN_REST.tolist()


@pytest.mark.parametrize(("frames", "chosen"), [((10, 20), 9), ((10, 20), 20), ((10, 11), 10)])
def test_a_resting_face_is_one_of_the_frames(frames: tuple[int, int], chosen: int) -> None:
    engine = OpenEngine(open_footage(str(sample_clip()), frames), CaptureSettings(neutral=chosen))
    with pytest.raises(InputError, match="neutral" if frames[1] - frames[0] < 2 else "name one from 10 to 19"):
        engine.prepare(None, lambda: False)


def test_a_resting_face_has_to_be_seen(tmp_path: Path) -> None:
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((64, 64, 3), 128, np.uint8))
    engine = OpenEngine(open_footage(str(tmp_path)), CaptureSettings(neutral=1))
    with pytest.raises(InputError, match="Frame 1 shows no face"):
        engine.prepare(None, lambda: False)


def test_a_survey_stops_when_asked() -> None:
    asked = iter([False, True])
    with pytest.raises(Stopped):
        sample_landmarks(open_footage(str(sample_clip())), SURVEY_FRAMES, lambda: next(asked))


def test_hands_that_the_user_does_not_look_for_say_nothing_about_the_person() -> None:
    """The bundled clip shows a right hand alone."""
    footage = open_footage(str(sample_clip()), (24, 48))
    camera = Camera.from_fov(footage.width, footage.height, DEFAULT_FOV)
    seen, _ = sample_landmarks(footage, 3, lambda: False)
    heads: list[np.ndarray] = []
    right = survey(camera, seen, ("right",), heads.append)
    assert right.hand_scale != 1.0
    assert [shape.tolist() for shape in heads] == [right.head_shape.tolist()]
    left = survey(camera, seen, ("left",))
    assert left.hand_scale == 1.0
    assert left.hand_shape.tolist() == survey(camera, [], SIDES).hand_shape.tolist()
    assert left.hand_shape.tolist() != survey(camera, seen, SIDES).hand_shape.tolist()
