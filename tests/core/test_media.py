"""Footage of every kind, good and bad, made on the spot."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.errors import InputError, Stopped
from dice_core.media.formats import list_images, natural_key
from dice_core.media.headers import image_size
from dice_core.media.images import HASHED_AT_ONCE, hash_file, read_image
from dice_core.media.opening import open_footage

WIDTH, HEIGHT = 64, 48
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def picture(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """RGB picture whose top left quarter is red, top right green, the rest blue."""
    image = np.full((height, width, 3), BLUE, np.uint8)
    image[: height // 2, : width // 2] = RED
    image[: height // 2, width // 2 :] = GREEN
    return image


def save(path: Path, image: np.ndarray, *options: int) -> Path:
    stored = image[..., ::-1] if image.ndim == 3 and image.shape[2] == 3 else image
    assert cv2.imwrite(str(path), np.ascontiguousarray(stored), list(options))
    return path


def exif(orientation: int) -> bytes:
    """TIFF structure that holds nothing but an orientation."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def turned_jpeg(path: Path, orientation: int) -> Path:
    data = save(path, picture(), cv2.IMWRITE_JPEG_QUALITY, 100).read_bytes()
    body = b"Exif\0\0" + exif(orientation)
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
    return path


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def save_video(path: Path, count: int, codec: str = "MJPG", fps: float = 25.0) -> Path:
    """Video whose frame k is grey of level 10 k, with a bright top left corner."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for index in range(count):
        frame = np.full((HEIGHT, WIDTH, 3), 10 * index, np.uint8)
        frame[:16, :16] = (0, 0, 255)
        writer.write(frame)
    writer.release()
    return path


def level(image: np.ndarray) -> int:
    """Number of the frame of `save_video` that a picture shows."""
    return round(float(image[24:, 32:].mean()) / 10)


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 12)


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


class StopAfter:
    """Asks to stop at the n-th question."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def test_going_through_footage_stops_on_request(tmp_path: Path) -> None:
    video = save_video(tmp_path / "a.avi", 25)
    (tmp_path / "s").mkdir()
    for index in range(5):
        save(tmp_path / "s" / f"{index}.png", picture())
    for source, asked in ((video, 10), (tmp_path / "s", 3)):
        stop = StopAfter(asked)
        with pytest.raises(Stopped):
            open_footage(source, should_stop=stop)
        assert stop.left == 0, "it stops at once"


def test_hashing_stops_on_request(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(5 * HASHED_AT_ONCE + 7))
    stop = StopAfter(3)
    with pytest.raises(Stopped):
        hash_file(path, stop)
    assert stop.left == 0
    assert hash_file(path, StopAfter(7)) == hash_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()

    (tmp_path / "s").mkdir()
    for index in range(5):
        save(tmp_path / "s" / f"{index}.png", picture())
    stop = StopAfter(8)
    footage = open_footage(tmp_path / "s", should_stop=stop)
    with pytest.raises(Stopped):
        _ = footage.sha256
    assert stop.left == 0


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at open files as Linux lists them")
def test_footage_leaves_no_file_open(tmp_path: Path) -> None:
    path = save_video(tmp_path / "a.avi", 9)

    def opened() -> bool:
        return any(link.resolve() == path for link in Path("/proc/self/fd").iterdir())

    with open_footage(path) as footage:
        assert not opened(), "scanned, and closed"
        footage.read(3)
        assert opened(), "what `read` keeps for the next frame"
        footage.close()
        assert not opened()
        assert level(footage.read(4)) == 4, "reading on opens it again"
    assert not opened()
    for _ in footage.frames():
        pass
    assert not opened(), "gone through to the end"
    frames = footage.frames()
    next(frames)
    assert opened()
    frames.close()
    assert not opened(), "given up in the middle"
    with open_footage(save(tmp_path / "b.png", picture())) as still:
        still.read(0)


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
        ("phone.heic", "HEIC.*JPEG"),
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
