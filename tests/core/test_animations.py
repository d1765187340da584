"""Image files that hold several pictures, and footage beside images that is left out: nothing happens in silence."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.cli import main
from dice_core.errors import InputError
from dice_core.media.animation import holds_several
from dice_core.media.opening import open_footage
from tests.core.footage_files import picture, png_chunk, save, save_video


def animated_png(path: Path, count: int) -> Path:
    data = save(path, picture()).read_bytes()
    path.write_bytes(data[:33] + png_chunk(b"acTL", struct.pack(">II", count, 0)) + data[33:])
    return path


def animated_webp(path: Path, count: int) -> Path:
    """The pictures' own chunks, each wrapped as a frame."""
    still = save(path, picture()).read_bytes()[12:]
    height, width = picture().shape[:2]
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")

    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    frames = b"".join(chunk(b"ANMF", bytes(6) + size + bytes((40, 0, 0, 0)) + still) for _ in range(count))
    body = b"WEBP" + chunk(b"VP8X", bytes((2, 0, 0, 0)) + size) + chunk(b"ANIM", bytes(6)) + frames
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def pages(path: Path, count: int) -> Path:
    assert cv2.imwritemulti(str(path), [np.ascontiguousarray(picture()[..., ::-1]) for _ in range(count)])
    return path


@pytest.mark.parametrize(("name", "write"), [("a.png", animated_png), ("a.webp", animated_webp), ("a.tif", pages)])
def test_several_pictures_are_refused_and_one_is_read(
    tmp_path: Path, name: str, write: Callable[[Path, int], Path]
) -> None:
    path = write(tmp_path / name, 3)
    assert holds_several(path)
    with pytest.raises(InputError, match=f"{name} holds several pictures: export them as a video, or as images"):
        open_footage(path)
    with pytest.raises(InputError, match="holds several pictures"):
        open_footage(path.with_name("*"))
    if name != "a.webp":
        assert np.array_equal(open_footage(write(path, 1)).read(0), picture())


def test_a_small_copy_is_no_second_picture(tmp_path: Path) -> None:
    path = pages(tmp_path / "a.tif", 2)
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[first : first + 2])
    (second,) = struct.unpack("<I", data[first + 2 + 12 * count :][:4])
    entries = [second + 2 + 12 * k for k in range(struct.unpack("<H", data[second : second + 2])[0])]
    subfile = [at for at in entries if struct.unpack("<H", data[at : at + 2])[0] == 0xFE]
    assert len(subfile) == 1
    data[subfile[0] + 8 : subfile[0] + 12] = struct.pack("<I", 1)
    path.write_bytes(data)
    assert not holds_several(path)
    assert np.array_equal(open_footage(path).read(0), picture())


def test_damaged_heads_hold_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    loop = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHII", 1, 1, 3, 1, 0) + struct.pack("<I", 8)
    for data in (b"", b"II*\0", b"\x89PNG\r\n\x1a\n", b"RIFF0000WEBPVP8X", loop[:12]):
        path.write_bytes(data)
        assert not holds_several(path)
    path.write_bytes(loop)
    holds_several(path)  # ends


def test_what_lies_beside_images_and_is_left_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "1.png", picture())
    assert open_footage(tmp_path).warnings == ()
    for name in ("2.CR2", "3.gif", "notes.txt", "._4.gif"):
        (tmp_path / name).write_bytes(b"x")
    save_video(tmp_path / "5.avi", 2)
    (warning,) = open_footage(tmp_path).warnings
    assert warning == "2.CR2, 3.gif, 5.avi beside the images cannot be captured with them and are left out."
    assert open_footage(tmp_path / "*.png").warnings == ()
    (tmp_path / "6.exr").write_bytes(b"x")
    assert main(["capture", str(tmp_path), "--stills", "-o", str(tmp_path / "takes")]) == 0
    assert "2.CR2, 3.gif, 5.avi and 1 more beside the images" in capsys.readouterr().err
