"""Rigify's own rig on a body: its generator makes controls and deform bones from the wheel's metarig."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import addon_utils
import bpy

from .makehuman import RigBone

__all__ = ["RIGIFY_BONES", "generated"]

RIGIFY_BONES = re.compile(
    r"^(spine(\.\d+)?|(shoulder|upper_arm|forearm|hand|thigh|shin|foot|toe|heel\.02|palm\.0\d|(f_\w+|thumb)\.0\d)\.[LR])$"
)
"""The bones of the metarig that make a body; those of the face are left out, since it has shape keys."""


def generated(metarig: bpy.types.Object, entries: Mapping[str, Any], bones: Sequence[RigBone]) -> bpy.types.Object:
    """The rig that Rigify generates; the metarig is removed. entries : the wheel's, by bone."""
    addon_utils.enable("rigify", default_set=True)
    armature: Any = metarig.data
    collection = armature.collections.new("Body")
    collection.rigify_ui_row = 1
    for bone in armature.bones:
        collection.assign(bone)
    for bone in bones:
        pose: Any = metarig.pose.bones[bone.name]
        entry = entries[bone.name]
        pose.rotation_mode = entry.get("rotation_mode", "QUATERNION")
        rigify = entry.get("rigify") or {}
        pose.rigify_type = rigify.get("rigify_type", "")
        for name, value in (rigify.get("rigify_parameters") or {}).items():
            if not name.endswith("coll_refs"):
                setattr(pose.rigify_parameters, name, value)
    bpy.context.view_layer.objects.active = metarig
    metarig.select_set(True)
    bpy.ops.pose.rigify_generate()
    rig = next(item for item in bpy.data.objects if item.type == "ARMATURE" and item != metarig)
    bpy.data.objects.remove(metarig)
    for text in list(bpy.data.texts):
        bpy.data.texts.remove(text)
    rig.name = "Armature"
    return rig
