"""Which arms of a rig do follow their IK controls, and how that is switched on: found by moving the controls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import bpy
from mathutils import Matrix, Vector

from ..scene.object_data import armature_of, pose_of
from .controls import Controls, bones_handing_on
from .following import alone, neutral
from .ik_arms import IkArm, local_of
from .switches import Switch, driving_properties, kept_values, set_switch

__all__ = ["try_ik_arms"]

# Of an arm's length: how far a hand's control is moved towards the shoulder, a pole across the arm, by how much of the
# former the hand has to follow and by how much of the latter the elbow has to move. Set by hand.
_STEP, _ASIDE = 0.1, 0.5
_FOLLOWS, _LED = 0.8, 0.02
# Radians by which a hand's control is turned, and the share of that by which the hand has to turn. Set by hand.
_TURN, _TURNS = math.radians(20), 0.5
# Properties of an unknown rig that are tried for being its switches, in all combinations of 0 and 1.
_MOST_PROPERTIES = 4


@dataclass(frozen=True)
class _Answer:
    """moves, turns : whether the hand follows its control; led : whether the elbow follows the pole."""

    moves: bool
    turns: bool
    led: bool

    @property
    def weight(self) -> int:
        return 2 * self.moves + self.led if self.moves else 0


def try_ik_arms(armature: bpy.types.Object, bones: Mapping[str, str], controls: Controls) -> Controls:
    """The controls with those IK arms alone that act, and with the switches that have them act.

    bones : role -> bone of the skin. The pose is the same afterwards.
    """
    arms: dict[str, IkArm] = {}
    switches = list(controls.switches)
    with alone(armature) as scene, neutral(armature, controls):
        for side, arm in controls.arms.items():
            trial = _Trial(armature, scene.view_layers[0], arm, [bones[f"{p}.{side}"] for p in _PARTS])
            own = [switch for switch in switches if switch.side == side]
            found = own or _found_switches(trial, armature, side, arm)
            answer = trial.answer({switch: switch.ik for switch in found})
            if answer.moves:
                arms[side] = replace(arm, pole=arm.pole if answer.led else "", turns_hand=answer.turns)
                switches += [switch for switch in found if switch not in own]
            else:
                switches = [switch for switch in switches if switch.side != side or not switch.constraint]
    return replace(controls, switches=switches, arms=arms)


_PARTS = ("upper_arm", "forearm", "hand")


class _Trial:
    """An arm whose controls are moved. bones : of the skin: upper arm, forearm, hand."""

    def __init__(self, armature: bpy.types.Object, layer: bpy.types.ViewLayer, arm: IkArm, bones: list[str]) -> None:
        self._armature, self._layer, self._arm, self.bones = armature, layer, arm, bones
        joints: list[Any] = [armature_of(armature).bones[name].head_local for name in bones]
        shoulder, elbow, wrist = joints
        self._length = (elbow - shoulder).length + (wrist - elbow).length
        self._inwards = (shoulder - wrist).normalized()
        across = (wrist - shoulder).cross(elbow - shoulder)
        if across.length < 1e-3 * self._length**2:
            across = self._inwards.orthogonal()
        self._across = across.normalized()

    def answer(self, values: Mapping[Switch, float | None]) -> _Answer:
        """What the arm does where switches have these values."""
        pose = pose_of(self._armature)
        with kept_values(pose, values):
            for switch, value in values.items():
                set_switch(pose, switch, value)
            self._armature.update_tag()
            hand, pole = pose.bones[self._arm.hand], pose.bones[self._arm.pole] if self._arm.pole else None
            try:
                before = self._measured()
                moved = self._moved(hand, self._inwards * self._length * _STEP)
                turned = self._after(hand, Matrix.Rotation(_TURN, 4, (0.6, 0.0, 0.8)))
                self._place(hand, self._inwards * self._length * _STEP)
                led = moved if pole is None else self._moved(pole, self._across * self._length * _ASIDE)
            finally:
                for bone in (hand, pole):
                    if bone is not None:
                        bone.matrix_basis = Matrix()
        way = (moved[2].translation - before[2].translation).dot(self._inwards)
        turn = (turned[2].to_quaternion() @ before[2].to_quaternion().inverted()).angle
        turn = min(turn, 2 * math.pi - turn)
        elbow = (led[1].translation - moved[1].translation).length
        return _Answer(
            way > _FOLLOWS * _STEP * self._length, turn > _TURNS * _TURN, elbow > _LED * _ASIDE * self._length
        )

    def _place(self, bone: bpy.types.PoseBone, offset: Vector) -> None:
        bone.matrix_basis = local_of(bone.bone, Matrix.Translation(offset.to_tuple()) @ bone.bone.matrix_local)

    def _moved(self, bone: bpy.types.PoseBone, offset: Vector) -> list[Matrix]:
        self._place(bone, offset)
        return self._measured()

    def _after(self, bone: bpy.types.PoseBone, basis: Matrix) -> list[Matrix]:
        bone.matrix_basis = basis
        return self._measured()

    def _measured(self) -> list[Matrix]:
        self._layer.update()
        assert self._layer.depsgraph is not None
        evaluated: Any = self._armature.evaluated_get(self._layer.depsgraph)
        return [evaluated.pose.bones[name].matrix.copy() for name in self.bones]


def _found_switches(trial: _Trial, armature: bpy.types.Object, side: str, arm: IkArm) -> list[Switch]:
    """The switches of a rig of its own kind: properties that drive its constraints, and the values for IK and FK."""
    bones = bones_handing_on(pose_of(armature), [arm.owner, *trial.bones])
    names = driving_properties(armature, bones)[:_MOST_PROPERTIES]
    switches = [Switch(side, bone, name, None, None) for bone, name in names]
    best: dict[Switch, float | None] = {}
    most = 0
    for values in product((0.0, 1.0), repeat=len(switches)):
        tried: dict[Switch, float | None] = dict(zip(switches, values, strict=True))
        weight = trial.answer(tried).weight
        if weight > most:
            best, most = tried, weight
    found = []
    for switch, value in best.items():
        assert value is not None
        other = trial.answer(best | {switch: 1 - value})
        if other.weight < most:
            found.append(replace(switch, fk=None if other.moves else 1 - value, ik=value))
    return found
