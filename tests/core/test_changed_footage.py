"""Footage that changes or vanishes while it is captured: never a take that says it is complete."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import dice_core.capture.pipeline as capturing
from dice_core.capture import CaptureResult, capture
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError
from dice_core.events import EventWriter, parse_event
from dice_core.media.opening import open_footage
from dice_core.take import open_take
from tests.core.footage_files import picture, save, save_video
from tests.core.test_capture import KnownEngine

FRAMES = 12


@pytest.fixture(autouse=True)
def known_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "make_engine", lambda footage, settings: KnownEngine(footage))
    monkeypatch.setattr(capturing, "block_frames", lambda fps: 4)


@pytest.fixture(params=["video", "sequence", "image"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "video":
        return save_video(tmp_path / "a.avi", FRAMES)
    if request.param == "image":
        save(tmp_path / "a.png", picture())
        return tmp_path / "a.png"
    (tmp_path / "s").mkdir()
    for index in range(FRAMES):
        save(tmp_path / "s" / f"{index}.png", picture())
    return tmp_path / "s"


def a_file(source: Path) -> Path:
    return source / "3.png" if source.is_dir() else source


def run(
    source: Path, output: Path, meanwhile: Callable[[Path], object], events: EventWriter | None = None
) -> CaptureResult:
    """Capture, and do something to a file of the footage on the way."""
    told = [0]

    def progress(_done: int, _total: int) -> None:
        told[0] += 1
        if told[0] == 1:
            meanwhile(a_file(source))

    with open_footage(source) as footage:
        return capture(footage, output, CaptureSettings(), on_progress=progress, events=events)


def append(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"\0")


def overwrite_and_hide(file: Path) -> None:
    """As long as before, and with the times of before."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_another(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(file.read_bytes()[::-1])
    os.replace(other, file)


@pytest.mark.parametrize("change", [append, overwrite_and_hide, replace_by_another])
def test_a_change_is_a_warning_and_an_unfinished_take(
    source: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    stream = io.StringIO()
    output = tmp_path / "a.dicetake"
    result = run(source, output, change, EventWriter(stream))
    assert "was changed while it was captured" in result.unfinished
    assert result.warnings.count(result.unfinished) == 1
    assert not result.cancelled
    assert not open_take(output).complete
    events = [event for line in stream.getvalue().splitlines() if (event := parse_event(line))]
    assert {"event": "warning", "message": result.unfinished} in events
    assert events[-1]["unfinished"] == result.unfinished
    with pytest.raises(InputError):  # it is other footage now, or none at all
        run(source, output, lambda _file: None)


def test_what_vanishes_and_comes_back_is_finished_by_the_same_command(source: Path, tmp_path: Path) -> None:
    output, aside = tmp_path / "a.dicetake", tmp_path / "aside"
    result = run(source, output, lambda file: shutil.move(file, aside))
    assert "has vanished" in result.unfinished
    assert not open_take(output).complete
    shutil.move(aside, a_file(source))
    assert run(source, output, lambda _file: None).unfinished == ""
    assert open_take(output).complete


def test_the_same_content_written_again_is_no_change(source: Path, tmp_path: Path) -> None:
    result = run(source, tmp_path / "a.dicetake", lambda file: file.write_bytes(file.read_bytes()))
    assert result.unfinished == ""
    assert open_take(tmp_path / "a.dicetake").complete
