"""What of a collection the user sees, and when: eyes, monitors, cameras and excluded collections, keyed or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..scene.animation import played_curves

__all__ = [
    "Shown",
    "find_shown",
    "hidden_now",
    "keep_evaluated",
    "shown_frames",
    "strips_of",
    "view_layer_of",
]

_HIDDEN = {"hide_viewport": "dice_hide_viewport", "hide_render": "dice_hide_render"}
# Blender reads an animated value as a switch that is on from 1, but for rounding.
_ON = 1.0 - 1e-6


@dataclass(frozen=True)
class Shown:
    """Whether the collections of an object show it in viewports and in renders."""

    viewport: bool
    render: bool


def view_layer_of(scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """The view layer that the window shows of a scene, its first where no window shows the scene."""
    if bpy.context.scene == scene and bpy.context.view_layer is not None:
        return bpy.context.view_layer
    return scene.view_layers[0]


def find_shown(collection: bpy.types.Collection, scene: bpy.types.Scene) -> dict[bpy.types.Object, Shown]:
    """The objects of a collection that are not hidden as a whole, each with what its collections show.

    Left out is what the eye hides (the H key), by itself or with its collection, and what stands only in collections
    that are excluded. A collection that no scene has is taken as shown.
    """
    layer = view_layer_of(scene)
    if collection not in scene.collection.children_recursive and collection != scene.collection:
        return {item: Shown(True, True) for item in collection.all_objects}
    layers = list(_reached(layer.layer_collection))
    shown = {}
    for item in collection.all_objects:
        states = [(monitor, camera) for part, monitor, camera in layers if part.objects.get(item.name) == item]
        there = layer.objects.get(item.name) == item
        if states and there and not item.hide_get(view_layer=layer):
            shown[item] = Shown(any(monitor for monitor, _ in states), any(camera for _, camera in states))
    return shown


def _reached(
    layer: bpy.types.LayerCollection, monitor: bool = True, camera: bool = True
) -> Iterator[tuple[bpy.types.Collection, bool, bool]]:
    """Collections below a layer collection that no eye hides, with whether monitors and cameras are on down to them."""
    if layer.exclude or layer.hide_viewport:
        return
    monitor, camera = monitor and not layer.collection.hide_viewport, camera and not layer.collection.hide_render
    yield layer.collection, monitor, camera
    for child in layer.children:
        yield from _reached(child, monitor, camera)


def keep_evaluated(copy: bpy.types.Object) -> None:
    """Have Blender evaluate a copy even while it is hidden.

    Its visibility, with keys, drivers and NLA strips, moves to custom properties, which `shown_frames` reads.
    """
    for path, name in _HIDDEN.items():
        copy[name] = float(getattr(copy, path))
    data: Any = copy.animation_data
    if data is not None:
        _redirect(data.drivers)
        if data.action is not None and any(curve.data_path in _HIDDEN for curve in played_curves(data)):
            _own_action(data)
            _redirect(played_curves(data))
        for strip in strips_of(data):
            if strip.action is not None and any(curve.data_path in _HIDDEN for curve in played_curves(strip)):
                _own_action(strip)
                _redirect(played_curves(strip))
    copy.hide_viewport = copy.hide_render = False


def hidden_now(evaluated: bpy.types.Object) -> tuple[bool, bool]:
    """Whether an evaluated copy is hidden in viewports and in renders at this frame."""
    viewport, render = (float(evaluated[name]) >= _ON for name in _HIDDEN.values())
    return viewport, render


def shown_frames(hidden: np.ndarray, shown: Shown) -> np.ndarray:
    """(T,) bool: as the viewport shows the object, or as renders do where the viewport never shows it.

    hidden : (T, 2) bool, in viewports and in renders.
    """
    viewport = ~hidden[:, 0] & shown.viewport
    return viewport if viewport.any() else ~hidden[:, 1] & shown.render


def _redirect(curves: Any) -> None:
    for curve in curves:
        if curve.data_path in _HIDDEN:
            curve.data_path = f'["{_HIDDEN[curve.data_path]}"]'


def _own_action(owner: Any) -> None:
    """Replace the action of animation data or of a strip by a copy of it."""
    identifier = owner.action_slot.identifier if getattr(owner, "action_slot", None) is not None else None
    owner.action = owner.action.copy()
    if identifier is not None:
        owner.action_slot = next(slot for slot in owner.action.slots if slot.identifier == identifier)


def strips_of(data: Any) -> Iterator[Any]:
    waiting = [strip for track in data.nla_tracks for strip in track.strips]
    while waiting:
        strip = waiting.pop()
        waiting += strip.strips
        yield strip
