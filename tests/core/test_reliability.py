"""Kills, full and read-only disks, systems without a home, odd names: the rows of docs/reliability.md that stand
nowhere else."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

import dice_core.capture.pipeline as capturing
from dice_core.cli import main
from dice_core.engines.base import FittedFrame
from dice_core.take import open_take
from dice_core.user_data import data_folder
from tests.core.command_line import image, sentence
from tests.core.test_capture import BLOCK, KnownEngine, assert_same_take, run

KILLS = 50
A_FRAME = 0.002  # seconds: what a frame takes at least, so that kills meet captures in the middle
DICE = [sys.executable, "-m", "dice_core"]


class SlowEngine(KnownEngine):
    """The engine of known numbers, at a speed that a kill can meet."""

    def fit(self, start: int, previous: FittedFrame | None) -> Generator[FittedFrame, None, None]:
        for frame in super().fit(start, previous):
            time.sleep(A_FRAME)
            yield frame


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked for each kill")
def test_kill_9_at_50_random_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "block_frames", lambda fps: BLOCK)
    monkeypatch.setattr(capturing, "make_engine", lambda footage, settings: KnownEngine(footage))
    run(tmp_path / "whole.dicetake")
    monkeypatch.setattr(capturing, "make_engine", lambda footage, settings: SlowEngine(footage))
    begun = time.monotonic()
    run(tmp_path / "slow.dicetake")
    longest = time.monotonic() - begun
    seed = int.from_bytes(os.urandom(4), "big")
    moments = random.Random(seed)
    cut = 0
    for number in range(KILLS):
        path = tmp_path / f"{number}.dicetake"
        child = os.fork()
        if not child:
            run(path)
            os._exit(0)
        time.sleep(moments.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        begun_by_then = (path / "take.json").exists()
        complete = begun_by_then and open_take(path).complete
        cut += begun_by_then and not complete
        # How long a capture takes changes with what else the machine does.
        longest *= 0.8 if complete else 1.0 if begun_by_then else 1.1
        monkeypatch.setattr(capturing, "make_engine", lambda footage, settings: KnownEngine(footage))
        run(path)
        try:
            assert_same_take(tmp_path / "whole.dicetake", path)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, kill {number}: {error}") from error
        monkeypatch.setattr(capturing, "make_engine", lambda footage, settings: SlowEngine(footage))
        shutil.rmtree(path)
    assert cut > KILLS / 2, "most kills have met a capture in the middle"


def test_what_a_kill_at_the_very_end_has_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "make_engine", lambda footage, settings: KnownEngine(footage))
    path = tmp_path / "take.dicetake"
    run(path)
    (path / "work").mkdir()
    (path / "work" / "clip.npz").write_bytes(b"half")
    run(path)
    assert not (path / "work").exists()
    assert open_take(path).complete


def _in_own_mounts(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount what nobody else sees; skips the test where that is not allowed."""
    own = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
    if shutil.which("unshare") is None or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system has no mounts of one's own")
    command = [*own, script, sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    (tmp_path / "clip").mkdir()
    for number in range(100):
        image(tmp_path / "clip" / f"{number:03d}.png")
    return tmp_path / "clip"


def test_a_disk_that_fills_up_leaves_a_take_that_is_continued(footage: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    done = _in_own_mounts(
        """
        mount -t tmpfs -o size=800k tmpfs "$2"
        "$0" -m dice_core capture "$1" -o "$2/a.dicetake" && exit 3
        test $? = 2 || exit 4
        "$0" -m dice_core info "$2/a.dicetake" | grep -q "stopped early" || exit 5
        mount -o remount,size=20m "$2"
        "$0" -m dice_core capture "$1" -o "$2/a.dicetake" >/dev/null || exit 6
        cp -r "$2/a.dicetake" "$3"
        """,
        footage,
        tmp_path / "disk",
        tmp_path / "a.dicetake",
    )
    assert done.returncode == 0, done.stderr
    assert "cannot be written to (No space left on device): choose another output" in sentence(done.stderr)
    assert main(["capture", str(footage), "-o", str(tmp_path / "b.dicetake")]) == 0
    full, roomy = open_take(tmp_path / "a.dicetake"), open_take(tmp_path / "b.dicetake")
    assert full.complete
    for x, y in zip(full.chunks(), roomy.chunks(), strict=True):
        assert x.keys() == y.keys()
        assert all(np.array_equal(x[key], y[key]) for key in x)


def test_what_is_read_only_is_one_sentence(footage: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    for command in (
        '"$0" -m dice_core capture "$1" -o "$2/a.dicetake"',
        '"$0" -m dice_core batch "$1" -o "$2/takes"',
        '"$0" -m dice_core preview "$3" -o "$2/a.png"',
        '"$0" -m dice_core mesh "$3" --contact "$2/a.csv"',
    ):
        if not (tmp_path / "a.dicetake").exists():
            assert main(["capture", str(footage), "-o", str(tmp_path / "a.dicetake")]) == 0
        done = _in_own_mounts(
            f'mount -t tmpfs -o ro tmpfs "$2"; {command}', footage, tmp_path / "disk", tmp_path / "a.dicetake"
        )
        assert done.returncode == 2, done.stderr
        assert "(Read-only file system)" in sentence(done.stderr)


def test_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither HOME nor the system's list of users knows one, as in many containers."""
    kept = {name: value for name, value in os.environ.items() if name not in ("HOME", "USERPROFILE", "DICE_DATA")}
    kept |= {"HOME": str(tmp_path / "nowhere")}
    picture, take = image(tmp_path / "a.png"), tmp_path / "a.dicetake"
    for command in (["capture", picture, "-o", take], ["info", take], ["models"]):
        done = subprocess.run([*DICE, *map(str, command)], capture_output=True, text=True, env=kept, check=False)
        assert done.returncode == 0, done.stderr
    for name in ("HOME", "USERPROFILE", "DICE_DATA", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it does for a user that nobody knows
    assert main(["capture", str(picture), "-o", str(tmp_path / "b.dicetake")]) == 0
    capsys.readouterr()
    assert main(["capture", "~/a.png"]) == 2
    assert sentence(capsys.readouterr().err).endswith("does not exist: check the path.")
    assert main(["models"]) == 2
    assert "set DICE_DATA" in sentence(capsys.readouterr().err)
    monkeypatch.setenv("DICE_DATA", str(tmp_path))
    assert data_folder() == tmp_path


ODD_NAMES = (
    "-v.png",
    "a b\tc.png",
    "line\nbreak.png",
    "quo\"te'.png",
    "[0-9]*.png",
    "\U0001f600.png",
    "%d%s{0}.png",
    "a .png",
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has none of these names")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shoot").mkdir()
    picture = image(tmp_path / "i.png").rename(tmp_path / "shoot" / name)
    take = tmp_path / f"{name}.dicetake"
    assert main(["capture", str(picture), "-o", str(take)]) == 0
    assert open_take(take).info["source"]["path"] == str(picture)
    assert main(["info", str(take), "--json"]) == 0
    assert main(["metrics", str(take)]) == 0
    assert main(["preview", str(take), "-o", str(tmp_path / f"{name}.out.png")]) == 0
    assert (tmp_path / f"{name}.out.png").stat().st_size
    capsys.readouterr()


@pytest.mark.skipif(os.name == "nt", reason="Windows has none of these names")
def test_a_batch_of_odd_names(tmp_path: Path) -> None:
    (tmp_path / "shoot").mkdir()
    for name in ODD_NAMES:
        image(tmp_path / "i.png").rename(tmp_path / "shoot" / name)
    command = [*DICE, "batch", str(tmp_path / "shoot"), "-o", str(tmp_path / "takes"), "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    takes = list((tmp_path / "takes").glob("*.dicetake"))
    assert len(takes) == len(ODD_NAMES)
    assert all(open_take(take).complete for take in takes)


@pytest.mark.skipif(os.name == "nt", reason="pipes as POSIX shells have them")
def test_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    assert main(["capture", str(image(tmp_path / "a.png")), "-o", str(tmp_path / "a.dicetake")]) == 0
    script = '"$0" -m dice_core info "$1" --json | true'
    command = ["sh", "-c", script, sys.executable, str(tmp_path / "a.dicetake")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_row_of_the_page_has_its_test() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "reliability.md").read_text(encoding="utf-8").partition("\n## ")[0]
    rows = re.findall(r"^\|.*\|$", page, re.M)[2:]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)?(?:::(test_\w+))?`", row.rpartition(" | ")[2])
        file = ""
        assert named, row
        for path, function in named:
            file = path or file
            text = (root / file).read_text(encoding="utf-8")
            assert not function or f"def {function}(" in text, f"{file} has no {function}"
