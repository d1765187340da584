"""Where a character's hands really are beside its head once it is keyed, against where they were solved to be.

Whatever the rig does counts: constraints, scales of bones and of the armature, drivers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from dice_core.transfer.files import KEPT, Motion

from ..scene.object_data import armature_of, pose_of
from ..scene.scene_settings import unit_of
from .following import alone
from .joined import full_name
from .reading import ReadCharacter
from .rig import Rig, RigPart
from .roles import FINGERS, side_of

__all__ = ["HandPlace", "measure_hands"]

# How many vertices of a hand without fingers are looked at. Set by hand: they move with its bone.
_VERTICES = 8
# Influence from which a touch, or the captured arm, holds wholly.
_WHOLE = 0.999
# Relative: scales that differ by less are one. Set by hand.
_SAME_SCALE = 1e-3
_WORDS = {"L": "left", "R": "right"}


@dataclass(frozen=True)
class HandPlace:
    """side : "left" or "right"; off : metres by which a part of it is off at most, in frames with a touch where there
    are any; lost : how many frames' touch is lost by that; advice : what the user can do."""

    side: str
    off: float
    lost: int
    advice: str


def measure_hands(read: ReadCharacter, motion: Motion, times: np.ndarray, scene: bpy.types.Scene) -> list[HandPlace]:
    """Measure the hands that a motion moves, in the frames in which they touch or are captured.

    times : (T,) scene frames. Of a character whose head does not move there is nothing to measure.
    """
    points = {side: _points(read, motion, side) for side in _WORDS}
    touching = {side: _touching(motion, side) for side in _WORDS}
    captured = {side: motion.hand_weight[:, number] >= _WHOLE for number, side in enumerate(_WORDS)}
    rows = np.flatnonzero(np.any([*touching.values(), *captured.values()], axis=0))
    points = {side: own for side, own in points.items() if own}
    if not points or not len(rows) or "head" not in motion.role_names:
        return []
    roles = ["head", *(role for own in points.values() for role in own)]
    wanted = {role: _wanted(read.rig, motion, role)[rows] for role in roles}
    there = _measured(read, roles, times[rows], unit_of(scene))
    found = []
    for side, own in points.items():
        apart = np.array([_apart(there, wanted, role, some) for role, some in own.items()])
        off = apart.max(axis=0)
        touch = touching[side][rows]
        counted = off[touch] if touch.any() else off[captured[side][rows]]
        lost = int((apart[:, touch].min(axis=0) > KEPT).sum())  # as in a solve, the nearest part tells
        found.append(HandPlace(_WORDS[side], float(counted.max(initial=0.0)), lost, _advice(read, list(own))))
    return found


def _points(read: ReadCharacter, motion: Motion, side: str) -> dict[str, np.ndarray]:
    """Role of a hand -> (n, 3) points that go along with its bone, at rest: of the bones whose skin touches, where some
    do.

    They are the bones' ends: how a bone is turned about its own length is up to the rig. Of a hand without fingers it
    is some of its skin.
    """
    character = read.character
    strongest = character.skin_bones[np.arange(len(character.vertices)), character.skin_weights.argmax(axis=1)]
    touched = motion.contact_weights.max(axis=0, initial=0.0) > 0
    bones = {
        role: character.bone_names.index(name)
        for role, name in zip(motion.role_names, motion.bone_names, strict=True)
        if side_of(role) == side and role.split(".")[0] in ("hand", *FINGERS)
    }
    found = {}
    for role, bone in bones.items():
        ends = np.array([[0, 0, 0, 1], [0, float(character.bone_lengths[bone]), 0, 1]])
        found[role] = (ends @ character.bone_matrices[bone].T)[:, :3]
        skin = np.flatnonzero(strongest == bone)
        if len(bones) == 1 and len(skin):
            some = skin[np.linspace(0, len(skin) - 1, _VERTICES).astype(int)]
            found[role] = character.vertices[some].astype(np.float64)
    touching = {role: points for role, points in found.items() if touched[strongest == bones[role]].any()}
    return touching or found


def _touching(motion: Motion, side: str) -> np.ndarray:
    """(T,) bool: frames in which a hand's touch holds wholly."""
    own = [str(touch["hand"]) == f"hand_{_WORDS[side]}" for touch in motion.touches]
    return np.asarray((motion.touch_influence[:, np.array(own, bool)] >= _WHOLE).any(axis=1))


def _wanted(rig: Rig, motion: Motion, role: str) -> np.ndarray:
    """(T, 4, 4) how a role's skin moves from rest in the world, as solved."""
    column = motion.role_names.index(role)
    rest = rig.matrices[rig.names.index(motion.bone_names[column])]
    return motion.pose_matrices[:, column] @ np.linalg.inv(rest)


def _measured(read: ReadCharacter, roles: list[str], times: np.ndarray, unit: float) -> dict[str, np.ndarray]:
    """Role -> (T, 4, 4) how its skin moves from rest in the world, as Blender evaluates it."""
    owners = {role: _owner(read, role) for role in roles}
    found = {role: np.empty((len(times), 4, 4)) for role in roles}
    metres = np.diag([unit, unit, unit, 1.0])
    with alone(*read.objects.armatures) as scene:
        layer = scene.view_layers[0]
        with bpy.context.temp_override(scene=scene, view_layer=layer):
            for t, time in enumerate(times.tolist()):
                scene.frame_set(math.floor(time), subframe=time - math.floor(time))
                assert layer.depsgraph is not None
                for role, (part, bone) in owners.items():
                    posed: Any = part.armature.evaluated_get(layer.depsgraph)
                    place = metres @ np.array(posed.matrix_world) @ np.array(posed.pose.bones[bone].matrix)
                    rest = part.world @ np.array(armature_of(part.armature).bones[bone].matrix_local)
                    found[role][t] = place @ np.linalg.inv(rest)
    return found


def _owner(read: ReadCharacter, role: str) -> tuple[RigPart, str]:
    """The armature that has a role's bone of the skin, and the bone's name there."""
    first = read.objects.armature
    for part in read.rig.parts:
        bone = part.roles.get(role, "")
        if bone and full_name(first, part.armature, bone) == read.rig.roles[role]:
            return part, bone
    raise KeyError(role)


def _apart(there: dict[str, np.ndarray], wanted: dict[str, np.ndarray], role: str, points: np.ndarray) -> np.ndarray:
    """(T,) metres by which points of a role (n, 3) are apart from where they should be, seen from the head."""
    rows = np.c_[points, np.ones(len(points))].T
    seen = [(np.linalg.inv(moves["head"]) @ moves[role] @ rows)[:, :3] for moves in (there, wanted)]
    apart: np.ndarray = np.linalg.norm(seen[0] - seen[1], axis=1).max(axis=1)
    return apart


def _advice(read: ReadCharacter, roles: list[str]) -> str:
    """What most likely holds a hand off its place."""
    for armature in read.objects.armatures:
        scale = np.linalg.norm(np.array(armature.matrix_world)[:3, :3], axis=0)
        if float(np.ptp(scale)) > _SAME_SCALE * float(scale.max()):
            return f"apply the scale of {armature.name}"
    for role in ("head", *roles):
        part, name = _owner(read, role)
        bone: Any = pose_of(part.armature).bones[name]
        for above in (bone, *bone.parent_recursive):
            if float(np.abs(np.array(above.scale) - 1.0).max()) > _SAME_SCALE:
                return f"clear the scale of the bone {above.name} in Pose Mode"
            for constraint in above.constraints:
                if constraint.type.startswith("LIMIT_") and not constraint.mute:
                    return f"mute {constraint.name} of the bone {above.name}"
    return f"look for constraints that hold bones of {read.objects.armature.name}"
