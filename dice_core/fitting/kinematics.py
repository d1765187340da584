"""Points on an articulated hand and how they move with its pose: forward kinematics with analytic Jacobian."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dice_core.bodies import Hand
from dice_core.fitting.levenberg_marquardt import cross_matrices
from dice_core.geometry.mesh import joint_transforms
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["POSE_SIZE", "ArticulatedPoints", "HandSkeleton", "Skeleton", "bone_weights"]

POSE_SIZE = 28
"""Unknowns of a hand's pose: 3 of the rotation vector, 3 of the translation in metres, 22 joint angles in radians."""


def bone_weights(joints: np.ndarray, count: int) -> np.ndarray:
    """(n, J) weights of points that each move with one joint; joints : (n,) int, count : number of joints J."""
    weights = np.zeros((len(joints), count))
    weights[np.arange(len(joints)), joints] = 1.0
    return weights


@dataclass(frozen=True)
class ArticulatedPoints:
    """Points to be moved with a hand.

    rest : (n, 3) metres in rest pose; weights : (n, J) skinning weights over all joints.
    """

    rest: np.ndarray
    weights: np.ndarray

    @cached_property
    def carried(self) -> np.ndarray:
        """(n, 4 J): the rest positions and 1, times the weight of each joint. Times the joints' transforms, one below
        the other, these are the points in a pose."""
        homogeneous = np.concatenate([self.rest, np.ones((len(self.rest), 1))], axis=1)
        return (self.weights[:, :, None] * homogeneous[:, None]).reshape(len(self.rest), -1)


class Skeleton:
    """Joints with degrees of freedom, of which the first joint moves freely.

    joints : (J, 3) rest positions, metres; parents : (J,), parents first; dof_joint : (D,) int and dof_axis : (D, 3)
    unit rest axes: the rotation of a joint is the product of the rotations about its axes in order of listing.
    A pose has 6 + D entries: rotation vector and translation of the first joint, and D angles.
    """

    def __init__(self, joints: np.ndarray, parents: np.ndarray, dof_joint: np.ndarray, dof_axis: np.ndarray) -> None:
        self.joints = joints.astype(np.float64)
        self.parents = parents
        self.dof_joint = np.asarray(dof_joint)
        self.dof_axis = np.asarray(dof_axis, np.float64)
        self._crosses = cross_matrices(self.dof_axis)
        self._squares = self._crosses @ self._crosses
        count = len(joints)
        self._identities = np.tile(np.eye(3), (count, 1, 1))
        below = np.eye(count, dtype=bool)  # below[j, b]: bone b moves with joint j
        for b in range(count):
            parent = self.parents[b]
            while parent >= 0:
                below[parent, b] = True
                parent = self.parents[parent]
        # A turn of the whole about each axis of the camera, then the degrees of freedom: which bones move with each.
        self._moved = np.concatenate([np.ones((3, count)), below[self.dof_joint]])
        earlier = [int((self.dof_joint[:d] == joint).sum()) for d, joint in enumerate(self.dof_joint)]
        self._rounds = [np.flatnonzero(np.array(earlier) == number) for number in range(max(earlier, default=-1) + 1)]
        self._latest: tuple[bytes, tuple[np.ndarray, np.ndarray, np.ndarray]] | None = None
        self._latest_moves: tuple[bytes, tuple[np.ndarray, np.ndarray]] | None = None

    def joint_rotations(self, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (J, 3, 3) of each joint, and for each degree of freedom (D, 3, 3) that of the ones before it."""
        # Rodrigues' formula for axes of length 1 that never change.
        sine, versine = np.sin(angles)[:, None, None], (1 - np.cos(angles))[:, None, None]
        turns = np.eye(3) + sine * self._crosses + versine * self._squares
        rotation = self._identities.copy()
        before = np.empty_like(turns)
        for chosen in self._rounds:  # of each joint the first, then the second, ...
            joints = self.dof_joint[chosen]
            before[chosen] = rotation[joints]
            rotation[joints] = before[chosen] @ turns[chosen]
        return rotation, before

    def transforms(self, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """World transforms of the joints and world axes of the degrees of freedom.

        pose : (6 + D,). Returns linear (J, 3, 3), offset (J, 3), axes (D, 3).
        """
        # Points, normals and derivatives of the same pose are asked for in succession.
        key = pose.tobytes()
        if self._latest is not None and self._latest[0] == key:
            return self._latest[1]
        rotation, before = self.joint_rotations(pose[6:])
        rotation[0] = rotation_matrices(pose[:3])
        linear, offset = joint_transforms(self.joints, self.parents, rotation, pose[3:6])
        parent = self.parents[self.dof_joint]
        axes = (linear[parent] @ (before @ self.dof_axis[..., None]))[..., 0]
        self._latest = (key, (linear, offset, axes))
        return linear, offset, axes

    def positions(self, pose: np.ndarray, points: ArticulatedPoints) -> np.ndarray:
        """World positions (n, 3) of points; pose : (6 + D,)."""
        linear, offset, _ = self.transforms(pose)
        return points.carried @ _stacked(linear, offset).reshape(-1, 3)

    def jacobian(
        self, pose: np.ndarray, points: ArticulatedPoints, rows: np.ndarray | slice = slice(None)
    ) -> tuple[np.ndarray, np.ndarray]:
        """World positions (n, 3) and derivatives (n, 3, 6 + D), the rotation's for a small turn from the left.

        rows : those of the points that are wanted, all by default.
        """
        stacked, moves = self._moves(pose)
        carried = points.carried[rows]
        return carried @ stacked, (carried @ moves).reshape(len(carried), 3, -1)

    def _moves(self, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What carries points into a pose (4 J, 3), and its derivatives (4 J, 3 (6 + D))."""
        # An optimiser's next round begins where the last one ended.
        key = pose.tobytes()
        if self._latest_moves is not None and self._latest_moves[0] == key:
            return self._latest_moves[1]
        linear, offset, axes = self.transforms(pose)
        stacked = _stacked(linear, offset)
        # Every unknown but the translation turns what it moves about an axis through a centre, so that derivatives are
        # linear in what is carried, like positions.
        crosses = cross_matrices(np.concatenate([np.eye(3), axes]))
        joint = self.dof_joint
        centres = np.concatenate(
            [
                np.tile(self.joints[0] + pose[3:6], (3, 1)),
                (linear[joint] @ self.joints[joint][..., None])[..., 0] + offset[joint],
            ]
        )
        turned = (stacked.reshape(-1, 3) @ crosses.transpose(2, 1, 0).reshape(3, -1)).reshape(*stacked.shape, -1)
        turned[:, 3] -= (crosses @ centres[..., None])[..., 0].T
        turned *= self._moved.T[:, None, None]
        moves = np.zeros((*stacked.shape, 6 + len(joint)))
        moves[..., :3], moves[..., 6:] = turned[..., :3], turned[..., 3:]
        moves[:, 3, :, 3:6] = np.eye(3)
        flat = stacked.reshape(-1, 3)
        self._latest_moves = (key, (flat, moves.reshape(len(flat), -1)))
        return self._latest_moves[1]


def _stacked(linear: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """(J, 4, 3): the transpose of each joint's linear part, and its offset below it."""
    return np.concatenate([linear.transpose(0, 2, 1), offset[:, None]], axis=1)


class HandSkeleton(Skeleton):
    """Our hand of one person, with its 22 degrees of freedom.

    joints : (J, 3) rest positions, metres.
    """

    def __init__(self, hand: Hand, joints: np.ndarray) -> None:
        super().__init__(joints, hand.mesh.parents, hand.dof_joint, hand.dof_axis)
