"""`dice batch` as a user runs it: bad clips among good ones, kills, Ctrl-C, and what is made of the takes."""

from __future__ import annotations

import csv
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.batch.process import DiceProcess
from dice_core.cli import main
from dice_core.sample import sample_clip
from dice_core.take import open_take
from tests.core.command_line import content

PATIENCE = 300
FRAMES = 6
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def sample_frames(count: int) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(sample_clip()))
    images = [video.read()[1] for _ in range(count)]
    video.release()
    return images


@pytest.fixture(scope="module")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four short clips and a picture, two bad files among them, and one that is no footage."""
    folder = tmp_path_factory.mktemp("shoot")
    images = sample_frames(4 * FRAMES)
    height, width = images[0].shape[:2]
    for number in range(4):
        writer = cv2.VideoWriter(
            str(folder / f"clip {number}.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 24.0, (width, height)
        )
        for frame in images[number * FRAMES : (number + 1) * FRAMES]:
            writer.write(frame)
        writer.release()
    cv2.imwrite(str(folder / "picture.png"), images[0])
    (folder / "clip 2b.mp4").write_bytes((folder / "clip 2.mp4").read_bytes()[:300])
    (folder / "letter.png").write_text("Dear reader")
    (folder / "notes.txt").write_text("not footage")
    return folder


def command(shoot: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "dice_core", "batch", str(shoot), "-o", str(out), "--jobs", "2", *more]


def start(shoot: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command(shoot, out, *more), stdout=pipe, stderr=pipe, text=True)


def states(out: Path) -> dict[str, str]:
    """State of each clip in the table in the folder."""
    with (out / "batch.csv").open(encoding="utf-8", newline="") as stream:
        return {Path(row["clip"]).name: row["state"] for row in csv.DictReader(stream)}


def wait_until(out: Path, complete: int) -> set[str]:
    """Wait until so many takes are complete and let go of, and another one has begun; returns the names of those."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        takes = [path for path in out.glob("*.dicetake") if (path / "take.json").exists()]
        done = {path.name for path in takes if open_take(path).complete}
        free = {name for name in done if not (out / name / "capture.lock").exists()}
        if len(free) >= complete and len(takes) > len(done):
            return free
        time.sleep(0.02)
    raise AssertionError("the batch is not that far")


def children_of(out: Path) -> list[int]:
    """Captures into a folder that run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if "capture" in words and any(word.startswith(f"{out}/") for word in words):
            found.append(int(process.name))
    return found


GOOD = {"clip 0.mp4", "clip 1.mp4", "clip 2.mp4", "clip 3.mp4", "picture.png"}
BAD = {"clip 2b.mp4", "letter.png"}


@pytest.fixture(scope="module")
def captured(shoot: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The shoot after one kill -9 of the batch in the middle and a second run, and how that ended."""
    out = tmp_path_factory.mktemp("out") / "takes"
    process = start(shoot, out)
    try:
        before_kill = wait_until(out, 2)
        kept = {name: content(out / name) for name in before_kill}
        times = {name: (out / name / "take.json").stat().st_mtime_ns for name in before_kill}
    finally:
        process.kill()  # kill -9
        process.communicate()
    again = subprocess.run(command(shoot, out), capture_output=True, text=True, timeout=PATIENCE, check=False)
    for name in before_kill:
        assert content(out / name) == kept[name]
        assert (out / name / "take.json").stat().st_mtime_ns == times[name], "captured a second time"
    there = {name for name, state in states(out).items() if state == "there"}
    assert {f"{Path(name).stem}.dicetake" for name in there} >= before_kill
    return out, again


def test_a_batch_that_was_killed_goes_on(captured: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, again = captured
    assert again.returncode == 1, again.stderr
    found = states(out)
    assert {name for name, state in found.items() if state in ("done", "there")} == GOOD
    assert {name for name, state in found.items() if state == "failed"} == BAD
    for name in GOOD:
        take = open_take(out / f"{Path(name).stem}.dicetake")
        assert take.complete
        assert len(take.frames) == (1 if name == "picture.png" else FRAMES)
    assert {path.name for path in out.iterdir()} == {"batch.csv", *(f"{Path(name).stem}.dicetake" for name in GOOD)}
    assert children_of(out) == []


def test_the_table_has_a_line_for_each_clip(captured: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    lines = captured[1].stdout.splitlines()
    assert lines[0].split() == ["clip", "frames", "head", "left", "right", "touches", "warnings", "seconds"]
    names = [line.split("  ")[0] for line in lines[1:]]
    order = ["clip 0.mp4", "clip 1.mp4", "clip 2.mp4", "clip 2b.mp4", "clip 3.mp4", "letter.png", "picture.png"]
    assert names == order
    for line in lines[1:]:
        if line.split("  ")[0] in BAD:
            assert "failed" in line
            assert line.endswith(".")
        else:
            assert f" {1 if 'picture' in line else FRAMES}  100%" in line
    assert captured[1].stderr == "" or "waiting for a batch" in captured[1].stderr
    assert "Traceback" not in captured[1].stderr


def test_a_third_run_captures_nothing(
    shoot: Path,
    captured: tuple[Path, subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, second = captured
    started: list[str] = []
    begin = DiceProcess.__init__

    def remember(self: DiceProcess, arguments: list[str], *rest: object) -> None:
        started.append(Path(arguments[1]).name)
        begin(self, arguments, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(DiceProcess, "__init__", remember)
    before = content(out)
    assert main(["batch", str(shoot), "-o", str(out), "--jobs", "2"]) == 1
    assert set(started) == BAD, "only what failed is tried again"
    after = content(out)
    assert {name: data for name, data in after.items() if name != "batch.csv"} == {
        name: data for name, data in before.items() if name != "batch.csv"
    }
    assert set(states(out).values()) == {"there", "failed"}
    third = capsys.readouterr().out
    assert [line.replace(" done ", " there ").split() for line in second.stdout.splitlines() if "%" in line] == [
        line.split() for line in third.splitlines() if "%" in line
    ], "figures, warnings and seconds are those of the run that captured"


def test_ctrl_c_ends_all_captures_cleanly_and_the_batch_goes_on(shoot: Path, tmp_path: Path) -> None:
    out = tmp_path / "takes"
    process = start(shoot, out)
    wait_until(out, 1)
    process.send_signal(signal.SIGINT)
    shown, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "stopped early: the same command continues from here" in shown
    assert "Traceback" not in errors
    assert children_of(out) == []
    found = states(out)
    assert {"stopped", "waiting"} & set(found.values())
    assert "failed" not in [found[name] for name in GOOD], "one that was at its last frame may be done"
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
    assert main(["batch", str(shoot), "-o", str(out), "--jobs", "2"]) == 1
    assert all(open_take(out / f"{Path(name).stem}.dicetake").complete for name in GOOD)


def test_a_second_ctrl_c_ends_all_at_once(shoot: Path, tmp_path: Path) -> None:
    out = tmp_path / "takes"
    process = start(shoot, out)
    wait_until(out, 0)
    for child in (children := children_of(out)):
        os.kill(child, signal.SIGSTOP)  # they will not hear the first one
    process.send_signal(signal.SIGINT)
    time.sleep(0.6)
    assert process.poll() is None, "the first one only asks"
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - begun < 20
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert children
    assert children_of(out) == []


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="needs the bpy package")
def test_blend_and_fbx_of_each_take(shoot: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{shoot / 'clip 3.mp4'}\n")
    out = tmp_path / "out"
    arguments = ["batch", str(tmp_path / "list.txt"), "-o", str(out), "--fbx", "--keys", "rigged"]
    assert main(arguments) == 0
    assert {path.name for path in out.iterdir()} == {"batch.csv", "clip 3.dicetake", "clip 3.fbx"}
    assert (out / "clip 3.fbx").read_bytes().startswith(b"Kaydara FBX Binary")
    written = (out / "clip 3.fbx").stat().st_mtime_ns
    assert main([*arguments, "--blend"]) == 0
    assert (out / "clip 3.blend").stat().st_size > 100_000
    assert states(out) == {"clip 3.mp4": "done"}
    assert (out / "clip 3.fbx").stat().st_mtime_ns > written
    written = (out / "clip 3.fbx").stat().st_mtime_ns
    assert main([*arguments, "--blend"]) == 0
    assert states(out) == {"clip 3.mp4": "there"}
    assert (out / "clip 3.fbx").stat().st_mtime_ns == written
