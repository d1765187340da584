"""The worker process that captures footage, watched from Blender without blocking and without a thread.

The worker writes its events to a file in its own folder, which is read on from where the last reading ended. A pipe
cannot be read without blocking on every platform; a file can, it survives the worker, and it never makes the worker
wait for Blender. The worker's stdin is a pipe that only Blender holds: when Blender ends, however it ends, the pipe
closes, and the worker takes that as a request to stop. Nothing here imports bpy.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dice_core.child_process import child_environment
from dice_core.events import LONGEST_LINE, parse_event

__all__ = ["Python", "Worker", "WorkerError", "blender_python", "module_folders"]

# After the stdin has been closed, seconds until the worker is asked by signal, and until it is killed. The sum stays
# below the two seconds within which a cancelled capture has to end; a frame takes about 0.15 s.
_TERMINATE_AFTER = 1.0
_KILL_AFTER = 1.8
# Bytes of events read in one go: at 100 bytes an event more than any tick needs, and far below a millisecond of work.
_READ_AT_ONCE = 1 << 18
# The end of a log that is read for the last lines and the traceback (bytes).
_LOG_TAIL = 1 << 16
# How Python begins a traceback, and how it joins one to the traceback of the error that led to it.
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
# How much nicer than Blender the worker is: the interface comes first where both need the cores.
_NICENESS = 10
_WINDOWS = sys.platform == "win32"

# Runs a module with folders joined to its path. PYTHONPATH would not do: `-I` ignores it, and for a foreign Python the
# folders have to come last, so that the packages of that Python win.
_BOOTSTRAP = """\
import runpy, sys
place, count = sys.argv[1], int(sys.argv[2])
folders = sys.argv[3:3 + count]
sys.path[:] = folders + sys.path if place == "first" else sys.path + folders
module = sys.argv[3 + count]
sys.argv = [module] + sys.argv[4 + count:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


class WorkerError(Exception):
    """The worker could not be started; the message is a sentence for the user."""


def blender_python() -> str:
    """The Python that Blender runs, as an executable."""
    executable = Path(sys.executable)
    if executable.stem.lower().startswith("blender"):
        names = ["python.exe"] if _WINDOWS else [f"python3.{sys.version_info.minor}", "python3"]
        folder = Path(sys.prefix) if _WINDOWS else Path(sys.prefix) / "bin"
        for name in names:
            if (folder / name).exists():
                return str(folder / name)
    return str(executable)


def module_folders(modules: Sequence[str], preferred: Path | None = None) -> tuple[str, ...]:
    """The folders that a Python needs on its path to import `modules`, found without importing them.

    preferred : a folder that is looked at before all others, whatever this Python would import.
    Raises WorkerError where a module is missing.
    """
    folders = []
    for module in modules:
        if preferred is not None and (preferred / module / "__init__.py").exists():
            folder = str(preferred)
        else:
            spec = find_spec(module)
            if spec is None or spec.origin is None:
                raise WorkerError(f"{module} is missing: install the extension again from the zip for this platform.")
            folder = str(Path(spec.origin).resolve().parent.parent)
        if folder not in folders:
            folders.append(folder)
    return tuple(folders)


@dataclass(frozen=True)
class Python:
    """A Python and the folders that it needs beside its own packages.

    isolated : true for Blender's own Python, whose worker must not see what else the user has installed.
    """

    executable: str
    folders: tuple[str, ...] = ()
    isolated: bool = True

    def command(self, module: str, arguments: Sequence[str]) -> list[str]:
        """The command that runs `module` with `arguments`."""
        place, flags = ("first", ["-I"]) if self.isolated else ("last", [])
        bootstrap = [place, str(len(self.folders)), *self.folders]
        return [self.executable, *flags, "-u", "-c", _BOOTSTRAP, *bootstrap, module, *arguments]


class Worker:
    """One worker process: started, polled and ended without ever waiting for it.

    command : the program and its arguments.
    folder : where its output goes: `events.jsonl` (standard output) and `worker.log` (standard error).
    Raises WorkerError where the program cannot be started.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.folder = folder
        self.log = folder / "worker.log"
        self._events = folder / "events.jsonl"
        self._read = 0
        self._rest = b""
        self._stop_time: float | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._events.open("wb") as output, self.log.open("wb") as errors:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=errors,
                    cwd=folder,
                    env=child_environment(),
                    **_own_group(),
                )
        except (OSError, ValueError) as error:
            raise WorkerError(f"The worker process could not be started ({error}).") from error
        self.pid = self._process.pid
        _lower_priority(self.pid)

    @property
    def running(self) -> bool:
        """Whether the process is there; an ended one is reaped by asking."""
        return self._process.poll() is None

    @property
    def stopping(self) -> bool:
        """Whether the worker has been asked to stop."""
        return self._stop_time is not None

    @property
    def exit_status(self) -> int | None:
        """Exit status of the ended process; negative is the signal that killed it."""
        return self._process.poll()

    @property
    def drained(self) -> bool:
        """Whether everything that the worker has written so far has been read."""
        try:
            return self._read >= self._events.stat().st_size
        except OSError:
            return True

    def poll(self) -> list[dict[str, Any]]:
        """The events since the last call; a worker that was asked to stop and does not is made to."""
        if self._stop_time is not None and self.running:
            waited = time.monotonic() - self._stop_time
            if waited > _KILL_AFTER:
                self._signal_group(kill=True)
            elif waited > _TERMINATE_AFTER:
                self._signal_group(kill=False)
        try:
            with self._events.open("rb") as stream:
                stream.seek(self._read)
                data = stream.read(_READ_AT_ONCE)
        except OSError:
            return []  # somebody emptied the temporary folder: the exit status still tells how the capture ended
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""  # no event, but output of something that went wrong, which must not pile up in memory
        events = (parse_event(line.decode("utf-8", "replace")) for line in lines if len(line) <= LONGEST_LINE)
        return [event for event in events if event is not None]

    def stop(self) -> None:
        """Ask the worker to stop after the frame in hand; `poll` sees to it that it does."""
        if self._stop_time is None:
            self._stop_time = time.monotonic()
            self._close_stdin()

    def end(self, patience: float = _KILL_AFTER) -> None:
        """Stop the worker and wait for its end, at most `patience` seconds before it is killed."""
        self.stop()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._signal_group(kill=True)
            self._process.wait()

    def output(self) -> str:
        """What it has written to its standard output so far, all at once."""
        try:
            return self._events.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def last_lines(self, count: int = 12) -> list[str]:
        """The last lines that the worker wrote to its log: `count`, or more where its last traceback is longer."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - _LOG_TAIL))
                text = stream.read().decode("utf-8", "replace")
        except OSError:
            return []
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return lines[min(max(0, len(lines) - count), _start_of_traceback(lines)) :]

    def release(self) -> None:
        """Let go of an ended process, and of what it may have left running in its group."""
        self._close_stdin()
        if not _WINDOWS:
            self._signal_group(kill=True)

    def _close_stdin(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _signal_group(self, kill: bool) -> None:
        # The group has the worker's id: whatever it started itself ends with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if _WINDOWS:
                self._process.kill()
            else:
                os.killpg(self.pid, signal.SIGKILL if kill else signal.SIGTERM)


def _start_of_traceback(lines: list[str]) -> int:
    """Index of the line where the last traceback begins, with those that led to it; that of the end without one."""
    starts = [index for index, line in enumerate(lines) if line.startswith(_TRACEBACK)]
    while len(starts) > 1 and lines[starts[-1] - 1].startswith(_CHAINED):
        starts.pop()
    return starts[-1] if starts else len(lines)


def _own_group() -> dict[str, Any]:
    """What makes the worker a process group of its own, so that Ctrl-C in Blender's terminal is not the worker's."""
    if _WINDOWS:
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW  # type: ignore[attr-defined]
        return {"creationflags": flags | subprocess.BELOW_NORMAL_PRIORITY_CLASS}  # type: ignore[attr-defined]
    # A group and not a session: Linux weighs niceness within a session only.
    return {"process_group": 0}


def _lower_priority(pid: int) -> None:
    if not _WINDOWS:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
