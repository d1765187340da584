"""Landmarks found in a process of their own: the same, errors that come back, and no process that is left over."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import cv2
import pytest

from dice_core import own_process
from dice_core.capture import finishing
from dice_core.cli.starting import started_for
from dice_core.engines.open import landmark_process, tracking
from dice_core.engines.open.tracking import TrackedFrame, track
from dice_core.errors import DiceError, InputError
from dice_core.media.footage import Footage
from dice_core.media.opening import open_footage
from dice_core.own_process import OwnProcess
from dice_core.sample import sample_clip
from dice_core.take import open_take
from tests.core.running import runs
from tests.core.sample_takes import assert_same_bytes, captured

SECONDS = 120  # a busy machine has taken long for what takes no time

Processes = list[OwnProcess]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Processes:
    """All processes that find landmarks, on a machine of two processors."""
    processes: Processes = []

    def start() -> OwnProcess:
        processes.append(OwnProcess("dice_core.engines.open.landmark_worker", "finds faces and hands"))
        return processes[-1]

    monkeypatch.setattr(landmark_process, "_start", start)
    for module in (own_process, landmark_process):
        monkeypatch.setattr(module, "processor_count", lambda: 2)
    monkeypatch.setattr(own_process, "_WORTH_A_PROCESS", 3)
    return processes


def assert_ended(processes: Processes) -> None:
    for one in processes:
        assert one.process.returncode is not None
        assert not Path(one.folder.name).exists()


def assert_same(one: list[TrackedFrame], other: list[TrackedFrame]) -> None:
    assert [frame.frame for frame in one] == [frame.frame for frame in other]
    for a, b in zip(one, other, strict=True):
        # What is the same has the same pickle, once it has been through one.
        assert pickle.dumps(pickle.loads(pickle.dumps(a))) == pickle.dumps(pickle.loads(pickle.dumps(b)))


def in_this_process(footage: Footage, start: int = 0, state: Any = None) -> list[TrackedFrame]:
    return list(tracking.clip_landmarks(footage, start, state, None, Future()))


@pytest.fixture(scope="module")
def clip() -> Footage:
    return open_footage(str(sample_clip()), (20, 26))


def test_landmarks_are_those_of_this_process_and_the_first_row_is_told(clip: Footage, started: Processes) -> None:
    first: Future[TrackedFrame] = Future()
    found = list(track(clip, 0, None, first=first))
    assert len(started) == 1
    assert_ended(started)
    known = in_this_process(clip)
    assert_same(found, known)
    assert found[3].landmarks.hands
    assert found[3].told is not None
    assert first.result(SECONDS).frame == 20
    rest = list(track(clip, 2, known[1].tracker))
    assert_same(rest, in_this_process(clip, 2, known[1].tracker))


def test_footage_is_found_from_wherever_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Footage, started: Processes
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(sample_clip(), "clip.mp4")
    with open_footage("clip.mp4", (20, 23)) as footage:
        footage.read(0)  # what it keeps open stays here
        assert [frame.frame for frame in track(footage, 0, None)] == [20, 21, 22]
    for row in range(3):
        cv2.imwrite(f"{row}.png", clip.read(row)[..., ::-1])
    with open_footage("*.png", should_stop=lambda: False) as footage:
        assert len(list(track(footage, 0, None))) == 3
    assert len(started) == 2
    assert_ended(started)


def test_what_goes_wrong_there_is_raised_here(tmp_path: Path, clip: Footage, started: Processes) -> None:
    for row in range(4):
        cv2.imwrite(str(tmp_path / f"{row}.png"), clip.read(row)[..., ::-1])
    footage = open_footage(str(tmp_path))
    (tmp_path / "0.png").write_bytes(b"none")
    first: Future[TrackedFrame] = Future()
    with pytest.raises(InputError, match=r"0\.png"):
        list(track(footage, 0, None, first=first))
    assert isinstance(first.exception(SECONDS), InputError)
    assert_ended(started)


def test_a_process_that_is_killed_is_a_sentence(clip: Footage, started: Processes) -> None:
    first: Future[TrackedFrame] = Future()
    frames = track(clip, 0, None, first=first)
    started[0].process.kill()
    with pytest.raises(DiceError, match="finds faces and hands was ended by the system, as happens where memory"):
        list(frames)
    assert isinstance(first.exception(SECONDS), DiceError)
    assert_ended(started)


def test_a_capture_whose_landmarks_end_is_continued(
    tmp_path: Path, started: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finishing, "is_worth_a_process", lambda _: False)  # so that chunks are there at once
    receive, frames = OwnProcess.receive, (0, 56)

    def ending(process: OwnProcess) -> Any:
        answer = receive(process)
        if isinstance(answer, TrackedFrame) and answer.frame == 40:
            process.kill()
            process.process.wait()
        return answer

    plain = captured(tmp_path / "plain.dicetake", frames)
    with monkeypatch.context() as patch:
        patch.setattr(OwnProcess, "receive", ending)
        with pytest.raises(DiceError, match="give the same command again, which goes on from there"):
            captured(tmp_path / "ended.dicetake", frames)
    unfinished = open_take(tmp_path / "ended.dicetake")
    assert not unfinished.complete
    assert len(unfinished.frames) >= 16
    continued = captured(tmp_path / "ended.dicetake", frames)
    assert len(started) == 3
    assert_ended(started)
    assert_same_bytes(continued, plain)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux which processes a process has started")
@pytest.mark.skipif(own_process.processor_count() < 2, reason="there are no other processes on one processor")
def test_a_capture_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dice_core", "capture", str(sample_clip()), "-o", str(tmp_path / "a.dicetake")]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    blocks = tmp_path / "a.dicetake" / "work"
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not list(blocks.glob("block-*.npz")):
        time.sleep(0.01)
    children = [
        int(child)
        for thread in Path(f"/proc/{parent.pid}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert len(children) == 2
    while time.monotonic() < deadline and any(map(runs, children)):
        time.sleep(0.02)
    assert not any(map(runs, children))


def test_closing_ends_the_process_at_once(clip: Footage, started: Processes) -> None:
    frames = track(clip, 0, None)
    next(frames)
    frames.close()
    track(clip, 0, None).close()
    assert len(started) == 2
    assert_ended(started)


def test_short_clips_and_machines_of_one_processor_have_none(
    clip: Footage, started: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(list(track(clip, 4, None))) == 2
    monkeypatch.setattr(own_process, "processor_count", lambda: 1)
    monkeypatch.setattr(landmark_process, "processor_count", lambda: 1)
    with started_for(["capture", "a.mp4"]):
        assert landmark_process.landmark_process(1000) is None
    assert not started


def test_one_that_was_started_ahead_is_taken_once_and_ended_if_it_is_not(clip: Footage, started: Processes) -> None:
    with started_for(["capture", "a.mp4", "-o", "b.dicetake"]):
        assert len(started) == 1
        assert len(list(track(clip, 4, None))) == 2, "short as it is"
        assert_ended(started)
        list(track(clip, 0, None))
        assert len(started) == 2
    with started_for(["capture", "frames/*.png"]):
        pass
    assert len(started) == 3
    assert_ended(started)


@pytest.mark.parametrize(
    "words",
    [
        ["info", "a.dicetake"],
        [],
        ["capture", "a.PNG"],
        ["capture", "shots", "--stills"],
        ["capture", "a.mp4", "--engine", "dice"],
    ],
)
def test_nothing_is_started_for_what_needs_none(words: list[str], started: Processes) -> None:
    with started_for(words):
        assert not started


def test_a_library_that_cannot_be_loaded_there_is_told(tmp_path: Path, started: Processes) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('no such thing')")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.path.append({os.getcwd()!r})\n"
        "from dice_core.engines.open.landmark_worker import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], input=b"", capture_output=True, check=True)
    assert isinstance(pickle.loads(done.stdout), ImportError)
    assert done.stderr == b""
