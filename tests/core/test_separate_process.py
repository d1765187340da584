"""Post-processing in a process of its own: the same take, errors that come back, and no process that is left over."""

from __future__ import annotations

import contextlib
import math
import operator
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dice_core import own_process
from dice_core.capture import capture, finishing
from dice_core.child_process import child_environment
from dice_core.engines.separate_process import PostprocessingProcess
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import DiceError
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip
from dice_core.take import open_take
from tests.core.running import runs
from tests.core.sample_takes import assert_same_bytes, captured

SECONDS = 120  # a busy machine has taken long for what takes no time


@contextlib.contextmanager
def running(make: Any) -> Iterator[PostprocessingProcess]:
    process = PostprocessingProcess("math")
    process.begin(make)
    try:
        yield process
    finally:
        process.close()
    assert process._process.process.returncode is not None
    assert not Path(process._process.folder.name).exists()


def gives(function: Any) -> Any:
    """What makes a function of the library."""
    return partial(pickle.loads, pickle.dumps(function))


def test_answers_come_in_order_and_errors_where_they_belong() -> None:
    with running(gives(math.hypot)) as process:
        asked: Any = [process.submit(3, 4, 12), process.submit("a", 4, 12), process.submit(8, 9, 12)]  # type: ignore[arg-type]
        assert asked[0].result(SECONDS) == 13
        with pytest.raises(TypeError, match="must be real number"):
            asked[1].result(SECONDS)
        assert asked[2].result(SECONDS) == 17


def test_what_prints_there_does_not_disturb_the_answers() -> None:
    with running(gives(print)) as process:
        assert process.submit("said", 1, 2).result(SECONDS) is None  # type: ignore[arg-type]
        assert process.submit("again", 1, 2).result(SECONDS) is None  # type: ignore[arg-type]


def test_what_cannot_be_sent_is_said_on_either_side() -> None:
    with running(gives(memoryview)) as process, pytest.raises(TypeError, match="pickle"):
        process.submit(memoryview(b"a"), 0, 1).result(SECONDS)  # type: ignore[arg-type]
    with running(gives(map)) as process, pytest.raises(TypeError, match="not iterable"):
        process.submit(len, 0, 1).result(SECONDS)  # type: ignore[arg-type]
    with running(gives(open)) as process, pytest.raises(DiceError, match="This is a bug"):
        process.submit(os.devnull, "rb", 0).result(SECONDS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "error"),
    [(partial(operator.truediv, 1, 0), ZeroDivisionError), (partial(len, memoryview(b"a")), TypeError)],
    ids=["there", "on the way"],
)
def test_an_error_at_the_start_is_told_to_all_who_ask(make: Any, error: type[Exception]) -> None:
    with running(make) as process:
        for _ in range(2):
            with pytest.raises(error, match=r"division|pickle"):
                process.submit(np.zeros(2), 0, 1).result(SECONDS)  # type: ignore[arg-type]


def test_a_module_that_cannot_be_loaded_is_told_to_all_who_ask() -> None:
    process = PostprocessingProcess("dice_core.no_such_module")
    try:
        process.begin(gives(math.hypot))
        for _ in range(2):
            with pytest.raises(ModuleNotFoundError, match="no_such_module"):
                process.submit(3, 4, 12).result(SECONDS)  # type: ignore[arg-type]
    finally:
        process.close()


@pytest.mark.skipif(os.name != "posix", reason="is held up by a named pipe")
def test_what_is_cancelled_before_its_turn_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with running(gives(os.open)) as process:
        asked: Any = [process.submit(tmp_path / "pipe", os.O_RDONLY, 0o600)]  # type: ignore[arg-type] # waits for a writer
        asked += [process.submit(tmp_path / name, os.O_CREAT, 0o600) for name in ("one", "other")]  # type: ignore[arg-type]
        assert asked[1].cancel()
        os.close(os.open(tmp_path / "pipe", os.O_WRONLY))
        assert isinstance(asked[2].result(SECONDS), int)
    assert (tmp_path / "other").exists()
    assert not (tmp_path / "one").exists()


def test_a_process_that_dies_is_a_sentence() -> None:
    with running(partial(os._exit, 3)) as process:
        for _ in range(2):
            with pytest.raises(DiceError, match="ended by the system, as happens where memory runs out: close other"):
                process.submit(np.zeros(2), 0, 1).result(SECONDS)  # type: ignore[arg-type]


def test_closing_does_not_wait_for_what_is_being_done() -> None:
    with running(partial(time.sleep, 10 * SECONDS)) as process:
        unanswered = process.submit(np.zeros(1_000_000), 0, 1)  # type: ignore[arg-type] # more than a pipe holds
    with pytest.raises(DiceError):
        unanswered.result(SECONDS)


@pytest.mark.skipif(os.name != "posix", reason="kills a process by a signal")
def test_it_ends_with_the_process_that_started_it() -> None:
    code = (
        "import math, pickle, time; from functools import partial\n"
        "from dice_core.engines.separate_process import PostprocessingProcess\n"
        "process = PostprocessingProcess('math'); process.begin(partial(pickle.loads, pickle.dumps(math.hypot)))\n"
        "process.submit(3, 4, 12).result(); print(process._process.process.pid, flush=True); time.sleep(600)"
    )
    environment = child_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and runs(child):
        time.sleep(0.02)
    assert not runs(child)


def test_a_take_is_the_same_bytes_with_one_process_and_with_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []

    class Watched(PostprocessingProcess):
        def __init__(self, module: str) -> None:
            started.append(module)
            super().__init__(module)

    monkeypatch.setattr(finishing, "PostprocessingProcess", Watched)
    for processors in (1, 2):
        monkeypatch.setattr(own_process, "processor_count", lambda count=processors: count)
        output = tmp_path / f"{processors}.dicetake"
        with open_footage(str(sample_clip()), (12, 60)) as footage:
            assert capture(footage, output, CaptureSettings(), frames=(12, 60)).touches
        assert len(started) == processors - 1
    one, two = (tmp_path / f"{processors}.dicetake" for processors in (1, 2))
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    assert len(files) > 4
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file


def test_a_capture_whose_second_process_was_killed_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(PostprocessingProcess):
        def submit(self, window: Any, start: int, stop: int) -> Any:
            future = super().submit(window, start, stop)
            if start:  # the first chunk has none before it
                while not (future.running() or future.done()):  # what has not begun would be made without it
                    time.sleep(0.001)
                self._process.kill()
            return future

    monkeypatch.setattr(own_process, "processor_count", lambda: 2)
    frames = 0, 48
    plain = captured(tmp_path / "plain.dicetake", frames)
    with monkeypatch.context() as patch:
        patch.setattr(finishing, "PostprocessingProcess", Killed)
        with pytest.raises(DiceError, match="give the same command again, which goes on from there"):
            captured(tmp_path / "killed.dicetake", frames)
    assert_same_bytes(captured(tmp_path / "killed.dicetake", frames), plain)


@pytest.mark.skipif(os.name != "posix", reason="closes streams by a POSIX shell")
@pytest.mark.skipif(own_process.processor_count() < 2, reason="there is no second process on one processor")
def test_closed_streams_are_no_trouble(tmp_path: Path) -> None:
    script = '"$0" -m dice_core capture "$1" --frames 0:48 -o "$2" <&- >&- 2>&-'
    take = tmp_path / "a.dicetake"
    assert subprocess.run(["sh", "-c", script, sys.executable, sample_clip(), take], check=False).returncode == 0
    assert open_take(take).complete
    assert len(open_take(take).frames) == 48


def test_where_no_process_can_be_started_the_capture_works_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(own_process, "processor_count", lambda: 2)
    monkeypatch.setattr(own_process, "_WORTH_A_PROCESS", 4)
    monkeypatch.setattr("dice_core.own_process.subprocess.Popen", refuse)
    with caplog.at_level("INFO"), open_footage(str(sample_clip()), (30, 38)) as footage:
        assert capture(footage, tmp_path / "a.dicetake", CaptureSettings(), frames=(30, 38)).frames == 8
    assert "Resource temporarily unavailable" in caplog.text
