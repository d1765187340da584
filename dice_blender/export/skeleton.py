"""What is written to the file: meshes that move as objects, or on a skeleton, with their motion baked frame by frame.

Files begin at frame 0, wherever the take begins in the scene: an engine plays them from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from dice_core.geometry.rotations import axis_angle

from ..scene.animation import CurveWriter
from ..scene.armature import add_armature_modifier, editing
from ..scene.object_data import armature_of, mesh_of, pose_of
from ..scene.rotations import continuous_quaternions
from .export_scene import ExportScene
from .sampling import BodyMotion

__all__ = ["one_skeleton", "separate_bodies"]

# Neither format has visibility: absent bodies shrink to a point. Not to nothing, which could not be inverted.
_ABSENT_SCALE = 1e-3
# Metres: length of bones that stand for whole objects. Set by hand.
_STAND_IN_LENGTH = 0.1
_ROOT = "root"
# Game engines' importers know this name and do not import the object as one more bone.
_SKELETON_NAME = "Armature"


@dataclass
class _Bone:
    """rest : (4, 4) world; world : (T, 4, 4) posed; scale : (T,) or None; parent : index or -1."""

    name: str
    rest: np.ndarray
    world: np.ndarray
    parent: int
    length: float
    scale: np.ndarray | None = None


def separate_bodies(copies: ExportScene, motions: Sequence[BodyMotion]) -> None:
    """Each body by itself: on an armature of its own where it has one, otherwise as a moving object."""
    frames = np.arange(len(motions[0].mesh))
    for motion in motions:
        if motion.bones:
            assert motion.body.armature is not None
            name = motion.body.armature.name
            detach_and_bake(motion, frames)
            bones = _bones_of(motion, parent=-1, suffix="")
            _bind(_build(copies, name, frames, bones), motion, {b: b for b in motion.bones})
        else:
            detach_and_bake(motion, frames)
            _bake_object(motion, frames)


def one_skeleton(copies: ExportScene, motions: Sequence[BodyMotion]) -> None:
    """All bodies on one armature with one root bone, as game engines want a character."""
    frames = np.arange(len(motions[0].mesh))
    still = np.tile(np.eye(4), (len(frames), 1, 1))
    bones = [_Bone(_ROOT, np.eye(4), still, -1, _STAND_IN_LENGTH)]
    names = []
    for motion in motions:
        side = motion.body.name[-2:] if motion.body.name[-2:] in (".L", ".R") else ""
        if motion.bones:
            own = _bones_of(motion, parent=0, suffix=side, offset=len(bones))
            names.append({name: f"{name}{side}" for name in motion.bones})
        else:
            own = [_stand_in(motion)]
            names.append({"": own[0].name})
        bones += own
        detach_and_bake(motion, frames)
    armature = _build(copies, _SKELETON_NAME, frames, bones)
    for motion, renamed in zip(motions, names, strict=True):
        _bind(armature, motion, renamed)


def _bones_of(motion: BodyMotion, *, parent: int, suffix: str, offset: int = 0) -> list[_Bone]:
    armature = motion.body.armature
    assert armature is not None
    base = np.array(armature.matrix_world)
    order = [bone.name for bone in armature_of(armature).bones]
    bones = []
    for bone in armature_of(armature).bones:
        above = bone.parent
        bones.append(
            _Bone(
                f"{bone.name}{suffix}",
                base @ np.array(bone.matrix_local),
                motion.bones[bone.name],
                parent if above is None else offset + order.index(above.name),
                bone.length,
                _shrinking(motion) if above is None else None,
            )
        )
    return bones


def _stand_in(motion: BodyMotion) -> _Bone:
    """A bone for a body without any: upright where the body is in its first frame."""
    rest = np.eye(4)
    rest[:3, 3] = motion.mesh[0, :3, 3]
    # A bone's Y axis points along it, here up.
    upright = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1]])
    moved = motion.mesh @ np.linalg.inv(rest)
    mesh_of(motion.body.mesh).transform(Matrix(rest.tolist()), shape_keys=True)
    name = motion.body.name
    return _Bone(name, rest @ upright, moved @ rest @ upright, 0, _STAND_IN_LENGTH, _shrinking(motion))


def _shrinking(motion: BodyMotion) -> np.ndarray | None:
    """(T,) scale that hides the body where it is absent, or None where it never is."""
    return None if motion.visible.all() else np.where(motion.visible, 1.0, _ABSENT_SCALE)


def detach_and_bake(motion: BodyMotion, frames: np.ndarray) -> None:
    """Free a mesh from everything that moved it, so that only the baked motion will, and bake its shape keys."""
    item = motion.body.mesh
    keys = mesh_of(item).shape_keys
    if keys is not None:
        keys.animation_data_clear()
        curves = CurveWriter(keys, f"{motion.body.name} shape keys")
        for block, weights in zip(keys.key_blocks[1:], motion.weights.T[1:], strict=True):
            curves.write(f'key_blocks["{block.name}"].value', 0, frames, weights)
    item.animation_data_clear()
    item.modifiers.clear()
    item.constraints.clear()
    item.parent = None
    item.matrix_world = Matrix(motion.mesh[0].tolist()) if not motion.bones else Matrix()
    item.hide_viewport = item.hide_render = False


def _build(copies: ExportScene, name: str, frames: np.ndarray, bones: Sequence[_Bone]) -> bpy.types.Object:
    """An armature object at the origin with keyed bones."""
    for other in [item for item in copies.scene.objects if item.name == name]:
        other.name = f"{name} (sampled)"
    data = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, data)
    with editing(armature):
        made: list[bpy.types.EditBone] = []
        for bone in bones:
            edit = data.edit_bones.new(bone.name)
            edit.head, edit.tail = (0, 0, 0), (0, bone.length, 0)
            edit.matrix = Matrix(bone.rest.tolist())
            edit.parent = made[bone.parent] if bone.parent >= 0 else None
            made.append(edit)
    copies.scene.collection.objects.link(armature)
    curves = CurveWriter(armature, copies.scene.name)
    rests = [np.array(data.bones[bone.name].matrix_local) for bone in bones]
    for bone, rest in zip(bones, rests, strict=True):
        local, posed = rest, bone.world @ np.linalg.inv(bone.rest) @ rest
        if bone.parent >= 0:
            above = bones[bone.parent]
            parent_posed = above.world @ np.linalg.inv(above.rest) @ rests[bone.parent]
            local = np.linalg.inv(rests[bone.parent]) @ rest
            posed = np.linalg.inv(parent_posed) @ posed
        basis = np.linalg.inv(local) @ posed
        pose_of(armature).bones[bone.name].rotation_mode = "QUATERNION"
        _write_transform(curves, f'pose.bones["{bone.name}"].', frames, basis, bone.scale)
    return armature


def _bind(armature: bpy.types.Object, motion: BodyMotion, names: dict[str, str]) -> None:
    """Skin a mesh to the built armature. names : its own bone names to the armature's; "" for a stand-in."""
    item = motion.body.mesh
    for old, new in names.items():
        if old == "":
            item.vertex_groups.new(name=new).add(range(len(mesh_of(item).vertices)), 1.0, "REPLACE")
        elif old in item.vertex_groups:
            item.vertex_groups[old].name = new
    item.matrix_world = Matrix()
    item.parent = armature
    add_armature_modifier(item, armature)


def _bake_object(motion: BodyMotion, frames: np.ndarray) -> None:
    item = motion.body.mesh
    item.rotation_mode = "QUATERNION"
    curves = CurveWriter(item, motion.body.name)
    _write_transform(curves, "", frames, motion.mesh, _shrinking(motion))


def _write_transform(
    curves: CurveWriter, prefix: str, frames: np.ndarray, matrices: np.ndarray, shrink: np.ndarray | None
) -> None:
    """Keys for (T, 4, 4) matrices; shear, which no program keys, is left out."""
    linear = matrices[:, :3, :3]
    scale = np.linalg.norm(linear, axis=1)
    rotation = linear / scale[:, None, :]
    if shrink is not None:
        scale = scale * shrink[:, None]
    curves.write_vector(f"{prefix}location", frames, matrices[:, :3, 3])
    curves.write_vector(f"{prefix}rotation_quaternion", frames, continuous_quaternions(axis_angle(rotation)))
    if not np.allclose(scale, 1.0, atol=1e-6):
        curves.write_vector(f"{prefix}scale", frames, scale)
