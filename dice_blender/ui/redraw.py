"""What is drawn anew when a capture makes progress or a check has answered."""

from __future__ import annotations

import bpy

from ..jobs import engine_check, head_adding, runner

__all__ = ["register", "unregister"]


def _redraw_progress() -> None:
    """Draw the sidebars and the status bars anew, and nothing else: the view itself has not changed."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
        if not len(window.modal_operators):  # a running tool has a text of its own in the status bar
            with bpy.context.temp_override(window=window):
                window.workspace.status_text_set_internal(None)


def _redraw_preferences() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


def register() -> None:
    """Follow the captures and the check of the network's Python."""
    runner.on_change.append(_redraw_progress)
    engine_check.on_answer.append(_redraw_preferences)
    head_adding.on_end.append(_redraw_preferences)


def unregister() -> None:
    """Follow them no longer."""
    runner.on_change.remove(_redraw_progress)
    engine_check.on_answer.remove(_redraw_preferences)
    head_adding.on_end.remove(_redraw_preferences)
