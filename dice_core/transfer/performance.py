"""A take as a transfer needs it: everything in the head's own axes, so that the head stands still and hands move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Head, load_hand
from dice_core.bodies.head_model import HeadModel, load_head_model, model_of_mesh
from dice_core.errors import InputError
from dice_core.geometry.mesh import Mesh, joint_transforms
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.take import Take

__all__ = ["HandPerformance", "Performance", "read_performance"]


@dataclass(frozen=True)
class HandPerformance:
    """One hand over T frames, in the head's axes, metres; rows of frames in which it is absent are zero.

    mesh : of the person; tracked : (T,) bool; vertices : (T, W, 3); rotation : (T, J, 3, 3) of each joint from rest, in
    the head's axes; joints : (T, J, 3); contact : (T, W) 0 to 1.
    """

    mesh: Mesh
    tracked: np.ndarray
    vertices: np.ndarray
    rotation: np.ndarray
    joints: np.ndarray
    contact: np.ndarray


@dataclass(frozen=True)
class Performance:
    """A take's head and hands.

    All of the head is in the packaged topology, whatever head the take shows, and its expressions are the packaged
    head's.

    frame : (T,) int32; fps; head : mesh of the person; rotation : (T, 3, 3) of the head in camera axes; expression :
    (T, 52); vertices : (T, V, 3) of the undeformed head in its own axes; deformation : (T, V, 3) and contact : (T, V);
    hands : by side, "left" and "right"; events : touches as the take lists them.
    """

    frame: np.ndarray
    fps: float
    head: Mesh
    rotation: np.ndarray
    expression: np.ndarray
    vertices: np.ndarray
    deformation: np.ndarray
    contact: np.ndarray
    hands: dict[str, HandPerformance]
    events: list[dict[str, object]]


def read_performance(take: Take, sides: tuple[str, ...]) -> Performance:
    """Read the head and the hands of some sides.

    Raises InputError where the take has no head, or bodies other than those of the open engine.
    """
    meshes = take.meshes
    if "head" not in meshes or not len(take.frames):
        raise InputError(f"{take.path} has no head: capture footage in which the face is seen.")
    head = meshes["head"]
    own = load_head_model("open")
    model = own if len(head.rest_vertices) == len(own.shown.mesh.rest_vertices) else model_of_mesh(head)
    if model is None or not take.has("head.expression"):
        raise InputError(
            f"{take.path} has a head of another kind, or one that is not installed here: capture the footage with the "
            "open engine, or add the head with `dice models add FOLDER`."
        )
    tracked = take.array("tracked_head") > 0
    if not tracked.any():
        raise InputError(f"{take.path} has no head: capture footage in which the face is seen.")
    vectors = _filled_rotations(take.array("head.rotation")[:, 0].astype(np.float64), tracked)
    rotation = rotation_matrices(vectors)
    translation = _filled(take.array("head.translation").astype(np.float64), tracked)
    pivot = head.joints[0].astype(np.float64)
    expression = np.clip(_filled(take.array("head.expression").astype(np.float64), tracked), 0, 1)
    deformation, contact = take.array("head.deformation") @ rotation.astype(np.float32), take.array("head.contact")
    if model.shown is model.proxy:
        vertices = _filled(_local(take.array("head.vertices"), rotation, translation, pivot), tracked)
    else:
        shape = _shape(model.shown, head)
        head = model.proxy.person_mesh(shape)
        rest = model.proxy.rest(shape)
        vertices = np.stack([model.proxy.deform(rest, one) for one in expression]).astype(np.float64)
        deformation = np.stack([model.on_proxy(one) for one in deformation])
        contact = np.stack([model.on_proxy(one) for one in contact])
        expression = _packaged_expression(model, expression)
    hands = {}
    for side in sides:
        name = f"hand_{side}"
        if name in meshes:
            hands[side] = _hand(take, meshes[name], rotation, translation, pivot, tracked)
    return Performance(
        frame=take.frames,
        fps=take.fps,
        head=head,
        rotation=rotation,
        expression=expression,
        vertices=vertices,
        deformation=deformation,
        contact=contact,
        hands={side: hand for side, hand in hands.items() if hand.tracked.any()},
        events=[vars(event) for event in take.events],
    )


def _shape(model: Head, mesh: Mesh) -> np.ndarray:
    """(S,) coefficients of the person whose rest vertices a take's head has, by least squares."""
    basis = model.shape_basis.reshape(len(model.shape_basis), -1).astype(np.float64)
    offset = (mesh.rest_vertices - model.mesh.rest_vertices).astype(np.float64).ravel()
    gram = basis @ basis.T
    return np.asarray(np.linalg.solve(gram + 1e-9 * np.trace(gram) * np.eye(len(gram)), basis @ offset))


def _packaged_expression(model: HeadModel, expression: np.ndarray) -> np.ndarray:
    """(T, 52) expressions of an installed head as weights of the packaged head's."""
    gain = model.proxy.expression_gain
    return expression if gain is None else np.clip(expression / gain, 0, 1)


def _hand(
    take: Take,
    mesh: Mesh,
    rotation: np.ndarray,
    translation: np.ndarray,
    pivot: np.ndarray,
    head_tracked: np.ndarray,
) -> HandPerformance:
    name = mesh.name
    if len(mesh.rest_vertices) != len(load_hand("right").mesh.rest_vertices) or not take.has(f"{name}.rotation"):
        raise InputError(f"{take.path} has hands of another kind: capture the footage with the open engine.")
    tracked = (take.array(f"tracked_{name}") > 0) & head_tracked
    own = rotation_matrices(take.array(f"{name}.rotation"))
    moved = take.array(f"{name}.translation").astype(np.float64)
    rest = mesh.joints.astype(np.float64)
    linear, joints = np.zeros_like(own), np.zeros((*own.shape[:2], 3))
    for k in np.flatnonzero(tracked):
        turn, offset = joint_transforms(rest, mesh.parents, own[k], moved[k])
        linear[k] = rotation[k].T @ turn
        joints[k] = np.einsum("jab,jb->ja", turn, rest) + offset
    vertices = _local(take.array(f"{name}.vertices"), rotation, translation, pivot)
    joints = _local(joints, rotation, translation, pivot)
    vertices[~tracked], joints[~tracked] = 0, 0
    return HandPerformance(mesh, tracked, vertices, linear, joints, take.array(f"{name}.contact"))


def _local(points: np.ndarray, rotation: np.ndarray, translation: np.ndarray, pivot: np.ndarray) -> np.ndarray:
    """Points (T, n, 3) in camera space, in the head's axes."""
    return (points - (pivot + translation)[:, None]) @ rotation + pivot


def _filled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values (T, ...) with those of unknown frames interpolated in time, held at both ends."""
    if known.all():
        return values
    result = values.copy()
    index = np.flatnonzero(known)
    after = np.searchsorted(index, np.arange(len(values))).clip(0, len(index) - 1)
    before = (after - 1).clip(0)
    for k in np.flatnonzero(~known):
        one, other = index[before[k]], index[after[k]]
        share = 1.0 if other <= k or one >= other else (k - one) / (other - one)
        result[k] = values[one] * (1 - share) + values[other] * share
    return result


def _filled_rotations(vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Axis-angle vectors (T, 3), those of unknown frames by turning evenly from the one before to the one after."""
    if known.all():
        return vectors
    turns = rotation_matrices(vectors)
    index = np.flatnonzero(known)
    result = vectors.copy()
    for k in np.flatnonzero(~known):
        place = int(np.searchsorted(index, k))
        one, other = index[max(place - 1, 0)], index[min(place, len(index) - 1)]
        share = 0.0 if one == other else (k - one) / (other - one)
        step = axis_angle(turns[other] @ turns[one].T)
        result[k] = axis_angle(rotation_matrices(share * step) @ turns[one])
    return result
