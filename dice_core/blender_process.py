"""Blender as a child process: takes to .blend, FBX and GLB without a window and without `bpy` in this process."""

from __future__ import annotations

import importlib.util
import logging
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dice_core.child_process import child_environment, own_python_command
from dice_core.errors import DiceError, InputError
from dice_core.events import LONGEST_LINE, parse_event

__all__ = ["blender_command", "make_blend", "run_blender"]

_log = logging.getLogger(__name__)

_PROJECT = Path(__file__).resolve().parent.parent
_BAD_INPUT = 2
# Lines of Blender's own output that are kept for the message when it ends without an event. Set by hand.
_TAIL = 12
# What argparse says, after the program's name, where the child does not know an option's value.
_USAGE_ERROR = re.compile(r"^\S+: error: (.+)$")
# Run inside a Blender application, whose Python knows nothing of our folder and hands over only what follows "--".
_BOOT = (
    "import os, sys; sys.path.insert(0, {project!r}); from {module} import main; "
    "status = main(sys.argv[sys.argv.index('--') + 1:]); sys.stdout.flush(); os._exit(status)"
)


def blender_command(module: str = "dice_blender.headless") -> list[str]:
    """Command that a module of ours takes its arguments after: this Python's bpy, or else `blender` on PATH.

    Raises DiceError where there is neither.
    """
    if importlib.util.find_spec("bpy") is not None:
        return own_python_command(module, [])
    blender = shutil.which("blender")
    if blender is not None:
        boot = _BOOT.format(project=str(_PROJECT), module=module)
        quiet = ["--background", "--factory-startup", "--disable-autoexec", "--python-exit-code", "1"]
        return [blender, *quiet, "--python-expr", boot, "--"]
    raise DiceError(
        "Neither the bpy package nor a blender program was found: install the project's `blender` extra, "
        "or put Blender 4.2 or newer on PATH."
    )


def make_blend(
    take: str | Path,
    output: str | Path,
    *,
    keys: str | None = None,
    fbx: str | Path | None = None,
    preset: str | None = None,
    glb: str | Path | None = None,
    frames: str | None = None,
    at_origin: bool = False,
    camera: bool = False,
    on_warning: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Import a take into a new .blend, and export it where `fbx` or `glb` name a file.

    keys : name of a key mode; preset : name of an export preset; frames : "keys" or "scene", which frames are exported.
    Blender's side knows these names and their defaults. at_origin : have the head stand on the world's origin in what
    is exported; camera : export the take's camera as well.
    Returns {"blend", "fbx", "glb": paths, "keys": str, "meshes": {name: {"keys": int, "error_mm": float}}}, where
    `error_mm` is the largest distance of any vertex in any frame from the take.
    Raises InputError or DiceError with Blender's reason; for an unknown mode or preset it lists the known ones.
    """
    # The child runs in a folder of its own, where relative paths mean nothing.
    arguments = [str(Path(take).absolute()), "-o", str(Path(output).absolute())]
    fbx, glb = (None if path is None else Path(path).absolute() for path in (fbx, glb))
    named = {"--keys": keys, "--preset": preset, "--fbx": fbx, "--glb": glb, "--frames": frames}
    for option, value in named.items():
        if value is not None:
            arguments += [option, str(value)]
    arguments += [option for option, on in {"--at-origin": at_origin, "--camera": camera}.items() if on]
    return _run([*blender_command(), *arguments], on_warning)


def run_blender(
    module: str, arguments: Sequence[str], on_warning: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Run a module of Blender's side in a process of its own. Paths among the arguments have to be absolute.

    Returns what its `done` event says. Raises InputError or DiceError with Blender's reason.
    """
    return _run([*blender_command(module), *arguments], on_warning)


def _run(command: Sequence[str], on_warning: Callable[[str], None] | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="dice-blend-", ignore_cleanup_errors=True) as folder:
        return _run_in(folder, command, on_warning)


def _run_in(folder: str, command: Sequence[str], on_warning: Callable[[str], None] | None) -> dict[str, Any]:
    done: dict[str, Any] | None = None
    reason = ""
    _log.info("starting %s", " ".join(command))
    tail: deque[str] = deque(maxlen=_TAIL)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=child_environment(),
        cwd=folder,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in iter(partial(process.stdout.readline, LONGEST_LINE), ""):
                event = parse_event(line)
                if event is None:
                    tail.append(line.strip())
                    _log.debug("Blender: %s", line.rstrip())
                elif event["event"] == "warning" and on_warning is not None:
                    on_warning(str(event.get("message", "")))
                elif event["event"] == "error":
                    reason = str(event.get("message", ""))
                elif event["event"] == "done":
                    done = event
        except BaseException:
            process.terminate()
            raise
    _log.info("Blender ended with status %d", process.returncode)
    if process.returncode == 0 and done is not None:
        del done["event"]
        return done
    if process.returncode == _BAD_INPUT and not reason:
        reason = _usage_error(tail)
    if reason:
        raise InputError(reason) if process.returncode == _BAD_INPUT else DiceError(reason)
    last = next((line for line in reversed(tail) if line), "it said nothing")
    raise DiceError(
        f"Blender ended with status {process.returncode} ({last}): run the command again with -vv to see its output."
    )


def _usage_error(lines: Iterable[str]) -> str:
    """The sentence of argparse among a child's lines, "" where there is none."""
    found = (match[1] for line in lines if (match := _USAGE_ERROR.match(line)))
    return next((f"{text[:1].upper()}{text[1:]}." for text in found), "")
