"""A solved motion on a character: bones stand where they have to, and what is the user's is untouched."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest

from dice_blender.character import applying
from dice_blender.character.applying import Applied, apply_motion
from dice_blender.character.objects import find_objects
from dice_blender.character.own_parts import list_transfers, remove_transfer
from dice_blender.character.reading import ReadCharacter, find_map, read_character
from dice_blender.character.take_source import TakeSource
from dice_blender.scene.animation import curves_of
from dice_blender.scene.scene_settings import unit_of
from dice_core.errors import InputError

from .small_character import make_character
from .synthetic_motion import FRAMES, own_turns, synthetic_motion, without_touches

pytestmark = pytest.mark.usefixtures("scene")
TIMES = np.arange(FRAMES) + 10.0


def read() -> ReadCharacter:
    scene = bpy.context.scene
    objects = find_objects(scene)
    return read_character(objects, find_map(objects, TakeSource("touch")), scene)


def applied(nla: bool = False) -> tuple[ReadCharacter, Applied]:
    found = read()
    return found, apply_motion(
        found, synthetic_motion(found.character), TakeSource("touch"), TIMES, bpy.context.scene, nla=nla
    )


def largest_miss(found: ReadCharacter) -> float:
    """Metres by which the end of any bone misses its place in any frame, as Blender evaluates it."""
    scene, armature = bpy.context.scene, found.objects.armature
    turns = own_turns(found.character)
    index = {name: number for number, name in enumerate(found.character.bone_names)}
    worst = 0.0
    for t in range(FRAMES):
        scene.frame_set(int(TIMES[t]))
        posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for role, bone in found.character.roles.items():
            number = index[bone]
            tip = found.character.bone_matrices[number] @ [0, found.character.bone_lengths[number], 0, 1]
            wanted = (turns[role][t] @ tip)[:3]
            there = np.array(posed.matrix_world @ posed.pose.bones[bone].tail) * unit_of(scene)
            worst = max(worst, float(np.abs(there - wanted).max()))
    return worst


def test_every_bone_stands_where_it_has_to() -> None:
    make_character()
    found, _ = applied()
    assert largest_miss(found) < 1e-5


@pytest.mark.parametrize("mode", ["XYZ", "ZXY", "AXIS_ANGLE"])
def test_bones_keep_their_rotation_mode(mode: str) -> None:
    armature, _ = make_character()
    for bone in armature.pose.bones:
        bone.rotation_mode = mode
    found, _ = applied()
    assert {bone.rotation_mode for bone in armature.pose.bones} == {mode}
    assert largest_miss(found) < 1e-5


@pytest.mark.parametrize("scale", [(2.0, 2.0, 2.0), (-1.0, 1.0, 1.0)])
def test_scaled_mirrored_and_in_centimetres(scale: tuple[float, float, float]) -> None:
    armature, _ = make_character()
    armature.scale = scale
    armature.location, armature.rotation_euler = (40.0, 10.0, -5.0), (0.0, 0.0, 1.0)
    bpy.context.scene.unit_settings.scale_length = 0.01
    bpy.context.view_layer.update()
    found, _ = applied()
    assert largest_miss(found) < 1e-5


def test_controls_are_keyed_where_they_bind_the_skins_bones() -> None:
    armature, _ = make_character()
    controlled(armature)
    found, result = applied()
    assert found.rig.controls.of["hand.L"] == "CTRL_LeftHand"
    paths = {curve.data_path.split('"')[1] for curve in curves_of(armature)}
    assert "CTRL_LeftHand" in paths
    assert not any(path.startswith("Left") for path in paths)
    assert largest_miss(found) < 2e-4
    assert not result.warnings


def test_looking_for_controls_leaves_the_pose_as_it_is() -> None:
    armature, _ = make_character()
    controlled(armature)
    bone = armature.pose.bones["CTRL_LeftArm"]
    bone.rotation_mode = "XYZ"
    bone.rotation_euler, bone.scale = (7.0, 0.5, -9.0), (1.5, 1.0, 1.0)
    bone["grip"] = 0.25
    read()
    assert tuple(bone.rotation_euler) == (7.0, 0.5, -9.0)
    assert tuple(bone.scale) == (1.5, 1.0, 1.0)
    assert bone["grip"] == 0.25


def controlled(armature: bpy.types.Object) -> None:
    """Bind every bone to a control of its own, by constraints, as rigs with controls do."""
    from dice_blender.scene.armature import editing

    names = [bone.name for bone in armature.data.bones]
    bpy.context.scene.collection.objects.unlink(armature)
    with editing(armature):
        edits = armature.data.edit_bones
        for name in names:
            control = edits.new(f"CTRL_{name}")
            control.head, control.tail, control.roll = edits[name].head, edits[name].tail, 0.4
            control.use_deform = False
        for name in names:
            if edits[name].parent is not None:
                edits[f"CTRL_{name}"].parent = edits[f"CTRL_{edits[name].parent.name}"]
        for name in names:
            edits[name].parent = None
    bpy.context.scene.collection.objects.link(armature)
    for name in names:
        constraint: Any = armature.pose.bones[name].constraints.new("ARMATURE")
        target = constraint.targets.new()
        target.target, target.subtarget = armature, f"CTRL_{name}"
    bpy.context.view_layer.update()


def test_expressions_dents_contact_and_touches() -> None:
    armature, body = make_character()
    found, result = applied()
    scene, blocks = bpy.context.scene, body.data.shape_keys.key_blocks
    scene.frame_set(int(TIMES[-1]))
    assert blocks["jawOpen"].value == pytest.approx(1.0)
    assert blocks["contact.01"].value == pytest.approx(1.0)
    assert body["contact_lips"] == pytest.approx(1.0)
    assert {"contact", "contact.lips"} <= {group.name for group in body.vertex_groups}
    scene.frame_set(int(TIMES[2]))
    assert blocks["eyeBlink_L"].value == pytest.approx(2 / 5)
    assert body["contact_lips"] == pytest.approx(2 / 5)
    touch = synthetic_motion(found.character).touches[0]
    for empty, part in zip(result.empties, ("face", "hand"), strict=True):
        assert empty["influence"] == pytest.approx(2 / 5)
        corners = found.character.triangles[touch[f"{part}_triangle"]]
        shown = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
        points = np.array([shown.matrix_world @ shown.data.vertices[int(v)].co for v in corners])
        place = np.array(empty.matrix_world.translation)
        np.testing.assert_allclose(place, np.array(touch[f"{part}_weights"]) @ points, atol=1e-3)
    assert armature.animation_data.action.name == "touch"


def test_a_head_without_keys_gets_those_that_were_made() -> None:
    _, body = make_character(keys=False)
    applied()
    bpy.context.scene.frame_set(int(TIMES[-1]))
    assert body.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(1.0)
    found = read()
    assert not found.character.expressions  # run again, they are made again
    remove_transfer(found.objects.armature, found.objects.meshes, list_transfers(found.objects.armature)["touch"])
    assert body.data.shape_keys is None


def user_state(armature: bpy.types.Object, body: bpy.types.Object) -> dict[str, Any]:
    """All that is the user's."""
    keys = body.data.shape_keys
    return {
        "action": armature.animation_data.action.name if armature.animation_data.action else None,
        "curves": [(c.data_path, c.array_index, [tuple(p.co) for p in c.keyframe_points]) for c in curves_of(armature)],
        "keys": [block.name for block in keys.key_blocks],
        "drivers": [d.data_path for d in keys.animation_data.drivers],
        "groups": [group.name for group in body.vertex_groups],
        "modifiers": [modifier.name for modifier in body.modifiers],
        "properties": sorted(name for name in body.keys() if not name.startswith("cycles")),  # noqa: SIM118
        "objects": sorted(item.name for item in bpy.data.objects),
        "actions": sorted(action.name for action in bpy.data.actions),
        "collections": sorted(item.name for item in bpy.data.collections),
    }


def with_users_work() -> tuple[bpy.types.Object, bpy.types.Object]:
    armature, body = make_character()
    bone = armature.pose.bones["RightArm"]
    bone.rotation_mode = "QUATERNION"
    bone.keyframe_insert("rotation_quaternion", frame=3)
    armature.animation_data.action.name = "walk"
    body.data.shape_keys.key_blocks["mouthSmile_L"].driver_add("value").driver.expression = "0.5"
    body["mine"] = 3
    body.modifiers.new("Smooth", "SMOOTH")
    return armature, body


@pytest.mark.parametrize("nla", [False, True])
def test_removed_again_the_character_is_the_users_own(nla: bool) -> None:
    armature, body = with_users_work()
    before = user_state(armature, body)
    found, result = applied(nla)
    during = user_state(armature, body)
    assert {"action", "curves"} <= {name for name in before if nla or before[name] != during[name]} or nla
    assert during["drivers"] == before["drivers"]
    assert during["modifiers"] == before["modifiers"]
    remove_transfer(found.objects.armature, found.objects.meshes, result.owner)
    assert user_state(armature, body) == before
    assert not list_transfers(armature)


def test_in_the_nla_the_users_action_keeps_playing() -> None:
    armature, body = with_users_work()
    applied(nla=True)
    assert armature.animation_data.action.name == "walk"
    tracks = armature.animation_data.nla_tracks
    assert [track.name for track in tracks] == ["touch"]
    assert tracks[0].strips[0].frame_start == TIMES[0]
    bpy.context.scene.frame_set(int(TIMES[-1]))
    assert body.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(1.0)


def test_run_again_it_replaces_its_own_result() -> None:
    armature, body = with_users_work()
    applied()
    first = user_state(armature, body)
    applied()
    assert user_state(armature, body) == first


def test_an_error_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    armature, body = with_users_work()
    before = user_state(armature, body)

    def broken(*_: object) -> None:
        raise RuntimeError("no more memory")

    monkeypatch.setattr(applying, "add_touch_empties", broken)
    with pytest.raises(RuntimeError, match="no more memory"):
        applied()
    assert user_state(armature, body) == before


def test_keys_that_drivers_hold_are_named() -> None:
    with_users_work()
    _, result = applied()
    assert any("mouthSmile_L" in warning for warning in result.warnings)


def test_a_motion_of_another_character_is_refused() -> None:
    make_character()
    found = read()
    motion = without_touches(synthetic_motion(found.character))
    with pytest.raises(InputError, match="transfer again"):
        apply_motion(found, motion, TakeSource("touch"), TIMES[:-1], bpy.context.scene)
