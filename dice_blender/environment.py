"""Where things are on this machine: the Python of each engine, and the folder that takes go to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import bpy

from dice_core.errors import DiceError
from dice_core.take import open_take

from . import logfile
from .preferences import preferences
from .worker import Python, WorkerError, blender_python, module_folders

__all__ = ["python_of", "take_path", "takes_folder"]

_OWN_MODULES = ("dice_core", "cv2", "numpy")
_TAKE = ".dicetake"


def python_of(engine: str) -> Python:
    """The Python that runs an engine.

    Raises WorkerError with a sentence for the user where there is none.
    """
    if engine == "open":
        return Python(blender_python(), module_folders(_OWN_MODULES))
    chosen = preferences().dice_python
    if not chosen:
        raise WorkerError("The DICE network needs a Python with PyTorch: choose one in the extension's preferences.")
    executable = Path(bpy.path.abspath(chosen))
    if not executable.is_file():
        raise WorkerError(f"There is no Python at {executable}: choose another one in the extension's preferences.")
    models = preferences().models_folder
    environment = {"DICE_MODELS": bpy.path.abspath(models)} if models else {}
    return Python(str(executable), module_folders(["dice_core"]), isolated=False, environment=environment)


def takes_folder() -> Path:
    """The folder from the preferences, or beside the saved file, or the extension's own."""
    chosen = preferences().takes_folder
    if chosen:
        return Path(bpy.path.abspath(chosen))
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / "takes"
    return logfile.user_folder("takes")


def take_path(name: str, footage: str, taken: Iterable[Path]) -> Path:
    """The folder of a new take, or of the unfinished one of the same footage, which the capture goes on with.

    taken : folders of captures that wait or run.
    """
    folder, taken = takes_folder(), set(taken)
    number = 1
    while True:
        suffix = f".{number:03d}" if number > 1 else ""
        path = folder / f"{name}{suffix}{_TAKE}"
        if path not in taken and (not path.exists() or _unfinished(path, footage)):
            return path
        number += 1


def _unfinished(path: Path, footage: str) -> bool:
    try:
        info = open_take(path).info
    except DiceError:
        return False
    return not info["complete"] and Path(info["source"]["path"]) == Path(footage)
