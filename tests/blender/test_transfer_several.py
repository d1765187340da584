"""Several takes on one character: each comes and goes by itself, and what is the user's comes back at the end."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from dice_blender.character.applying import Applied, apply_motion
from dice_blender.character.objects import CharacterObjects, find_objects
from dice_blender.character.own_parts import list_transfers, remove_transfer
from dice_blender.character.reading import find_map, read_character
from dice_blender.character.take_source import TakeSource

from .small_character import make_character
from .synthetic_motion import FRAMES, synthetic_motion

pytestmark = pytest.mark.usefixtures("scene")


def transferred(name: str, nla: bool = False, **source: str) -> Applied:
    """A take that plays from frame 10 on. source : where it lies and what it is."""
    take = TakeSource(name, **source)
    scene = bpy.context.scene
    objects = find_objects(scene)
    found = read_character(objects, find_map(objects, take), scene)
    times = np.arange(FRAMES) + 10.0
    return apply_motion(found, synthetic_motion(found.character), take, times, scene, nla=nla)


def removed(take: str) -> None:
    objects = character()
    remove_transfer(objects.armature, objects.meshes, list_transfers(objects.armature)[take])


def character() -> CharacterObjects:
    return find_objects(bpy.context.scene)


def playing() -> list[str | None]:
    """Names of the actions that armature and shape keys play."""
    objects = character()
    blocks = (objects.armature, objects.head.data.shape_keys)
    return [data.action and data.action.name for data in (block.animation_data for block in blocks)]


def with_own_actions() -> None:
    """A character whose armature and shape keys have actions of the user's."""
    armature, body = make_character()
    armature.pose.bones["Hips"].keyframe_insert("location", frame=3)
    armature.animation_data.action.name = "walk"
    keys = body.data.shape_keys
    keys.key_blocks["jawOpen"].keyframe_insert("value", frame=3)
    keys.animation_data.action.name = "talk"


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
@pytest.mark.parametrize("nla", [(False, False), (True, False), (False, True)])
def test_in_whatever_order_takes_go_the_users_actions_come_back(order: tuple[str, str], nla: tuple[bool, bool]) -> None:
    with_own_actions()
    for take, on_track in zip(("one", "two"), nla, strict=True):
        transferred(take, on_track)
    for take in order:
        assert bpy.data.actions["walk"].users
        assert bpy.data.actions["talk"].users
        removed(take)
    assert playing() == ["walk", "talk"]
    assert sorted(action.name for action in bpy.data.actions) == ["talk", "walk"]
    assert not any(name.startswith("dice") for name in character().armature.keys())  # noqa: SIM118


def test_the_first_take_goes_while_the_second_plays() -> None:
    with_own_actions()
    first = transferred("one")
    transferred("two")
    during = playing()
    removed("one")
    assert playing() == during
    assert not [action for action in bpy.data.actions if action.get("dice_transfer") == first.owner]


def test_without_the_second_take_the_first_plays_again() -> None:
    with_own_actions()
    transferred("one")
    during = playing()
    transferred("two")
    removed("two")
    assert playing() == during
    bpy.context.scene.frame_set(9 + FRAMES)
    assert character().head.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(1.0)


def test_a_take_that_comes_again_leaves_the_users_action_where_it_is() -> None:
    with_own_actions()
    for take in ("one", "two", "one"):
        transferred(take)
    assert playing()[0].startswith("one")
    removed("one")
    assert playing()[0].startswith("two")
    removed("two")
    assert playing() == ["walk", "talk"]


def test_the_users_action_is_in_the_file_that_is_saved(tmp_path: Path) -> None:
    with_own_actions()
    transferred("one")
    transferred("two")
    path = str(tmp_path / "hero.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    for take in ("two", "one"):
        removed(take)
    assert playing() == ["walk", "talk"]


def test_an_action_that_the_user_chose_in_between_takes_no_other_out_of_the_file() -> None:
    with_own_actions()
    armature = character().armature
    transferred("one")
    armature.animation_data.action = bpy.data.actions.new("run")
    transferred("two")
    removed("two")
    removed("one")
    assert playing()[0] == "run"
    assert bpy.data.actions["walk"].users


def values() -> dict[str, tuple[float, ...]]:
    """What bones and shape keys are, whatever plays."""
    objects = character()
    bones = {
        bone.name: (*bone.location, *bone.rotation_quaternion, *bone.rotation_euler)
        for bone in objects.armature.pose.bones
    }
    return bones | {block.name: (block.value,) for block in objects.head.data.shape_keys.key_blocks}


def posed_by_hand() -> dict[str, tuple[float, ...]]:
    """A character without keys, whose pose and face are no resting ones; its values."""
    armature, body = make_character()
    for bone in armature.pose.bones:
        bone.rotation_quaternion = (0.9, 0.1, -0.2, 0.3)
    armature.pose.bones["LeftHand"].rotation_mode = "XYZ"
    armature.pose.bones["LeftHand"].rotation_euler = (0.1, 7.0, -0.3)
    body.data.shape_keys.key_blocks["jawOpen"].value = 0.25
    bpy.context.view_layer.update()
    return values()


@pytest.mark.parametrize("nla", [False, True])
def test_pose_and_face_are_again_what_they_were(nla: bool, tmp_path: Path) -> None:
    before = posed_by_hand()
    for take in ("one", "two"):
        transferred(take, nla)
    bpy.context.scene.frame_set(9 + FRAMES)
    assert values() != before
    path = str(tmp_path / "hero.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    removed("one")
    bpy.context.scene.frame_set(9 + FRAMES)
    assert character().head.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(1.0)
    removed("two")
    bpy.context.scene.frame_set(8 + FRAMES)
    assert values() == before


def test_what_no_transfer_keys_stays_as_the_user_leaves_it() -> None:
    posed_by_hand()
    transferred("one")
    hips = character().armature.pose.bones["Hips"]
    hips.rotation_quaternion = (0.0, 1.0, 0.0, 0.0)
    removed("one")
    assert tuple(hips.rotation_quaternion) == (0.0, 1.0, 0.0, 0.0)


def test_what_the_user_has_removed_since_is_not_missed() -> None:
    posed_by_hand()
    transferred("one")
    body = character().head
    body.shape_key_remove(body.data.shape_keys.key_blocks["jawOpen"])
    removed("one")
    assert "jawOpen" not in body.data.shape_keys.key_blocks


ONE = {"folder": "/shoot/one", "capture": "a" * 32}
OTHER = {"folder": "/shoot/two", "capture": "b" * 32}


def test_takes_of_one_name_from_two_folders_are_two() -> None:
    make_character()
    first = transferred("clip", **ONE)
    second = transferred("clip", **OTHER)
    assert (first.name, second.name) == ("clip", "clip 2")
    assert list_transfers(character().armature) == {"clip": first.owner, "clip 2": second.owner}
    assert {"clip touches", "clip 2 touches"} <= set(bpy.data.collections.keys())
    again = transferred("clip", **OTHER)
    assert list_transfers(character().armature) == {"clip": first.owner, "clip 2": again.owner}
    removed("clip")
    removed("clip 2")
    assert not any(name.startswith("dice") for name in character().armature.keys())  # noqa: SIM118


@pytest.mark.parametrize(
    "source", [{"folder": ONE["folder"], "capture": "c" * 32}, {"folder": "/moved/one", "capture": ONE["capture"]}]
)
def test_a_take_that_was_captured_anew_or_has_moved_is_the_same(source: dict[str, str]) -> None:
    make_character()
    transferred("clip", **ONE)
    second = transferred("clip", **source)
    assert list_transfers(character().armature) == {"clip": second.owner}
