"""Progress in Blender's status bar."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as _t

from ..jobs import runner

__all__ = ["progress_text", "register", "unregister"]


def progress_text(done: int, total: int, fps: float, eta: float) -> str:
    """For example "34 / 72 · 8.2 fps · 0:05 left"."""
    parts = [f"{done} / {total}"]
    if fps > 0:
        parts.append(_t("{:.1f} fps").format(fps))
        minutes, seconds = divmod(round(eta), 60)
        parts.append(_t("{:d}:{:02d} left").format(minutes, seconds))
    return "  ·  ".join(parts)


def _draw(self: bpy.types.Header, _context: bpy.types.Context) -> None:
    capture = runner.queue.current
    if capture is None:
        return
    row = self.layout.row(align=True)
    text = progress_text(capture.done, capture.total, capture.fps, capture.eta)
    bar = row.row()
    bar.ui_units_x = 14
    bar.progress(factor=capture.fraction, text=f"DICE  {text}" if capture.total else _t("DICE starts…"))
    row.operator("dice.cancel", text="", icon="X").number = capture.number


_STATUS_BAR: Any = bpy.types.STATUSBAR_HT_header


def register() -> None:
    """Join the status bar."""
    _STATUS_BAR.append(_draw)


def unregister() -> None:
    """Leave the status bar."""
    _STATUS_BAR.remove(_draw)
