"""A take as a transfer needs it: everything in the head's own axes, so that the head stands still and hands move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Head, load_hand
from dice_core.bodies.head_model import HeadModel, load_head_model, model_of_mesh
from dice_core.errors import InputError
from dice_core.geometry.mesh import Mesh, joint_transforms
from dice_core.geometry.rotations import rotation_matrices
from dice_core.take import Take
from dice_core.transfer.foreign_hand import has_our_joints, lay_on_hand
from dice_core.transfer.foreign_head import lay_on_head
from dice_core.transfer.gaps import filled, filled_rotations

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


def read_performance(take: Take, sides: tuple[str, ...], should_stop: Callable[[], None]) -> Performance:
    """Read the head and the hands of some sides.

    Onto a head that is none of those that are known here, such as the dice engine's, ours is laid by its face, and our
    hands onto others, which takes seconds; should_stop : called meanwhile, raises to stop.
    Raises InputError where the take has no head, or bodies that a transfer cannot use.
    """
    if "head" not in take.meshes or not len(take.frames):
        raise InputError(f"{take.path} has no head: capture footage in which the face is seen.")
    tracked = take.array("tracked_head") > 0
    if not tracked.any():
        raise InputError(f"{take.path} has no head: capture footage in which the face is seen.")
    if not take.has("head.rotation"):
        raise InputError(f"{take.path} does not say how the head is turned: capture the footage again.")
    mesh = take.meshes["head"]
    own = load_head_model("open")
    model = own if len(mesh.rest_vertices) == len(own.shown.mesh.rest_vertices) else model_of_mesh(mesh)
    motion = _motion(take, mesh, tracked)
    if model is not None and take.has("head.expression"):
        head = _known_head(take, model, motion)
    else:
        motion, head = _foreign_head(take, motion, should_stop)
    hands = {side: _hand(take, f"hand_{side}", motion, should_stop) for side in sides if f"hand_{side}" in take.meshes}
    return Performance(
        frame=take.frames,
        fps=take.fps,
        head=head.mesh,
        rotation=motion.rotation,
        expression=head.expression,
        vertices=head.vertices,
        deformation=head.deformation,
        contact=head.contact,
        hands={side: hand for side, hand in hands.items() if hand.tracked.any()},
        events=[vars(event) for event in take.events],
    )


@dataclass(frozen=True)
class _Motion:
    """Where a head is in each frame, frames in between filled: a point x of its rest is, in camera space, at
    rotation @ (x - pivot) + pivot + translation. tracked : (T,) bool; rotation : (T, 3, 3)."""

    tracked: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    pivot: np.ndarray

    def local(self, points: np.ndarray) -> np.ndarray:
        """Points (T, n, 3) in camera space, in the head's axes."""
        return (points - (self.pivot + self.translation)[:, None]) @ self.rotation + self.pivot

    def turned(self, turns: np.ndarray) -> np.ndarray:
        """Rotations (T, J, 3, 3) into camera space, into the head's axes."""
        return np.swapaxes(self.rotation, 1, 2)[:, None] @ turns

    def in_axes(self, turn: np.ndarray, place: np.ndarray) -> _Motion:
        """The same of a head that rests in other axes: turn @ x + place for a point x in them."""
        pivot = (self.pivot - place) @ turn
        return _Motion(self.tracked, self.rotation @ turn, self.translation + self.pivot - pivot, pivot)


@dataclass(frozen=True)
class _HeadFrames:
    """The head's part of a `Performance`."""

    mesh: Mesh
    expression: np.ndarray
    vertices: np.ndarray
    deformation: np.ndarray
    contact: np.ndarray


def _motion(take: Take, mesh: Mesh, tracked: np.ndarray) -> _Motion:
    vectors = filled_rotations(take.array("head.rotation")[:, 0].astype(np.float64), tracked)
    translation = filled(take.array("head.translation").astype(np.float64), tracked)
    return _Motion(tracked, rotation_matrices(vectors), translation, mesh.joints[0].astype(np.float64))


def _known_head(take: Take, model: HeadModel, motion: _Motion) -> _HeadFrames:
    """The packaged head, or one that is installed."""
    mesh = take.meshes["head"]
    expression = np.clip(filled(take.array("head.expression").astype(np.float64), motion.tracked), 0, 1)
    deformation = take.array("head.deformation") @ motion.rotation.astype(np.float32)
    contact = take.array("head.contact")
    if model.shown is model.proxy:
        vertices = filled(motion.local(take.array("head.vertices")), motion.tracked)
        return _HeadFrames(mesh, expression, vertices, deformation, contact)
    shape = _shape(model.shown, mesh)
    rest = model.proxy.rest(shape)
    return _HeadFrames(
        model.proxy.person_mesh(shape),
        _packaged_expression(model, expression),
        np.stack([model.proxy.deform(rest, one) for one in expression]).astype(np.float64),
        np.stack([model.on_proxy(one) for one in deformation]),
        np.stack([model.on_proxy(one) for one in contact]),
    )


def _foreign_head(take: Take, motion: _Motion, should_stop: Callable[[], None]) -> tuple[_Motion, _HeadFrames]:
    """Any other head, and its motion in our axes."""
    try:
        own = lay_on_head(take.meshes["head"], should_stop)
    except InputError as error:  # whose sentence is for a character, of which something can be set by hand
        raise InputError(
            f"No face was found on the head of {take.path}, so that it fits no character: capture the footage with the "
            "open engine."
        ) from error
    motion = motion.in_axes(own.turn, own.place)
    vertices, expression = own.moved(filled(motion.local(take.array("head.vertices")), motion.tracked))
    deformation = own.carried(take.array("head.deformation") @ motion.rotation.astype(np.float32))
    return motion, _HeadFrames(own.mesh, expression, vertices, deformation, own.carried(take.array("head.contact")))


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


def _hand(take: Take, name: str, motion: _Motion, should_stop: Callable[[], None]) -> HandPerformance:
    """One hand, of whichever topology."""
    mesh = take.meshes[name]
    if not has_our_joints(mesh) or not take.has(f"{name}.rotation"):
        raise InputError(f"{take.path} has hands with other joints than known ones: capture the footage again.")
    tracked = (take.array(f"tracked_{name}") > 0) & motion.tracked
    own = rotation_matrices(take.array(f"{name}.rotation"))
    moved = take.array(f"{name}.translation").astype(np.float64)
    rest = mesh.joints.astype(np.float64)
    linear, offset = np.zeros_like(own), np.zeros((*own.shape[:2], 3))
    for k in np.flatnonzero(tracked):
        linear[k], offset[k] = joint_transforms(rest, mesh.parents, own[k], moved[k])
    vertices, contact = take.array(f"{name}.vertices"), take.array(f"{name}.contact")
    joints = np.einsum("tjab,jb->tja", linear, rest) + offset
    ours = load_hand("right").mesh
    if mesh.joint_names != ours.joint_names or len(mesh.rest_vertices) != len(ours.rest_vertices):
        foreign = lay_on_hand(mesh, should_stop)
        mesh, joints = foreign.mesh, foreign.joint_places(linear, offset)
        vertices, contact = foreign.vertices(vertices, linear), foreign.contact(contact)
        linear = foreign.rotations(linear)
    vertices, joints = motion.local(vertices), motion.local(joints)
    vertices[~tracked], joints[~tracked] = 0, 0
    return HandPerformance(mesh, tracked, vertices, motion.turned(linear), joints, contact)
