"""What the user sees in the window, kept while an exporter shows another scene in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from ..scene.animation import played_curves
from ..scene.rollback import all_blocks
from .visibility import strips_of

__all__ = ["kept_window"]

# What makes a 3D view that looks through a camera, in the order in which it is set.
_OF_SPACE = ("use_local_camera", "camera")
_OF_REGION = ("view_perspective", "view_camera_zoom", "view_camera_offset")


@contextmanager
def kept_window() -> Iterator[None]:
    """Show the same scene in the window afterwards, with everything that was moved by hand and is not keyed yet.

    Blender's glTF exporter puts its scene into the window, where a 3D view that looks through a camera leaves it: the
    scene has none. When the user's comes back, Blender evaluates it anew, and what is animated jumps back to its keys.
    """
    window = bpy.context.window
    scene = None if window is None else window.scene
    values, views = _animated_values(), _camera_views()
    try:
        yield
    finally:
        if window is not None and scene is not None and window.scene != scene:
            window.scene = scene
            layer = bpy.context.view_layer
            if layer is not None:
                layer.update()
        for space, region, state in views:
            for holder, names in ((space, _OF_SPACE), (region, _OF_REGION)):
                for name in names:
                    setattr(holder, name, state[name])
        for block, path, index, value in values:
            _set(block, path, index, value)


def _camera_views() -> list[tuple[Any, Any, dict[str, Any]]]:
    """The 3D views that look through a camera: space, region of it, and how they look."""
    manager = bpy.context.window_manager
    areas = [area for window in (manager.windows if manager is not None else ()) for area in window.screen.areas]
    spaces: list[Any] = [space for area in areas for space in area.spaces if space.type == "VIEW_3D"]
    views = []
    for space in spaces:
        for region in (space.region_3d, *space.region_quadviews):
            if region is not None and region.view_perspective == "CAMERA":
                state = {name: getattr(space, name) for name in _OF_SPACE}
                state |= {name: getattr(region, name) for name in _OF_REGION}
                views.append((space, region, state | {"view_camera_offset": tuple(region.view_camera_offset)}))
    return views


def _animated_values() -> list[tuple[bpy.types.ID, str, int, Any]]:
    """The current values of all animated properties: block, data path, index, value."""
    blocks = [*all_blocks(), *bpy.data.shape_keys]
    values = []
    for block in blocks:
        data: Any = getattr(block, "animation_data", None)
        if data is None:
            continue
        curves = [*data.drivers, *(played_curves(data) if data.action is not None else ())]
        for strip in strips_of(data):
            curves += played_curves(strip) if strip.action is not None else []
        for path, index in {(curve.data_path, curve.array_index) for curve in curves}:
            found, value = _get(block, path, index)
            if found:
                values.append((block, path, index, value))
    return values


def _get(block: bpy.types.ID, path: str, index: int) -> tuple[bool, Any]:
    """Whether a property is there, and its value."""
    try:
        value: Any = block.path_resolve(path)
    except ValueError:
        return False, None
    return (True, value[index]) if hasattr(value, "__len__") and not isinstance(value, str) else (True, value)


def _set(block: bpy.types.ID, path: str, index: int, value: Any) -> None:
    if _get(block, path, index) == (True, value):
        return
    owner, _, name = path.rpartition(".")
    if path.endswith("]"):
        owner, _, name = path.rpartition("[")
        (block.path_resolve(owner) if owner else block)[name[1:-2]] = value  # type: ignore[index]
        return
    holder: Any = block.path_resolve(owner) if owner else block
    current = getattr(holder, name)
    if hasattr(current, "__len__") and not isinstance(current, str):
        current[index] = value
    else:
        setattr(holder, name, value)
