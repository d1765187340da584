"""A head model's folder is installed by a process of its own; what came of it is kept for the preferences."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import installed_heads
from .question import Question
from .worker import Python, WorkerError

__all__ = ["Outcome", "close", "on_end", "outcome", "start"]

_DONE = "The head model is installed: choose it as Head in the Capture panel"


@dataclass
class Outcome:
    """running : until it is installed or refused; good, text : how it ended, "" where nothing was asked yet."""

    running: bool = False
    good: bool = False
    text: str = ""


_outcome = Outcome()
on_end: list[Callable[[], None]] = []
"""Called when it is over."""


def outcome() -> Outcome:
    """How the last attempt stands."""
    return _outcome


def start(python: Python, folder: Path) -> None:
    """Have a folder installed; `outcome` changes when it is over.

    Raises WorkerError where the process cannot be started.
    """
    _outcome.running, _outcome.good, _outcome.text = True, False, ""
    try:
        _question.ask(python.command("dice_core", ["models", "add", str(folder.absolute()), "--json"]))
    except WorkerError:
        _outcome.running = False
        raise


def close() -> None:
    """End an attempt that is not over."""
    _question.close()
    _outcome.running = False


def _ended(output: str, last_lines: list[str]) -> None:
    _outcome.running = False
    _outcome.good, _outcome.text = _explain(output, last_lines)
    installed_heads.look()
    for listener in on_end:
        listener()


_question = Question("dice-head-", _ended)


def _explain(output: str, last_lines: list[str]) -> tuple[bool, str]:
    try:
        heads = json.loads(output)["heads"]
    except (ValueError, KeyError):
        return False, last_lines[-1].removeprefix("dice: ") if last_lines else "No answer"
    return all(head["state"] == "present" for head in heads), _DONE
