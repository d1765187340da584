"""A character of our own bodies, in Blender's axes, with bones whose rolls are arbitrary."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.mesh import Mesh
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.files import Character
from dice_core.transfer.hand_rig import OUR_JOINTS

BLENDER = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
"""From our axes (y down, z forward) to Blender's."""

HEAD_PLACE, WRIST = np.array([0.0, 0.0, 1.6]), np.array([0.62, 0.0, 1.38])
SHOULDER, ELBOW = np.array([0.17, 0.02, 1.38]), np.array([0.40, 0.04, 1.38])


class _Limb(NamedTuple):
    bones: list[tuple[str, str, np.ndarray]]
    roles: dict[str, str]
    vertices: np.ndarray
    triangles: np.ndarray
    joint_names: list[str]
    weights: np.ndarray


def _limb(letter: str, mesh: Mesh) -> _Limb:
    """An arm in a T-pose with its hand: fingers outwards, palm down."""
    mirror = np.array([1.0 if letter == "L" else -1.0, 1, 1])
    fingers, down = np.array([mirror[0], 0, 0]), np.array([0, 0, -1.0])
    axes = np.stack([np.cross(-fingers, -down), -fingers, -down], axis=1)

    def place(points: np.ndarray) -> np.ndarray:
        return points @ axes.T + WRIST * mirror

    bones = [(f"arm.{letter}", "spine", SHOULDER * mirror), (f"elbow.{letter}", f"arm.{letter}", ELBOW * mirror)]
    names = [f"{joint}.{letter}" for joint in mesh.joint_names]
    for k, name in enumerate(names):
        above = f"elbow.{letter}" if k == 0 else names[mesh.parents[k]]
        bones.append((name, above, place(mesh.joints[k].astype(float))))
    roles = {f"upper_arm.{letter}": f"arm.{letter}", f"forearm.{letter}": f"elbow.{letter}"}
    roles |= {f"{role}.{letter}": f"{joint}.{letter}" for role, joint in OUR_JOINTS.items()}
    dense = np.zeros((len(mesh.rest_vertices), len(names)))
    np.add.at(dense, (np.arange(len(dense))[:, None], mesh.skin_joints), mesh.skin_weights)
    return _Limb(bones, roles, place(mesh.rest_vertices.astype(float)), mesh_triangles(mesh), names, dense)


def _skinning(order: list[str], weights: list[tuple[list[str], np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """(V, 8) bones and weights of the parts' vertices, from the dense weights of each part's own bones."""
    bones, values = [], []
    for names, dense in weights:
        top = np.argsort(-dense, axis=1)[:, :8]
        value = np.take_along_axis(dense, top, axis=1)
        missing = ((0, 0), (0, 8 - top.shape[1]))
        values.append(np.pad(value / value.sum(axis=1, keepdims=True), missing))
        bones.append(np.pad(np.array([order.index(name) for name in names])[top], missing))
    return np.concatenate(bones).astype(np.int32), np.concatenate(values).astype(np.float32)


def own_character(
    *,
    head_shape: np.ndarray,
    hand_shape: np.ndarray,
    hand_scale: float = 1.0,
    scale: float = 1.0,
    turn: float = 0.0,
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    keys: bool = True,
    hands: bool = True,
) -> Character:
    """Head and hands with arms in a T-pose. scale, turn (radians about z) and offset move all of it."""
    head = load_head()
    parts = [(head.rest(head_shape) @ BLENDER.T + HEAD_PLACE, mesh_triangles(head.mesh))]
    bones: list[tuple[str, str, np.ndarray]] = [("spine", "", np.array([0, 0.05, 1.3]))]
    bones += [("neck", "spine", np.array([0, 0.03, 1.5])), ("head", "neck", HEAD_PLACE + np.array([0, 0.02, -0.05]))]
    roles = {"head": "head", "neck.1": "neck"}
    weights: list[tuple[list[str], np.ndarray]] = [(["head"], np.ones((len(parts[0][0]), 1)))]
    for letter, side in (("L", "left"), ("R", "right")) if hands else ():
        limb = _limb(letter, load_hand(side).person_mesh(hand_shape, hand_scale))
        bones += limb.bones
        roles |= limb.roles
        parts.append((limb.vertices, limb.triangles))
        weights.append((limb.joint_names, limb.weights))
    order = [name for name, _, _ in bones]
    matrices = np.tile(np.eye(4), (len(bones), 1, 1))
    matrices[:, :3, :3] = rotation_matrices(np.random.default_rng(5).normal(0, 1.5, (len(bones), 3)))
    matrices[:, :3, 3] = [at for _, _, at in bones]
    starts = np.cumsum([0] + [len(points) for points, _ in parts])
    spin = rotation_matrices(np.array([0, 0, turn]))
    vertices = scale * np.concatenate([points for points, _ in parts]) @ spin.T + offset
    matrices[:, :3, 3] = scale * matrices[:, :3, 3] @ spin.T + offset
    matrices[:, :3, :3] = spin @ matrices[:, :3, :3]
    skin_bones, skin_weights = _skinning(order, weights)
    count = len(vertices)
    deltas = np.zeros((52, count, 3), np.float32)
    deltas[:, : starts[1]] = scale * head.expressions @ (spin @ BLENDER).T
    names = head.expression_names
    table = [{"source": name, "target": name, "gain": 1.0, "offset": 0.0} for name in names]
    return Character(
        vertices=vertices.astype(np.float32),
        triangles=np.concatenate([t + s for (_, t), s in zip(parts, starts, strict=False)]).astype(np.int32),
        object=np.repeat(np.arange(len(parts)), np.diff(starts)).astype(np.int32),
        object_names=("head", "left", "right")[: len(parts)],
        object_vertex=np.concatenate([np.arange(n) for n in np.diff(starts)]).astype(np.int32),
        object_matrix=np.tile(np.eye(4), (len(parts), 1, 1)),
        bone_names=tuple(order),
        bone_parents=np.array([order.index(above) if above else -1 for _, above, _ in bones], np.int32),
        bone_matrices=matrices,
        bone_lengths=np.full(len(bones), 0.05, np.float32),
        skin_bones=skin_bones,
        skin_weights=skin_weights,
        shape_key_names=names if keys else (),
        shape_key_deltas=deltas if keys else deltas[:0],
        shape_key_object=np.zeros(52 if keys else 0, np.int32),
        roles=roles,
        expressions=table if keys else [],
        head_vertices=np.arange(count) < starts[1],
        landmarks=np.full((12, 3), np.nan, np.float32),
    )
