"""HEIC and AVIF photos: tiles, turns, mirrors and crops, and what is damaged."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.errors import InputError
from dice_core.media import heif
from dice_core.media.headers import image_orientation, image_size
from dice_core.media.images import read_image
from dice_core.media.opening import open_footage
from tests.core.heif_files import cropped, mirrored, turned_by, write_heif


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """(192, 256, 3) uint8 without symmetry, smooth enough to survive any encoder."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(noise, (256, 192), interpolation=cv2.INTER_CUBIC)


def assert_shows(image: np.ndarray, expected: np.ndarray) -> None:
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 4


@pytest.mark.parametrize(("kind", "suffix"), [("hvc1", "heic"), ("av01", "avif")])
def test_one_picture_and_a_grid_of_tiles(tmp_path: Path, photo: np.ndarray, kind: str, suffix: str) -> None:
    tiles = [photo[row : row + 64, left : left + 64] for row in range(0, 192, 64) for left in range(0, 256, 64)]
    for pictures, columns, size in (([photo], 1, (256, 192)), (tiles, 4, (256, 192)), (tiles, 4, (250, 190))):
        path = write_heif(
            tmp_path / f"a.{suffix}", pictures, columns=columns, size=size if columns > 1 else None, kind=kind
        )
        footage = open_footage(path)
        assert (footage.kind, footage.count, footage.width, footage.height) == ("image", 1, *size)
        assert_shows(footage.read(0), photo[: size[1], : size[0]])


@pytest.mark.parametrize(
    ("properties", "orientation"),
    [
        ([turned_by(1)], 8),
        ([turned_by(2)], 3),
        ([turned_by(3)], 6),
        ([mirrored(True)], 2),
        ([mirrored(False)], 4),
        ([turned_by(1), mirrored(True)], 7),
        ([mirrored(True), turned_by(1)], 5),
    ],
)
def test_turns_and_mirrors(tmp_path: Path, photo: np.ndarray, properties: Sequence[bytes], orientation: int) -> None:
    """The orders of turning and mirroring are those of libheif, as an independent reader has them."""
    path = write_heif(tmp_path / "a.heic", [photo], properties=properties)
    expected = {
        8: np.rot90(photo),
        3: np.rot90(photo, 2),
        6: np.rot90(photo, 3),
        2: photo[:, ::-1],
        4: photo[::-1],
        7: np.rot90(photo)[:, ::-1],
        5: np.rot90(photo[:, ::-1]),
    }[orientation]
    assert image_orientation(path) == orientation
    assert image_size(path) == expected.shape[1::-1]
    assert_shows(read_image(path), expected)


def test_an_independent_reader_agrees(tmp_path: Path, photo: np.ndarray) -> None:
    pi_heif = pytest.importorskip("pi_heif")
    tiles = [photo[:, left : left + 64] for left in range(0, 256, 64)]
    path = write_heif(tmp_path / "a.heic", tiles, columns=4, properties=[turned_by(3), mirrored(False)])
    theirs = np.asarray(pi_heif.read_heif(str(path)).to_pillow().convert("RGB"))
    assert_shows(read_image(path), theirs)
    assert np.abs(read_image(path).astype(int) - theirs).max() <= 6


def test_a_crop_comes_before_the_turn(tmp_path: Path, photo: np.ndarray) -> None:
    path = write_heif(tmp_path / "a.heic", [photo], properties=[cropped(200, 100, 10, -20), turned_by(1)])
    assert image_size(path) == (100, 200)
    assert_shows(read_image(path), np.rot90(photo[26:126, 38:238]))


def test_the_ending_does_not_matter(tmp_path: Path, photo: np.ndarray) -> None:
    """Phones and messengers give HEIC the ending of JPEG."""
    path = write_heif(tmp_path / "IMG_1.jpg", [photo])
    assert_shows(open_footage(path).read(0), photo)


@pytest.mark.parametrize("brand", [b"msf1", b"hevc", b"avis"])
def test_sequences_are_refused(tmp_path: Path, photo: np.ndarray, brand: bytes) -> None:
    path = write_heif(tmp_path / "a.heic", [photo], brand=brand)
    with pytest.raises(InputError, match=r"holds several pictures: export them"):
        open_footage(path)


def test_damage_is_one_sentence(tmp_path: Path, photo: np.ndarray) -> None:
    whole = write_heif(tmp_path / "a.heic", [photo[:, :128], photo[:, 128:]], columns=2).read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "b.heic"
    for cut in (20, 40, 100, 200, 300, 400, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        refuse(path)
    read = 0
    for _ in range(300):
        data = bytearray(whole)
        for at in random.integers(24, 700, 4):
            data[at] = random.integers(256)
        path.write_bytes(data)
        read += not refuse(path, anyway=True)
    assert read > 0


@pytest.mark.parametrize(("kind", "suffix"), [("hvc1", "heic"), ("av01", "avif")])
def test_a_picture_that_is_larger_than_the_file_says_is_not_decoded(tmp_path: Path, kind: str, suffix: str) -> None:
    path = write_heif(tmp_path / f"a.{suffix}", [np.zeros((2048, 2048, 3), np.uint8)], kind=kind)
    said = struct.pack(">II", 2048, 2048)
    assert path.read_bytes().count(said) >= 1
    path.write_bytes(path.read_bytes().replace(said, struct.pack(">II", 64, 48)))
    assert image_size(path) == (64, 48)
    with pytest.raises(InputError, match="its pixels cannot be decoded"):
        open_footage(path).read(0)


def test_tiles_that_reach_far_beyond_their_grid_are_not_decoded(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of large tiles for a small picture would take minutes."""
    path = write_heif(tmp_path / "a.heic", [photo] * 4, columns=2, size=(200, 100))
    monkeypatch.setattr(heif, "_decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(InputError, match="its tiles are of another size than the picture"):
        open_footage(path).read(0)


def refuse(path: Path, anyway: bool = False) -> bool:
    """Whether a file is refused, which is one sentence; anyway : it need not be."""
    message = ""
    try:
        open_footage(path).read(0)
    except InputError as error:
        message = str(error)
    assert message or anyway
    assert "\n" not in message
    assert not message or ": " in message
    return bool(message)
