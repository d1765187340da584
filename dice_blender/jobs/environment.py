"""Where things are on this machine: the Python of each engine, and the folder that takes go to."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable
from pathlib import Path

import bpy

from dice_core.errors import DiceError
from dice_core.take import open_take
from dice_core.take.identity import same_request

from ..preferences import preferences
from .queue import Request
from .worker import Python, WorkerError, blender_python, module_folders

__all__ = ["TAKE_ENDING", "python_of", "take_path"]

_OWN_MODULES = ("dice_core", "cv2", "av", "tqdm", "numpy")
TAKE_ENDING = ".dicetake"


def python_of(engine: str) -> Python:
    """The Python that runs an engine.

    Raises WorkerError with a sentence for the user where there is none.
    """
    if engine == "open":
        return Python(blender_python(), module_folders(_OWN_MODULES, _bundled_wheels()))
    chosen = preferences().dice_python
    if not chosen:
        raise WorkerError("The DICE network needs a Python with PyTorch: choose one in the extension's preferences.")
    executable = Path(bpy.path.abspath(chosen))
    if not executable.is_file():
        raise WorkerError(f"There is no Python at {executable}: choose another one in the extension's preferences.")
    return Python(str(executable), module_folders(["dice_core"], _bundled_wheels()), isolated=False)


def _bundled_wheels() -> Path:
    """Where Blender unpacks the wheels of extensions.

    Blender's own packages may come before it on its path, and with them another OpenCV that a user has put there.
    """
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(bpy.utils.user_resource("EXTENSIONS")) / ".local" / "lib" / python / "site-packages"


def take_path(request: Request, taken: Iterable[Path]) -> Path:
    """The folder for a request's take: a new one, or that of the same request if it was not finished, to resume it.

    request : its take is where a first capture would go; taken : folders of captures that wait or run.
    """
    first, taken = request.take, set(taken)
    name = first.name.removesuffix(TAKE_ENDING)
    for number in itertools.count(1):
        path = first if number == 1 else first.with_name(f"{name}.{number:03d}{TAKE_ENDING}")
        if path not in taken and (not path.exists() or _can_resume(path, request)):
            break
    return path


def _can_resume(path: Path, request: Request) -> bool:
    """Whether a folder holds an unfinished take that was asked for in the same words.

    Only what was asked for is compared: how many frames there are, the worker's decoder and Blender's may not agree on.
    """
    try:
        info = open_take(path).info
    except DiceError:
        return False
    return not info["complete"] and same_request(info, request.footage, request.settings.request(request.frames))
