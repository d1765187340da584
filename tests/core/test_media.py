"""Footage of every kind, good and bad, made on the spot."""

from __future__ import annotations

import hashlib
import importlib
import re
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.errors import InputError
from dice_core.media import video
from dice_core.media.decoder import Decoder
from dice_core.media.footage import spread_rows
from dice_core.media.formats import left_out, list_images, natural_key
from dice_core.media.headers import image_size
from dice_core.media.images import read_image
from dice_core.media.opening import open_footage
from dice_core.media.orientation import turn_upright
from tests.core.footage_files import (
    BLUE,
    GREEN,
    HEIGHT,
    RED,
    WIDTH,
    exif,
    level,
    near,
    picture,
    png_chunk,
    save,
    save_video,
    turned_jpeg,
)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_image_of_each_format(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", picture())
    footage = open_footage(str(path))
    assert (footage.kind, footage.count, footage.first_frame) == ("image", 1, 0)
    assert (footage.width, footage.height) == (WIDTH, HEIGHT) == image_size(path)
    assert footage.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    image = footage.read(0)
    assert image.dtype == np.uint8
    assert near(image[5, 5], RED)
    assert near(image[5, -5], GREEN)
    assert near(image[-5, 5], BLUE)


def test_other_depths_and_channels_become_rgb(tmp_path: Path) -> None:
    image = picture()
    deep = save(tmp_path / "deep.png", image.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(deep), image)
    grey = save(tmp_path / "grey.png", image[..., 0])
    np.testing.assert_array_equal(read_image(grey), np.repeat(image[..., :1], 3, axis=2))
    alpha = tmp_path / "alpha.png"
    cv2.imwrite(str(alpha), np.dstack([image[..., ::-1], image[..., 2]]))
    np.testing.assert_array_equal(read_image(alpha), image)


@pytest.mark.parametrize(("orientation", "corner"), [(1, (5, 5)), (3, (-5, -5)), (6, (5, -5)), (8, (-5, 5))])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, corner: tuple[int, int]) -> None:
    footage = open_footage(turned_jpeg(tmp_path / "a.jpg", orientation))
    image = footage.read(0)
    assert image.shape == (footage.height, footage.width, 3)
    assert (footage.width < footage.height) == (orientation in (6, 8))
    assert near(image[corner], RED)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "options"), [("jpg", {"quality": 95}), ("png", {}), ("webp", {"lossless": True}), ("tif", {})]
)
def test_every_orientation_in_every_format(
    tmp_path: Path, suffix: str, options: dict[str, object], orientation: int
) -> None:
    """As an independent reader turns them."""
    pil = pytest.importorskip("PIL.Image")
    tags = pil.Exif()
    tags[0x112] = orientation
    path = tmp_path / f"a.{suffix}"
    pil.fromarray(picture()).save(path, exif=tags, **options)
    with pil.open(path) as stored:
        expected = np.asarray(importlib.import_module("PIL.ImageOps").exif_transpose(stored).convert("RGB"))
    footage = open_footage(path)
    assert footage.orientation == orientation
    assert (footage.width, footage.height) == expected.shape[1::-1]
    assert np.abs(footage.read(0).astype(int) - expected).max() < 12
    ours = turn_upright(picture(), orientation)
    assert np.abs(ours.astype(int) - expected).mean() < 3, "our own turning is the same"


@pytest.mark.parametrize(
    ("suffix", "density", "size"),
    [
        ("png", (300, 300), (64, 48)),
        ("png", (3600, 4800), (85, 48)),
        ("jpg", (72, 96), (85, 48)),
        ("tif", (96, 72), (64, 64)),
        ("png", (1, 100), (64, 48)),
    ],
)
def test_pixels_of_images_that_are_not_square(
    tmp_path: Path, suffix: str, density: tuple[int, int], size: tuple[int, int]
) -> None:
    """A density of more pixels down than across says that pixels are wide; what cannot be is not believed."""
    pil = pytest.importorskip("PIL.Image")
    path = tmp_path / f"a.{suffix}"
    pil.fromarray(picture()).save(path, dpi=density)
    for source in (path, tmp_path):
        footage = open_footage(source)
        assert footage.source_size == (WIDTH, HEIGHT)
        assert (footage.width, footage.height) == size == footage.read(0).shape[1::-1]
        assert near(footage.read(0)[5, 5], RED)
        assert [("captured like that" in warning) for warning in footage.warnings] == [True] * (size != (64, 48))


def test_density_turns_with_the_image(tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image")
    tags = pil.Exif()
    tags[0x112] = 6
    pil.fromarray(picture()).save(tmp_path / "a.png", dpi=(72, 96), exif=tags)
    footage = open_footage(tmp_path / "a.png")
    assert footage.source_size == (48, 64)
    assert (footage.width, footage.height) == (48, 85)


def test_size_of_turned_png_is_as_decoded(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", picture())
    data = path.read_bytes()
    path.write_bytes(data[:33] + png_chunk(b"eXIf", exif(6)) + data[33:])
    assert image_size(path) == (HEIGHT, WIDTH) == read_image(path).shape[1::-1]


def test_sequence_is_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100, 2):
        save(tmp_path / f"Frame{number}.png", np.full((HEIGHT, WIDTH, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("not a frame")
    (tmp_path / "._Frame1.png").write_bytes(b"what macOS leaves behind")
    for source in (tmp_path, tmp_path / "Frame*.png"):
        footage = open_footage(str(source))
        assert (footage.kind, footage.count) == ("sequence", 5)
        assert [(index, int(image[0, 0, 0])) for index, image in footage.frames()] == [
            (0, 1),
            (1, 2),
            (2, 9),
            (3, 10),
            (4, 100),
        ]
        assert footage.read(3)[0, 0, 0] == 10


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["2", "10", "a", "a9", "a10x2", "A010x3", "a10x10", "b1"], id="mixed"),
        pytest.param(["f0", "f00", "f01", "f1", "f002", "f2", "f0010", "f10"], id="leading zeros: value, then text"),
        pytest.param(["A", "a", "a1", "B", "b", "b1"], id="case only decides between equals"),
        pytest.param(["x\u0662", "x3", "x\u0661\u0660", "x11"], id="digits of other scripts have their value"),
        pytest.param(["x2", "x10", "x\u00b2", "x\u2460"], id="superscripts and circled numbers are text"),
        pytest.param(["1-2", "1-10", "1_2", "1a", "a", "a-1", "a_1", "\u00e4"], id="digits before other text"),
        pytest.param(["s1e2.png", "s1e10.png", "s10e1.png"], id="several numbers"),
    ],
)
def test_natural_order(names: list[str]) -> None:
    for shuffled in (names, names[::-1], sorted(names)):
        assert sorted(shuffled, key=natural_key) == names


def test_formats_need_neither_opencv_nor_numpy() -> None:
    code = "import sys, dice_core.media.formats; assert not {'cv2', 'numpy'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_whose_name_is_a_superscript(tmp_path: Path) -> None:
    (tmp_path / "\u00b2").mkdir()
    save(tmp_path / "\u00b2" / "a.png", picture())
    assert open_footage(tmp_path / "\u00b2").count == 1


def test_a_pattern_in_a_folder_whose_name_looks_like_one(tmp_path: Path) -> None:
    folder = tmp_path / "shot [1]*"
    folder.mkdir()
    for name in ("a1.png", "a2.png", "b1.png"):
        save(folder / name, picture())
    (folder / "a3.cr2").write_bytes(b"raw")
    assert open_footage(folder / "a*.png").count == 2
    assert [path.name for path in left_out(folder / "a*")] == ["a3.cr2"]
    assert open_footage(tmp_path / "shot*" / "a?.png").count == 2


def test_a_picture_has_no_frame_rate_and_a_sequence_is_told_its_own(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", picture())
    assert open_footage(path).fps == 0
    assert open_footage(tmp_path).fps == 24
    assert open_footage(tmp_path / "*.png", fps=29.97).fps == 29.97
    with pytest.raises(InputError, match="no frame rate: leave out --fps"):
        open_footage(path, fps=24)
    video = save_video(tmp_path / "v.avi", 3)
    with pytest.raises(InputError, match="says its frame rate itself: leave out --fps"):
        open_footage(video, fps=25)
    for wrong in (0, -1, float("nan"), float("inf"), 481):
        with pytest.raises(InputError, match="cannot have"):
            open_footage(tmp_path, fps=wrong)


def test_sequence_hash_depends_on_content_and_order_only(tmp_path: Path) -> None:
    for folder, names in (("a", "12"), ("b", "34"), ("c", "21")):
        (tmp_path / folder).mkdir()
        for value, name in enumerate(names):
            save(tmp_path / folder / f"{name}.png", np.full((HEIGHT, WIDTH, 3), value, np.uint8))
    first, second, swapped = (open_footage(tmp_path / folder).sha256 for folder in "abc")
    assert first == second != swapped
    assert open_footage(tmp_path / "a", (0, 1)).sha256 == first


def test_mixed_sizes_point_at_stills(tmp_path: Path) -> None:
    save(tmp_path / "a.png", picture())
    save(tmp_path / "b.png", picture(80, 60))
    with pytest.raises(InputError, match=r"b\.png is 80 x 60 .* a\.png is 64 x 48.*--stills"):
        open_footage(tmp_path)


def test_portrait_and_landscape_of_one_phone_are_mixed_sizes(tmp_path: Path) -> None:
    turned_jpeg(tmp_path / "a.jpg", 1)
    turned_jpeg(tmp_path / "b.jpg", 6)
    with pytest.raises(InputError, match="--stills"):
        open_footage(tmp_path)
    assert [path.name for path in list_images(tmp_path)] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(("codec", "suffix"), [("MJPG", ".avi"), ("mp4v", ".mp4"), ("FFV1", ".mkv")])
def test_video_round_trip(tmp_path: Path, codec: str, suffix: str) -> None:
    footage = open_footage(save_video(tmp_path / f"a{suffix}", 20, codec))
    assert (footage.kind, footage.count, footage.width, footage.height) == ("video", 20, WIDTH, HEIGHT)
    assert footage.fps == pytest.approx(25)
    assert footage.warnings == ()
    assert [(index, level(image)) for index, image in footage.frames()] == [(k, k) for k in range(20)]
    assert [(index, level(image)) for index, image in footage.frames(17)] == [(17, 17), (18, 18), (19, 19)]
    assert [level(footage.read(index)) for index in (4, 5, 19, 0, 11)] == [4, 5, 19, 0, 11]
    corner = footage.read(3)[8, 8]
    assert corner[0] > 200
    assert corner[2] < 60, "red comes first"


@pytest.mark.parametrize("frames", [None, (3, 14)])
def test_frames_all_over_a_clip_are_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: tuple[int, int] | None
) -> None:
    """They are kept from counting the first time; later, and where the clip is not what it announces, they are
    decoded."""
    footage = open_footage(save_video(tmp_path / "a.mp4", 20), frames)
    every = [image for _, image in footage.frames()]
    rows = spread_rows(footage.count).tolist()
    assert (rows[0], rows[-1], len(rows)) == (0, footage.count - 1, 8)
    with monkeypatch.context() as patch:
        patch.setattr(Decoder, "next", lambda decoder: pytest.fail("decodes"))
        for row in rows:
            np.testing.assert_array_equal(footage.read(row), every[row])
    for row in rows:
        np.testing.assert_array_equal(footage.read(row), every[row])
    monkeypatch.setattr(video, "MOST_KEPT", 1000)
    large = open_footage(tmp_path / "a.mp4", frames)
    for row in rows:
        np.testing.assert_array_equal(large.read(row), every[row])


def test_range_of_a_video_and_of_a_sequence(tmp_path: Path) -> None:
    video = save_video(tmp_path / "a.avi", 12)
    (tmp_path / "s").mkdir()
    for index, image in open_footage(video).frames():
        save(tmp_path / "s" / f"{index}.png", image)
    for source in (video, tmp_path / "s"):
        footage = open_footage(source, (3, 7))
        assert (footage.first_frame, footage.count) == (3, 4)
        assert [(index, level(image)) for index, image in footage.frames()] == [(0, 3), (1, 4), (2, 5), (3, 6)]
        assert [level(image) for _, image in footage.frames(1, 3)] == [4, 5]
        assert level(footage.read(3)) == 6
        assert list(footage.frames(4)) == []
        for start, stop in ((0, 5), (-1, 2), (3, 2)):
            with pytest.raises(IndexError):
                footage.frames(start, stop)
        with pytest.raises(IndexError):
            footage.read(4)
        for outside in ((3, 13), (40, 50)):
            with pytest.raises(InputError, match="12 frames"):
                open_footage(source, outside)
        for empty in ((5, 5), (7, 3), (-2, 4), (0, 0)):
            with pytest.raises(InputError, match="0 <= A < B"):
                open_footage(source, empty)


def test_turned_video_is_upright(tmp_path: Path) -> None:
    """A phone's portrait video is stored lying, with a matrix in the track header that turns it."""
    path = save_video(tmp_path / "a.mp4", 5, "mp4v")
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, HEIGHT * one, 0, 1 << 30)
    path.write_bytes(data)
    footage = open_footage(path)
    assert (footage.width, footage.height) == (HEIGHT, WIDTH)
    image = footage.read(2)
    assert image.shape == (WIDTH, HEIGHT, 3)
    assert image[8, -8, 0] > 200, "the top left corner went to the top right"


def test_cut_off_video_gives_what_decodes_with_a_warning(tmp_path: Path) -> None:
    path = save_video(tmp_path / "a.avi", 20)
    data = path.read_bytes()
    chunks = [match.start() for match in re.finditer(b"00dc", data) if match.start() > data.index(b"movi")]
    path.write_bytes(data[: chunks[10] + 20])
    footage = open_footage(path)
    assert footage.count == 10
    assert [level(image) for _, image in footage.frames()] == list(range(footage.count))
    assert len(footage.warnings) == 1
    assert f"20 frames but only {footage.count}" in footage.warnings[0]


def test_video_without_its_index_is_refused(tmp_path: Path) -> None:
    path = save_video(tmp_path / "a.mp4", 20, "mp4v")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(InputError, match="cut off"):
        open_footage(path)
