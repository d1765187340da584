"""Fields of view that cameras wrote into their files, against ones worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from dice_core.engines.open.engine import OpenEngine
from dice_core.engines.settings import CaptureSettings
from dice_core.media.focal_length import image_field_of_view, video_field_of_view
from dice_core.media.opening import open_footage
from tests.core.footage_files import picture, turned_jpeg
from tests.core.heif_files import write_heif

pil = pytest.importorskip("PIL.Image")
rational = pytest.importorskip("PIL.TiffImagePlugin").IFDRational

EXIF_DIRECTORY = 0x8769
ORIENTATION, FOCAL_LENGTH, EQUIVALENT, WIDTH, HEIGHT, PLANE_ACROSS, PLANE_UNIT = (
    0x112, 0x920A, 0xA405, 0xA002, 0xA003, 0xA20E, 0xA210,
)  # fmt: skip
PHONE = 67.29
"""Degrees along the longer side of a 4:3 picture at an equivalent of 26 mm: 2 atan(.8 x 43.27 / 2 / 26)."""


def tags(values: dict[int, Any], orientation: int = 1) -> Any:
    exif = pil.Exif()
    exif[ORIENTATION] = orientation
    exif.get_ifd(EXIF_DIRECTORY).update(values)
    return exif


def save(path: Path, values: dict[int, Any], orientation: int = 1, size: tuple[int, int] = (64, 48)) -> Path:
    pil.fromarray(picture(*size)).save(path, exif=tags(values, orientation))
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_equivalent_of_a_phone_is_of_the_diagonal(tmp_path: Path, suffix: str, orientation: int) -> None:
    footage = open_footage(save(tmp_path / f"a.{suffix}", {EQUIVALENT: 26}, orientation))
    assert footage.field_of_view == pytest.approx(PHONE, abs=0.01)


def test_a_heic_photo(tmp_path: Path) -> None:
    structure = tags({EQUIVALENT: 26}).tobytes().removeprefix(b"Exif\0\0")
    path = write_heif(tmp_path / "a.heic", [picture()], exif=structure)
    assert image_field_of_view(path) == pytest.approx(PHONE, abs=0.01)
    assert image_field_of_view(write_heif(tmp_path / "b.heic", [picture()])) is None


def test_a_film_camera_of_three_to_two() -> None:
    """50 mm on 36 x 24 mm: the textbook's 39.6 degrees."""
    key = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
    assert video_field_of_view({key: "50"}, (1080, 720)) == pytest.approx(39.6, abs=0.01)
    assert video_field_of_view({key: "50"}, (720, 1080)) == pytest.approx(39.6, abs=0.01)


@pytest.mark.parametrize("size", [(60, 40), (120, 80)])
def test_a_camera_that_gives_the_resolution_of_its_sensor(tmp_path: Path, size: tuple[int, int]) -> None:
    """50 mm before a sensor of 22.3 mm, which 5184 pixels cover: 25.1 degrees, however small it was saved."""
    across = rational(round(5184 / 22.3 * 25_400), 1000)
    values = {FOCAL_LENGTH: rational(50), PLANE_ACROSS: across, PLANE_UNIT: 2, WIDTH: 5184, HEIGHT: 3456}
    path = save(tmp_path / "a.jpg", values, size=size)
    assert image_field_of_view(path) == pytest.approx(math.degrees(2 * math.atan(22.3 / 100)), abs=0.01)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {EQUIVALENT: 0},
        {EQUIVALENT: 1},
        {FOCAL_LENGTH: rational(50)},
        {FOCAL_LENGTH: rational(50), PLANE_ACROSS: rational(100), PLANE_UNIT: 9, WIDTH: 64, HEIGHT: 48},
        {EQUIVALENT: 26, WIDTH: 4000, HEIGHT: 2250},
    ],
    ids=["nothing", "zero", "too wide", "no sensor", "no unit", "cropped"],
)
def test_what_does_not_say_enough_says_nothing(tmp_path: Path, values: dict[int, Any]) -> None:
    assert image_field_of_view(save(tmp_path / "a.jpg", values)) is None


def test_damaged_data_say_nothing(tmp_path: Path) -> None:
    """Every byte of the directory in turn, and every length."""
    path = save(tmp_path / "a.jpg", {EQUIVALENT: 26, FOCAL_LENGTH: rational(425, 100)})
    data = path.read_bytes()
    start = data.index(b"Exif\0\0")
    for place in range(start, start + 120):
        for value in (0, 255):
            path.write_bytes(data[:place] + bytes([value]) + data[place + 1 :])
            found = image_field_of_view(path)
            assert found is None or 0 < found < 180
    for length in range(start, start + 120, 7):
        path.write_bytes(data[:length])
        assert image_field_of_view(path) is None


def write_movie(path: Path, metadata: dict[str, str]) -> Path:
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(metadata)
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((72, 128, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_phones_movie(tmp_path: Path) -> None:
    """28 mm, 16:9: 2 atan(.8716 x 43.27 / 2 / 28)."""
    key = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
    footage = open_footage(write_movie(tmp_path / "a.mov", {key: "28"}))
    assert footage.field_of_view == pytest.approx(67.9, abs=0.1)
    assert open_footage(write_movie(tmp_path / "b.mov", {})).field_of_view is None
    assert open_footage(write_movie(tmp_path / "c.mov", {key: "wide"})).field_of_view is None


def test_a_capture_believes_the_user_first_and_then_the_file(tmp_path: Path) -> None:
    written = open_footage(save(tmp_path / "a.jpg", {EQUIVALENT: 26}))
    silent = open_footage(turned_jpeg(tmp_path / "b.jpg", 1))
    assert OpenEngine(written, CaptureSettings()).camera.fov_degrees == pytest.approx(PHONE, abs=0.01)
    assert OpenEngine(written, CaptureSettings(fov=30.0)).camera.fov_degrees == pytest.approx(30.0)
    assert OpenEngine(silent, CaptureSettings()).camera.fov_degrees == pytest.approx(40.0)
