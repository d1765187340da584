"""Which bones go along when a control is turned, found by turning each: rigs bind bones in ways that no tree shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ..scene.object_data import pose_of
from .controls import Controls
from .joined import full_name
from .roles import ROLES
from .switches import kept_values, set_switch

__all__ = ["Limb", "alone", "bones_that_follow", "neutral"]

# Radians by which a control is turned across its length, and the share of that by which its own bone of the skin has to
# turn at least: rigs share a turn among bones. Set by hand.
_TURN = math.radians(20)
_LEAST_SHARE = 0.5
_ACROSS = (0.6, 0.0, 0.8)
# What the matrix of a bone's motion may differ from the control's where it goes along. Set by hand.
_ALIKE = 0.02
_CHANNELS = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")


@dataclass(frozen=True)
class Limb:
    """What one armature has of a character. roles : role -> its bone of the skin; own : those of them that are not
    another armature's bones in the first place."""

    armature: bpy.types.Object
    roles: dict[str, str]
    own: frozenset[str]
    controls: Controls


@contextmanager
def alone(*items: bpy.types.Object) -> Iterator[bpy.types.Scene]:
    """A scene in which objects are evaluated with what they depend on, and nothing else of the user's scene."""
    scene = bpy.data.scenes.new("DICE rig")
    try:
        for item in items:
            scene.collection.objects.link(item)
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


@contextmanager
def neutral(armature: bpy.types.Object, controls: Controls) -> Iterator[None]:
    """All bones where they rest and FK controls acting, until the end of the block."""
    pose: Any = pose_of(armature)
    # Channel by channel: a matrix does not tell how often a bone has been turned around.
    before = [(bone, [(name, tuple(getattr(bone, name))) for name in _CHANNELS]) for bone in pose.bones]
    position, armature.data.pose_position = armature.data.pose_position, "POSE"  # type: ignore[union-attr]
    try:
        with kept_values(pose, controls.switches):
            for bone in pose.bones:
                bone.matrix_basis = Matrix()
            for switch in controls.switches:
                set_switch(pose, switch, switch.fk)
            armature.update_tag()
            yield
    finally:
        for bone, channels in before:
            for name, channel in channels:
                setattr(bone, name, channel)
        armature.data.pose_position = position  # type: ignore[union-attr]
        armature.update_tag()


def bones_that_follow(first: bpy.types.Object, limbs: Sequence[Limb]) -> dict[str, set[str]]:
    """For each role that its control does turn, the bones of all armatures that turn with it.

    first : the armature whose bones have plain names. A role whose bone does not go along with its control is left out.
    """
    followers: dict[str, set[str]] = {}
    with ExitStack() as stack:
        scene = stack.enter_context(alone(*(limb.armature for limb in limbs)))
        for limb in limbs:
            stack.enter_context(neutral(limb.armature, limb.controls))
        layer = scene.view_layers[0]
        layer.update()
        rest = _matrices(first, limbs, layer)
        for limb in limbs:
            pose = pose_of(limb.armature)
            for role, control in limb.controls.of.items():
                if role not in limb.own:
                    continue
                pose.bones[control].matrix_basis = Matrix.Rotation(_TURN, 4, _ACROSS)
                layer.update()
                turned = _matrices(first, limbs, layer)
                pose.bones[control].matrix_basis = Matrix()
                moved = {name: turned[name] @ np.linalg.inv(rest[name]) for name in rest}
                if _angle(moved[full_name(first, limb.armature, limb.roles[role])]) < _LEAST_SHARE * _TURN:
                    continue
                wanted = moved[full_name(first, limb.armature, control)]
                followers[role] = {name for name, matrix in moved.items() if np.abs(matrix - wanted).max() < _ALIKE}
    return {role: followers[role] for role in ROLES if role in followers}


def _matrices(first: bpy.types.Object, limbs: Sequence[Limb], layer: bpy.types.ViewLayer) -> dict[str, np.ndarray]:
    """Name -> (4, 4) where each bone of all armatures stands, in the space of the first."""
    assert layer.depsgraph is not None
    into = np.linalg.inv(np.array(first.evaluated_get(layer.depsgraph).matrix_world))
    found: dict[str, np.ndarray] = {}
    for limb in limbs:
        evaluated: Any = limb.armature.evaluated_get(layer.depsgraph)
        space = into @ np.array(evaluated.matrix_world) if limb.armature != first else np.eye(4)
        found |= {
            full_name(first, limb.armature, bone.name): space @ np.array(bone.matrix) for bone in evaluated.pose.bones
        }
    return found


def _angle(matrix: np.ndarray) -> float:
    return math.acos(max(-1.0, min(1.0, (float(np.trace(matrix[:3, :3])) - 1) / 2)))
