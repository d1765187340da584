"""Armatures out of joints: bones that point at their children, skin weights, keyed bone rotations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from dice_core.geometry.mesh import Mesh

from .animation import CurveWriter
from .meshes import key_visibility
from .motion import Motion
from .object_data import armature_of, pose_of
from .rotations import continuous_quaternions

__all__ = ["add_armature_modifier", "bind_to_bones", "build_armature", "editing", "key_bones", "set_weights"]

# Metres: shorter bones vanish in Blender. Set by hand.
_SHORTEST_BONE = 0.004
# Length of a bone without children, as a share of its parent's. Set by hand.
_TIP_LENGTH = 0.8


def build_armature(mesh: Mesh, name: str) -> bpy.types.Object:
    """An armature object whose bones stand where the joints rest.

    mesh : with joints, in Blender's axes. A bone's Y axis runs along it and its Z axis leans to the back of the hand
    (the thumb's to its nail), so that fingers bend about X.
    """
    armature = bpy.data.armatures.new(name)
    armature.display_type = "STICK"
    item = bpy.data.objects.new(name, armature)
    item.show_in_front = True
    heads = mesh.joints.astype(np.float64)
    tails = _tails(heads, mesh.parents)
    backs = _back_directions(mesh)
    bones: list[bpy.types.EditBone] = []
    with editing(item):
        for j, joint_name in enumerate(mesh.joint_names):
            bone = armature.edit_bones.new(joint_name)
            bone.head, bone.tail = heads[j], tails[j]
            bone.align_roll(Vector(backs[j]))
            if mesh.parents[j] >= 0:
                bone.parent = bones[mesh.parents[j]]
            bones.append(bone)
    return item


@contextmanager
def editing(item: bpy.types.Object) -> Iterator[None]:
    """Edit mode for an armature, in a scene of its own: whatever the user is doing in theirs stays as it is."""
    scene = bpy.data.scenes.new("DICE armature editing")
    try:
        scene.collection.objects.link(item)
        view_layer = scene.view_layers[0]
        view_layer.objects.active = item
        override: dict[str, Any] = {
            "scene": scene,
            "view_layer": view_layer,
            "active_object": item,
            "object": item,
            "edit_object": None,
            "selected_objects": [item],
        }
        with bpy.context.temp_override(**override):
            bpy.ops.object.mode_set(mode="EDIT")
            try:
                yield
            finally:
                bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        bpy.data.scenes.remove(scene)


def bind_to_bones(item: bpy.types.Object, armature: bpy.types.Object, mesh: Mesh) -> None:
    """Skin a mesh object to an armature: one vertex group a joint, and the modifier that poses by them."""
    set_weights(item, mesh)
    item.parent = armature
    if not any(getattr(modifier, "object", None) == armature for modifier in item.modifiers):
        add_armature_modifier(item, armature)
        item.modifiers.move(len(item.modifiers) - 1, 0)


def add_armature_modifier(item: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Have an armature pose a mesh object by its vertex groups."""
    modifier = item.modifiers.new("Armature", "ARMATURE")
    assert isinstance(modifier, bpy.types.ArmatureModifier)
    modifier.object = armature


def set_weights(item: bpy.types.Object, mesh: Mesh) -> None:
    """One vertex group a joint with the body's skinning weights."""
    for j, joint_name in enumerate(mesh.joint_names):
        group = item.vertex_groups.new(name=joint_name)
        rows, columns = np.nonzero((mesh.skin_joints == j) & (mesh.skin_weights > 0))
        for vertex, weight in zip(rows.tolist(), mesh.skin_weights[rows, columns].tolist(), strict=True):
            group.add([vertex], weight, "ADD")


def key_bones(armature: bpy.types.Object, motion: Motion, times: np.ndarray) -> None:
    """Keyed quaternions of all bones, and locations of the roots; out of sight where the body is absent.

    times : (T,) scene frames.
    """
    assert motion.rotation is not None
    assert motion.translation is not None
    curves = CurveWriter(armature, armature.name)
    for j, joint_name in enumerate(motion.mesh.joint_names):
        axes = np.array(armature_of(armature).bones[joint_name].matrix_local)[:3, :3]
        pose_of(armature).bones[joint_name].rotation_mode = "QUATERNION"
        path = f'pose.bones["{joint_name}"]'
        quaternions = continuous_quaternions(motion.rotation[:, j] @ axes)
        curves.write_vector(f"{path}.rotation_quaternion", times, quaternions, group=joint_name)
        if motion.mesh.parents[j] < 0:
            curves.write_vector(f"{path}.location", times, motion.translation @ axes, group=joint_name)
    key_visibility(curves, times, motion.present)


def _tails(heads: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """(J, 3) ends of the bones: at the middle of the children, or straight on where there are none."""
    tails = heads.copy()
    for j in range(len(heads)):
        reached = np.flatnonzero(parents == j)
        while len(reached) and np.linalg.norm(heads[reached].mean(axis=0) - heads[j]) < _SHORTEST_BONE:
            reached = np.flatnonzero(np.isin(parents, reached))
        if len(reached):
            tails[j] = heads[reached].mean(axis=0)
            continue
        along = heads[j] - heads[parents[j]] if parents[j] >= 0 else np.zeros(3)
        length = float(np.linalg.norm(along))
        if length * _TIP_LENGTH < _SHORTEST_BONE:
            along, length = np.array([0.0, 0.0, _SHORTEST_BONE / _TIP_LENGTH]), _SHORTEST_BONE / _TIP_LENGTH
        tails[j] = heads[j] + _TIP_LENGTH * along
    return tails


def _back_directions(mesh: Mesh) -> np.ndarray:
    """(J, 3) to the side on which each joint cannot be bent: the back of the hand, and for the thumb its nail."""
    backs = np.tile([0.0, 1.0, 0.0], (len(mesh.joints), 1))
    if {"palm", "back"} <= set(mesh.region_names):
        palm, back = mesh.region_vertices("palm"), mesh.region_vertices("back")
        if palm.any() and back.any():
            backs[:] = mesh.rest_vertices[back].mean(axis=0) - mesh.rest_vertices[palm].mean(axis=0)
    thumb = np.array(["thumb" in name.lower() for name in mesh.joint_names])
    if thumb.any():
        # A thumb bends across the palm, so its nail looks away from the other fingers.
        backs[thumb] = mesh.joints[thumb].mean(axis=0) - mesh.joints[~thumb].mean(axis=0)
    return backs
