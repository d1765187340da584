"""Pictures that would take gigabytes or minutes to decode are refused before any of that is spent."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.errors import InputError
from dice_core.media.image_budget import BUDGET, check_image
from dice_core.media.images import read_image
from tests.core.footage_files import picture, png_chunk, save

WIDTH, HEIGHT = 96, 64


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return picture(WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".png", []),
        (".bmp", []),
        (".jpg", []),
        (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 50]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
        (".tiff", []),
        (".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, 1]),
    ],
)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_common_pictures_pass(
    tmp_path: Path, photo: np.ndarray, suffix: str, options: list[int], kind: type[np.generic]
) -> None:
    image = photo.astype(kind) * (257 if kind is np.uint16 else 1)
    if kind is np.uint16 and suffix not in (".png", ".tiff"):
        pytest.skip("eight bits a channel only")
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), image, options)
    assert read_image(path).shape == photo.shape


def refused(path: Path, data: bytes, reason: str) -> None:
    path.write_bytes(data)
    with pytest.raises(InputError, match=reason) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_a_png_that_claims_more_data_than_it_has(tmp_path: Path, photo: np.ndarray) -> None:
    data = bytearray(save(tmp_path / "a.png", photo).read_bytes())
    struct.pack_into(">I", data, data.index(b"IDAT") - 4, 0xFF00_0000)
    refused(tmp_path / "a.png", bytes(data), "more data than it has")


def test_a_png_of_two_sizes(tmp_path: Path, photo: np.ndarray) -> None:
    data = save(tmp_path / "a.png", photo).read_bytes()
    place = data.index(b"IDAT") - 4
    second = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    refused(tmp_path / "a.png", data[:place] + second + data[place:], "size or its colours twice")


def test_a_jpeg_of_a_thousand_passes(tmp_path: Path) -> None:
    """Each costs as much as a picture: 40 kB would keep a processor busy for minutes."""
    path = tmp_path / "a.jpg"
    assert cv2.imwrite(str(path), np.zeros((4000, 4000, 3), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    data = path.read_bytes()
    last = data.rindex(b"\xff\xda")
    scan = data[last:-2]
    refused(path, data[:-2] + scan * 1000 + data[-2:], "passes")


def test_a_jpeg_segment_that_is_not_there(tmp_path: Path, photo: np.ndarray) -> None:
    data = bytearray(save(tmp_path / "a.jpg", photo).read_bytes())
    place = data.index(b"\xff\xc0")
    data[place:place] = b"\xff\xfe\x00\x01"
    refused(tmp_path / "a.jpg", bytes(data), "more data|not an image")


def tiff(entries: dict[int, tuple[int, int]], twice: int | None = None) -> bytes:
    listed = [(tag, kind, value) for tag, (kind, value) in sorted(entries.items())]
    listed += [(twice, 4, 60_000)] if twice else []
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in listed)
    return b"II*\0" + struct.pack("<IH", 8, len(listed)) + body + bytes(4)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({0x142: (4, 30_000), 0x143: (4, 30_000)}, "GB of memory"),
        ({0x100: (4, 10_000), 0x101: (4, 10_000), 0x102: (3, 32), 0x115: (3, 4)}, "GB of memory"),
        ({0x100: (1, 64)}, "unusual"),
    ],
)
def test_tiffs_of_too_large_parts(tmp_path: Path, changes: dict[int, tuple[int, int]], reason: str) -> None:
    entries = {0x100: (4, 64), 0x101: (4, 64), 0x102: (3, 8), 0x103: (3, 1), 0x106: (3, 2), 0x115: (3, 3)}
    refused(tmp_path / "a.tif", tiff(entries | changes), reason)


def test_a_tiff_of_two_widths(tmp_path: Path) -> None:
    refused(tmp_path / "a.tif", tiff({0x100: (4, 64), 0x101: (4, 64)}, twice=0x101), "twice|million")


def test_a_webp_chunk_that_is_not_there(tmp_path: Path, photo: np.ndarray) -> None:
    data = bytearray(save(tmp_path / "a.webp", photo).read_bytes())
    struct.pack_into("<I", data, 16, 0x7FFF_FF00)
    refused(tmp_path / "a.webp", bytes(data), "more data")


def test_an_animation_keeps_two_canvases() -> None:
    side = int((BUDGET / 9) ** 0.5)
    canvas = struct.pack("<I", 2) + (side - 1).to_bytes(3, "little") * 2
    data = b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas
    with pytest.raises(ValueError, match="GB of memory"):
        check_image(memoryview(data), (side, side))
