"""The small character with its head, or its hands, on an armature of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bmesh
import bpy
from mathutils import Vector

from dice_blender.scene.armature import editing

from .small_character import make_character

__all__ = ["SPLITS", "face_alone"]

Pair = tuple[bpy.types.Object, bpy.types.Object]


def face_alone(keys: bool = True) -> Pair:
    """A body without a head, and a head whose armature has spine, neck, head and jaw, with nothing that binds them."""
    body, body_skin = make_character(keys=False, name="Hero")
    face, face_skin = make_character(keys=keys, name="Mask")
    _keep_skin(body_skin, lambda group: group != "Head")
    _keep_skin(face_skin, lambda group: group == "Head")
    _keep_bones(face, lambda bone: bone in ("Spine", "Neck", "Head"))
    _edit(face, lambda bones: _add_bone(bones, "Jaw", "Head", (0, -0.03, 1.6), (0, -0.1, 1.57)))
    chin = face_skin.vertex_groups.new(name="Jaw")
    low = [v.index for v in face_skin.data.vertices if v.co.z < 1.58 and v.co.y < -0.05]
    chin.add(low, 1.0, "REPLACE")
    face_skin.vertex_groups["Head"].remove(low)
    return body, face


def face_copies() -> Pair:
    """Every bone of the face's armature that the body has, too, copies it."""
    body, face = face_alone()
    for bone in ("Spine", "Neck", "Head"):
        follow: Any = face.pose.bones[bone].constraints.new("COPY_TRANSFORMS")
        follow.target, follow.subtarget = body, bone
    return body, face


def face_on_a_bone() -> Pair:
    """The face's armature hangs from the body's head as an object, somewhere else and in another size."""
    body, face = face_alone()
    bpy.context.view_layer.update()
    world = face.matrix_world.copy()
    face.parent, face.parent_type, face.parent_bone = body, "BONE", "Head"
    bpy.context.view_layer.update()
    face.matrix_world = world
    return body, face


def face_child_of() -> Pair:
    """The same by a constraint of the object, with the body's armature moved and turned."""
    body, face = face_alone()
    for item in (body, face):
        item.location, item.rotation_euler = (0.4, -0.3, 0.1), (0.0, 0.0, 0.8)
    bpy.context.view_layer.update()
    follow: Any = face.constraints.new("CHILD_OF")
    follow.target, follow.subtarget = body, "Head"
    follow.inverse_matrix = (body.matrix_world @ body.pose.bones["Head"].matrix).inverted()
    return body, face


def hands_alone() -> Pair:
    """Hands and fingers on an armature whose hands copy the body's."""
    body, body_skin = make_character(name="Hero")
    hands, hands_skin = make_character(keys=False, name="Gloves")
    _keep_skin(body_skin, lambda group: "Hand" not in group)
    _keep_skin(hands_skin, lambda group: "Hand" in group)
    _keep_bones(hands, lambda bone: "Hand" in bone)
    _keep_bones(body, lambda bone: "Hand" not in bone or bone in ("LeftHand", "RightHand"))
    for bone in ("LeftHand", "RightHand"):
        follow: Any = hands.pose.bones[bone].constraints.new("COPY_TRANSFORMS")
        follow.target, follow.subtarget = body, bone
    return body, hands


def hands_loose() -> Pair:
    """The same with nothing that binds them."""
    body, hands = hands_alone()
    for bone in ("LeftHand", "RightHand"):
        hands.pose.bones[bone].constraints.remove(hands.pose.bones[bone].constraints[0])
    return body, hands


SPLITS: dict[str, Callable[[], Pair]] = {
    build.__name__: build
    for build in (face_alone, face_copies, face_on_a_bone, face_child_of, hands_alone, hands_loose)
}
"""Each by its name: they return the armature that is to come first, and the other."""


def _keep_skin(item: bpy.types.Object, wanted: Callable[[str], bool]) -> None:
    groups = {group.index for group in item.vertex_groups if wanted(group.name)}
    kept = {v.index for v in item.data.vertices if any(g.group in groups for g in v.groups)}
    edit = bmesh.new()
    edit.from_mesh(item.data)
    bmesh.ops.delete(edit, geom=[vertex for vertex in edit.verts if vertex.index not in kept], context="VERTS")
    edit.to_mesh(item.data)
    edit.free()


def _keep_bones(armature: bpy.types.Object, wanted: Callable[[str], bool]) -> None:
    def remove(bones: Any) -> None:
        for bone in [bone for bone in bones if not wanted(bone.name)]:
            bones.remove(bone)

    _edit(armature, remove)


def _edit(armature: bpy.types.Object, change: Callable[[Any], None]) -> None:
    bpy.context.scene.collection.objects.unlink(armature)
    with editing(armature):
        change(armature.data.edit_bones)
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.update()


def _add_bone(bones: Any, name: str, above: str, head: tuple[float, ...], tail: tuple[float, ...]) -> None:
    edit = bones.new(name)
    edit.head, edit.tail, edit.parent = Vector(head), Vector(tail), bones[above]
