"""What the Python of the DICE network has and lacks, asked in a process of its own and kept for the preferences."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .question import Question
from .worker import Python, WorkerError

__all__ = ["Findings", "close", "findings", "on_answer", "start"]

# Seconds until the answer is given up: turning a checkpoint of 1.3 GB into safetensors takes a minute or two from a
# slow disk. Set by hand.
_TIMEOUT = 900.0
_PROBE = Path(__file__).with_name("probe.py")


@dataclass
class Findings:
    """Lines for the preferences; each says whether it is good news. `asking` until the answer is there."""

    asking: bool = False
    lines: list[tuple[bool, str]] = field(default_factory=list)


_findings = Findings()
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
    _findings.asking, _findings.lines = True, []
    try:
        _question.ask([python.executable, str(_PROBE), *python.folders, *([add] if add else [])])
    except WorkerError:
        _findings.asking = False
        raise


def close() -> None:
    """End a question that has not been answered."""
    _question.close()
    _findings.asking = False


def _answered(output: str, last_lines: list[str]) -> None:
    _findings.asking = False
    _findings.lines = _explain(output, last_lines)
    for listener in on_answer:
        listener()


_question = Question("dice-check-", _answered, _TIMEOUT)


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
