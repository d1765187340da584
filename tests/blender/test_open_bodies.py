"""The open head and hands on bones: what an animator picks up."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from dice_blender.scene.armature import build_armature
from dice_blender.scene.axes import to_blender
from dice_blender.scene.eyes import eye_faces
from dice_blender.scene.motion import to_blender_mesh
from dice_core.bodies import load_hand, load_head


@pytest.mark.parametrize("side", ["left", "right"])
def test_fingers_bend_about_x(scene: bpy.types.Scene, side: str) -> None:
    hand = load_hand(side)
    armature = build_armature(to_blender_mesh(hand.mesh), "Rig")
    for joint, axis, name in zip(hand.dof_joint, hand.dof_axis, hand.dof_names, strict=True):
        if not name.endswith("flexion"):
            continue
        bone = armature.data.bones[hand.mesh.joint_names[joint]]
        along = np.array(bone.matrix_local)[:3, :3].T @ to_blender(axis)
        if "wrist" not in name:
            assert abs(along[0]) > 0.85, name
            assert abs(along[1]) < 0.1, name


def test_bones_point_at_their_children(scene: bpy.types.Scene) -> None:
    hand = load_hand("right")
    armature = build_armature(to_blender_mesh(hand.mesh), "Rig")
    tips = [bone for bone in armature.data.bones if not bone.children]
    assert len(tips) == 5
    for bone in armature.data.bones:
        assert bone.length >= 0.004
        if len(bone.children) == 1:
            assert (bone.tail_local - bone.children[0].head_local).length < 1e-5


def test_irises_are_round_the_pupils() -> None:
    head = load_head()
    mesh = to_blender_mesh(head.mesh)
    irises, pupils = eye_faces(mesh)
    starts = np.cumsum(mesh.face_sizes) - mesh.face_sizes
    for side in "LR":
        ball = mesh.region_vertices(f"eyeball.{side}")
        faces = np.logical_and.reduceat(ball[mesh.face_corners], starts)
        pupil, iris = (
            np.unique(mesh.face_corners[np.repeat(part & faces, mesh.face_sizes)]) for part in (pupils, irises)
        )
        assert len(pupil) == 8
        assert len(iris) == 16
        assert set(pupil) < set(iris)
        for vertices, least, most in ((pupil, 0.004, 0.008), (iris, 0.010, 0.014)):
            width = np.ptp(mesh.rest_vertices[vertices][:, 0])
            assert least < width < most, "metres across"
        assert mesh.rest_vertices[pupil][:, 1].max() < mesh.rest_vertices[ball][:, 1].mean(), "in front"
