"""A solved motion onto a character in the file: wholly or not at all, in place of an earlier one of the same take."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import bpy
import numpy as np

from dice_core.errors import InputError
from dice_core.transfer.files import Motion

from ..scene.object_data import armature_of
from ..scene.rollback import removed_on_failure
from ..scene.scene_settings import unit_of
from .actions import ActionMaker
from .hand_places import HandPlace, measure_hands
from .own_parts import free_name, remember, remove_transfer, transfer_of
from .posing import key_pose, wanted_turns
from .reading import ReadCharacter
from .surface_parts import add_surface_parts, driven_expressions
from .take_source import TakeSource
from .touch_empties import add_touch_empties

__all__ = ["Applied", "apply_motion", "check_ik"]

# Metres by which controls and hands may miss their places before the user is told. Set by hand.
_WORTH_SAYING = 1e-3


@dataclass
class Applied:
    """owner : id of the transfer; name : what its actions are called; empties : of its touches; lost : "left" or
    "right" -> frames in which that hand's touch is lost, by what the rig does; warnings : sentences for the user."""

    owner: str
    name: str
    empties: list[bpy.types.Object] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def apply_motion(
    read: ReadCharacter,
    motion: Motion,
    take: TakeSource,
    times: np.ndarray,
    scene: bpy.types.Scene,
    *,
    nla: bool = False,
    ik: bool = False,
) -> Applied:
    """Key a character, add its dents, contact and touches, and replace what an earlier transfer of the take has made.

    take : has the name that the actions get, with a number where another take on the character is called so; times :
    (T,) scene frames, rising; nla : push the actions to tracks of their own, instead of having them played in place of
    the user's; ik : key the arms' IK controls instead of FK's.
    Raises InputError where the motion is another character's, or where the rig has no IK controls that are wanted; the
    file is then as it was.
    """
    _check_fits(read, motion, times)
    if ik:
        check_ik(read)
    armature, meshes = read.objects.armature, read.objects.meshes
    turns = [wanted_turns(read.rig, part, motion) for part in read.rig.parts]
    name, earlier = transfer_of(armature, take)
    name = name or free_name(armature, take)
    applied = Applied(uuid.uuid4().hex, name)
    actions = ActionMaker(name, applied.owner, nla=nla)
    if earlier:
        remove_transfer(armature, meshes, earlier)
    try:
        with removed_on_failure(), actions.abandoned_on_failure():
            off = 0.0
            for part, own in zip(read.rig.parts, turns, strict=True):
                if own or part.armature == armature:
                    off = max(off, key_pose(armature, part, own, actions.curves(part.armature), times, ik=ik))
            add_surface_parts(meshes, read.character, motion, actions, applied.owner, times)
            applied.empties = add_touch_empties(
                scene,
                read.objects.armatures,
                meshes,
                read.character,
                motion,
                actions,
                applied.owner,
                name,
                times,
                unit_of(scene),
            )
            actions.finish(float(times[0]))
            hands = measure_hands(read, motion, times, scene)
    except BaseException:
        remove_transfer(armature, meshes, applied.owner)
        raise
    remember(armature, name, applied.owner, take)
    held = driven_expressions(meshes, motion)
    if held:
        applied.warnings.append(
            f"Drivers hold {len(held)} shape keys, which do not follow the take (such as {held[0]}): "
            "mute the drivers, or choose other keys in the list."
        )
    if ik:
        applied.warnings += [
            f"{armature.name} has no IK controls for its {word} arm, which has FK keys."
            for side, word in (("L", "left"), ("R", "right"))
            if any(f"hand.{side}" in own for own in turns) and side not in read.rig.arms
        ]
    applied.lost = {hand.side: hand.lost for hand in hands if hand.lost}
    applied.warnings += [_sentence(hand, armature.name) for hand in hands if hand.off > _WORTH_SAYING]
    if off * unit_of(scene) > _WORTH_SAYING:
        applied.warnings.append(
            f"Controls of {armature.name} are up to {off * unit_of(scene) * 1000:.1f} mm off: "
            "look for constraints that hold them."
        )
    applied.warnings += [
        f"{item.name} is shown in its rest position: switch it to Pose Position."
        for item in read.objects.armatures
        if armature_of(item).pose_position == "REST"
    ]
    return applied


def _sentence(hand: HandPlace, name: str) -> str:
    frames = "1 frame" if hand.lost == 1 else f"{hand.lost} frames"
    lost = f", and loses its touch in {frames}" if hand.lost else ""
    return f"The {hand.side} hand of {name} is up to {hand.off * 1000:.1f} mm off its place{lost}: {hand.advice}."


def check_ik(read: ReadCharacter) -> None:
    """Raises InputError where no arm of a character can follow IK controls."""
    if not read.rig.arms:
        raise InputError(f"{read.objects.armature.name} has no IK controls for its arms: choose FK.")


def _check_fits(read: ReadCharacter, motion: Motion, times: np.ndarray) -> None:
    """Raises InputError where a motion was solved for another character."""
    count = len(read.character.vertices)
    sizes = {motion.made_key_deltas.shape[1], motion.dent_deltas.shape[1], motion.contact_weights.shape[1]}
    triangles = [touch[f"{part}_triangle"] for touch in motion.touches for part in ("face", "hand")]
    unknown = set(motion.bone_names) - set(read.rig.names)
    if sizes != {count} or unknown or len(times) != len(motion.frame):
        raise InputError(f"{read.objects.armature.name} has been changed since the transfer began: transfer again.")
    if any(not 0 <= triangle < len(read.character.triangles) for triangle in triangles):
        raise InputError("The solved motion names triangles that are not there: transfer again.")
