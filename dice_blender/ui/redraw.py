"""Windows: which one shows a scene, and what in them is drawn anew while a capture makes progress."""

from __future__ import annotations

from typing import Any

import bpy

__all__ = ["redraw_progress", "window_of"]


def redraw_progress() -> None:
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


def window_of(scene: bpy.types.Scene) -> dict[str, Any]:
    """A context, as for `temp_override`, in which operators act on a scene; with its window where it has one."""
    window = next((window for window in bpy.context.window_manager.windows if window.scene == scene), None)
    if window is None:
        return {"scene": scene, "view_layer": scene.view_layers[0]}
    return {"window": window, "scene": scene, "view_layer": window.view_layer}
