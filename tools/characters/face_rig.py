"""An armature for a head alone, beside the body's, as MetaHumans have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from dice_blender.scene.armature import editing

__all__ = ["give_face_rig"]

_HEAD = "head"


def give_face_rig(armature: bpy.types.Object, meshes: Sequence[bpy.types.Object]) -> None:
    """Have meshes posed by an armature of their own.

    It has the head with all that it carries and all that carries it; what the body's keeps of that, it copies.
    """
    head = armature.data.bones[_HEAD]  # type: ignore[union-attr]
    below = {bone.name for bone in head.children_recursive}
    above = {_HEAD, *(bone.name for bone in head.parent_recursive)}
    face: Any = armature.copy()
    face.data = armature.data.copy()
    face.name = face.data.name = "Face"
    _keep(face, lambda name: name in below | above)
    _keep(armature, lambda name: name not in below)
    bpy.context.scene.collection.objects.link(face)
    for name in above:
        copied: Any = face.pose.bones[name].constraints.new("COPY_TRANSFORMS")
        copied.target, copied.subtarget = armature, name
    for item in [item for item in armature.children if item.type == "MESH" and item not in meshes]:
        _give_to_head(item, below)
    for item in meshes:
        item.parent = face
        for modifier in item.modifiers:
            if isinstance(modifier, bpy.types.ArmatureModifier):
                modifier.object = face


def _give_to_head(item: bpy.types.Object, bones: set[str]) -> None:
    """Have the head move what some bones that are there no more have moved of a mesh."""
    head = item.vertex_groups.get(_HEAD) or item.vertex_groups.new(name=_HEAD)
    gone = {group.index for group in item.vertex_groups if group.name in bones}
    for vertex in item.data.vertices:  # type: ignore[union-attr]
        share = sum(weight.weight for weight in vertex.groups if weight.group in gone)
        if share > 0:
            head.add([vertex.index], share, "ADD")
    for group in [group for group in item.vertex_groups if group.name in bones]:
        item.vertex_groups.remove(group)


def _keep(armature: Any, wanted: Any) -> None:
    """Remove the bones that are not wanted. The armature must be in no scene, or alone in its own."""
    linked = list(armature.users_collection)
    for collection in linked:
        collection.objects.unlink(armature)
    with editing(armature):
        for bone in [bone for bone in armature.data.edit_bones if not wanted(bone.name)]:
            armature.data.edit_bones.remove(bone)
    for collection in linked:
        collection.objects.link(armature)
