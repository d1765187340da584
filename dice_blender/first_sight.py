"""What the user sees: the tab when footage is dropped; after an import the result, selected, through its camera."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from .scene.parts import CAMERA, MESH_PROPERTY, imported_takes, parts_in

__all__ = ["TAB_NAME", "frame", "hidden_takes", "look_through", "open_tab", "select", "show_all", "show_only"]

TAB_NAME = "DICE"
# A sidebar that was closed has tabs only once it has been drawn: seconds until then, and how often to look.
_WAIT_FOR_TABS, _LOOKS_FOR_TABS = 0.05, 40


def open_tab(context: bpy.types.Context) -> None:
    """Open the sidebar of the 3D view that an operator was called in, on the extension's tab."""
    area = context.area
    if area is None or area.type != "VIEW_3D":
        return
    space: Any = area.spaces.active
    space.show_region_ui = True
    if _choose_tab(area):
        return
    # The area itself may be gone by the time the timer runs.
    pointer, looks = area.as_pointer(), iter(range(_LOOKS_FOR_TABS))

    def look_again() -> float | None:
        found = next((other for other, _ in _views(bpy.context) if other.as_pointer() == pointer), None)
        done = found is None or _choose_tab(found) or next(looks, None) is None
        return None if done else _WAIT_FOR_TABS

    bpy.app.timers.register(look_again, first_interval=_WAIT_FOR_TABS)


def _choose_tab(area: bpy.types.Area) -> bool:
    """Bring the extension's tab to the front; whether the sidebar has it yet."""
    sidebar: Any = next(region for region in area.regions if region.type == "UI")
    try:
        sidebar.active_panel_category = TAB_NAME
    except (AttributeError, TypeError):  # never drawn, or no such tab so far
        return False
    area.tag_redraw()
    return True


def select(context: bpy.types.Context, collection: bpy.types.Collection) -> None:
    """Select an import's head and hands and nothing else, in Object Mode; in any other the user is left alone."""
    layer = context.view_layer
    if context.mode != "OBJECT" or layer is None:
        return
    for item in layer.objects:
        item.select_set(False)
    meshes = [item for item in parts_in(collection).values() if item.get(MESH_PROPERTY)]
    for item in meshes:
        if item.name in layer.objects and item.visible_get():
            item.select_set(True)
    if meshes and meshes[0].name in layer.objects:
        layer.objects.active = meshes[0]


def look_through(context: bpy.types.Context, collection: bpy.types.Collection) -> bool:
    """Have the largest 3D view look through an import's camera; whether there is one.

    The scene's own camera stays what it is: where that is another, only the view uses the take's.
    """
    camera = parts_in(collection).get(CAMERA)
    area, space = next(_views(context), (None, None))
    if camera is None or area is None or space is None or context.scene is None:
        return False
    space.use_local_camera = context.scene.camera != camera
    space.camera = camera
    view = space.region_3d
    view.view_perspective = "CAMERA"
    # Blender's own measure of a camera's frame that fills the view; the frame is in its middle.
    view.view_camera_zoom, view.view_camera_offset = 0.0, (0.0, 0.0)
    _run_in(context, area, "view_center_camera")
    return True


def frame(context: bpy.types.Context) -> None:
    """Bring what is selected into the largest 3D view."""
    area, _ = next(_views(context), (None, None))
    if area is not None:
        _run_in(context, area, "view_selected")


def show_only(context: bpy.types.Context, collection: bpy.types.Collection) -> None:
    """Take all other imports out of the view layer; where the scene's camera was one of theirs, this one's follows."""
    scene: Any = context.scene
    others = [other for other in imported_takes(scene) if other != collection]
    cameras = [parts_in(other).get(CAMERA) for other in others]
    _exclude(context, others, True)
    _exclude(context, [collection], False)
    own = parts_in(collection).get(CAMERA)
    if own is not None and scene.camera is not None and scene.camera in cameras:
        scene.camera = own


def show_all(context: bpy.types.Context) -> None:
    """Bring all imports back into the view layer."""
    scene: Any = context.scene
    _exclude(context, imported_takes(scene), False)


def hidden_takes(context: bpy.types.Context) -> int:
    """How many imports are not in the view layer."""
    scene: Any = context.scene
    takes = imported_takes(scene)
    assert context.view_layer is not None
    return sum(layer.exclude for layer in _layers(context.view_layer.layer_collection) if layer.collection in takes)


def _exclude(context: bpy.types.Context, collections: list[bpy.types.Collection], excluded: bool) -> None:
    assert context.view_layer is not None
    for layer in _layers(context.view_layer.layer_collection):
        if layer.collection in collections and layer.exclude != excluded:
            layer.exclude = excluded


def _layers(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.LayerCollection]:
    for child in layer.children:
        yield child
        yield from _layers(child)


def _views(context: bpy.types.Context) -> Iterator[tuple[bpy.types.Area, Any]]:
    """The 3D views of the window that shows the scene, the largest first."""
    window = context.window
    if window is None or window.scene != context.scene:
        windows = context.window_manager.windows if context.window_manager is not None else ()
        window = next((other for other in windows if other.scene == context.scene), None)
    areas = [] if window is None else [area for area in window.screen.areas if area.type == "VIEW_3D"]
    for area in sorted(areas, key=lambda area: area.width * area.height, reverse=True):
        space: Any = area.spaces.active
        if space.region_3d is not None:
            yield area, space


def _run_in(context: bpy.types.Context, area: bpy.types.Area, operator: str) -> None:
    """Run one of Blender's view operators, which need a window that is drawn."""
    if bpy.app.background:
        return
    assert context.window_manager is not None
    window = next(w for w in context.window_manager.windows if area in w.screen.areas.values())
    region = next(region for region in area.regions if region.type == "WINDOW")
    operators: Any = bpy.ops.view3d
    with context.temp_override(window=window, area=area, region=region):
        if getattr(operators, operator).poll():
            getattr(operators, operator)()
