"""Captures of footage that is not as plain as the sample: what the take says of pixels, turns and times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.cli import main
from dice_core.media.opening import open_footage
from dice_core.metrics import measure
from dice_core.sample import sample_clip
from dice_core.take import Take, open_take
from tests.core.video_files import write_video

SHARP = {"crf": "8"}


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Four frames of the sample in which the hand touches the cheek."""
    with open_footage(sample_clip(), (30, 34)) as footage:
        return [image for _, image in footage.frames()]


def captured(source: Path) -> Take:
    out = source.with_suffix(".dicetake")
    assert main(["capture", str(source), "-o", str(out)]) == 0
    return open_take(out)


@pytest.fixture(scope="module")
def plain(frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Take:
    return captured(write_video(tmp_path_factory.mktemp("plain") / "a.mp4", frames, rate=24, options=SHARP))


def test_squeezed_pixels_are_the_cameras(frames: list[np.ndarray], plain: Take, tmp_path: Path) -> None:
    squeezed = [cv2.resize(frame, (384, 512), interpolation=cv2.INTER_AREA) for frame in frames]
    take = captured(write_video(tmp_path / "a.mp4", squeezed, rate=24, aspect=Fraction(4, 3), options=SHARP))
    camera = take.camera
    assert (camera.width, camera.height) == (384, 512), "the source's own pixels"
    assert camera.fx / camera.fy == pytest.approx(0.75)
    assert camera.fov_degrees == pytest.approx(plain.camera.fov_degrees)
    for name in ("head", "hand_right"):
        ours, theirs = (each.meshes[name].rest_vertices for each in (take, plain))
        assert np.ptp(ours, axis=0) == pytest.approx(np.ptp(theirs, axis=0), rel=0.02)
        landmarks = plain.array(f"landmarks_{name}") * [0.75, 1]
        assert np.abs(take.array(f"landmarks_{name}") - landmarks).mean() < 1.0
        assert np.abs(take.array(f"{name}.vertices") - plain.array(f"{name}.vertices")).mean() < 0.01
    ours, theirs = (measure(each)["landmark_error_percent"] for each in (take, plain))
    for name in ("head", "hand_right"):
        assert ours[name]["median"] == pytest.approx(theirs[name]["median"], rel=0.35)


def test_times_and_turns_are_in_the_take(
    frames: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lying = [np.rot90(frame) for frame in frames]
    stamps = [0, 1, 9, 10]
    take = captured(write_video(tmp_path / "a.mp4", lying, rate=24, stamps=stamps, rotation=-90, options=SHARP))
    np.testing.assert_allclose(take.times * 24, stamps, atol=1e-6)
    assert take.array("time").dtype == np.float64
    source = take.info["source"]
    assert (source["orientation"], source["fps"], source["frame_count"]) == (6, 24.0, 4)
    assert (take.array("tracked_head") == 1).all(), "upright faces are found"
    assert take.uneven
    assert main(["info", str(take.path)]) == 0
    assert "512 x 512, 24 fps, unevenly" in capsys.readouterr().out


def test_even_footage_has_the_times_of_its_rate(plain: Take) -> None:
    np.testing.assert_allclose(plain.times, np.arange(4) / 24)
    assert not plain.uneven
    assert plain.info["source"]["orientation"] == 1


def test_takes_without_times_have_those_of_their_rate(plain: Take) -> None:
    for chunk in plain.info["chunks"]:
        file = plain.path / chunk["file"]
        arrays = dict(np.load(file))
        del arrays["time"]
        np.savez(file, **arrays)
    np.testing.assert_allclose(open_take(plain.path).times, np.arange(4) / 24)
