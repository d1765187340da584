"""Footage lets itself be stopped, and closes what it has opened."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dice_core.errors import Stopped
from dice_core.media.images import HASHED_AT_ONCE, hash_file
from dice_core.media.opening import open_footage
from tests.core.footage_files import level, picture, save, save_video


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
        assert not opened(), "one of those that are kept from the scan"
        footage.read(4)
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
