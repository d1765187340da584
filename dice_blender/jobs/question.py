"""A command that is run in a process of its own, and whose answer a timer of Blender's waits for."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import bpy

from .worker import Worker, WorkerError

__all__ = ["Question"]

_TICK = 0.1  # seconds between two looks


class Question:
    """Asked one at a time: who asks again ends what was asked before."""

    def __init__(self, prefix: str, on_answer: Callable[[str, list[str]], None], timeout: float = float("inf")) -> None:
        """prefix : of the process's own folder; on_answer : called with all that the process wrote, and with the last
        line of its log; timeout : seconds after which the process is ended and what it wrote taken as it is."""
        self._prefix, self._on_answer, self._timeout = prefix, on_answer, timeout
        self._worker: Worker | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._asked = 0.0
        self._timer = self._look  # one object: Blender knows a timer by it

    def ask(self, command: Sequence[str]) -> None:
        """Run a command. In background the answer is there when this returns.

        Raises WorkerError where it cannot be started.
        """
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix=self._prefix, ignore_cleanup_errors=True)
        try:
            self._worker = Worker(list(command), Path(self._folder.name))
        except WorkerError:
            self.close()
            raise
        self._asked = time.monotonic()
        if bpy.app.background:
            while self._look() is not None:
                time.sleep(_TICK)
        else:
            bpy.app.timers.register(self._timer, first_interval=_TICK, persistent=True)

    def close(self) -> None:
        """End a question that has not been answered."""
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)
        if self._worker is not None:
            self._worker.end()
            self._worker.release()
            self._worker = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _look(self) -> float | None:
        if self._worker is None:
            return None
        if self._worker.running and time.monotonic() - self._asked < self._timeout:
            return _TICK
        output, last_lines = self._worker.output(), self._worker.last_lines(1)
        self.close()
        self._on_answer(output, last_lines)
        return None
