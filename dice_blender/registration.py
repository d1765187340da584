"""What the extension adds to Blender, in order, and takes away again in reverse order."""

from __future__ import annotations

import logging

from . import preferences, properties, translations
from .jobs import handlers, log, runner
from .operators import capture, footage, import_export, setup, takes
from .ui import menus, panels, statusbar

__all__ = ["register", "unregister"]

# Properties before what draws them; the session last, so that it ends first.
_PARTS = (
    log,
    translations,
    properties,
    preferences,
    capture,
    footage,
    takes,
    import_export,
    setup,
    panels,
    menus,
    statusbar,
    handlers,
    runner,
)
_log = logging.getLogger(__package__)


def register() -> None:
    """Add every part; where one fails, take the ones before it away and let the error be seen."""
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
    """Take every part away."""
    _log.info("disabled")
    for part in reversed(_PARTS):
        part.unregister()
