"""Captures and the queue in which they wait, run and end: all state that belongs to no file, and no bpy.

One capture runs at a time, since a capture uses all cores by itself. `CaptureQueue.tick` is called by a timer and
returns at once.
"""

from __future__ import annotations

import enum
import itertools
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dice_core.engines.settings import CaptureSettings

from .bake_request import BakeRequest
from .worker import Python, Worker, WorkerError

__all__ = ["Capture", "CaptureQueue", "Request", "State"]

# Seconds without an event after which the panel says so; loading models takes about 1 s, the slowest frame 0.5 s.
_SILENCE = 20.0
# Frames that Blender's integers can count, and characters of a message that are shown.
_MOST_FRAMES = 2**31 - 1
_LONGEST_MESSAGE = 2000
_SIGKILL = getattr(signal, "SIGKILL", 9)


class State(enum.Enum):
    """Where a capture stands."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self in {State.DONE, State.CANCELLED, State.FAILED}


@dataclass(frozen=True)
class Request:
    """What is to be captured and what becomes of it.

    footage : path or glob; take : folder of the result; settings : of the capture itself.
    frames : first and one past the last, or None for all.
    scene : session id of the scene that asked, which gets the result.
    keys : how the result is keyed when it is imported, "" to leave it on disk.
    """

    footage: str
    take: Path
    settings: CaptureSettings = field(default_factory=CaptureSettings)
    frames: tuple[int, int] | None = None
    scene: int = 0
    keys: str = ""

    def arguments(self) -> list[str]:
        """Arguments of `python -m dice_core`."""
        frames = ["--frames", f"{self.frames[0]}:{self.frames[1]}"] if self.frames else []
        options = [*self.settings.to_arguments(), *frames, "--events"]
        return ["capture", self.footage, "-o", str(self.take), *options]

    @property
    def name(self) -> str:
        """What the user calls it: the take's name."""
        return self.take.name.removesuffix(".dicetake")

    def description(self) -> list[str]:
        """Lines of a report."""
        asked = self.settings.request(self.frames)
        settings = ", ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
        return [f"DICE capture of {self.footage}", settings]


@dataclass(eq=False)
class Capture:
    """A request and how far it has come; `done` of `total` frames at `fps`, `eta` seconds to go."""

    request: Request | BakeRequest
    python: Python
    number: int
    state: State = State.QUEUED
    done: int = 0
    total: int = 0
    fps: float = 0.0
    eta: float = 0.0
    warning: str = ""
    error: str = ""
    last_lines: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    log: Path | None = None
    started: float = 0.0
    last_event: float = 0.0

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.request.name

    @property
    def fraction(self) -> float:
        """Share of the frames that are finished, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the worker was started."""
        return time.monotonic() - self.started

    @property
    def silent(self) -> float:
        """Seconds since the worker's last event, 0 while that is not worth a mention."""
        silence = time.monotonic() - self.last_event
        return silence if self.state is State.RUNNING and silence > _SILENCE else 0.0

    def report(self) -> str:
        """What a user sends to whoever helps: settings, error, the worker's last lines with its whole traceback."""
        lines = [*self.request.description(), f"{self.done} of {self.total} frames", self.error]
        return "\n".join([*lines, "", *self.last_lines])

    def take_event(self, event: dict[str, Any]) -> None:
        """Note what the worker says."""
        self.last_event = time.monotonic()
        try:
            self._note(event)
        except (TypeError, ValueError, OverflowError):
            self.warning = f"The worker sent an event that cannot be read: {str(event)[:80]}"

    def _note(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "started":
                self.done, self.total = _count(event, "resumed"), _count(event, "frames")
            case "frame":
                self.done, self.total = _count(event, "done"), _count(event, "total")
                self.fps, self.eta = max(0.0, float(event.get("fps", 0))), max(0.0, float(event.get("eta", 0)))
            case "warning":
                self.warning = _message(event)
            case "error":
                self.error = _message(event)
            case "done":
                self.result = event


class CaptureQueue:
    """Captures in the order in which they were asked for; the first that is not over runs.

    on_end : called with each capture that has ended, whatever its end.
    """

    def __init__(self, on_end: Callable[[Capture], None] | None = None) -> None:
        self._on_end = on_end
        self._captures: list[Capture] = []
        self._worker: Worker | None = None
        self._numbers = itertools.count(1)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def captures(self) -> Sequence[Capture]:
        """Those that wait, the one that runs, and those that failed and were not dismissed."""
        return tuple(self._captures)

    @property
    def current(self) -> Capture | None:
        """The one that runs."""
        first = next((capture for capture in self._captures if not capture.state.over), None)
        return first if first is not None and first.state is not State.QUEUED else None

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return any(not capture.state.over for capture in self._captures)

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, None where none runs."""
        return self._worker.pid if self._worker else None

    def find(self, number: int) -> Capture | None:
        """The capture with a number."""
        return next((capture for capture in self._captures if capture.number == number), None)

    def submit(self, request: Request | BakeRequest, python: Python) -> Capture:
        """Put a request into the queue."""
        capture = Capture(request, python, next(self._numbers))
        self._captures.append(capture)
        return capture

    def cancel(self, capture: Capture) -> None:
        """Take a waiting capture out, ask a running one to stop, forget one that is over."""
        if capture is self.current:
            capture.state = State.STOPPING
            if self._worker is not None:
                self._worker.stop()
        elif capture in self._captures:
            self._captures.remove(capture)

    def fail(self, capture: Capture, error: str) -> None:
        """Show a capture whose result could not be used as failed, until it is dismissed."""
        capture.state, capture.error = State.FAILED, error
        if capture not in self._captures:
            self._captures.append(capture)

    def tick(self) -> bool:
        """Do what is due without waiting: start, read, finish. Returns whether there is more to come."""
        current = self.current
        if current is None:
            waiting = next((capture for capture in self._captures if capture.state is State.QUEUED), None)
            if waiting is not None:
                self._start(waiting)
        elif self._worker is not None:
            ended = not self._worker.running
            for event in self._worker.poll():
                current.take_event(event)
            if ended and self._worker.drained:
                self._finish(current, self._worker)
        return self.busy

    def close(self) -> None:
        """End the worker and forget everything: the file is closed, the extension disabled, Blender quits."""
        if self._worker is not None:
            self._worker.end()
            self._worker.release()
            self._worker = None
        self._captures.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _start(self, capture: Capture) -> None:
        capture.state = State.RUNNING
        capture.started = capture.last_event = time.monotonic()
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="dice-captures-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name) / f"{capture.number:04d}"
        capture.log = folder / "worker.log"
        command = capture.python.command("dice_core", capture.request.arguments())
        try:
            self._worker = Worker(command, folder)
        except WorkerError as error:
            capture.error = str(error)
            self._end(capture, State.FAILED)

    def _finish(self, capture: Capture, worker: Worker) -> None:
        self._worker = None
        worker.release()
        capture.last_lines = worker.last_lines()
        if capture.result and not capture.error and worker.exit_status == 0:
            cancelled = capture.state is State.STOPPING or bool(capture.result.get("cancelled"))
            self._end(capture, State.CANCELLED if cancelled else State.DONE)
        elif capture.state is State.STOPPING:
            self._end(capture, State.CANCELLED)
        else:
            capture.error = capture.error or _reason_for_end(worker.exit_status)
            self._end(capture, State.FAILED)

    def _end(self, capture: Capture, state: State) -> None:
        capture.state = state
        if state is not State.FAILED:
            self._captures.remove(capture)
        if self._on_end is not None:
            self._on_end(capture)


def _count(event: dict[str, Any], key: str) -> int:
    """A number of frames in an event. Raises ValueError where it is none."""
    count = int(event.get(key, 0))
    if not 0 <= count <= _MOST_FRAMES:
        raise ValueError(f"{key} is {count}")
    return count


def _message(event: dict[str, Any]) -> str:
    """The message of an event, as Blender can show it."""
    return str(event.get("message", ""))[:_LONGEST_MESSAGE].encode("utf-8", "replace").decode("utf-8")


def _reason_for_end(status: int | None) -> str:
    """Why a worker ended that did not report a reason itself, as a sentence."""
    if status is not None and -status == _SIGKILL:
        return "The worker process was killed, perhaps because memory ran out: close other programs and capture again."
    if status is not None and status < 0:
        return f"The worker process crashed (signal {-status}): capture again, or copy the report and send it to us."
    if status:
        return f"The worker process failed (exit status {status}): its last lines say why."
    return "The worker process ended without a result: capture again, or copy the report and send it to us."
