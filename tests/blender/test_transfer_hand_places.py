"""Hands that a rig holds off their places: said in millimetres, with what to do, and their touches are not kept."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np
import pytest

from dice_blender.character.applying import Applied, apply_motion
from dice_blender.character.objects import find_objects
from dice_blender.character.reading import find_map, read_character
from dice_blender.character.take_source import TakeSource

from .small_character import make_character
from .synthetic_motion import FRAMES, synthetic_motion

pytestmark = pytest.mark.usefixtures("scene")


def applied(change: Callable[[bpy.types.Object], object]) -> Applied:
    """The synthetic motion, whose left hand touches in its last frame, on a character that is changed before."""
    armature, _ = make_character()
    change(armature)
    scene = bpy.context.scene
    bpy.context.view_layer.update()
    objects = find_objects(scene)
    found = read_character(objects, find_map(objects), scene)
    times = np.arange(FRAMES) + 10.0
    return apply_motion(found, synthetic_motion(found.character), TakeSource("touch"), times, scene)


def stretched(armature: bpy.types.Object) -> None:
    armature.scale = (1.0, 1.0, 1.2)


def limited(bone: str) -> Callable[[bpy.types.Object], None]:
    def change(armature: bpy.types.Object) -> None:
        limit = armature.pose.bones[bone].constraints.new("LIMIT_ROTATION")
        limit.use_limit_x = limit.use_limit_y = limit.use_limit_z = True
        limit.owner_space = "LOCAL"

    return change


def long_arm(armature: bpy.types.Object) -> None:
    armature.pose.bones["LeftArm"].scale = (1.0, 1.2, 1.0)


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        (stretched, "apply the scale of Hero"),
        (limited("LeftForeArm"), "mute Limit Rotation of the bone LeftForeArm"),
        (limited("Head"), "mute Limit Rotation of the bone Head"),
        (long_arm, "clear the scale of the bone LeftArm"),
    ],
)
def test_a_hand_that_is_off_is_said_and_its_touch_is_not_kept(change: Callable, advice: str) -> None:
    result = applied(change)
    assert result.lost == {"left": 1}
    sentence = next(warning for warning in result.warnings if advice in warning)
    assert float(sentence.split(" is up to ")[1].split(" mm")[0]) > 6
    assert "loses its touch in 1 frame:" in sentence


def bent(armature: bpy.types.Object) -> None:
    """Bones that no take keys, so that head and hands go along together."""
    armature.pose.bones["Hips"].rotation_quaternion = (0.9, 0.3, 0.2, 0.1)


def large(armature: bpy.types.Object) -> None:
    armature.scale = (3.0, -3.0, 3.0)


def muted(armature: bpy.types.Object) -> None:
    limited("LeftForeArm")(armature)
    armature.pose.bones["LeftForeArm"].constraints[0].mute = True


@pytest.mark.parametrize("change", [bent, large, muted, limited("LeftShoulder")])
def test_nothing_is_said_of_hands_that_are_where_they_belong(change: Callable) -> None:
    result = applied(change)
    assert not result.lost
    assert not result.warnings
