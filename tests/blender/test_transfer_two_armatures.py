"""A motion on characters whose face or hands have an armature of their own: every vertex goes where it has to."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from dice_blender.character import applying
from dice_blender.character.applying import Applied, apply_motion
from dice_blender.character.joined import bone_called
from dice_blender.character.objects import find_objects
from dice_blender.character.own_parts import list_transfers, remove_transfer
from dice_blender.character.reading import ReadCharacter, find_map, read_character
from dice_blender.character.take_source import TakeSource
from dice_blender.scene.scene_settings import unit_of
from dice_core.errors import InputError

from .ik_rigs import with_pole
from .small_character import make_character
from .synthetic_motion import FRAMES, own_turns, synthetic_motion
from .two_armatures import SPLITS, face_alone

pytestmark = pytest.mark.usefixtures("scene")
TIMES = np.arange(FRAMES) + 10.0
# Metres.
NEAR = 1e-4


def read(**names: object) -> ReadCharacter:
    scene = bpy.context.scene
    objects = find_objects(scene, **names)
    return read_character(objects, find_map(objects, TakeSource("touch")), scene)


def applied(**options: bool) -> tuple[ReadCharacter, Applied]:
    found = read()
    return found, apply_motion(
        found, synthetic_motion(found.character), TakeSource("touch"), TIMES, bpy.context.scene, **options
    )


def largest_miss(found: ReadCharacter, without: tuple[str, ...] = ()) -> float:
    """Metres by which any vertex of a bone with a role misses its place in any frame, expressions and dents aside.

    without : roles that do not count.
    """
    scene, character = bpy.context.scene, found.character
    first = found.objects.armature
    roles = {bone_called(first, bone)[1]: role for role, bone in character.roles.items()}
    owner = [roles.get(bone_called(first, character.bone_names[b])[1], "") for b in character.skin_bones[:, 0]]
    turns, worst = own_turns(character), 0.0
    for item in found.objects.meshes:
        if item.data.shape_keys is not None:
            item.show_only_shape_key, item.active_shape_key_index = True, 0
    for t in range(FRAMES):
        scene.frame_set(int(TIMES[t]))
        layer = bpy.context.evaluated_depsgraph_get()
        for number, item in enumerate(found.objects.meshes):
            shown = item.evaluated_get(layer)
            there = np.array([shown.matrix_world @ vertex.co for vertex in shown.data.vertices]) * unit_of(scene)
            for v in np.flatnonzero(character.object == number).tolist():
                if owner[v] and owner[v] not in without:
                    wanted = (turns[owner[v]][t] @ [*character.vertices[v], 1.0])[:3]
                    off = there[character.object_vertex[v]] - wanted
                    worst = max(worst, float(np.linalg.norm(off)))
    return worst


@pytest.mark.parametrize("split", SPLITS)
def test_every_vertex_goes_where_it_has_to(split: str) -> None:
    first, other = SPLITS[split]()
    found, result = applied()
    assert found.objects.armatures == [first, other]
    assert set(found.character.roles) >= {"head", "neck.1", "hand.L", "index.2.L", "thumb.3.R", "forearm.L"}
    assert largest_miss(found) < NEAR
    assert not result.warnings
    # An action of each armature that has keys, named after the take.
    for item in (first, other):
        assert item.animation_data.action.name.startswith("touch")
        assert item.animation_data.action["dice_transfer"] == result.owner


@pytest.mark.parametrize("split", SPLITS)
def test_the_solver_sees_one_character(split: str) -> None:
    SPLITS[split]()
    character = read().character
    names = list(character.bone_names)
    assert len(set(names)) == len(names)
    above = {role: names[character.bone_parents[names.index(bone)]] for role, bone in character.roles.items()}
    assert above["head"] == character.roles["neck.1"]
    assert above["hand.L"] == character.roles["forearm.L"]

    def carried(bone: int, by: str) -> bool:
        while bone >= 0 and names[bone] != by:
            bone = int(character.bone_parents[bone])
        return bone >= 0

    for role, plain in (("head", "Head"), ("hand.L", "LeftHand"), ("hand.L", "LeftHandIndex3")):
        bones = [k for k, name in enumerate(names) if name.rpartition("/")[2] == plain]
        assert all(carried(bone, character.roles[role]) for bone in bones)
    # The face is found where the other armature has it.
    head = character.object_names[int(character.object[np.flatnonzero(character.head_vertices)[0]])]
    assert head == ("Mask Body" if split.startswith("face") else "Hero Body")
    assert character.head_vertices.sum() > 60
    assert ("jaw" in character.roles) == split.startswith("face")


def test_whichever_is_chosen_the_character_is_the_same() -> None:
    body, face = face_alone()
    for chosen in (body, face, bpy.data.objects["Hero Body"], bpy.data.objects["Mask Body"]):
        objects = find_objects(bpy.context.scene, chosen=[chosen])
        assert objects.armatures == [body, face]
        assert objects.head.name == "Mask Body"
    assert find_objects(bpy.context.scene, armature=face).armatures == [body, face]


def test_run_again_and_removed_both_armatures_are_the_users_own() -> None:
    body, face = face_alone()
    bone = face.pose.bones["Jaw"]
    bone.rotation_mode = "XYZ"
    bone.keyframe_insert("rotation_euler", frame=2)
    mine = face.animation_data.action
    applied()
    found, result = applied()
    assert {action.get("dice_transfer") for action in bpy.data.actions} == {None, result.owner}
    assert face.animation_data.action != mine
    assert list_transfers(found.objects.armature) == {"touch": result.owner}
    remove_transfer(found.objects.armature, found.objects.meshes, result.owner)
    assert face.animation_data.action == mine
    assert body.animation_data.action is None
    assert set(bpy.data.actions) == {mine}


def test_an_error_changes_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    body, face = face_alone()
    bone = face.pose.bones["Jaw"]
    bone.keyframe_insert("location", frame=2)
    mine = face.animation_data.action

    def broken(*_: object) -> None:
        raise RuntimeError("no more memory")

    monkeypatch.setattr(applying, "add_touch_empties", broken)
    with pytest.raises(RuntimeError, match="no more memory"):
        applied()
    assert set(bpy.data.actions) == {mine}
    assert (body.animation_data.action, face.animation_data.action) == (None, mine)
    assert not list_transfers(body)


def test_in_the_nla_each_armature_has_a_track() -> None:
    first, other = SPLITS["face_on_a_bone"]()
    found, _ = applied(nla=True)
    assert [[track.name for track in item.animation_data.nla_tracks] for item in (first, other)] == [["touch"]] * 2
    assert largest_miss(found) < NEAR


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_in_other_units_and_places(unit: float) -> None:
    body, face = face_alone()
    for item in (body, face):
        item.scale = (1 / unit, 1 / unit, 1 / unit)
        item.location = (3 / unit, -1 / unit, 0)
    bpy.context.scene.unit_settings.scale_length = unit
    bpy.context.view_layer.update()
    found, _ = applied()
    assert found.objects.armatures == [body, face]
    assert largest_miss(found) < NEAR


def test_ik_controls_beside_a_face_of_its_own() -> None:
    body, _ = SPLITS["face_copies"]()
    with_pole(body)
    found, _ = applied(ik=True)
    assert found.rig.arms["L"].hand == "reach.L"
    # The twist of upper arm and forearm is up to the chain.
    assert largest_miss(found, ("upper_arm.L", "forearm.L")) < NEAR


def test_the_users_names_join_what_nothing_else_does() -> None:
    body, face = face_alone()
    face.location.x = 0.3
    bpy.context.view_layer.update()
    with pytest.raises(InputError, match="several characters"):
        find_objects(bpy.context.scene)
    objects = find_objects(bpy.context.scene, armature=body, head=bpy.data.objects["Mask Body"])
    assert set(objects.armatures) == {body, face}


def test_two_characters_are_two() -> None:
    hero, _ = make_character(name="Hero")
    horse, _ = make_character(name="Horse")
    horse.location.x = 1.0
    hero.parent = horse
    bpy.context.view_layer.update()
    assert find_objects(bpy.context.scene, armature=hero).armatures == [hero]
    assert find_objects(bpy.context.scene, armature=horse).armatures == [horse]
