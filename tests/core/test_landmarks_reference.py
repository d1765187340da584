"""Agreement with the reference pipeline, by the numbers that tools/make_landmark_reference.py wrote.

The fixture tests/fixtures/landmarks_reference.npz is about frames of the bundled clip. For pictures that are
not part of the repository: DICE_LANDMARK_REFERENCE=FILE.npz, in their folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import dice_core
from dice_core.landmarks import LandmarkTracker
from dice_core.landmarks.detector import AnchorDetector
from dice_core.landmarks.face import FaceLandmarker, face_region
from dice_core.landmarks.hand import HandLandmarker, palm_region
from dice_core.landmarks.networks import FACE_DETECTOR, PALM_DETECTOR
from dice_core.media.opening import open_footage

SAMPLE = Path(dice_core.__file__).parent / "sample"

FIRST_TOLERANCE = 1.0
"""Pixels, the worst landmark of the first reading."""

REFINED_TOLERANCE = 1.0
"""Pixels, mean over the landmarks of the refined reading: repeated readings of edge-on hands amplify rounding."""

FIXTURE = Path(__file__).parents[1] / "fixtures" / "landmarks_reference.npz"
FILES = [FIXTURE, *(Path(name) for name in [os.environ.get("DICE_LANDMARK_REFERENCE")] if name)]
CASES = [(path, name[: -len("/size")]) for path in FILES for name in np.load(path).files if name.endswith("/size")]


def test_the_fixture_has_faces_with_and_without_a_hand() -> None:
    with np.load(FIXTURE, allow_pickle=False) as stored:
        names = [name for path, name in CASES if path == FIXTURE]
        assert all(f"{name}/face/first" in stored for name in names)
        hands = [f"{name}/hand0/first" in stored for name in names]
    assert (hands.count(True), hands.count(False)) == (3, 1)


@pytest.mark.parametrize(("path", "name"), CASES)
def test_first_reading_is_the_references(path: Path, name: str) -> None:
    image, reference = load(path, name)
    palms = AnchorDetector(PALM_DETECTOR)(image, 0.5, average=False)
    hands = [HandLandmarker()(image, palm_region(palm)).points for palm in palms]
    check_hands(hands, reference, "first", FIRST_TOLERANCE, worst=True)
    faces = AnchorDetector(FACE_DETECTOR)(image, 0.5, average=False)
    if "face/first" in reference:
        points = FaceLandmarker()(image, face_region(faces[0])).points
        assert distances(points, reference["face/first"]).max() < FIRST_TOLERANCE


@pytest.mark.parametrize(("path", "name"), CASES)
def test_detect_ends_where_the_reference_does(path: Path, name: str) -> None:
    image, reference = load(path, name)
    found = LandmarkTracker().detect(image)
    check_hands([hand.points for hand in found.hands], reference, "refined", REFINED_TOLERANCE, worst=False)
    if "face/refined" in reference:
        assert found.face is not None
        assert distances(found.face.points, reference["face/refined"]).mean() < REFINED_TOLERANCE


def load(path: Path, name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    with np.load(path, allow_pickle=False) as stored:
        reference = {key[len(name) + 1 :]: stored[key] for key in stored.files if key.startswith(f"{name}/")}
    file, _, frame = name.partition("@")
    source = next(folder / file for folder in (path.parent, SAMPLE) if (folder / file).is_file())
    image = open_footage(source).read(int(frame or 0))
    assert image.shape[1::-1] == tuple(reference["size"])
    return image, reference


def check_hands(
    hands: list[np.ndarray], reference: dict[str, np.ndarray], kind: str, tolerance: float, *, worst: bool
) -> None:
    """Each hand of the reference is among ours, within the tolerance."""
    for key in [key for key in reference if key.startswith("hand") and key.endswith(kind)]:
        errors = [distances(points, reference[key]) for points in hands]
        assert min((error.max() if worst else error.mean() for error in errors), default=np.inf) < tolerance


def distances(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, :2] - reference[:, :2], axis=1)
