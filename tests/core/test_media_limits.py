"""Footage that is broken, too large or missing: one sentence, bounded memory, silence."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from dice_core.errors import InputError
from dice_core.media.headers import image_size
from dice_core.media.opening import open_footage
from tests.core.footage_files import HEIGHT, WIDTH, picture, png_chunk, png_header, save, save_video


def bad_sources(folder: Path) -> dict[str, Path]:
    (folder / "empty").mkdir()
    (folder / "textonly").mkdir()
    (folder / "textonly" / "a.txt").write_text("hello")
    (folder / "text.png").write_text("this is no picture")
    (folder / "text.mp4").write_text("this is no film")
    (folder / "nothing.jpg").write_bytes(b"")
    (folder / "huge.png").write_bytes(png_header(20000, 20000) + png_chunk(b"IEND", b""))
    save(folder / "one.png", np.zeros((1, 1, 3), np.uint8))
    data = save(folder / "cut.png", picture(200, 200)).read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    return {path.name: path for path in folder.iterdir()} | {"missing": folder / "missing.mp4", "*": folder / "*.tif"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "does not exist"),
        ("*", "matches no images"),
        ("empty", "holds no images"),
        ("textonly", "holds no images"),
        ("text.png", "not an image"),
        ("text.mp4", "neither an image nor a video"),
        ("nothing.jpg", "not an image"),
        ("huge.png", "20000 x 20000"),
        ("one.png", "too small"),
        ("phone.heic", "not an image"),
    ],
)
def test_bad_source_is_one_sentence(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        open_footage(bad_sources(tmp_path)[name])
    assert "\n" not in str(caught.value)
    assert ": " in str(caught.value), "says what to do"


def test_damaged_image_is_refused_when_it_is_read(tmp_path: Path) -> None:
    footage = open_footage(bad_sources(tmp_path)["cut.png"])
    with pytest.raises(InputError, match="damaged"):
        footage.read(0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", picture())
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        open_footage(path)


def test_huge_image_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    path = bad_sources(tmp_path)["huge.png"]
    tracemalloc.start()
    with pytest.raises(InputError, match="million"):
        open_footage(path)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_every_cut_of_an_images_header_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    for suffix in (".png", ".jpg", ".webp", ".tiff", ".bmp"):
        data = save(tmp_path / f"a{suffix}", picture()).read_bytes()
        for length in range(0, min(len(data), 700), 7):
            path.write_bytes(data[:length])
            assert image_size(path) in (None, (WIDTH, HEIGHT))


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    footage = open_footage(save_video(tmp_path / "a.avi", 25))
    tracemalloc.start()
    for _ in footage.frames():
        pass
    assert tracemalloc.get_traced_memory()[1] < 8 * WIDTH * HEIGHT * 3
    tracemalloc.stop()


def test_opencv_is_silent_about_bad_files(tmp_path: Path) -> None:
    sources = bad_sources(tmp_path)
    path = save_video(tmp_path / "cut.mp4", 9, "mp4v")
    path.write_bytes(path.read_bytes()[:-300])
    code = (
        "import sys\nfrom dice_core.errors import InputError\nfrom dice_core.media.opening import open_footage\n"
        "for path in sys.argv[1:]:\n    try:\n        open_footage(path).read(0)\n"
        "    except InputError:\n        pass\n"
    )
    paths = [str(path) for path in (*sources.values(), path)]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
