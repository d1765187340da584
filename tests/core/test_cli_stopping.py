"""The `dice` command asked to stop: once for a clean end, twice for one at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dice_core.cli import main
from dice_core.cli.stopping import stop_requests
from dice_core.errors import Stopped
from dice_core.media.footage import Footage
from dice_core.media.opening import open_footage
from tests.core.command_line import image, sentence


def test_requests_to_stop() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_requests(watch_input=False) as stop:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)  # Blender repeats it
        assert stop.is_set()
    with stop_requests(watch_input=False) as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def long_clip(path: Path) -> Path:
    """A clip that takes many seconds to go through: pieces of a transport stream can be joined as they are."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (1920, 1080))
    for level in range(12):
        writer.write(np.full((1080, 1920, 3), 100 + level, np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes() * 300)
    return path


def started(*command: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *command], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read standard error up to a line that holds some words."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return
    raise AssertionError("".join(lines))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
def test_ctrl_c_ends_the_scan_of_a_long_clip(tmp_path: Path) -> None:
    out = tmp_path / "out.dicetake"
    clip = long_clip(tmp_path / "long.ts")
    process = started("-m", "dice_core", "capture", str(clip), "-o", str(out), "--events", "-vv")
    wait_for(process, "counting the frames")
    time.sleep(0.3)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    shown, errors = process.communicate()
    assert time.monotonic() - begun < 5
    assert process.returncode == 130
    (event,) = [json.loads(line) for line in shown.splitlines()]
    assert event["event"] == "error"
    assert errors.splitlines()[-1] == f"dice: {event['message']}"
    assert "Stopped on request" in sentence(errors.splitlines()[-1])
    assert not out.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
def test_a_second_ctrl_c_ends_what_does_not_heed_the_first(tmp_path: Path) -> None:
    script = (
        "import sys, time\nimport dice_core.cli.capturing as capturing\nfrom dice_core.cli import main\n"
        "def busy(*_, **__):\n    print('busy', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
        "capturing.capture = busy\nsys.exit(main(sys.argv[1:]))\n"
    )
    process = started("-c", script, "capture", str(image(tmp_path / "a.png")), "-o", str(tmp_path / "out.dicetake"))
    wait_for(process, "busy")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first one only asks"
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - begun < 20
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_a_stop_between_stills_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    for name in "abc":
        image(folder / f"{name}.png")
    opened: list[str] = []

    def open_or_stop(source: str, *rest: Any, **options: Any) -> Footage:
        opened.append(Path(source).name)
        if len(opened) == 2:
            signal.raise_signal(signal.SIGTERM)
            raise Stopped
        return open_footage(source, *rest, **options)

    monkeypatch.setattr("dice_core.cli.capturing.open_footage", open_or_stop)
    assert main(["capture", str(folder), "--stills", "-o", str(tmp_path / "takes")]) == 0
    assert [path.name for path in (tmp_path / "takes").iterdir()] == ["a.dicetake"]
    assert opened == ["a.png", "b.png"]
    assert capsys.readouterr().err == ""
