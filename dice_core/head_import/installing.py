"""A head model's folder becomes an installed head: once, in a process of its own, with its progress told.

The folder comes from a stranger. What reads it has limits on its memory and its time, and ends alone.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from dice_core.bodies.head_model import head_file, load_head_model
from dice_core.child_process import child_environment, own_python_command
from dice_core.errors import DiceError, InputError, MissingModelError
from dice_core.head_import.ict_folder import find_model
from dice_core.storage import replace_file
from dice_core.user_data import HEAD_FILES, ModelStatus

__all__ = ["add_head", "find_head_folder", "format_head_status", "head_statuses"]

MEMORY = 2_500_000_000
"""Bytes that reading and baking may take; they take half a billion."""

SECONDS = 900.0
"""Until a bake is given up; it takes 25 s of one core. Set by hand."""

_SOURCE = "https://github.com/ICT-VGL/ICT-FaceKit (its folder FaceXModel)"
_LICENCE = "MIT (USC Institute for Creative Technologies, 2020): commercial use is free"
_PURPOSE = "head with 100 identity modes and teeth, for --head ict"


def head_statuses() -> list[ModelStatus]:
    """State of every head that can be installed."""
    return [_status(name, head_file(name)) for name in HEAD_FILES]


def _status(name: str, path: Path) -> ModelStatus:
    state, digest, detail = "missing", "", ""
    if path.is_file():
        try:
            state, digest = "present", load_head_model(name).sha256
        except MissingModelError as error:
            state, detail = "damaged", str(error)
    return ModelStatus(name, state, str(path), digest, _PURPOSE, _SOURCE, _LICENCE, detail)


def format_head_status(states: list[ModelStatus]) -> str:
    """The listing as text for a person."""
    return "\n".join(line for state in states for line in state.lines("ICT-FaceKit"))


def find_head_folder(folder: Path) -> Path | None:
    """The folder of a head model's files in one that a user names, None where there is none."""
    return find_model(folder)


def add_head(folder: Path, progress: Callable[[float], None] = lambda share: None) -> ModelStatus:
    """Install the head of a folder that `find_head_folder` gave.

    progress : called with the share that is done. Raises InputError in one sentence where the folder is not whole or
    not the model's, DiceError where the result cannot be written; an earlier installed head then stays as it is.
    """
    target = head_file("ict")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that the finished file is renamed and not copied.
        with tempfile.TemporaryDirectory(prefix="adding-", dir=target.parent, ignore_cleanup_errors=True) as place:
            _bake(folder, Path(place), Path(place) / target.name, progress)
            replace_file(Path(place) / target.name, target)
    except OSError as error:
        raise DiceError(f"{target} could not be written ({error.strerror}): check the disk.") from None
    return _status("ict", target)


def _bake(folder: Path, place: Path, result: Path, progress: Callable[[float], None]) -> None:
    """Have the process read the folder and write the head to `result`; place : folder that it runs in."""
    paths = [str(path.absolute()) for path in (folder, result)]
    process = subprocess.Popen(
        own_python_command("dice_core.head_import.process", [str(MEMORY), *paths]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=place,
        env=child_environment() | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    overdue = threading.Timer(SECONDS, process.kill)
    overdue.start()
    try:
        answer = _listen(process, progress)
    finally:
        overdue.cancel()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if answer is None:
        raise InputError(
            f"{folder} could not be made into a head within {MEMORY / 1e6:.0f} MB and {SECONDS / 60:.0f} minutes: get "
            "the folder FaceXModel of ICT-FaceKit again."
        )
    if "error" in answer:
        raise InputError(answer["error"])


def _listen(process: subprocess.Popen[bytes], progress: Callable[[float], None]) -> dict[str, str] | None:
    """What the process says at its end, None where it ended without a word; calls `progress` on the way."""
    assert process.stdout is not None
    for line in process.stdout:
        try:
            said = json.loads(line)
        except ValueError:
            continue  # a line that was being written when the process ended
        if "share" in said:
            progress(float(said["share"]))
        else:
            return dict(said)
    return None
