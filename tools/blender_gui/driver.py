"""Run by the windowed Blender: opens the sidebar on $TAB unless $FRESH, then runs every cmd.py that appears in $JOB."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import bpy

JOB, TAB = Path(os.environ["JOB"]), os.environ["TAB"]
# Whether the extension is not there yet: then there is no tab to open.
FRESH = bool(os.environ.get("FRESH"))
TRIES = 50
state: dict[str, Any] = {"phase": 2 if FRESH else 0, "tries": 0, "error": None}


def put(name: str, value: object) -> None:
    """Write an answer under a temporary name, then rename."""
    temporary = JOB / (name + ".tmp")
    temporary.write_text(json.dumps(value, indent=1, default=repr))
    temporary.replace(JOB / name)


def window_parts() -> dict[str, Any]:
    """The window, its 3D viewport and the viewport's sidebar."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return {"window": window, "area": area, "region": next(part for part in area.regions if part.type == "UI")}


def open_tab(parts: dict[str, Any]) -> float:
    """One step towards an open sidebar; the list of tabs exists only after the region has been drawn once."""
    area, sidebar = parts["area"], parts["region"]
    if state["phase"] == 0:
        area.spaces.active.show_region_ui = True
        state["phase"] = 1
        return 0.2
    try:
        sidebar.active_panel_category = TAB
    except TypeError as error:
        state["tries"] += 1
        area.tag_redraw()
        if state["tries"] < TRIES:
            return 0.2
        state["error"] = str(error)
    area.tag_redraw()
    state["phase"] = 2
    return 0.3


def tell_ready(parts: dict[str, Any]) -> None:
    """Say that the scenario can begin, and where things are on the screen."""
    import gpu

    window = parts["window"]
    about = {"version": bpy.app.version_string, "python": sys.executable, "renderer": gpu.platform.renderer_get()}
    put("ready.json", about | {"window": [window.width, window.height], "tab_error": state["error"]})
    state["phase"] = 3


def tick() -> float:
    """Called by a timer of Blender's."""
    parts = window_parts()
    if state["phase"] < 2:
        return open_tab(parts)
    if state["phase"] == 2:
        tell_ready(parts)
    command = JOB / "cmd.py"
    if command.exists():
        source = command.read_text()
        command.unlink()
        names = {"bpy": bpy, **parts, "R": None}
        try:
            with bpy.context.temp_override(**parts):
                exec(compile(source, "scenario", "exec"), names)
            put("answer.json", {"value": names["R"]})
        except BaseException:
            put("answer.json", {"error": traceback.format_exc()})
    return 0.03


bpy.context.preferences.view.show_splash = False  # it would cover the viewport
bpy.context.preferences.use_preferences_save = False
bpy.app.timers.register(tick, first_interval=0.2, persistent=True)
