"""Where a user's own files are kept: models that were installed, outside of the program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dice_core.errors import InputError

__all__ = ["HEAD_FILES", "data_folder", "installed_heads", "model_folder"]

HEAD_FILES: dict[str, str] = {"ict": "ict_head.npz"}
"""The heads that a user can install, by the name of the setting, and their files in the model folder."""


def data_folder() -> Path:
    """`$DICE_DATA`, or the platform's folder for a user's data.

    Raises InputError where neither is known.
    """
    chosen = os.environ.get("DICE_DATA")
    if chosen:
        return Path(os.path.expanduser(chosen))
    home = Path(os.path.expanduser("~"))
    if not home.is_absolute():
        raise InputError("This system knows no home folder of yours: set DICE_DATA to a folder for your model files.")
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "dice"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "dice"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "dice"


def installed_heads() -> tuple[str, ...]:
    """Names of the heads that are installed, whether or not their files are whole; none where no folder is known."""
    try:
        folder = model_folder()
    except InputError:
        return ()
    return tuple(name for name, file in HEAD_FILES.items() if (folder / file).is_file())


def model_folder() -> Path:
    """The folder of installed models. Raises InputError as `data_folder`."""
    return data_folder() / "models"
