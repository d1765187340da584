"""Armatures for a file: bones that are baked frame by frame, with nothing that a reader could read in another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from ..scene.animation import CurveWriter
from ..scene.armature import add_armature_modifier, editing
from ..scene.object_data import pose_of
from .transforms import Channels, decompose

__all__ = ["Bone", "bind", "build_armature", "key_channels"]


@dataclass
class Bone:
    """name : in the file; rest : (4, 4) world, without scale or mirroring; world : (T, 4, 4) posed.

    parent : index or -1; scale : (T,) by which the bone shrinks besides, or None.
    """

    name: str
    rest: np.ndarray
    world: np.ndarray
    parent: int
    length: float
    scale: np.ndarray | None = None


def build_armature(
    scene: bpy.types.Scene, armature: bpy.types.Object, bones: Sequence[Bone], frames: np.ndarray
) -> np.ndarray:
    """Give an empty armature object at the origin keyed bones, and put it into a scene.

    Returns (B, T, 4, 4): how the bones as they are keyed move the vertices from the rest pose, but for `scale`.
    """
    data = armature.data
    assert isinstance(data, bpy.types.Armature)
    with editing(armature):
        made: list[bpy.types.EditBone] = []
        for bone in bones:
            edit = data.edit_bones.new(bone.name)
            edit.head, edit.tail = (0, 0, 0), (0, bone.length, 0)
            edit.matrix = Matrix(bone.rest.tolist())
            edit.parent = made[bone.parent] if bone.parent >= 0 else None
            made.append(edit)
    scene.collection.objects.link(armature)
    curves = CurveWriter(armature, armature.name)
    rests = [np.array(data.bones[bone.name].matrix_local) for bone in bones]
    posed: list[np.ndarray] = []
    for bone, rest in zip(bones, rests, strict=True):
        local, wanted = rest, bone.world @ np.linalg.inv(bone.rest) @ rest
        above = posed[bone.parent] if bone.parent >= 0 else np.eye(4)
        if bone.parent >= 0:
            local = np.linalg.inv(rests[bone.parent]) @ rest
        # Readers do not agree on what a bone inherits of another's uneven scale.
        channels = decompose(np.linalg.inv(above @ local) @ wanted).uniform()
        posed.append(above @ local @ channels.matrices)
        pose_of(armature).bones[bone.name].rotation_mode = "QUATERNION"
        key_channels(curves, f'pose.bones["{bone.name}"].', frames, channels, bone.scale)
    return np.array([matrices @ np.linalg.inv(rest) for matrices, rest in zip(posed, rests, strict=True)])


def bind(item: bpy.types.Object, armature: bpy.types.Object, *, parented: bool) -> None:
    """Have an armature at the origin move a mesh by its vertex groups, and carry it as a child where `parented`."""
    item.matrix_world = Matrix()
    item.parent = armature if parented else None
    item.matrix_parent_inverse = Matrix()
    add_armature_modifier(item, armature)


def key_channels(
    curves: CurveWriter, prefix: str, frames: np.ndarray, channels: Channels, shrink: np.ndarray | None = None
) -> None:
    """Keys for a transform. prefix : of the data paths; shrink : (T,) factor of the scale."""
    scale = channels.scale if shrink is None else channels.scale * shrink[:, None]
    curves.write_vector(f"{prefix}location", frames, channels.location)
    curves.write_vector(f"{prefix}rotation_quaternion", frames, channels.quaternions)
    if not np.allclose(scale, 1.0, atol=1e-6):
        curves.write_vector(f"{prefix}scale", frames, scale)
