"""Which bones go along when a control is turned, found by turning each: rigs bind bones in ways that no tree shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ..scene.object_data import pose_of
from .controls import Controls
from .switches import kept_values, set_switch

__all__ = ["alone", "bones_that_follow", "neutral"]

# Radians by which a control is turned across its length, and the share of that by which its own bone of the skin has to
# turn at least: rigs share a turn among bones. Set by hand.
_TURN = math.radians(20)
_LEAST_SHARE = 0.5
_ACROSS = (0.6, 0.0, 0.8)
# What the matrix of a bone's motion may differ from the control's where it goes along. Set by hand.
_ALIKE = 0.02
_CHANNELS = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")


@contextmanager
def alone(item: bpy.types.Object) -> Iterator[bpy.types.Scene]:
    """A scene in which an object is evaluated with what it depends on, and nothing else of the user's scene."""
    scene = bpy.data.scenes.new("DICE rig")
    try:
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


def bones_that_follow(armature: bpy.types.Object, bones: Mapping[str, str], controls: Controls) -> dict[str, set[str]]:
    """For each role that its control does turn, the bones of the armature that turn with it.

    bones : role -> bone of the skin. A role whose bone does not go along with its control is left out.
    """
    followers: dict[str, set[str]] = {}
    with alone(armature) as scene, neutral(armature, controls):
        layer = scene.view_layers[0]
        layer.update()
        rest = _matrices(armature, layer)
        pose = pose_of(armature)
        for role, control in controls.of.items():
            pose.bones[control].matrix_basis = Matrix.Rotation(_TURN, 4, _ACROSS)
            layer.update()
            turned = _matrices(armature, layer)
            pose.bones[control].matrix_basis = Matrix()
            moved = {name: turned[name] @ np.linalg.inv(rest[name]) for name in rest}
            if _angle(moved[bones[role]]) < _LEAST_SHARE * _TURN:
                continue
            wanted = moved[control]
            followers[role] = {name for name, matrix in moved.items() if np.abs(matrix - wanted).max() < _ALIKE}
    return followers


def _matrices(armature: bpy.types.Object, layer: bpy.types.ViewLayer) -> dict[str, np.ndarray]:
    assert layer.depsgraph is not None
    evaluated: Any = armature.evaluated_get(layer.depsgraph)
    return {bone.name: np.array(bone.matrix) for bone in evaluated.pose.bones}


def _angle(matrix: np.ndarray) -> float:
    return math.acos(max(-1.0, min(1.0, (float(np.trace(matrix[:3, :3])) - 1) / 2)))
