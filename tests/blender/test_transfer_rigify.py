"""A motion on the rig that Rigify itself generates, through the controls that an animator uses."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from dice_blender.character.applying import apply_motion
from dice_blender.character.objects import find_objects
from dice_blender.character.reading import find_map, read_character
from dice_blender.scene.animation import curves_of
from dice_blender.scene.armature import add_armature_modifier

from .synthetic_motion import FRAMES, own_turns, synthetic_motion

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def rig() -> bpy.types.Object:
    """Rigify's human, generated, with a small box on every bone of head, arms and hands."""
    import addon_utils  # on the path once bpy is loaded

    if addon_utils.enable("rigify", default_set=True) is None:
        pytest.skip("this Blender has no Rigify")
    operators: Any = bpy.ops
    operators.object.armature_human_metarig_add()
    metarig = bpy.context.active_object
    operators.pose.rigify_generate()
    rig = next(item for item in bpy.data.objects if item.type == "ARMATURE" and item != metarig)
    bpy.data.objects.remove(metarig)
    words = ("DEF-spine.00", "DEF-shoulder", "DEF-upper_arm", "DEF-forearm", "DEF-hand", "DEF-thumb", "DEF-f_")
    bones = [bone for bone in rig.data.bones if bone.use_deform and bone.name.startswith(words)]
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * 0.004
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    points = np.concatenate([np.array((bone.head_local + bone.tail_local) / 2) + corners for bone in bones])
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata(points.tolist(), [], [[8 * k + v for v in face] for k in range(len(bones)) for face in faces])
    body = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(body)
    for number, bone in enumerate(bones):
        body.vertex_groups.new(name=bone.name).add(list(range(8 * number, 8 * number + 8)), 1.0, "REPLACE")
    body.parent = rig
    add_armature_modifier(body, rig)
    bpy.context.view_layer.update()
    return rig


def test_controls_bring_the_skins_bones_to_their_places(rig: bpy.types.Object) -> None:
    scene = bpy.context.scene
    objects = find_objects(scene, armature=rig)
    found = read_character(objects, find_map(objects), scene)
    roles, names = found.character.roles, list(found.character.bone_names)
    assert {"head", "hand.L", "forearm.R", "index.3.L", "thumb.1.R", "upper_arm.L", "shoulder.L"} <= set(roles)
    assert roles["hand.L"] == "DEF-hand.L"
    assert found.rig.controls.of["hand.L"] == "hand_fk.L"
    parents = {role: names[found.character.bone_parents[names.index(bone)]] for role, bone in roles.items()}
    assert parents["upper_arm.L"] == roles["shoulder.L"]
    assert parents["index.2.L"] == roles["index.1.L"]
    times = np.arange(FRAMES) + 1.0
    apply_motion(found, synthetic_motion(found.character), "touch", times, scene)
    keyed = {curve.data_path.split('"')[1] for curve in curves_of(rig)}
    assert not any(name.startswith(("DEF-", "ORG-", "MCH-")) for name in keyed)
    scene.frame_set(FRAMES)
    assert rig.pose.bones["upper_arm_parent.L"]["IK_FK"] == pytest.approx(1.0)
    posed = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    turns = own_turns(found.character)
    for role in ("head", "hand.L", "index.2.L", "thumb.2.L", "forearm.L"):
        number = names.index(roles[role])
        wanted = (turns[role][-1] @ found.character.bone_matrices[number])[:3, 3]
        there = np.array(posed.matrix_world @ posed.pose.bones[roles[role]].head)
        np.testing.assert_allclose(there, wanted, atol=1e-3, err_msg=role)
