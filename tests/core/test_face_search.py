"""Faces in pictures of which nothing is known: all of them are found, and walls and clothes are none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.engines.open.tracking import sample_landmarks, track
from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.face_choice import FULL_EVIDENCE, LEAST_EVIDENCE
from dice_core.landmarks.face_search import FaceSearch
from dice_core.landmarks.region import Region
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip


@pytest.fixture(scope="module")
def search() -> FaceSearch:
    return FaceSearch()


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    return open_footage(str(sample_clip())).read(0)


def blobs(seed: int) -> np.ndarray:
    """A picture of nothing, (480, 480, 3) uint8."""
    colours = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return cv2.resize(colours, (480, 480), interpolation=cv2.INTER_CUBIC)


def test_blobs_that_the_landmark_network_takes_for_faces_are_none(search: FaceSearch) -> None:
    pictures = [blobs(seed) for seed in range(30)]
    taken = [picture for picture in pictures if search.faces(picture, least=-np.inf)]
    assert len(taken) >= 5
    assert sum(search.face(picture) is not None for picture in taken) <= 1


def test_a_face_before_blobs_is_the_only_one(search: FaceSearch, frame: np.ndarray) -> None:
    alone = search.faces(frame)
    assert len(alone) == 1
    assert alone[0].evidence >= FULL_EVIDENCE
    picture = np.concatenate([blobs(7), cv2.resize(frame, (480, 480)), blobs(3)], axis=1)
    found = search.faces(picture)
    assert len(found) == 1
    assert 480 < found[0].face.region.x < 960
    assert found[0].evidence >= FULL_EVIDENCE


def far_away(frame: np.ndarray, shift: int = 0) -> np.ndarray:
    """The person of a frame, with a face of 60 pixels, in a picture of (1080, 1920, 3)."""
    picture = np.full((1080, 1920, 3), 90, np.uint8)
    picture[700:856, 300 + shift : 456 + shift] = cv2.resize(frame, (156, 156), interpolation=cv2.INTER_AREA)
    return picture


def test_a_face_that_is_small_in_a_large_picture_is_found(search: FaceSearch, frame: np.ndarray) -> None:
    """The detector sees none in the whole picture, which it looks at in 128 x 128 pixels, but in a part of it."""
    picture = far_away(frame)
    assert search.face_regions(picture) == []
    (found,) = search.faces(picture)
    assert 300 < found.face.region.x < 456
    assert 700 < found.face.region.y < 856


def test_a_clip_of_somebody_far_away_is_followed(tmp_path: Path, frame: np.ndarray) -> None:
    for k in range(12):
        cv2.imwrite(str(tmp_path / f"{k:03}.png"), cv2.cvtColor(far_away(frame, 5 * k), cv2.COLOR_RGB2BGR))
    footage = open_footage(str(tmp_path))
    sampled, path = sample_landmarks(footage, 4, lambda: False)
    assert all(landmarks.face is not None for landmarks in sampled)
    assert path is not None, "tracking would not find the face by itself"
    tracked = list(track(footage, 0, None, path))
    assert len(tracked) == 12
    for k, seen in enumerate(tracked):
        assert seen.landmarks.face is not None
        assert seen.landmarks.face.points[:, 0].mean() == pytest.approx(378 + 5 * k, abs=40)


def test_a_face_that_tracking_misses_at_first_is_followed_from_the_first_frame_on(
    tmp_path: Path, frame: np.ndarray
) -> None:
    """Somebody comes nearer: from a distance at which tracking does not see a face to one at which it does."""
    for k in range(12):
        side = round(156 * 1.12**k)
        picture = np.full((1080, 1920, 3), 90, np.uint8)
        picture[500 : 500 + side, 300 : 300 + side] = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(tmp_path / f"{k:03}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    footage = open_footage(str(tmp_path))
    alone = [seen.landmarks.face is not None for seen in track(footage, 0, None)]
    assert not any(alone[:4])
    assert all(alone[-2:])
    sampled, path = sample_landmarks(footage, 12, lambda: False)
    assert all(landmarks.face is not None for landmarks in sampled)
    assert all(seen.landmarks.face is not None for seen in track(footage, 0, None, path))


def test_what_is_known_is_rated_and_not_read_again(search: FaceSearch, frame: np.ndarray) -> None:
    face = search.face(frame)
    assert face is not None
    (again,) = search.faces(frame, known=face)
    assert again.face is face
    wall = FaceDetection(face.points, 0.9, Region(60, 60, 100))
    assert search.rated(frame, wall).evidence < LEAST_EVIDENCE, "the detector sees none there"


def test_a_tracker_begins_with_a_face_alone(search: FaceSearch, frame: np.ndarray) -> None:
    face = search.face(frame)
    assert face is not None
    assert search.new_face(frame, face.region) is not None
    others = [(blobs(seed), one.face.region) for seed in range(30) for one in search.faces(blobs(seed), least=-np.inf)]
    taken = [search.new_face(picture, region) for picture, region in others if search.refined(picture, region)]
    assert len(taken) >= 5
    assert sum(face is not None for face in taken) <= 1
