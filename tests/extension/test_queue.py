"""The queue of captures: progress, cancelling, and every bad end that a worker can come to."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dice_blender.jobs.queue import CaptureQueue, Request, State
from dice_blender.jobs.worker import Python
from dice_core.engines.settings import CaptureSettings

# Seconds within which anything of the stub's ends on a busy machine.
PATIENCE = 30.0
ROOT = Path(__file__).parents[2]
RequestOf = Callable[[str], Request]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stub ends by POSIX signals")


def drive(queue: CaptureQueue, until: Callable[[], bool] | None = None) -> float:
    """Tick until a condition, or until nothing is left; returns the longest tick in seconds."""
    start, longest = time.monotonic(), 0.0
    while True:
        began = time.perf_counter()
        more = queue.tick()
        longest = max(longest, time.perf_counter() - began)
        if (until() if until else not more) or time.monotonic() - start > PATIENCE:
            assert time.monotonic() - start < PATIENCE
            return longest
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Whether a process is gone, and not a zombie of ours either."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z" and os.getppid() != os.getpid()


def test_progress_and_result(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    capture = queue.submit(request_of("frames=6,awaited,warn"), stub_python)
    seen = []

    def note() -> bool:
        """The worker does not go on until its frame was seen."""
        seen.append(capture.done)
        if capture.done:
            (capture.request.take / f"{capture.done:06d}.seen").touch()
        return capture.state.over

    drive(queue, note)
    assert capture.state is State.DONE
    assert set(seen) == {0, 1, 2, 3, 4, 5, 6}, "every frame was seen while it came in"
    assert (capture.done, capture.total, capture.warning) == (6, 6, "Frame 6 is dark.")
    assert capture.result["tracked"] == {"head": 1.0, "hand_right": 0.9}
    assert not queue.captures


def test_a_tick_takes_no_time(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    queue.submit(request_of("frames=200,pause=0.015,babble"), stub_python)
    drive(queue, lambda: queue.current is not None)
    # A tick that waited for the worker would take its 3 s; a busy machine alone has made 0.7.
    assert drive(queue) < 2


def test_captures_run_one_after_the_other(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    names = ["frames=3", "frames=4", "frames=5"]
    captures = [queue.submit(request_of(name), stub_python) for name in names]
    running: list[set[int]] = []

    def watch() -> bool:
        running.append({capture.number for capture in captures if capture.state is State.RUNNING})
        return not queue.busy

    drive(queue, watch)
    assert [capture.state for capture in captures] == [State.DONE] * 3
    assert all(len(numbers) <= 1 for numbers in running)
    order = [next(iter(numbers)) for numbers in running if numbers]
    assert order == sorted(order)


def test_cancel_keeps_finished_frames(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    capture = queue.submit(request_of("frames=1000,pause=0.05"), stub_python)
    drive(queue, lambda: capture.done >= 3)
    pid = queue.worker_pid
    start = time.monotonic()
    queue.cancel(capture)
    assert capture.state is State.STOPPING
    drive(queue)
    assert time.monotonic() - start < 20
    assert capture.state is State.CANCELLED
    assert capture.result["cancelled"]
    assert gone(pid)
    assert len(list(capture.request.take.glob("*.txt"))) == capture.done >= 3


def test_cancel_of_a_deaf_worker(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    capture = queue.submit(request_of("frames=1000,pause=0.05,deaf"), stub_python)
    drive(queue, lambda: capture.done >= 2)
    pid, start = queue.worker_pid, time.monotonic()
    queue.cancel(capture)
    drive(queue)
    assert time.monotonic() - start < 20
    assert capture.state is State.CANCELLED
    assert gone(pid)
    assert len(list(capture.request.take.glob("*.txt"))) >= 2


def test_cancel_while_waiting(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    first = queue.submit(request_of("frames=3"), stub_python)
    second = queue.submit(request_of("frames=4"), stub_python)
    queue.tick()
    queue.cancel(second)
    drive(queue)
    assert first.state is State.DONE
    assert not second.request.take.exists()


@pytest.mark.parametrize(
    "end",
    [
        ("die", "killed", "about to die"),
        ("crash", "exit status 1", "RuntimeError: the stub crashes"),
        ("mute", "without a result", ""),
        ("refuse", "There is no footage", ""),
    ],
    ids=lambda end: end[0],
)
def test_bad_ends(queue: CaptureQueue, stub_python: Python, request_of: RequestOf, end: tuple[str, str, str]) -> None:
    habits, says, last_line = end
    bad = queue.submit(request_of(f"frames=6,{habits}"), stub_python)
    good = queue.submit(request_of("frames=2"), stub_python)
    drive(queue)
    assert bad.state is State.FAILED
    assert says in bad.error
    assert says in bad.report()
    assert last_line in bad.report()
    assert queue.captures == (bad,), "a failure stays until it is dismissed"
    queue.cancel(bad)
    assert not queue.captures
    assert good.state is State.DONE, "the next capture works"


def test_the_report_holds_the_whole_traceback(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    """However long it is, with the error that led to it, and without those of earlier errors."""
    capture = queue.submit(request_of("frames=4,bug"), stub_python)
    drive(queue)
    report = capture.report()
    assert report.count("Traceback (most recent call last):") == 2
    assert report.count("deeply\n") == 21
    assert "ZeroDivisionError: division by zero" in report
    assert report.rstrip().endswith("RuntimeError: a bug deep inside")
    assert "an earlier error" not in report


def test_an_unexpected_error_of_the_real_command_reaches_the_report(
    queue: CaptureQueue, tmp_path: Path, request_of: RequestOf
) -> None:
    """The command itself must not hide its traceback behind a sentence."""
    package = tmp_path / "broken" / "dice_core"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import sys\n"
        "sys.path[:] = [" + repr(str(ROOT)) + ", *sys.path[1:]]\n"
        "for name in [name for name in sys.modules if name.partition('.')[0] == 'dice_core']:\n"
        "    del sys.modules[name]\n"
        "from dice_core.cli import capturing, main\n"
        "def fail(*_, **__):\n"
        "    raise RuntimeError('nobody expected this')\n"
        "capturing.capture_with_progress = fail\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    capture = queue.submit(request_of("any"), Python(sys.executable, (str(package.parent),)))
    drive(queue)
    assert capture.state is State.FAILED
    assert "nobody expected this" in capture.error
    assert "Traceback (most recent call last):" in capture.report()
    assert "in fail" in capture.report()


def test_kill_9_leaves_no_zombie(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    capture = queue.submit(request_of("frames=1000,pause=0.02"), stub_python)
    drive(queue, lambda: capture.done >= 2)
    pid = queue.worker_pid
    os.kill(pid, signal.SIGKILL)
    drive(queue)
    assert capture.state is State.FAILED
    assert not Path(f"/proc/{pid}").exists()
    assert queue.worker_pid is None


def test_children_of_the_worker_end_with_it(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    capture = queue.submit(request_of("frames=4,child"), stub_python)
    drive(queue)
    child = int(capture.warning.split()[1])
    deadline = time.monotonic() + 5
    while not gone(child) and time.monotonic() < deadline:
        state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":  # killed, and left to whoever is init here
            break
        time.sleep(0.02)
    else:
        assert gone(child)


def test_garbage_is_not_progress(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    capture = queue.submit(request_of("frames=5,babble,odd"), stub_python)
    drive(queue)
    assert capture.state is State.DONE
    assert capture.done == 5
    assert "cannot be read" in capture.warning


def test_silence_is_noticed(
    queue: CaptureQueue, stub_python: Python, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dice_blender.jobs.queue._SILENCE", 0.3)
    capture = queue.submit(request_of("frames=5,hang"), stub_python)
    drive(queue, lambda: capture.silent > 0)
    assert capture.silent >= 0.3
    assert capture.state is State.RUNNING, "silence is said, not punished"


def test_close_ends_the_worker(queue: CaptureQueue, stub_python: Python, request_of: RequestOf) -> None:
    capture = queue.submit(request_of("frames=1000,deaf"), stub_python)
    queue.submit(request_of("frames=7"), stub_python)
    drive(queue, lambda: capture.done >= 1)
    pid = queue.worker_pid
    start = time.monotonic()
    queue.close()
    assert time.monotonic() - start < 20
    assert gone(pid)
    assert not queue.captures
    assert not queue.busy


def test_a_program_that_is_not_there(queue: CaptureQueue, request_of: RequestOf) -> None:
    capture = queue.submit(request_of("frames=2"), Python("/nowhere/python"))
    queue.tick()
    assert capture.state is State.FAILED
    assert "could not be started" in capture.error


def test_arguments_of_the_command_line(tmp_path: Path) -> None:
    request = Request("/f/a.mp4", tmp_path / "a.dicetake", CaptureSettings(hands="left", fov=40.0), frames=(3, 9))
    take = str(tmp_path / "a.dicetake")
    assert request.arguments() == [
        *["capture", "/f/a.mp4", "-o", take, "--engine", "open", "--hands", "left"],
        *["--fov", "40", "--frames", "3:9", "--events"],
    ]


@pytest.mark.parametrize(
    "event",
    [
        {"event": "frame", "done": -5, "total": 10},
        {"event": "frame", "done": 10**14, "total": 10},
        {"event": "frame", "done": None, "total": 10},
        {"event": "frame", "done": 1, "total": 10, "fps": [1]},
        {"event": "started", "frames": "many"},
    ],
)
def test_an_event_of_nonsense_is_a_warning(request_of: RequestOf, event: dict[str, object]) -> None:
    capture = CaptureQueue().submit(request_of("x"), Python(sys.executable))
    capture.take_event(event)
    assert "cannot be read" in capture.warning
    assert 0 <= capture.fraction <= 1


def test_whatever_a_worker_prints_the_queue_goes_on(queue: CaptureQueue, tmp_path: Path, request_of: RequestOf) -> None:
    """Lines at random, of JSON gone wrong in every way, and after them a result."""
    package = tmp_path / "noise" / "dice_core"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import random, sys\n"
        "random.seed(4)\n"
        "pieces = ['{', '}', '[' * 9000, ']', '\"event\"', ':', '\"frame\"', ',', '\"done\"', '-1', '1e999', 'NaN',\n"
        "    '9' * 5000, 'null', '\"\\\\ud800\"', '\"total\"', '0', '\\x00', 'x' * 70000, '\\n']\n"
        "for _ in range(3000):\n"
        "    sys.stdout.write(''.join(random.choice(pieces) for _ in range(random.randrange(9))) + '\\n')\n"
        'print(\'{"event": "done", "frames": 3, "tracked": {}}\')\n'
    )
    capture = queue.submit(request_of("x"), Python(sys.executable, (str(package.parent),)))
    drive(queue)
    assert capture.state is State.DONE, capture.last_lines
