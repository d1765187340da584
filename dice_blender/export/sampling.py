"""The motion of an export's bodies frame by frame, as Blender evaluates it: constraints and edits included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..scene.object_data import armature_of, pose_of, shape_keys_of
from .export_scene import Body, ExportScene

__all__ = ["BodyMotion", "sample"]


@dataclass(frozen=True)
class BodyMotion:
    """World transforms of one body over T frames, metres, and the weights of its shape keys.

    mesh : (T, 4, 4) of the mesh object; visible : (T,) bool.
    weights : (T, K) of all shape keys, the basis among them.
    bones : bone name to (T, 4, 4) of the posed bone; empty without an armature.
    """

    body: Body
    mesh: np.ndarray
    visible: np.ndarray
    weights: np.ndarray
    bones: dict[str, np.ndarray]


def sample(copies: ExportScene) -> list[BodyMotion]:
    """The motion of each body in the frames of the animation."""
    frames = np.arange(copies.first, copies.last + 1)
    motions = [_empty(body, frames) for body in copies.bodies]
    for t, frame in enumerate(frames.tolist()):
        copies.scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for motion in motions:
            mesh = motion.body.mesh.evaluated_get(graph)
            motion.mesh[t] = mesh.matrix_world
            if motion.weights.shape[1]:
                keys = shape_keys_of(mesh)
                assert keys is not None
                motion.weights[t] = [block.value for block in keys.key_blocks]
            if motion.body.armature is not None:
                armature = motion.body.armature.evaluated_get(graph)
                base = np.array(armature.matrix_world)
                for name, matrices in motion.bones.items():
                    matrices[t] = base @ np.array(pose_of(armature).bones[name].matrix)
    return motions


def _empty(body: Body, frames: np.ndarray) -> BodyMotion:
    count = len(frames)
    keys = shape_keys_of(body.mesh)
    bones = () if body.armature is None else [bone.name for bone in armature_of(body.armature).bones]
    return BodyMotion(
        body,
        mesh=np.empty((count, 4, 4)),
        visible=_visible(body.mesh, frames),
        weights=np.zeros((count, 0 if keys is None else len(keys.key_blocks))),
        bones={name: np.empty((count, 4, 4)) for name in bones},
    )


def _visible(item: bpy.types.Object, frames: np.ndarray) -> np.ndarray:
    """(T,) bool, from the keys on the object's visibility in renders."""
    curve = next((c for c in _curves(item) if c.data_path == "hide_render"), None)
    if curve is None:
        return np.full(len(frames), not item.hide_render)
    return np.array([curve.evaluate(frame) < 0.5 for frame in frames.tolist()])


def _curves(item: bpy.types.Object) -> list[bpy.types.FCurve]:
    data: Any = item.animation_data
    action = None if data is None else data.action
    if action is None:
        return []
    if not hasattr(action, "layers"):
        return list(action.fcurves)
    bags = (strip.channelbag(data.action_slot) for layer in action.layers for strip in layer.strips)
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]
