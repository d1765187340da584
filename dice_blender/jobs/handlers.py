"""What happens when the file is closed: no capture outlives the file that asked for it."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import runner

__all__ = ["register", "unregister"]


@persistent
def _end_captures(*_: object) -> None:
    runner.close()


def register() -> None:
    """Listen for files being closed."""
    bpy.app.handlers.load_pre.append(_end_captures)


def unregister() -> None:
    """Stop listening."""
    if _end_captures in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(_end_captures)
