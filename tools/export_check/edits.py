"""What a user might do to an imported take before exporting it."""

from __future__ import annotations

import math
from typing import Any

import bpy

from dice_blender.scene import ImportedTake

__all__ = ["edit"]


def edit(imported: ImportedTake) -> None:
    """What a user might do: mirror and scale, move keys, a driver, a modifier, another name, a muted strip."""
    # Readers do not agree on what a mirrored camera sees.
    imported.camera.parent = None
    imported.origin.scale = (-1.2, 1.2, 1.2)
    imported.origin.rotation_euler = (0.05, -0.1, 0.08)
    head = imported.objects["head"]
    head.name = "Hero"
    deform = head.modifiers.new("Twist", "SIMPLE_DEFORM")
    deform.deform_method, deform.angle, deform.deform_axis = "TWIST", math.radians(20), "Z"
    driver = imported.origin.driver_add("location", 0).driver
    driver.expression = "0.002 * frame"
    for item in [*imported.objects.values(), *imported.armatures.values()]:
        _move_keys(item, 30)
        _move_keys(item.data.shape_keys if item.type == "MESH" else None, 30)
    item = head
    track = item.animation_data.nla_tracks.new()
    strip = track.strips.new("wrong", 1, bpy.data.actions.new("Nothing"))
    strip.mute = track.mute = True
    for rig in imported.armatures.values():
        rig.hide_viewport = True


def _move_keys(block: Any, frames: float) -> None:
    data = None if block is None else block.animation_data
    if data is None or data.action is None:
        return
    action = data.action
    layered = hasattr(action, "layers") and len(action.layers)
    curves = action.layers[0].strips[0].channelbag(data.action_slot).fcurves if layered else action.fcurves
    for curve in curves:
        for point in curve.keyframe_points:
            point.co.x += frames
            point.handle_left.x += frames
            point.handle_right.x += frames
