"""Heads that are not the body's: this project's own, and a stranger's from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import bpy
import numpy as np

from dice_blender.scene.armature import add_armature_modifier
from dice_blender.scene.axes import to_blender
from dice_core.bodies import load_head

from .blender_parts import Part, add_keys, build_skin

__all__ = ["foreign_head", "product_head"]

# Metres below the eyes at which a head has gone over into its neck. Set by hand.
_NECK_BELOW, _NECK_LENGTH = 0.11, 0.06


def product_head(
    armature: bpy.types.Object, names: Mapping[str, str], eyes: np.ndarray, rename: Callable[[str], str]
) -> None:
    """This project's head where the body's was.

    names : "head" and "neck" -> bone; eyes : (2, 3) metres, where the body's eyes are, left first.
    """
    head = load_head()
    points = to_blender(head.mesh.rest_vertices).astype(float)
    # It looks towards -z of its camera, which is +y here: turn it to face -y as the body does.
    own = np.stack([to_blender(head.mesh.joints[head.mesh.joint_names.index(f"eye.{s}")]) for s in "LR"]).astype(float)
    turn = _facing(own, points)
    points, own = points @ turn.T, own @ turn.T
    scale, move = _onto(own, eyes)
    deltas = {
        rename(name): scale * to_blender(delta).astype(float) @ turn.T
        for name, delta in zip(head.expression_names, head.expressions, strict=True)
    }
    faces = head.mesh.face_corners.reshape(-1, 4).tolist()
    part = build_skin("Head", points * scale + move, faces)
    add_keys(part, deltas)
    _bind(part, armature, names, eyes)


def foreign_head(
    path: Path, armature: bpy.types.Object, names: Mapping[str, str], eyes: np.ndarray, joint: np.ndarray
) -> None:
    """The head of an ICT-FaceKit file where the body's was. joint : (3,) metres, of the head on the neck."""
    with np.load(path, allow_pickle=False) as file:
        data = {key: file[key] for key in ("vertices", "face_corners", "face_sizes", "landmarks68")}
        keys = [str(name) for name in file["expression_names"]]
        moves = file["expression_deltas"].astype(float)
    turn = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # y up, facing z -> z up, facing -y
    points = data["vertices"].astype(float) @ turn.T
    marks = points[data["landmarks68"]]
    own = np.stack([marks[42:48].mean(axis=0), marks[36:42].mean(axis=0)])
    scale, move = _onto(own, eyes - [0.0, 0.012, 0.0])
    ends = np.cumsum(data["face_sizes"])
    faces = [f.tolist() for f in np.split(data["face_corners"], ends[:-1])]
    points = points * scale + move
    low = joint[2] - 0.1
    faces = [face for face in faces if points[face, 2].min() > low]  # its shoulders are the body's
    part = build_skin("Head", points, faces)
    add_keys(part, {name: scale * delta @ turn.T for name, delta in zip(keys, moves, strict=True)})
    _bind(part, armature, names, eyes)


def _facing(eyes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The turn about z that brings the left eye to +x and the face to -y."""
    if eyes[0, 0] < eyes[1, 0]:
        return np.diag([-1.0, -1.0, 1.0])
    return np.eye(3)


def _onto(own: np.ndarray, eyes: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale and shift that bring a head's eyes onto the body's."""
    scale = float(np.linalg.norm(eyes[0] - eyes[1]) / np.linalg.norm(own[0] - own[1]))
    return scale, eyes.mean(axis=0) - scale * own.mean(axis=0)


def _bind(part: Part, armature: bpy.types.Object, names: Mapping[str, str], eyes: np.ndarray) -> None:
    """Weights that go over from the head to the neck."""
    count = len(part.corners)
    points = np.empty(count * 3, np.float32)
    part.item.data.vertices.foreach_get("co", points)
    height = points.reshape(-1, 3)[:, 2]
    share = np.clip((height - (eyes[:, 2].mean() - _NECK_BELOW - _NECK_LENGTH)) / _NECK_LENGTH, 0, 1)
    for name, weights in ((names["head"], share), (names["neck"], 1 - share)):
        group = part.item.vertex_groups.new(name=name)
        for vertex in np.flatnonzero(weights).tolist():
            group.add([vertex], float(weights[vertex]), "REPLACE")
    part.item.parent = armature
    add_armature_modifier(part.item, armature)
