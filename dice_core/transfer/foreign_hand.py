"""A take's hand of another topology, such as MANO's, carried onto ours: skin, joints and rotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies import load_hand
from dice_core.geometry.mesh import Mesh, vertex_normals
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.transfer.hand_rest_fit import faces_by_part, fit_hand_at_rest
from dice_core.transfer.hand_rig import OUR_JOINTS
from dice_core.transfer.surface_points import SurfacePoints, closest_facing

__all__ = ["ForeignHand", "has_our_joints", "lay_on_hand"]

SETTLED = 0.006
"""Metres up to which our fitted skin is put onto the take's; what is farther off is beside its end, at the wrist."""


@dataclass(frozen=True)
class ForeignHand:
    """A take's hand at rest, and ours on it.

    mesh : our hand of the person, in our rest pose; joint : (J,) int, the take's joint that moves each of ours;
    turn : (J, 3, 3) from our rest pose to the take's; joints : (J, 3) where ours are in the take's rest pose.
    places : (W,) our vertices as points of the take's skin; beside : (W, 3) from there to those of our vertices that
    have no place on it, in the take's rest pose, and carrier : (W,) the take's joint that turns that.
    """

    mesh: Mesh
    joint: np.ndarray
    turn: np.ndarray
    joints: np.ndarray
    places: SurfacePoints
    beside: np.ndarray
    carrier: np.ndarray

    def rotations(self, linear: np.ndarray) -> np.ndarray:
        """Of the take's joints from its rest pose (T, K, 3, 3), of ours from our rest pose: (T, J, 3, 3)."""
        return linear[:, self.joint] @ self.turn

    def joint_places(self, linear: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """(T, J, 3) of ours, where the take's joints carry them; offset : (T, K, 3)."""
        return np.einsum("tjab,jb->tja", linear[:, self.joint], self.joints) + offset[:, self.joint]

    def vertices(self, vertices: np.ndarray, linear: np.ndarray) -> np.ndarray:
        """(T, W, 3) of ours, on the take's skin (T, n, 3)."""
        return self.places.of_each(vertices) + np.einsum("twab,wb->twa", linear[:, self.carrier], self.beside)

    def contact(self, contact: np.ndarray) -> np.ndarray:
        """(T, W) float32 of the take's (T, n)."""
        return np.stack([self.places.of(one) for one in contact]).astype(np.float32)


def has_our_joints(mesh: Mesh) -> bool:
    """Whether a hand's joints are called as ours, as MANO's are in takes; it may have more or fewer beside them."""
    return set(OUR_JOINTS.values()) <= set(mesh.joint_names)


def lay_on_hand(mesh: Mesh, should_stop: Callable[[], None]) -> ForeignHand:
    """Our hand on a take's, of whose joints it has all that move; should_stop : called now and then; raises to stop."""
    hand = load_hand(mesh.name.removeprefix("hand_"))
    fitted = fit_hand_at_rest(hand, mesh, should_stop)
    person = hand.person_mesh(fitted.shape, fitted.scale)
    wrist = mesh.joint_names.index("wrist")
    # Metacarpals, which MANO has not, move with the wrist.
    joint = np.array([mesh.joint_names.index(n) if n in mesh.joint_names else wrist for n in person.joint_names])
    rest = mesh.rest_vertices.astype(np.float64)
    places = _places(hand.mesh, fitted.vertices, mesh, rest)
    strongest = np.arange(len(places.corners)), places.weights.argmax(axis=1)
    vertex = places.corners[strongest]
    carrier = mesh.skin_joints[vertex, mesh.skin_weights[vertex].argmax(axis=1)]
    beside = fitted.vertices - places.of(rest)
    beside[np.linalg.norm(beside, axis=1) < SETTLED] = 0
    place = np.einsum("jab,jb->ja", fitted.linear, person.joints.astype(np.float64)) + fitted.offset
    return ForeignHand(person, joint, fitted.linear, place, places, beside, carrier)


def _places(ours: Mesh, vertices: np.ndarray, mesh: Mesh, rest: np.ndarray) -> SurfacePoints:
    """Our vertices as the nearest points of the same finger that face the same way."""
    normals, faces = vertex_normals(vertices, mesh_triangles(ours)), mesh_triangles(mesh)
    corners, weights = np.zeros((len(vertices), 3), np.int64), np.zeros((len(vertices), 3))
    triangle = np.zeros(len(vertices), np.int64)
    for rows, number in faces_by_part(ours, mesh):
        found = closest_facing(vertices[rows], normals[rows], rest, faces[number], number)
        corners[rows], weights[rows], triangle[rows] = found.corners, found.weights, found.triangle
    return SurfacePoints(corners, weights, triangle)
