"""Where a user's own files are kept: models that were installed, outside of the program."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dice_core.errors import InputError

__all__ = ["data_folder", "model_folder"]


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


def model_folder() -> Path:
    """The folder of installed models. Raises InputError as `data_folder`."""
    return data_folder() / "models"
