"""A motion on the rig that Rigify itself generates, through the controls that an animator uses."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from dice_blender.character.applying import apply_motion
from dice_blender.character.objects import find_objects
from dice_blender.character.reading import find_map, read_character
from dice_blender.character.take_source import TakeSource
from dice_blender.scene.animation import curves_of

from .rigs import rigify_rig
from .synthetic_motion import FRAMES, own_turns, synthetic_motion

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture
def rig() -> bpy.types.Object:
    """Rigify's human, generated, with a small box on every bone of head, arms and hands."""
    return rigify_rig()


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
    apply_motion(found, synthetic_motion(found.character), TakeSource("touch"), times, scene)
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
