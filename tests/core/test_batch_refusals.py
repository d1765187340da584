"""`dice batch` on single pictures: what is refused, what is noticed, and what is left alone."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.batch import lock
from dice_core.cli import main
from dice_core.take import open_take
from tests.core.command_line import content, image, sentence


def test_a_second_batch_into_the_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shoot").mkdir()
    image(tmp_path / "shoot" / "a.png")
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(lock, "_PATIENCE", 0.3)
    with lock.folder_lock(tmp_path / "out", on_wait=print):
        assert main(["batch", str(tmp_path / "shoot"), "-o", str(tmp_path / "out")]) == 2
    told, refused = capsys.readouterr().err.splitlines()
    assert "waiting for a batch" in told
    assert "Another batch is writing into" in sentence(refused)
    assert list((tmp_path / "out").iterdir()) == []


def test_changed_footage_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "shoot", tmp_path / "out"
    folder.mkdir()
    image(folder / "a.png")
    assert main(["batch", str(folder), "-o", str(out)]) == 0
    cv2.imwrite(str(folder / "a.png"), np.full((48, 64, 3), 120, np.uint8))
    later = time.time() + 10
    os.utime(folder / "a.png", (later, later))
    capsys.readouterr()
    assert main(["batch", str(folder), "-o", str(out)]) == 1
    assert "other footage or settings" in capsys.readouterr().out


def test_other_settings_do_not_overwrite_a_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "shoot", tmp_path / "out"
    folder.mkdir()
    image(folder / "a.png")
    assert main(["batch", str(folder), "-o", str(out), "--fov", "50"]) == 0
    before = content(out / "a.dicetake")
    assert open_take(out / "a.dicetake").info["engine"]["settings"]["fov"] == 50
    assert main(["batch", str(folder), "-o", str(out), "--fov", "60"]) == 1
    assert "other footage or settings" in capsys.readouterr().out
    assert content(out / "a.dicetake") == before


def test_a_child_that_dies_is_a_sentence_and_leaves_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "shoot", tmp_path / "out"
    folder.mkdir()
    image(folder / "a.png")
    image(folder / "b.png")

    def dying(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
        script = "import os, sys; print('last words', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
        if arguments[1].endswith("b.png"):
            script = "raise SystemExit('dice: This is a bug.')"
        return [sys.executable, "-c", script], dict(os.environ)

    monkeypatch.setattr("dice_core.batch.process.dice_command", dying)
    assert main(["batch", str(folder), "-o", str(out), "--jobs", "2"]) == 1
    shown = capsys.readouterr().out
    assert "The capture was killed, as systems do where memory runs out" in shown
    assert "This is a bug (its log is b.log)." in shown
    assert (out / "a.log").read_text().strip() == "last words"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nowhere"], "nowhere does not exist"), (["empty"], "holds no videos"), (["shoot", "-o", "file"], "cannot be")],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("shoot").mkdir()
    image(Path("shoot/a.png"))
    Path("file").write_text("in the way")
    before = content(tmp_path)
    assert main(["batch", "-o", "out", *arguments]) == 2
    assert words in sentence(capsys.readouterr().err)
    assert content(tmp_path) == before


def test_previews_beside_footage_of_the_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the takes in the folder of the footage, no preview replaces footage, and none is captured in turn."""
    image(tmp_path / "a.png", 120, 90)
    footage = (tmp_path / "a.png").read_bytes()
    for _ in range(2):
        assert main(["batch", str(tmp_path), "-o", str(tmp_path), "--preview"]) == 0
    assert (tmp_path / "a.png").read_bytes() == footage
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.png", "a.dicetake", "a.preview.png", "batch.csv"}
    written = (tmp_path / "a.preview.png").stat().st_mtime_ns
    assert main(["batch", str(tmp_path), "-o", str(tmp_path), "--preview"]) == 0
    assert (tmp_path / "a.preview.png").stat().st_mtime_ns == written, "one that is there is left alone"


def test_forty_clips_of_which_two_are_bad(tmp_path: Path) -> None:
    shoot, out = tmp_path / "shoot", tmp_path / "takes"
    shoot.mkdir()
    for number in range(40):
        image(shoot / f"clip {number:02d}.png")
    (shoot / "clip 07.png").write_bytes((shoot / "clip 07.png").read_bytes()[:50])
    (shoot / "clip 23.png").write_text("no picture")
    command = [sys.executable, "-m", "dice_core", "batch", str(shoot), "-o", str(out), "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    states = {row["clip"][-11:]: row["state"] for row in _table(out)}
    assert len(states) == 40
    assert {clip for clip, state in states.items() if state == "failed"} == {"clip 07.png", "clip 23.png"}
    assert sum(state == "done" for state in states.values()) == 38
    assert len(done.stdout.splitlines()) == 41
    times = {take.name: (take / "take.json").stat().st_mtime_ns for take in out.glob("*.dicetake")}
    assert len(times) == 38
    (shoot / "clip 07.png").unlink()
    image(shoot / "clip 07.png")
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1, again.stderr
    assert sum(row["state"] == "there" for row in _table(out)) == 38
    assert sum(row["state"] == "done" for row in _table(out)) == 1
    for name, modified in times.items():
        assert (out / name / "take.json").stat().st_mtime_ns == modified, "captured a second time"


def _table(out: Path) -> list[dict[str, str]]:
    with (out / "batch.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
