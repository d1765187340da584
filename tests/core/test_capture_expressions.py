"""Expressions of the sample's face, captured, against those it was rendered with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dice_core.cli import main
from dice_core.fitting.face_gaps import shut_eyes
from dice_core.landmarks import LandmarkTracker
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip, sample_truth
from dice_core.take import Take, open_take

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "photos"
BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Take:
    out = tmp_path_factory.mktemp("face") / "sample.dicetake"
    # The clip shows a right hand: looking for left ones leaves the face alone, which takes half the time.
    assert main(["capture", str(sample_clip()), "--hands", "left", "-o", str(out)]) == 0
    return open_take(out)


@pytest.fixture(scope="module")
def truth() -> Take:
    return open_take(sample_truth())


def action(take: Take, name: str) -> np.ndarray:
    return take.array("head.expression")[:, take.meshes["head"].shape_key_names.index(name)]


def stretches(wanted: np.ndarray) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(int), [0]])))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@pytest.mark.parametrize("name", BLINKS)
def test_every_blink_shuts_the_eye(captured: Take, truth: Take, name: str) -> None:
    found, played = action(captured, name), action(truth, name)
    blinks = stretches(played > 0.1)
    assert len(blinks) == 2
    for blink in blinks:
        assert found[blink].max() >= 0.8
        assert abs(int(found[blink].argmax()) - int(played[blink].argmax())) <= 1
    # Above 0.97 before the lids' prediction from the face network's inner layers had a say between blinks.
    assert np.corrcoef(found, played)[0, 1] > 0.95


@pytest.mark.parametrize("name", BLINKS)
def test_open_eyes_do_not_blink(captured: Take, truth: Take, name: str) -> None:
    played = action(truth, name)
    beside = np.convolve(played > 0, np.ones(3), "same") == 0
    assert beside.sum() > 40
    assert action(captured, name)[beside].max() < 0.05


# The jaw opens too far since the prediction from the inner layers counts for more (1.2 before): on this clip the mean
# correlation of all expressions rose from 0.44 to 0.64 with it, and their gain from 0.38 to 0.54.
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("jawOpen", 0.8, 1.45), ("mouthSmileLeft", 0.55, 1.2), ("mouthSmileRight", 0.5, 1.2)],
)
def test_the_mouth_moves_as_it_does(captured: Take, truth: Take, name: str, least: float, most: float) -> None:
    found, played = action(captured, name), action(truth, name)
    assert least * played.max() <= found.max() <= most * played.max()
    assert np.corrcoef(found, played)[0, 1] > 0.6


@pytest.mark.skipif(not PHOTOS.exists(), reason="photos are not part of the repository")
def test_nobody_blinks_in_the_photos() -> None:
    for photo in sorted(PHOTOS.glob("*.png")):
        face = LandmarkTracker().detect(open_footage(photo).read(0)).face
        assert face is not None
        assert not shut_eyes(face.points).any()
