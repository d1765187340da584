"""What the extension adds to Blender, in order, and removes again in reverse order."""

from __future__ import annotations

import logging

from . import character_settings, properties, saved_paths, translations
from .jobs import log, runner, transfer_job
from .operators import (
    animation,
    capture,
    character,
    export,
    footage,
    import_export,
    setup,
    takes,
    texture,
    transfer,
    view,
)
from .ui import character_panel, lists, menus, panels, preferences, redraw, result_panels, statusbar

__all__ = ["register", "unregister"]

# Properties before what draws them; the runner last, so that captures end before what they need is gone.
_PARTS = (
    log,
    translations,
    properties,
    character_settings,
    preferences,
    saved_paths,
    capture,
    footage,
    takes,
    animation,
    view,
    texture,
    import_export,
    export,
    character,
    transfer,
    setup,
    lists,
    panels,
    result_panels,
    character_panel,
    menus,
    statusbar,
    redraw,
    runner,
    transfer_job,
)
_log = logging.getLogger(__package__)


def register() -> None:
    """Add every part; where one fails, remove the ones before it and let the error be seen."""
    done = []
    try:
        for part in _PARTS:
            part.register()
            done.append(part)
    except Exception:
        for part in reversed(done):
            part.unregister()
        raise
    _log.info("enabled")


def unregister() -> None:
    """Remove every part."""
    _log.info("disabled")
    for part in reversed(_PARTS):
        part.unregister()
