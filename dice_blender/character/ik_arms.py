"""Arms of a rig that can follow by inverse kinematics: which controls their hands and elbows go to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import bpy
from mathutils import Matrix

from ..scene.object_data import armature_of, pose_of

__all__ = ["IkArm", "find_ik_arms", "local_of"]

# Of the arm's length: joints of an IK chain this near to those of the skin's arm are the arm's. Set by hand.
_SAME_JOINT = 0.1
# Bones of an IK chain at most: two, with their twist bones or the collar bone.
_LONGEST_CHAIN = 4
# How many bones above a constraint's target a control is looked for.
_ABOVE = 4


@dataclass(frozen=True)
class IkArm:
    """owner, constraint : the bone that is drawn, and by which of its constraints; chain : its bones, from the hand up.

    hand : the control that the wrist goes to; pole : the one that the elbow points at, "" for none;
    turns_hand : whether the hand also turns with its control.
    """

    owner: str
    constraint: str
    chain: tuple[str, ...]
    hand: str
    pole: str
    turns_hand: bool = True


def find_ik_arms(armature: bpy.types.Object, bones: Mapping[str, str]) -> dict[str, IkArm]:
    """By side, the arms for which the rig has an IK chain from shoulder to wrist whose target can be moved.

    bones : role -> bone of the skin. Chains are told by where their joints rest, not by names.
    """
    pose: Any = pose_of(armature)
    found = {}
    for side in "LR":
        roles = [bones.get(f"{part}.{side}") for part in ("upper_arm", "forearm", "hand")]
        if all(bone is not None for bone in roles):
            arms = [arm for owner in pose.bones for arm in _arms_of(armature, owner, [str(bone) for bone in roles])]
            if arms:
                # One that leads the elbow before one that leaves it.
                found[side] = max(arms, key=lambda arm: bool(arm.pole))
    return found


def local_of(bone: bpy.types.Bone, matrix: Matrix, parent: Matrix | None = None) -> Matrix:
    """The channels of a bone, as a matrix, with which it stands where a matrix of the armature's space says.

    parent : where the bone above stands, None where it rests.
    """
    above = bone.parent
    if above is None:
        return bone.convert_local_to_pose(matrix, bone.matrix_local, invert=True)
    return bone.convert_local_to_pose(
        matrix,
        bone.matrix_local,
        parent_matrix=above.matrix_local if parent is None else parent,
        parent_matrix_local=above.matrix_local,
        invert=True,
    )


def _arms_of(armature: bpy.types.Object, owner: bpy.types.PoseBone, arm: list[str]) -> Iterable[IkArm]:
    for constraint in owner.constraints:
        part: Any = constraint
        if constraint.type != "IK" or part.target != armature or part.subtarget not in armature_of(armature).bones:
            continue
        chain = [owner.name, *(bone.name for bone in owner.parent_recursive)][: part.chain_count or None]
        if not 2 <= len(chain) <= _LONGEST_CHAIN or not _is_arm(armature, chain, arm):
            continue
        hand = _control_of_target(armature, part.subtarget, "lock_location")
        pole = ""
        if part.pole_target == armature and part.pole_subtarget in armature_of(armature).bones:
            pole = _control_of_target(armature, part.pole_subtarget, "lock_location")
        if hand:
            yield IkArm(owner.name, constraint.name, tuple(chain), hand, pole)


def _is_arm(armature: bpy.types.Object, chain: list[str], arm: list[str]) -> bool:
    """Whether a chain has its joints at shoulder and elbow and ends at the wrist. arm : upper arm, forearm, hand."""
    bones = armature_of(armature).bones
    shoulder, elbow, wrist = (bones[name].head_local for name in arm)
    near = _SAME_JOINT * ((elbow - shoulder).length + (wrist - elbow).length)
    joints = [bones[name].head_local for name in chain]
    return (bones[chain[0]].tail_local - wrist).length < near and all(
        any((joint - place).length < near for joint in joints) for place in (shoulder, elbow)
    )


def _control_of_target(armature: bpy.types.Object, target: str, lock: str) -> str:
    """The nearest bone from a constraint's target up that an animator can move, "" for none."""
    bone: Any = pose_of(armature).bones[target]
    for _ in range(_ABOVE):
        if bone is None:
            return ""
        held = any(constraint.type != "LIMIT_DISTANCE" and not constraint.mute for constraint in bone.constraints)
        if not held and not all(getattr(bone, lock)):
            return str(bone.name)
        bone = bone.parent
    return ""
