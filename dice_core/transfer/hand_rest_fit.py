"""Our hand fitted to another hand at rest: size, shape and joint angles, by joints of the same names and by the skin.

Iterated closest points with distances along the normals, each finger on its own skin, over all that our hand can do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Hand
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import Mesh, vertex_normals
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.transfer.registration import FACING, fit_similarity

__all__ = ["FittedHand", "faces_by_part", "fit_hand_at_rest", "hand_parts"]

JOINT_NOISE, WRIST_NOISE = 0.004, 0.012
"""Metres by which two models' joints of one name differ in the same hand; of wrists, which lie anywhere in the carpus.
Set by hand."""

SKIN_NOISE, PATCH = 0.001, 20.0
"""Metres by which skin differs from our shapes, and vertices that differ together; as of `shape_fit`."""

ROUNDS, BY_JOINTS = 14, 4
"""Rounds, and how many of them, at first, go by joints alone."""

REACH = 0.012
"""Metres at which a closest point counts a quarter: a finger's thickness."""

_STEPS = {"shape": 0.1, "scale": 0.01, "turn": 0.01, "place": 0.001, "angles": 0.02}
"""Steps of the finite differences: each moves the skin by about a millimetre."""


@dataclass(frozen=True)
class FittedHand:
    """Our hand as it lies on another at rest.

    shape : (S,) and scale, of the person; vertices : (W, 3) float64 posed, the other's axes; linear : (J, 3, 3) and
    offset : (J, 3), by which each of our joints carries points of our unposed hand there.
    """

    shape: np.ndarray
    scale: float
    vertices: np.ndarray
    linear: np.ndarray
    offset: np.ndarray


def hand_parts(mesh: Mesh) -> np.ndarray:
    """(V,) str: "thumb", "index", "middle", "ring", "little" or "hand", by the joint that moves each vertex most."""
    strongest = mesh.skin_joints[np.arange(len(mesh.skin_joints)), mesh.skin_weights.argmax(axis=1)]
    names = [name.partition("_")[0] if "metacarpal" not in name else "hand" for name in mesh.joint_names]
    return np.array(["hand" if name == "wrist" else name for name in names])[strongest]


def faces_by_part(hand: Mesh, mesh: Mesh) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each part of our hand its vertices (n,) int, and the triangles (m,) int of another on which they may lie.

    The palm may lie on the roots of fingers, too, as hands divide differently there.
    """
    own, other = hand_parts(hand), hand_parts(mesh)[mesh_triangles(mesh)]
    found = []
    for part in dict.fromkeys(own):
        fitting = np.flatnonzero((other == part).any(axis=1))
        if part == "hand" or not len(fitting):
            fitting = np.arange(len(other))
        found.append((np.flatnonzero(own == part), fitting))
    return found


def fit_hand_at_rest(hand: Hand, mesh: Mesh, should_stop: Callable[[], None]) -> FittedHand:
    """Fit our hand to a take's, whose joints are called as ours; should_stop raises to stop."""
    fit = _Fit(hand, mesh)
    x = fit.start
    for step in range(ROUNDS):
        should_stop()
        x = fit.improved(x, by_skin=step >= BY_JOINTS)
    shape, scale, rotation, angles, place = fit.parts(x)
    linear, offset = hand.transforms(shape, scale, rotation, angles, place)
    linear, offset = fit.back @ linear, offset @ fit.back.T + fit.middle
    return FittedHand(shape, scale, fit.vertices(x) @ fit.back.T + fit.middle, linear, offset)


class _Fit:
    """The unknowns x: shape (S,), scale, turn (3,), place (3,), angles (22,), in axes in which the other hand lies much
    as ours, so that the turn is small. back, middle : from those axes to the other's."""

    def __init__(self, hand: Hand, mesh: Mesh) -> None:
        self._hand, self._shapes = hand, len(hand.shape_basis)
        ours = [name for name in hand.mesh.joint_names if name in mesh.joint_names]
        self._rows = np.array([hand.mesh.joint_names.index(name) for name in ours])
        goals = mesh.joints[[mesh.joint_names.index(name) for name in ours]].astype(np.float64)
        self._noise = np.array([WRIST_NOISE if name == "wrist" else JOINT_NOISE for name in ours])
        stiff = np.array([name == "wrist" or name.endswith("_mcp") for name in ours])
        found = fit_similarity(hand.mesh.joints[self._rows].astype(np.float64), goals, stiff.astype(float) + 1e-3)
        self.back, self.middle = found.rotation, found.offset
        self._goals = (goals - self.middle) @ self.back
        self._skin = (mesh.rest_vertices - self.middle) @ self.back
        self._ours, faces = mesh_triangles(hand.mesh), mesh_triangles(mesh)
        self._surfaces = [
            (rows, faces[fitting], SurfaceIndex(self._skin, faces[fitting]))
            for rows, fitting in faces_by_part(hand.mesh, mesh)
        ]
        self.start = np.zeros(self._shapes + 7 + len(hand.dof_mean))
        self.start[self._shapes] = found.scale
        self._step = np.repeat(list(_STEPS.values()), [self._shapes, 1, 3, 3, len(hand.dof_mean)])
        self._prior = np.zeros((len(self.start), len(self.start)))
        self._prior[range(self._shapes), range(self._shapes)] = 1
        self._prior[self._shapes, self._shapes] = 1 / hand.scale_sigma**2
        self._prior[-len(hand.dof_mean) :, -len(hand.dof_mean) :] = hand.dof_precision
        self._mean = np.zeros(len(self.start))
        self._mean[self._shapes] = 1
        self._mean[-len(hand.dof_mean) :] = hand.dof_mean

    def parts(self, x: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, np.ndarray, np.ndarray]:
        """Shape, scale, rotation, place and angles, as `Hand.pose` takes them."""
        shape, rest = x[: self._shapes], x[self._shapes :]
        return shape, float(rest[0]), rest[1:4], rest[7:], rest[4:7]

    def vertices(self, x: np.ndarray) -> np.ndarray:
        """(W, 3) float64."""
        shape, scale, rotation, angles, place = self.parts(x)
        return self._hand.pose(shape, scale, rotation, angles, place).astype(np.float64)

    def _joints(self, x: np.ndarray) -> np.ndarray:
        shape, scale, rotation, angles, place = self.parts(x)
        linear, offset = self._hand.transforms(shape, scale, rotation, angles, place)
        rest = self._hand.joint_positions(shape, scale).astype(np.float64)
        return (np.einsum("jab,jb->ja", linear, rest) + offset)[self._rows]

    def improved(self, x: np.ndarray, *, by_skin: bool) -> np.ndarray:
        """The next x of Gauss and Newton's iteration."""
        vertices, joints = self.vertices(x), self._joints(x)
        moved = x + np.diag(self._step)
        by_joint = np.stack([(self._joints(one) - joints) / s for one, s in zip(moved, self._step, strict=True)])
        weight = np.repeat(1 / self._noise**2, 3)
        columns = by_joint.reshape(len(x), -1)
        matrix = self._prior + (columns * weight) @ columns.T
        right = self._prior @ (self._mean - x) + (columns * weight) @ (self._goals - joints).ravel()
        if by_skin:
            rows, normal, gap, trust = self._closest(vertices)
            changes = [(self.vertices(one) - vertices)[rows] / s for one, s in zip(moved, self._step, strict=True)]
            columns = np.einsum("pnx,nx->pn", np.stack(changes), normal)
            weight = trust / (SKIN_NOISE**2 * PATCH)
            matrix += (columns * weight) @ columns.T
            right += (columns * weight) @ gap
        found = x + np.linalg.solve(matrix, right)
        count = len(self._hand.dof_mean)
        found[-count:] = np.clip(found[-count:], self._hand.dof_lower, self._hand.dof_upper)
        return found

    def _closest(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Our vertices, the skin's normals where each is nearest, the way there along them, and trust in it."""
        normals, found = vertex_normals(vertices, self._ours), []
        for rows, faces, index in self._surfaces:
            closest = index.query(vertices[rows])
            facing = np.einsum("nx,nx->n", closest.normal, normals[rows])
            way = closest.points(self._skin, faces) - vertices[rows]
            gap = np.einsum("nx,nx->n", way, closest.normal)
            # Beside an open end, such as a shorter wrist's, the nearest point is on the rim: it pulls no more.
            beside = np.linalg.norm(way, axis=1) > np.abs(gap) + SKIN_NOISE
            trust = np.clip((facing - FACING) / (1 - FACING), 0, 1) / (1 + (gap / REACH) ** 2) ** 2
            found.append((rows, closest.normal, gap, trust * ~beside))
        rows, normal, gap, trust = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return rows, normal, gap, trust
