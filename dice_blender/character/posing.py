"""A solved motion as keys of the bones that an animator moves."""

from __future__ import annotations

import math
from typing import Any

import bpy
import numpy as np
from mathutils import Euler, Matrix

from dice_core.transfer.files import Motion

from ..scene.animation import CurveWriter
from ..scene.object_data import armature_of, pose_of
from .following import alone
from .reaching import ReachingArm
from .rig import Rig, RigPart
from .switches import switch_path

__all__ = ["key_pose", "wanted_turns"]

# Of controls that other bones move along, in the units of the armature and as parts of a matrix: what is off by more is
# corrected, as often as the second number says, while a correction leaves no more than the third's share of it. Set by
# hand; Rigify needs two corrections.
_NEAR = 1e-4
_MOST_CORRECTIONS = 6
_GAIN = 0.9
# In the units of the armature: a bone that moves from its place by less has no keys for that. Set by hand.
_STILL = 1e-5


def wanted_turns(rig: Rig, part: RigPart, motion: Motion) -> dict[str, np.ndarray]:
    """Role -> (T, 4, 4): how its bone of the skin moves from rest, in the space of an armature that has the role."""
    inverse = np.linalg.inv(part.world)
    index = {name: number for number, name in enumerate(rig.names)}
    turns = {}
    for column, (role, bone) in enumerate(zip(motion.role_names, motion.bone_names, strict=True)):
        if rig.roles.get(role) != bone or role not in part.roles:
            continue
        rest = rig.matrices[index[bone]]
        local = inverse @ motion.pose_matrices[:, column] @ np.linalg.inv(rest) @ part.world
        local[:, :3, :3] = _proper(local[:, :3, :3])
        turns[role] = local
    return turns


def key_pose(
    first: bpy.types.Object,
    part: RigPart,
    turns: dict[str, np.ndarray],
    curves: CurveWriter,
    times: np.ndarray,
    *,
    ik: bool = False,
) -> float:
    """Keys for the controls of all roles of an armature. first : the armature that moves with the scene, and that may
    carry this one; times : (T,) scene frames; ik : arms that can follow their IK controls do.

    Returns the largest distance, in the armature's units, of a control from where it was to be: 0 where nothing but
    the bones' own keys moves them, so that nothing had to be measured.
    """
    sides = [side for side in part.controls.arms if ik and f"hand.{side}" in turns]
    arms = [ReachingArm(part, side, turns) for side in sides]
    pose = _Pose(part, turns, arms)
    moved = {role.rpartition(".")[2] for role in turns}
    for switch in part.controls.switches:
        value = switch.ik if switch.side in sides else switch.fk
        if switch.side in moved and value is not None:
            curves.write(switch_path(switch), 0, times[:1], np.array([value]), group=switch.bone, stepped=True)
    pose.write(curves, times)
    if not arms and not part.carried and all(part.controls.of[role] == part.roles[role] for role in turns):
        return 0.0
    return _correct(first, part, pose, curves, times)


class _Pose:
    """The channels of all controls. bases : of those that are turned, role -> (T, 4, 4); arms : that follow by IK."""

    def __init__(self, part: RigPart, turns: dict[str, np.ndarray], arms: list[ReachingArm]) -> None:
        bones = armature_of(part.armature).bones
        taken = {role for arm in arms for role in arm.taken}
        self._part, self.arms = part, arms
        self.bases = {role: _basis(part, turns, role) for role in turns if role not in taken}
        control = {role: part.controls.of[role] for role in self.bases}
        self._wanted = {role: turns[role] @ np.array(bones[name].matrix_local) for role, name in control.items()}
        self._reached = [arm.channels({}) for arm in arms]
        self._placed: set[str] = set()
        reaching = [(f"{k} {name}", bone) for k, arm in enumerate(arms) for name, bone in arm.measured.items()]
        self.measured = control | dict(reaching)

    def off(self, there: dict[str, np.ndarray]) -> float:
        """What is off most. there : (T, 4, 4) of everything that is measured."""
        off = [float(np.abs(there[role] - wanted).max()) for role, wanted in self._wanted.items()]
        return max([0.0, *off, *(arm.off(_own(there, k)) for k, arm in enumerate(self.arms))])

    def correct(self, there: dict[str, np.ndarray]) -> None:
        """Have everything stand where it has to, going along with what it hangs from once that does."""
        moves = {role: wanted @ np.linalg.inv(there[role]) for role, wanted in self._wanted.items()}
        for k, arm in enumerate(self.arms):
            moves |= arm.moves(_own(there, k))
        for role, basis in self.bases.items():
            carried = moves.get(self._part.above[role], np.eye(4)) @ there[role]
            corrected = basis @ np.linalg.inv(carried) @ self._wanted[role]
            corrected[:, :3, :3] = _proper(corrected[:, :3, :3])
            self.bases[role] = corrected
        for k, arm in enumerate(self.arms):
            arm.correct(_own(there, k))
            self._reached[k] = arm.channels(_own(there, k))

    def state(self) -> tuple[dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
        """What `write` writes, to be kept."""
        return dict(self.bases), list(self._reached)

    def restore(self, state: tuple[dict[str, np.ndarray], list[dict[str, np.ndarray]]]) -> None:
        """Write again what was kept."""
        self.bases, self._reached = state

    def write(self, curves: CurveWriter, times: np.ndarray) -> None:
        """Write the curves of all controls."""
        found = [(self._part.controls.of[role], basis, True) for role, basis in self.bases.items()]
        for arm, reached in zip(self.arms, self._reached, strict=True):
            found += [(name, basis, name in arm.turned()) for name, basis in reached.items()]
        for name, basis, turned in found:
            # Curves of a place that were written once have to be written again.
            if _write(self._part.armature, name, basis, curves, times, turned=turned, placed=name in self._placed):
                self._placed.add(name)


def _own(there: dict[str, np.ndarray], arm: int) -> dict[str, np.ndarray]:
    """Of everything that was measured, what belongs to an arm."""
    return {key.removeprefix(f"{arm} "): value for key, value in there.items() if key.startswith(f"{arm} ")}


def _correct(first: bpy.types.Object, part: RigPart, pose: _Pose, curves: CurveWriter, times: np.ndarray) -> float:
    """Measure where the controls stand and correct their keys until they stand where they have to."""
    before = [(data, data.pose_position) for data in (armature_of(first), armature_of(part.armature))]
    for data, _ in before:
        data.pose_position = "POSE"
    worst, best = math.inf, pose.state()
    try:
        with alone(*{first, part.armature}) as scene:
            for _ in range(_MOST_CORRECTIONS):
                there = _measured(first, part, pose.measured, scene, times)
                found = pose.off(there)
                stuck = found > _GAIN * worst
                if found < worst:
                    worst, best = found, pose.state()
                if found < _NEAR or stuck:
                    break
                pose.correct(there)
                pose.write(curves, times)
    finally:
        for data, position in before:
            data.pose_position = position
    pose.restore(best)
    pose.write(curves, times)
    return worst


def _measured(
    first: bpy.types.Object, part: RigPart, bones: dict[str, str], scene: bpy.types.Scene, times: np.ndarray
) -> dict[str, np.ndarray]:
    """Key -> (T, 4, 4) where its bone stands, in the space of its armature as that rests beside the first one.

    bones : key -> name, "" for one that stands still.
    """
    into = np.linalg.inv(np.array(part.armature.matrix_world)) @ np.array(first.matrix_world)
    found = {key: np.tile(np.eye(4), (len(times), 1, 1)) for key in bones}
    layer = scene.view_layers[0]
    with bpy.context.temp_override(scene=scene, view_layer=layer):
        for t, time in enumerate(times.tolist()):
            scene.frame_set(math.floor(time), subframe=time - math.floor(time))
            assert layer.depsgraph is not None
            evaluated: Any = part.armature.evaluated_get(layer.depsgraph)
            space = np.eye(4)
            if part.armature != first:
                beside = np.linalg.inv(np.array(first.evaluated_get(layer.depsgraph).matrix_world))
                space = into @ beside @ np.array(evaluated.matrix_world)
            for key, bone in bones.items():
                if bone:
                    found[key][t] = space @ np.array(evaluated.pose.bones[bone].matrix)
    return found


def _basis(part: RigPart, turns: dict[str, np.ndarray], role: str) -> np.ndarray:
    """(T, 4, 4): how a control moves against what it hangs from, in its own axes."""
    bones, controls = armature_of(part.armature).bones, part.controls.of
    control = controls[role]
    owners = {controls[other]: other for other in turns} | {part.roles[other]: other for other in turns}
    above = bones[control].parent
    while above is not None and (above.name not in owners or owners[above.name] == role):
        above = above.parent
    local = np.array(bones[control].matrix_local, np.float64)
    carried = np.linalg.inv(turns[owners[above.name]]) if above is not None else np.eye(4)
    return np.linalg.inv(local) @ carried @ turns[role] @ local


def _write(
    armature: bpy.types.Object,
    name: str,
    basis: np.ndarray,
    curves: CurveWriter,
    times: np.ndarray,
    *,
    turned: bool = True,
    placed: bool = False,
) -> bool:
    """Curves of a bone's channels (T, 4, 4). turned : those of its rotation; placed : those of its place in any case.

    Returns whether there are any of its place.
    """
    bone, rest = pose_of(armature).bones[name], armature_of(armature).bones[name]
    path = f'pose.bones["{bpy.utils.escape_identifier(name)}"].'
    if turned:
        channel, values = _rotation(basis[:, :3, :3], bone.rotation_mode)
        curves.write_vector(path + channel, times, values, group=name)
    places = basis[:, :3, 3]
    moved = np.abs(places).max() > _STILL or float(np.abs(np.array(bone.location)).max()) > _STILL
    placed = placed or (bool(moved) and not (rest.use_connect and rest.parent is not None))
    if placed:
        curves.write_vector(path + "location", times, places, group=name)
    return placed


def _rotation(matrices: np.ndarray, mode: str) -> tuple[str, np.ndarray]:
    """Channel and (T, n) values of turns in a bone's own rotation mode, without jumps from frame to frame."""
    turns = [Matrix(matrix.tolist()) for matrix in matrices]
    if mode == "QUATERNION":
        values = np.array([np.array(turn.to_quaternion()) for turn in turns])
        flips = np.einsum("ti,ti->t", values[1:], values[:-1]) < 0
        values[1:] *= np.cumprod(np.where(flips, -1.0, 1.0))[:, None]
        return "rotation_quaternion", values
    if mode == "AXIS_ANGLE":
        axes = [turn.to_quaternion().to_axis_angle() for turn in turns]
        return "rotation_axis_angle", np.array([[angle, axis.x, axis.y, axis.z] for axis, angle in axes])
    eulers: list[Euler] = []
    for turn in turns:
        order: Any = mode
        eulers.append(turn.to_euler(order, eulers[-1]) if eulers else turn.to_euler(order))
    return "rotation_euler", np.array([np.array(euler) for euler in eulers])


def _proper(linear: np.ndarray) -> np.ndarray:
    """(T, 3, 3) the turns nearest to matrices that uneven scales have sheared."""
    left, _, right = np.linalg.svd(linear)
    flip = np.sign(np.linalg.det(left @ right))
    left[:, :, 2] *= flip[:, None]
    turns: np.ndarray = left @ right
    return turns
