"""A motion on the IK controls of rigs: the skin's hands stand where forward kinematics puts them, in every frame."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from dice_blender.character.applying import Applied, apply_motion
from dice_blender.character.objects import find_objects
from dice_blender.character.own_parts import remove_transfer
from dice_blender.character.reading import ReadCharacter, find_map, read_character
from dice_blender.character.take_source import TakeSource
from dice_blender.scene.animation import curves_of
from dice_blender.scene.scene_settings import unit_of
from dice_core.errors import InputError

from .ik_rigs import RIGS, of_its_own_kind
from .rigs import rigify_rig
from .small_character import make_character
from .synthetic_motion import FRAMES, own_turns, synthetic_motion

pytestmark = pytest.mark.usefixtures("scene")
TIMES = np.arange(FRAMES) + 10.0
# Metres; the elbow may stand a little beside, where the hand does not.
HAND, ELBOW = 5e-4, 2e-3


def read(armature: bpy.types.Object) -> ReadCharacter:
    objects = find_objects(bpy.context.scene, armature=armature)
    return read_character(objects, find_map(objects, TakeSource("touch")), bpy.context.scene)


def applied(armature: bpy.types.Object, **options: bool) -> tuple[ReadCharacter, Applied]:
    found = read(armature)
    scene = bpy.context.scene
    return found, apply_motion(found, synthetic_motion(found.character), TakeSource("touch"), TIMES, scene, **options)


def misses(found: ReadCharacter, roles: tuple[str, ...]) -> dict[str, float]:
    """Metres by which head and tail of bones miss their places by forward kinematics, in the worst of the frames."""
    scene, armature, character = bpy.context.scene, found.objects.armature, found.character
    turns = own_turns(character)
    worst = dict.fromkeys(roles, 0.0)
    for t in range(FRAMES):
        scene.frame_set(int(TIMES[t]))
        posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for role in roles:
            number = character.bone_names.index(character.roles[role])
            bone = posed.pose.bones[character.roles[role]]
            for end, length in ((bone.head, 0.0), (bone.tail, character.bone_lengths[number])):
                wanted = (turns[role][t] @ character.bone_matrices[number] @ [0, length, 0, 1])[:3]
                there = np.array(posed.matrix_world @ end) * unit_of(scene)
                worst[role] = max(worst[role], float(np.linalg.norm(there - wanted)))
    return worst


def keyed(armature: bpy.types.Object) -> set[str]:
    return {curve.data_path.split('"')[1] for curve in curves_of(armature)}


@pytest.mark.parametrize("rig", RIGS)
def test_the_hand_stands_where_forward_kinematics_puts_it(rig: str) -> None:
    armature, _ = make_character()
    RIGS[rig](armature)
    found, result = applied(armature, ik=True)
    off = misses(found, ("hand.L", "index.2.L", "forearm.L", "upper_arm.R", "head"))
    assert off["hand.L"] < HAND
    assert off["index.2.L"] < HAND
    assert off["forearm.L"] < ELBOW
    assert max(off["upper_arm.R"], off["head"]) < HAND
    arm = found.rig.controls.arms["L"]
    names = keyed(armature)
    assert {arm.hand, arm.pole or arm.hand} <= names
    assert ("LeftArm" in names) == (rig in ("own_bones", "with_the_collar"))
    assert not any("fk" in name for name in names)
    # The right arm, which has no such controls, is posed as ever, and that is said.
    assert "RightArm" in names
    assert ["right arm" in warning for warning in result.warnings] == [True]


@pytest.mark.parametrize("rig", RIGS)
def test_the_same_rigs_by_forward_kinematics(rig: str) -> None:
    armature, _ = make_character()
    RIGS[rig](armature)
    found, result = applied(armature)
    assert max(misses(found, ("hand.L", "forearm.L", "index.2.L", "upper_arm.R")).values()) < HAND
    assert not result.warnings
    assert found.rig.controls.arms["L"].pole not in keyed(armature)


def test_switches_of_a_rig_that_nobody_knows_are_found_by_trying() -> None:
    armature, _ = make_character()
    of_its_own_kind(armature)
    switches = read(armature).rig.controls.switches
    assert [(s.bone, s.name, s.fk, s.ik) for s in switches] == [("griff", "mode", 0.0, 1.0)]
    assert armature.pose.bones["griff"]["mode"] == 1
    assert armature.pose.bones["LeftShoulder"]["zu"] == pytest.approx(0.2)


def test_rigifys_own_controls(rigify: bpy.types.Object) -> None:
    found, result = applied(rigify, ik=True)
    off = misses(found, ("head", "hand.L", "index.2.L", "thumb.2.L", "forearm.L", "upper_arm.L", "hand.R"))
    assert max(off["hand.L"], off["index.2.L"], off["thumb.2.L"], off["hand.R"]) < HAND
    assert max(off["forearm.L"], off["upper_arm.L"]) < ELBOW
    names = keyed(rigify)
    assert {"hand_ik.L", "upper_arm_ik_target.L", "hand_ik.R", "upper_arm_ik_target.R", "shoulder.L"} <= names
    assert not any(name.endswith(("_fk.L", "_fk.R")) or name.startswith(("DEF-", "MCH-", "ORG-")) for name in names)
    assert rigify.pose.bones["upper_arm_parent.L"]["IK_FK"] == pytest.approx(0.0)
    assert not result.warnings
    # One kind of keys takes the place of the other.
    found, _ = applied(rigify)
    assert "hand_fk.L" in keyed(rigify)
    assert "hand_ik.L" not in keyed(rigify)
    assert misses(found, ("hand.L",))["hand.L"] < HAND
    found, result = applied(rigify, ik=True)
    assert keyed(rigify) == names
    assert misses(found, ("hand.L",))["hand.L"] < HAND
    remove_transfer(rigify, found.objects.meshes, result.owner)
    assert not keyed(rigify)
    assert len(bpy.data.actions) == 0


@pytest.mark.parametrize("ik", [False, True])
def test_rigify_mirrored_and_in_centimetres(rigify: bpy.types.Object, ik: bool) -> None:
    rigify.scale, rigify.location = (-120.0, 120.0, 120.0), (30.0, -20.0, 5.0)
    bpy.context.scene.unit_settings.scale_length = 0.01
    bpy.context.view_layer.update()
    found, _ = applied(rigify, ik=ik)
    assert found.character.roles["hand.L"] == "DEF-hand.R"
    assert found.rig.controls.of["hand.L"] == "hand_fk.R"
    assert ("hand_ik.R" in keyed(rigify)) == ik
    assert ("hand_fk.R" in keyed(rigify)) != ik
    assert max(misses(found, ("hand.L", "index.2.L", "hand.R")).values()) < HAND


def test_removed_again_switches_and_controls_are_what_they_were(rigify: bpy.types.Object) -> None:
    bones = rigify.pose.bones
    bones["upper_arm_parent.L"]["IK_FK"], bones["upper_arm_parent.L"]["pole_vector"] = 0.5, False
    bones["hand_ik.L"].location.x = bones["upper_arm_ik_target.L"].location.y = 0.25
    for ik in (False, True):
        found, result = applied(rigify, ik=ik)
        bpy.context.scene.frame_set(15)
        remove_transfer(rigify, found.objects.meshes, result.owner)
        switches = bones["upper_arm_parent.L"]
        assert (switches["IK_FK"], switches["pole_vector"]) == (0.5, False)
        assert (bones["hand_ik.L"].location.x, bones["upper_arm_ik_target.L"].location.y) == (0.25, 0.25)
        assert tuple(bones["hand_fk.L"].rotation_quaternion) == (1.0, 0.0, 0.0, 0.0)


def test_keys_that_are_the_users_stay(rigify: bpy.types.Object) -> None:
    control = rigify.pose.bones["hand_ik.L"]
    control.location.x = 0.1
    control.keyframe_insert("location", frame=3)
    rigify.pose.bones["upper_arm_parent.L"]["IK_FK"] = 0.7
    rigify.pose.bones["upper_arm_parent.L"].keyframe_insert('["IK_FK"]', frame=3)
    own = rigify.animation_data.action
    before = [(c.data_path, [tuple(p.co) for p in c.keyframe_points]) for c in curves_of(rigify)]
    found, result = applied(rigify, ik=True)
    assert rigify.animation_data.action != own
    assert max(misses(found, ("hand.L", "hand.R")).values()) < HAND
    remove_transfer(rigify, found.objects.meshes, result.owner)
    assert rigify.animation_data.action == own
    assert [(c.data_path, [tuple(p.co) for p in c.keyframe_points]) for c in curves_of(rigify)] == before


@pytest.fixture
def rigify() -> bpy.types.Object:
    """Rigify's human, generated, with a small box on every bone of head, arms and hands."""
    return rigify_rig()


def test_a_rig_without_ik_controls_is_refused_and_unchanged() -> None:
    armature, body = make_character()
    with pytest.raises(InputError, match="no IK controls") as caught:
        applied(armature, ik=True)
    assert str(caught.value).count(".") == 1
    assert armature.animation_data is None
    assert not body.vertex_groups.get("contact")
