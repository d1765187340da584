"""What the Python of the DICE network has and lacks, asked in a process of its own and kept for the preferences."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from .worker import Python, Worker, WorkerError

__all__ = ["Findings", "close", "findings", "on_answer", "start"]

# Seconds between two looks, and until the answer is given up: turning a checkpoint of 1.3 GB into safetensors takes a
# minute or two from a slow disk. Set by hand.
_TICK = 0.1
_TIMEOUT = 900.0
_PROBE = Path(__file__).with_name("probe.py")


@dataclass
class Findings:
    """Lines for the preferences; each says whether it is good news. `asking` until the answer is there."""

    asking: bool = False
    lines: list[tuple[bool, str]] = field(default_factory=list)


_findings = Findings()
_worker: Worker | None = None
_folder: tempfile.TemporaryDirectory[str] | None = None
_started = 0.0
on_answer: list[Callable[[], None]] = []
"""Called when an answer has come in."""


def findings() -> Findings:
    """What is known by now."""
    return _findings


def start(python: Python, add: str = "") -> None:
    """Ask the Python; `findings` changes when it has answered.

    add : a folder whose licensed files are added first, "" to look only.
    Raises WorkerError where it cannot be started.
    """
    global _worker, _folder, _started  # noqa: PLW0603
    close()
    _folder = tempfile.TemporaryDirectory(prefix="dice-check-", ignore_cleanup_errors=True)
    try:
        _worker = Worker([python.executable, str(_PROBE), *python.folders, *([add] if add else [])], Path(_folder.name))
    except WorkerError:
        close()
        raise
    _started = time.monotonic()
    _findings.asking, _findings.lines = True, []
    if bpy.app.background:
        while _look() is not None:
            time.sleep(_TICK)
    else:
        bpy.app.timers.register(_look, first_interval=_TICK, persistent=True)


def close() -> None:
    """End a question that has not been answered."""
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
    _findings.asking = False


def _look() -> float | None:
    if _worker is None:
        return None
    if _worker.running and time.monotonic() - _started < _TIMEOUT:
        return _TICK
    _findings.lines = _explain(_worker.output(), _worker.last_lines(1))
    close()
    for listener in on_answer:
        listener()
    return None


def _explain(output: str, last_lines: list[str]) -> list[tuple[bool, str]]:
    """The probe's answer in words."""
    try:
        answer = json.loads(output)
    except ValueError:
        return [(False, f"No answer: {last_lines[-1] if last_lines else 'this is not a Python'}")]
    lines = [(not answer["old"], f"Python {answer['python']}" + (": 3.11 or newer is needed" if answer["old"] else ""))]
    for package, version in answer["packages"].items():
        lines.append((version is not None, f"{package} {version}" if version else f"{package} is missing"))
    if answer["error"]:
        lines.append((False, f"The licensed files could not be looked at: {answer['error']}"))
    return lines + [_model_line(model) for model in answer["models"]]


def _model_line(model: dict[str, str]) -> tuple[bool, str]:
    """What is known of a licensed file, and where its owner hands it out if it is not there."""
    there = model["state"] == "present"
    if there:
        return True, f"{model['name']}: {model['purpose']}"
    detail = f" ({model['detail']})" if model["detail"] else ""
    return False, f"{model['name']} is {model['state']}{detail}: from {model['source']}, {model['licence']}"
