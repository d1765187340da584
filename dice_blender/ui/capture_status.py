"""The captures in the DICE tab: waiting, running, failed, or finished and not imported yet."""

from __future__ import annotations

import textwrap

import bpy
from bpy.app.translations import pgettext_iface as _t
from bpy.types import UILayout

from ..jobs import runner
from ..jobs.queue import Capture, State
from .statusbar import progress_text
from .text_wrap import draw_wrapped

__all__ = ["draw_captures"]

# Letters of an error that the sidebar has room for, such as a list of files that are missing; the report has them all.
_LONGEST_ERROR = 280


def draw_captures(context: bpy.types.Context, layout: UILayout) -> None:
    """All captures that there is something to say about."""
    for capture in runner.queue.captures:
        if capture.state is State.FAILED:
            _draw_failure(context, layout, capture)
        else:
            _draw_progress(context, layout, capture)
    waiting, tool = runner.waiting_for_import(), runner.blocked_by()
    if waiting is not None and tool:
        text = _t("{}: waits for {} to end before it is imported").format(waiting.name, _t(tool))
        draw_wrapped(context, layout, text, icon="TIME")


def _draw_progress(context: bpy.types.Context, layout: UILayout, capture: Capture) -> None:
    """A capture that waits or runs."""
    box = layout.box().column()
    row = box.row()
    waiting = capture.state is State.QUEUED
    row.label(text=capture.name, icon="SORTTIME" if waiting else "REC", translate=False)
    if waiting:
        row.operator("dice.cancel", text="", icon="X", emboss=False).number = capture.number
        return
    if capture.state is State.STOPPING:
        box.label(text="Stopping after this frame…")
        return
    percent = f"{capture.fraction:.0%}" if capture.total else _t("Starting…")
    box.progress(factor=capture.fraction, text=percent)
    if capture.total:
        text = progress_text(capture.done, capture.total, capture.fps, capture.eta)
        box.label(text=text, translate=False)
    else:
        box.label(text=_t("Loading for {:.0f} s").format(capture.seconds), translate=False)
    if capture.silent:
        draw_wrapped(context, box, _t("No progress for {:.0f} s").format(capture.silent), icon="ERROR", alert=True)
    if capture.warning:
        draw_wrapped(context, box, capture.warning, icon="ERROR")
    cancel = box.row()
    cancel.scale_y = 1.2
    cancel.operator("dice.cancel", text="Cancel", icon="CANCEL").number = capture.number


def _draw_failure(context: bpy.types.Context, layout: UILayout, capture: Capture) -> None:
    box = layout.box().column()
    row = box.row()
    title = row.row()
    title.alert = True
    title.label(text=_t("{} failed").format(capture.name), icon="ERROR", translate=False)
    row.operator("dice.cancel", text="", icon="X", emboss=False).number = capture.number
    draw_wrapped(context, box, textwrap.shorten(capture.error, _LONGEST_ERROR, placeholder=" …"))
    last_lines = [line for line in capture.last_lines[-3:] if capture.error not in line]
    if last_lines:
        lines = box.box().column(align=True)
        lines.active = False
        for line in last_lines:
            draw_wrapped(context, lines, textwrap.shorten(line, _LONGEST_ERROR, placeholder=" …"))
    row = box.row(align=True)
    row.operator("dice.copy_report", icon="COPYDOWN").number = capture.number
    row.operator("dice.open_log", icon="TEXT")
