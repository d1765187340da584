"""A head model's folder is installed by a process of its own; what came of it is kept for the preferences."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from .. import installed_heads
from .worker import Python, Worker, WorkerError

__all__ = ["Outcome", "close", "on_end", "outcome", "start"]

_TICK = 0.2  # seconds between two looks
_DONE = "The head model is installed: choose it as Head in the Capture panel"


@dataclass
class Outcome:
    """running : until it is installed or refused; good, text : how it ended, "" where nothing was asked yet."""

    running: bool = False
    good: bool = False
    text: str = ""


_outcome = Outcome()
_worker: Worker | None = None
_folder: tempfile.TemporaryDirectory[str] | None = None
on_end: list[Callable[[], None]] = []
"""Called when it is over."""


def outcome() -> Outcome:
    """How the last attempt stands."""
    return _outcome


def start(python: Python, folder: Path) -> None:
    """Have a folder installed; `outcome` changes when it is over.

    Raises WorkerError where the process cannot be started.
    """
    global _worker, _folder  # noqa: PLW0603
    close()
    _folder = tempfile.TemporaryDirectory(prefix="dice-head-", ignore_cleanup_errors=True)
    try:
        command = python.command("dice_core", ["models", "add", str(folder.absolute()), "--json"])
        _worker = Worker(command, Path(_folder.name))
    except WorkerError:
        close()
        raise
    _outcome.running, _outcome.good, _outcome.text = True, False, ""
    if bpy.app.background:
        while _look() is not None:
            time.sleep(_TICK)
    else:
        bpy.app.timers.register(_look, first_interval=_TICK, persistent=True)


def close() -> None:
    """End an attempt that is not over."""
    global _worker, _folder  # noqa: PLW0603
    if bpy.app.timers.is_registered(_look):
        bpy.app.timers.unregister(_look)
    if _worker is not None:
        _worker.end()
        _worker.release()
        _worker = None
    if _folder is not None:
        _folder.cleanup()
        _folder = None
    _outcome.running = False


def _look() -> float | None:
    if _worker is None:
        return None
    if _worker.running:
        return _TICK
    _outcome.good, _outcome.text = _explain(_worker.output(), _worker.last_lines(1))
    close()
    installed_heads.look()
    for listener in on_end:
        listener()
    return None


def _explain(output: str, last_lines: list[str]) -> tuple[bool, str]:
    try:
        heads = json.loads(output)["heads"]
    except (ValueError, KeyError):
        return False, last_lines[-1].removeprefix("dice: ") if last_lines else "No answer"
    return all(head["state"] == "present" for head in heads), _DONE
