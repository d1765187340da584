"""Meshes, armatures, weights and shape keys in Blender, from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from dice_blender.scene.armature import add_armature_modifier, editing

from .makehuman import RigBone

__all__ = ["Part", "add_keys", "add_weights", "build_rig", "build_skin", "kept_vertices"]

Weights = Mapping[str, Sequence[tuple[int, float]]]


class Part:
    """A mesh object on the surface of a larger mesh.

    item : the object; corners : (V, k) vertices of the larger mesh that each is made of; shares : (V, k) of each.
    """

    def __init__(self, item: bpy.types.Object, corners: np.ndarray, shares: np.ndarray) -> None:
        self.item = item
        self.corners, self.shares = corners, shares

    def of(self, values: np.ndarray) -> np.ndarray:
        """(V, ...) what values (N, ...) on the larger mesh are on this one."""
        found: np.ndarray = np.einsum("vk,vk...->v...", self.shares, values[self.corners])
        return found


def kept_vertices(faces: Sequence[Sequence[int]]) -> np.ndarray:
    """The vertices that faces use, in order."""
    return np.unique(np.concatenate([np.asarray(face) for face in faces]))


def build_skin(name: str, points: np.ndarray, faces: Sequence[Sequence[int]]) -> Part:
    """A smooth mesh object of the faces, with the vertices that they use. points : (N, 3) of the larger mesh."""
    source = kept_vertices(faces)
    index = {int(v): k for k, v in enumerate(source)}
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points[source].tolist(), [], [[index[v] for v in face] for face in faces])
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.update()
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    return Part(item, source[:, None], np.ones((len(source), 1)))


def add_keys(part: Part, deltas: Mapping[str, np.ndarray]) -> None:
    """Shape keys, without those that move nothing of this part. deltas : name -> (N, 3) on the larger mesh."""
    count = len(part.corners)
    base = np.empty(count * 3, np.float32)
    part.item.data.vertices.foreach_get("co", base)
    base = base.reshape(-1, 3)
    if part.item.data.shape_keys is None:
        part.item.shape_key_add(name="Basis", from_mix=False)
    for name, delta in deltas.items():
        own = part.of(delta)
        if np.abs(own).max() < 1e-6:
            continue
        block = part.item.shape_key_add(name=name, from_mix=False)
        block.points.foreach_set("co", (base + own).astype(np.float32).ravel())
    part.item.data.update()


def add_weights(part: Part, armature: bpy.types.Object, weights: Weights, names: Mapping[str, str]) -> None:
    """Have an armature pose a part. weights : on the larger mesh, by bone; names : bone -> its name in the armature."""
    for bone, pairs in weights.items():
        name = names.get(bone, bone)
        if name not in armature.data.bones:
            continue
        group = part.item.vertex_groups.get(name) or part.item.vertex_groups.new(name=name)
        shares = np.zeros(max(int(part.corners.max()), *(vertex for vertex, _ in pairs), 0) + 1)
        for vertex, weight in pairs:
            shares[vertex] += weight
        own = part.of(shares)
        for vertex in np.flatnonzero(own > 0).tolist():
            group.add([vertex], float(own[vertex]), "ADD")
    part.item.parent = armature
    add_armature_modifier(part.item, armature)


def build_rig(name: str, bones: Sequence[RigBone], names: Mapping[str, str]) -> bpy.types.Object:
    """An armature with these bones. names : bone -> its name in the armature; bones that it leaves out keep theirs."""
    armature: Any = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    with editing(armature):
        for bone in bones:
            edit = armature.data.edit_bones.new(names.get(bone.name, bone.name))
            edit.head, edit.tail = Vector(bone.head), Vector(bone.tail)
            edit.roll = bone.roll
            if bone.parent:
                edit.parent = armature.data.edit_bones[names.get(bone.parent, bone.parent)]
                edit.use_connect = bone.connected and (edit.parent.tail - edit.head).length < 1e-4
    bpy.context.scene.collection.objects.link(armature)
    armature.show_in_front = True
    return armature
