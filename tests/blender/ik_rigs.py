"""IK controls for the left arm of the small character, as rigs of several kinds have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from mathutils import Vector

from dice_blender.scene.armature import editing

__all__ = ["RIGS", "of_its_own_kind", "with_pole"]


def own_bones(armature: bpy.types.Object) -> None:
    """IK on the skin's own bones, switched by the constraint alone, without a pole; the hand turns by itself."""
    add_bones(armature, {"reach.L": "LeftHand"})
    constraint: Any = armature.pose.bones["LeftForeArm"].constraints.new("IK")
    constraint.target, constraint.subtarget, constraint.chain_count = armature, "reach.L", 2


def with_the_collar(armature: bpy.types.Object) -> None:
    """The same, with the collar bone in the chain."""
    own_bones(armature)
    armature.pose.bones["LeftForeArm"].constraints[0].chain_count = 3


def with_pole(armature: bpy.types.Object) -> None:
    """The same with a pole, the hand turning with its control, which hangs from the head."""
    add_bones(armature, {"reach.L": "LeftHand", "elbow.L": "LeftForeArm"}, above="Head")
    constraint: Any = armature.pose.bones["LeftForeArm"].constraints.new("IK")
    constraint.target, constraint.subtarget, constraint.chain_count = armature, "reach.L", 2
    constraint.pole_target, constraint.pole_subtarget = armature, "elbow.L"
    constraint.pole_angle = -2.0
    turn: Any = armature.pose.bones["LeftHand"].constraints.new("COPY_ROTATION")
    turn.target, turn.subtarget = armature, "reach.L"


def auto_rig_pro(armature: bpy.types.Object) -> None:
    """Chains for FK and for IK beside the skin's, blended by a property of the hand's control, as Auto-Rig Pro's."""
    names = {"LeftArm": "arm", "LeftForeArm": "forearm", "LeftHand": "hand"}
    fk = {f"c_{part}_fk.l": bone for bone, part in names.items()}
    add_bones(armature, {"c_hand_ik.l": "LeftHand", "c_arms_pole.l": "LeftForeArm"})
    add_bones(armature, fk, above="LeftShoulder", chain=True)
    add_bones(armature, {"arm_ik.l": "LeftArm", "forearm_ik.l": "LeftForeArm"}, above="LeftShoulder", chain=True)
    pose = armature.pose.bones
    pose["c_hand_ik.l"]["ik_fk_switch"] = 0.4
    reach: Any = pose["forearm_ik.l"].constraints.new("IK")
    reach.target, reach.subtarget, reach.chain_count = armature, "c_hand_ik.l", 2
    reach.pole_target, reach.pole_subtarget, reach.pole_angle = armature, "c_arms_pole.l", 1.0
    for bone, part in names.items():
        for kind, kept in ((f"{part}_ik.l" if part != "hand" else "c_hand_ik.l", "1-x"), (f"c_{part}_fk.l", "x")):
            follow: Any = pose[bone].constraints.new("COPY_ROTATION" if part == "hand" else "COPY_TRANSFORMS")
            follow.target, follow.subtarget = armature, kind
            if kept == "x":
                drive(armature, bone, follow.name, "c_hand_ik.l", "ik_fk_switch", kept)


def of_its_own_kind(armature: bpy.types.Object) -> None:
    """The same, with names that nobody knows, a switch the other way around, and a property that changes nothing."""
    auto_rig_pro(armature)
    renamed = {"c_hand_ik.l": "griff", "c_arms_pole.l": "ellbogen"}
    for old, new in renamed.items():
        armature.data.bones[old].name = new
    for part in ("arm", "forearm", "hand"):
        armature.data.bones[f"c_{part}_fk.l"].name = f"{part} fk links"
    pose = armature.pose.bones
    del pose["griff"]["ik_fk_switch"]
    pose["LeftShoulder"]["zu"], pose["griff"]["mode"] = 0.2, 1
    for curve in list(armature.animation_data.drivers):
        armature.animation_data.drivers.remove(curve)
    for bone in ("LeftArm", "LeftForeArm", "LeftHand"):
        drive(armature, bone, pose[bone].constraints[1].name, "griff", "mode", "1-x")
        drive(armature, bone, pose[bone].constraints[0].name, "LeftShoulder", "zu", "1")


RIGS: dict[str, Callable[[bpy.types.Object], None]] = {
    build.__name__: build for build in (own_bones, with_the_collar, with_pole, auto_rig_pro, of_its_own_kind)
}


def add_bones(armature: bpy.types.Object, new: dict[str, str], above: str = "", chain: bool = False) -> None:
    """Bones of controls, name -> bone that they lie on; poles stand behind the elbow."""
    bpy.context.scene.collection.objects.unlink(armature)
    with editing(armature):
        edits = armature.data.edit_bones
        for name, bone in new.items():
            edit = edits.new(name)
            edit.head, edit.tail, edit.roll = edits[bone].head, edits[bone].tail, edits[bone].roll
            edit.use_deform = False
            if bone == "LeftForeArm" and not chain:
                edit.head += Vector((0.1, 0.4, 0.05))
                edit.tail = edit.head + Vector((0, 0.05, 0))
            elif not chain:
                edit.roll += 0.7
            edit.parent = edits[above] if above else None
            above = name if chain else above
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.update()


def drive(armature: bpy.types.Object, bone: str, constraint: str, holder: str, name: str, expression: str) -> None:
    """Have a property decide how much a constraint holds."""
    driver: Any = armature.driver_add(f'pose.bones["{bone}"].constraints["{constraint}"].influence').driver
    driver.expression = expression
    variable = driver.variables.new()
    variable.name, variable.type = "x", "SINGLE_PROP"
    variable.targets[0].id, variable.targets[0].data_path = armature, f'pose.bones["{holder}"]["{name}"]'
