"""The extension's log: a file that a user can open from the preferences and send."""

from __future__ import annotations

import logging
import logging.handlers
import tempfile
from pathlib import Path

import bpy

from ..preferences import ADDON

__all__ = ["log_path", "register", "unregister", "user_folder"]

# Two files of this size (bytes) at most: enough for some hundred captures.
_LARGEST = 1_000_000
_FORMAT = "%(asctime)s %(levelname)s %(message)s"

logger = logging.getLogger(ADDON)
_handler: logging.Handler | None = None


def user_folder(name: str = "") -> Path:
    """The folder in which an extension may write, or a part of it; created."""
    try:
        return Path(bpy.utils.extension_path_user(ADDON, path=name, create=True))
    except ValueError:  # not installed as an extension but imported from a checkout
        folder = Path(tempfile.gettempdir()) / "dice_blender" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def log_path() -> Path:
    """The log file."""
    return user_folder() / "dice.log"


def register() -> None:
    """Open the log; a log that cannot be opened is no reason not to work."""
    global _handler  # noqa: PLW0603
    try:
        _handler = logging.handlers.RotatingFileHandler(log_path(), maxBytes=_LARGEST, backupCount=1, encoding="utf-8")
    except OSError:
        _handler = logging.NullHandler()
    _handler.setFormatter(logging.Formatter(_FORMAT))
    logger.addHandler(_handler)
    logger.setLevel(logging.INFO)


def unregister() -> None:
    """Close the log."""
    global _handler  # noqa: PLW0603
    if _handler is not None:
        logger.removeHandler(_handler)
        _handler.close()
        _handler = None
