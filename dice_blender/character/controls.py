"""What an animator moves so that a bone of the skin moves: the bone itself, or the control that it is bound to."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy

from ..scene.object_data import pose_of
from .ik_arms import IkArm, find_ik_arms
from .switches import Switch, driving_properties, known_switches

__all__ = ["Controls", "bones_handing_on", "find_controls", "mark_of"]

# Constraints by which rigs hand a control's pose on to the bones of the skin.
_HANDING_ON = {"COPY_TRANSFORMS", "COPY_ROTATION", "CHILD_OF", "ARMATURE"}
# How many constraints are followed from a bone to its control; Rigify has three.
_LONGEST_CHAIN = 6
# How many bones above one of them are looked at for constraints that hand on to it; Rigify has two.
_ABOVE = 2

_RIGIFY = {
    "head": "head",
    "neck.1": "neck",
    "neck.2": "neck",
    "jaw": "jaw_master",
    "shoulder": "shoulder.{s}",
    "upper_arm": "upper_arm_fk.{s}",
    "forearm": "forearm_fk.{s}",
    "hand": "hand_fk.{s}",
    **{f"thumb.{n}": f"thumb.0{n}.{{s}}" for n in (1, 2, 3)},
    **{f"{f}.{n}": f"f_{f}.0{n}.{{s}}" for f in ("index", "middle", "ring", "pinky") for n in (1, 2, 3)},
}
_AUTO_RIG_PRO = {
    "head": "c_head.x",
    "neck.1": "c_neck.x",
    "jaw": "c_jawbone.x",
    "shoulder": "c_shoulder.{s}",
    "upper_arm": "c_arm_fk.{s}",
    "forearm": "c_forearm_fk.{s}",
    "hand": "c_hand_fk.{s}",
    **{f"{f}.{n}": f"c_{f}{n}.{{s}}" for f in ("thumb", "index", "middle", "ring", "pinky") for n in (1, 2, 3)},
    **{f"{f}.0": f"c_{f}1_base.{{s}}" for f in ("index", "middle", "ring", "pinky")},
}


@dataclass(frozen=True)
class Controls:
    """of : role -> the bone that is keyed for it; switches : what has to be set for controls of one kind to act;
    arms : by side, those that can follow by IK."""

    of: dict[str, str]
    switches: list[Switch] = field(default_factory=list)
    arms: dict[str, IkArm] = field(default_factory=dict)


def find_controls(armature: bpy.types.Object, bones: Mapping[str, str]) -> Controls:
    """The control of each role, for arms those of FK, as far as names and constraints tell. bones : role -> bone of the
    skin.

    A role whose bone is bound to something that cannot be found is left out.
    """
    pose: Any = pose_of(armature)
    arms = find_ik_arms(armature, bones)
    switches = [s for side in "LR" for s in _switches_of(armature, side, bones, arms.get(side))]
    # A chain of the skin's own bones is free where its constraint is switched off.
    freed = {(switch.bone, switch.name) for switch in switches if switch.constraint}
    found: dict[str, str] = {}
    for role, bone in bones.items():
        control = _control_of(pose, role, bone, freed)
        if control:
            found[role] = control
    return Controls(found, switches, arms)


def _switches_of(armature: bpy.types.Object, side: str, bones: Mapping[str, str], arm: IkArm | None) -> list[Switch]:
    bone = bones.get(f"hand.{side}")
    if bone is None:
        return []
    pose = pose_of(armature)
    known = known_switches(pose, side, mark_of(side, bone))
    if known or arm is None or arm.owner != bones[f"forearm.{side}"] or driving_properties(armature, [arm.owner]):
        return known
    return [Switch(side, arm.owner, arm.constraint, 0.0, 1.0, constraint=True)]


def mark_of(side: str, bone: str) -> str:
    """How a rig says the side of a bone: a mirrored character has its left on its right."""
    end = bone.rpartition(".")[2]
    return end if end.upper() in ("L", "R") else side


def _control_of(pose: bpy.types.Pose, role: str, bone: str, freed: set[tuple[str, str]]) -> str:
    """The control of a bone, "" where it is bound and nothing of what binds it can be keyed."""
    side = role.rpartition(".")[2]
    name = role.removesuffix(f".{side}") if side in ("L", "R") else role
    side = mark_of(side, bone)
    for table, mark in ((_RIGIFY, side.upper()), (_AUTO_RIG_PRO, side.lower())):
        control = table.get(name, "").format(s=mark)
        if control in pose.bones and _can_be_keyed(pose.bones[control]):
            return control
    if _bound(pose.bones[bone], freed):
        return _followed(pose, bone)
    # A bone that only hangs from bound ones, such as Rigify's palms, is no animator's business.
    return "" if bone.startswith("DEF-") and any(_bound(above) for above in pose.bones[bone].parent_recursive) else bone


def _followed(pose: bpy.types.Pose, bone: str) -> str:
    """The free bone at the end of the constraints of a bone, an FK control before others."""
    reached, waiting = {bone}, [bone]
    ends: list[str] = []
    for _ in range(_LONGEST_CHAIN):
        following = [target for name in waiting for target in _targets(pose, name) if target not in reached]
        reached.update(following)
        ends += [name for name in following if not _bound(pose.bones[name]) and _can_be_keyed(pose.bones[name])]
        waiting = following
    ends.sort(key=lambda name: ("fk" not in name.lower(), "ik" in name.lower()))
    return ends[0] if ends else ""


def bones_handing_on(pose: bpy.types.Pose, bones: Iterable[str]) -> list[str]:
    """Bones, those not far above them, and all whose pose constraints hand on to either."""
    reached: dict[str, None] = {}
    waiting = list(bones)
    for _ in range(_LONGEST_CHAIN):
        waiting += [above.name for bone in waiting for above in pose.bones[bone].parent_recursive[:_ABOVE]]
        reached |= dict.fromkeys(waiting)
        waiting = [target for name in waiting for target in _targets(pose, name) if target not in reached]
    return list(reached)


def _targets(pose: bpy.types.Pose, bone: str) -> list[str]:
    targets: list[str] = []
    for constraint in pose.bones[bone].constraints:
        part: Any = constraint
        if constraint.type not in _HANDING_ON or constraint.mute:
            continue
        holders = part.targets if constraint.type == "ARMATURE" else [part]
        targets += [h.subtarget for h in holders if h.target == pose.id_data and h.subtarget in pose.bones]
    return targets


def _bound(bone: bpy.types.PoseBone, freed: Container[tuple[str, str]] = ()) -> bool:
    """Whether something else than its own keys decides how a bone stands. freed : constraints that are switched off."""
    ways = _HANDING_ON | {"STRETCH_TO", "DAMPED_TRACK", "IK", "TRACK_TO", "LOCKED_TRACK"}
    return any(c.type in ways and not c.mute and (bone.name, c.name) not in freed for c in bone.constraints)


def _can_be_keyed(bone: Any) -> bool:
    return not all(bone.lock_rotation)
