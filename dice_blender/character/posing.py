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
from .rig import Rig

__all__ = ["key_pose", "wanted_turns"]

# Of controls that other bones move along, in the units of the armature and as parts of a matrix: what is off by more is
# corrected, as often as the largest number says. Set by hand; Rigify needs two corrections.
_NEAR = 1e-4
_MOST_CORRECTIONS = 6
# In the units of the armature: a bone that moves from its place by less has no keys for that. Set by hand.
_STILL = 1e-5


def wanted_turns(rig: Rig, motion: Motion, armature: bpy.types.Object, unit: float) -> dict[str, np.ndarray]:
    """Role -> (T, 4, 4): how its bone of the skin moves from rest, in the armature's own space.

    unit : metres a unit of the scene.
    """
    world = np.array(armature.matrix_world, np.float64)
    world[:3] *= unit
    inverse = np.linalg.inv(world)
    index = {name: number for number, name in enumerate(rig.names)}
    turns = {}
    for column, (role, bone) in enumerate(zip(motion.role_names, motion.bone_names, strict=True)):
        if rig.roles.get(role) != bone:
            continue
        rest = rig.matrices[index[bone]]
        local = inverse @ motion.pose_matrices[:, column] @ np.linalg.inv(rest) @ world
        local[:, :3, :3] = _proper(local[:, :3, :3])
        turns[role] = local
    return turns


def key_pose(
    armature: bpy.types.Object,
    rig: Rig,
    turns: dict[str, np.ndarray],
    curves: CurveWriter,
    times: np.ndarray,
) -> float:
    """Keys for the controls of all roles. times : (T,) scene frames.

    Returns the largest distance, in the armature's units, of a control from where it was to be: 0 where nothing but
    the bones' own keys moves them, so that nothing had to be measured.
    """
    bases = {role: _basis(armature, rig, turns, role) for role in turns}
    for switch in rig.controls.switches:
        path = f'pose.bones["{_quoted(switch.bone)}"]["{_quoted(switch.name)}"]'
        curves.write(path, 0, times[:1], np.array([switch.fk]), group=switch.bone, stepped=True)
    _write(armature, rig, bases, curves, times)
    if all(rig.controls.of[role] == rig.roles[role] for role in turns):
        return 0.0
    return _correct(armature, rig, turns, bases, curves, times)


def _correct(
    armature: bpy.types.Object,
    rig: Rig,
    turns: dict[str, np.ndarray],
    bases: dict[str, np.ndarray],
    curves: CurveWriter,
    times: np.ndarray,
) -> float:
    """Measure where the controls stand and correct their keys, in place, until they stand where they have to."""
    bones = armature_of(armature).bones
    wanted = {role: turns[role] @ np.array(bones[rig.controls.of[role]].matrix_local) for role in turns}
    data: Any = armature.data
    position, data.pose_position = data.pose_position, "POSE"
    worst = math.inf
    try:
        with alone(armature) as scene:
            for _ in range(_MOST_CORRECTIONS):
                there = _measured(armature, {role: rig.controls.of[role] for role in turns}, scene, times)
                off = {role: np.abs(there[role] - wanted[role]) for role in turns}
                found = max(float(part.max()) for part in off.values())
                if found < _NEAR or found > 0.9 * worst:
                    worst = min(worst, found)
                    break
                worst = found
                for role, basis in bases.items():
                    basis[:] = basis @ np.linalg.inv(there[role]) @ wanted[role]
                    basis[:, :3, :3] = _proper(basis[:, :3, :3])
                _write(armature, rig, bases, curves, times)
    finally:
        data.pose_position = position
    return worst


def _measured(
    armature: bpy.types.Object, controls: dict[str, str], scene: bpy.types.Scene, times: np.ndarray
) -> dict[str, np.ndarray]:
    """Role -> (T, 4, 4) where its control stands."""
    found = {role: np.empty((len(times), 4, 4)) for role in controls}
    layer = scene.view_layers[0]
    with bpy.context.temp_override(scene=scene, view_layer=layer):
        for t, time in enumerate(times.tolist()):
            scene.frame_set(math.floor(time), subframe=time - math.floor(time))
            assert layer.depsgraph is not None
            evaluated: Any = armature.evaluated_get(layer.depsgraph)
            for role, control in controls.items():
                found[role][t] = evaluated.pose.bones[control].matrix
    return found


def _basis(armature: bpy.types.Object, rig: Rig, turns: dict[str, np.ndarray], role: str) -> np.ndarray:
    """(T, 4, 4): how a control moves against what it hangs from, in its own axes."""
    bones = armature_of(armature).bones
    control = rig.controls.of[role]
    owners = {rig.controls.of[other]: other for other in turns} | {rig.roles[other]: other for other in turns}
    above = bones[control].parent
    while above is not None and (above.name not in owners or owners[above.name] == role):
        above = above.parent
    local = np.array(bones[control].matrix_local, np.float64)
    carried = np.linalg.inv(turns[owners[above.name]]) if above is not None else np.eye(4)
    return np.linalg.inv(local) @ carried @ turns[role] @ local


def _write(
    armature: bpy.types.Object, rig: Rig, bases: dict[str, np.ndarray], curves: CurveWriter, times: np.ndarray
) -> None:
    pose, bones = pose_of(armature), armature_of(armature).bones
    for role, basis in bases.items():
        name = rig.controls.of[role]
        path = f'pose.bones["{_quoted(name)}"].'
        bone = pose.bones[name]
        channel, values = _rotation(basis[:, :3, :3], bone.rotation_mode)
        curves.write_vector(path + channel, times, values, group=name)
        places = basis[:, :3, 3]
        moved = np.abs(places).max() > _STILL or float(np.abs(np.array(bone.location)).max()) > _STILL
        if moved and not (bones[name].use_connect and bones[name].parent is not None):
            curves.write_vector(path + "location", times, places, group=name)


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


def _quoted(name: str) -> str:
    return bpy.utils.escape_identifier(name)
