"""Edits that a user may make to an imported take: parents, drivers, modifiers, strips, keys and what is hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from dice_blender.scene import ImportedTake


def curves_of(block: Any) -> Any:
    data = block.animation_data
    if hasattr(data.action, "layers"):
        return data.action.layers[0].strips[0].channelbag(data.action_slot).fcurves
    return data.action.fcurves


def _animated(imported: ImportedTake) -> list[Any]:
    items = [*imported.objects.values(), *imported.armatures.values()]
    keys = [item.data.shape_keys for item in imported.objects.values()]
    return [b for b in (*items, *keys) if b is not None and b.animation_data is not None and b.animation_data.action]


def retime(imported: ImportedTake, scale: float, shift: float) -> None:
    """Scale the times of all keys about frame 0, then shift them. shift : frames."""
    for block in _animated(imported):
        for curve in curves_of(block):
            for point in curve.keyframe_points:
                point.co.x = point.co.x * scale + shift
            curve.update()


def _empty(name: str) -> bpy.types.Object:
    """An object of the scene that is not the take's."""
    item = bpy.data.objects.new(name, None)
    bpy.context.scene.collection.objects.link(item)
    return item


def mirrored_parent(imported: ImportedTake) -> None:
    parent = _empty("Mirror")
    parent.scale, parent.rotation_euler = (-1.0, 1.0, 1.0), (0.1, 0.2, 0.3)
    imported.origin.parent = parent


def moving_parent(imported: ImportedTake) -> None:
    parent = _empty("Cart")
    for frame, x in ((1, 0.0), (30, 0.4)):
        parent.location.x = x
        parent.keyframe_insert("location", frame=frame)
    imported.origin.parent = parent


def uneven_scale(imported: ImportedTake) -> None:
    imported.objects["head"].scale = (1.3, 0.8, 1.0)
    imported.origin.scale = (1.0, 1.5, 0.7)
    imported.origin.rotation_euler = (0.4, 0.0, 0.6)


def nla_strips(imported: ImportedTake) -> None:
    for block in _animated(imported):
        data = block.animation_data
        action, slot = data.action, getattr(data, "action_slot", None)
        data.action = None
        for muted, start in ((True, 400), (False, 51)):
            track = data.nla_tracks.new()
            strip = track.strips.new("take", start, action)
            if slot is not None:
                strip.action_slot = slot
            track.mute = muted


def retimed_keys(imported: ImportedTake) -> None:
    retime(imported, 2.0, 100.0)


def driven_shape_key(imported: ImportedTake) -> None:
    wheel = _empty("Wheel")
    for frame, value in ((1, 0.0), (30, 3.0)):
        wheel.rotation_euler.x = value
        wheel.keyframe_insert("rotation_euler", frame=frame)
    keys = imported.objects["head"].data.shape_keys
    block = keys.key_blocks[1]
    block.driver_remove("value")
    for curve in [c for c in curves_of(keys) if block.name in c.data_path]:
        curve.mute = True
    driver = keys.driver_add(f'key_blocks["{block.name}"].value').driver
    variable = driver.variables.new()
    variable.type = "TRANSFORMS"
    variable.targets[0].id, variable.targets[0].transform_type = wheel, "ROT_X"
    driver.expression = "0.5 + 0.4 * sin(var) + 0.001 * frame"
    imported.objects["head"].data.shape_keys.key_blocks[2].mute = True


def scaled_rig(imported: ImportedTake) -> None:
    for item in imported.armatures.values() or [imported.objects["hand_right"]]:
        for frame, size in ((1, 1.0), (15, 1.6), (30, 0.7)):
            item.scale = (size, size, size)
            item.keyframe_insert("scale", frame=frame)


def constrained_head(imported: ImportedTake) -> None:
    limit = imported.objects["head"].constraints.new("LIMIT_LOCATION")
    limit.use_max_z, limit.max_z, limit.owner_space = True, -0.05, "WORLD"
    target = _empty("Target")
    target.location = (1, 2, 3)
    aim = imported.objects["hand_right"].constraints.new("CHILD_OF")
    aim.target = target
    aim.influence = 0.3


def deformed_head(imported: ImportedTake) -> None:
    twist = imported.objects["head"].modifiers.new("Twist", "SIMPLE_DEFORM")
    twist.deform_method, twist.angle, twist.deform_axis = "TWIST", 0.5, "Z"


def hidden_rig(imported: ImportedTake) -> None:
    for item in imported.armatures.values():
        item.hide_viewport = True
        item.hide_set(True)
    imported.origin.hide_set(True)
    imported.objects["head"].hide_render = True


def masked_keys(imported: ImportedTake) -> None:
    head = imported.objects["head"]
    group = head.vertex_groups.new(name="half")
    group.add(range(0, len(head.data.vertices), 2), 0.6, "REPLACE")
    block = head.data.shape_keys.key_blocks[1]
    block.vertex_group, block.slider_max = "half", 3.0
    for curve in curves_of(head.data.shape_keys):
        if f'"{block.name}"' in curve.data_path:
            for point in curve.keyframe_points:
                point.co.y *= 2.0
            curve.update()


EDITS: dict[str, Callable[[ImportedTake], None]] = {
    edit.__name__: edit
    for edit in (
        mirrored_parent,
        moving_parent,
        uneven_scale,
        nla_strips,
        retimed_keys,
        driven_shape_key,
        scaled_rig,
        constrained_head,
        deformed_head,
        hidden_rig,
        masked_keys,
    )
}
