"""A batch of poses of one hand: the positions of its key points and of samples of its skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Hand
from dice_core.fitting.hand_samples import HandSamples
from dice_core.fitting.kinematics import ArticulatedPoints, bone_weights
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["HandBatch", "HandModel"]


@dataclass(frozen=True)
class HandBatch:
    """n hands. rotation : (n, 3, 3) of the wrist; translation : (n, 3) metres; angles : (n, 22) radians."""

    rotation: np.ndarray
    translation: np.ndarray
    angles: np.ndarray

    def moved(self, shift: np.ndarray) -> HandBatch:
        """Shifted by (n, 3) metres."""
        return HandBatch(self.rotation, self.translation + shift, self.angles)

    def subset(self, rows: np.ndarray) -> HandBatch:
        """The hands of some rows."""
        return HandBatch(self.rotation[rows], self.translation[rows], self.angles[rows])


class HandModel:
    """The hand of one person. shape : (S,) deviations; scale : relative to the mean hand."""

    def __init__(self, hand: Hand, shape: np.ndarray, scale: float) -> None:
        self.hand, self.shape, self.scale = hand, shape, scale
        self.mesh = hand.person_mesh(shape, scale)
        self.samples = HandSamples.of(self.mesh)
        self.joints = hand.joint_positions(shape, scale).astype(float)
        weights = bone_weights(hand.keypoint_joint, len(self.joints))
        self.keypoints = ArticulatedPoints(hand.keypoints_rest(shape, scale).astype(float), weights)

    @property
    def side(self) -> str:
        """ "left" or "right"."""
        return self.mesh.name.removeprefix("hand_")

    @property
    def sample_joints(self) -> np.ndarray:
        """(s,) name of the joint with the largest skinning weight at each sample of the skin."""
        vertex = self.samples.vertex
        most = self.mesh.skin_weights[vertex].argmax(axis=1)
        return np.array(self.mesh.joint_names)[self.mesh.skin_joints[vertex, most]]

    def positions(self, batch: HandBatch, points: ArticulatedPoints) -> np.ndarray:
        """(n, p, 3) metres."""
        linear, offset = self._transforms(batch)
        # Linear in weight times rest point: one matrix product for the whole batch.
        lifted = (points.weights[:, :, None] * points.rest[:, None, :]).reshape(len(points.rest), -1)
        stacked = linear.transpose(0, 2, 1, 3).reshape(len(linear), 3, lifted.shape[1])
        return (stacked @ lifted.T).transpose(0, 2, 1) + points.weights @ offset

    def normals(self, batch: HandBatch) -> np.ndarray:
        """(n, s, 3) unit normals of the skin's samples."""
        linear, _ = self._transforms(batch)
        blended = np.einsum("pj,njab->npab", self.samples.points.weights, linear, optimize=True)
        turned = np.einsum("npab,pb->npa", blended, self.samples.normals, optimize=True)
        return turned / np.linalg.norm(turned, axis=-1, keepdims=True)

    def skin(self, batch: HandBatch) -> np.ndarray:
        """(n, s, 3) metres, samples of the skin."""
        return self.positions(batch, self.samples.points)

    def _transforms(self, batch: HandBatch) -> tuple[np.ndarray, np.ndarray]:
        hand, count = self.hand, len(batch.angles)
        turns = rotation_matrices(hand.dof_axis.astype(float) * batch.angles[..., None])
        rotations = np.tile(np.eye(3), (count, len(self.joints), 1, 1))
        for d, joint in enumerate(hand.dof_joint):
            rotations[:, joint] = rotations[:, joint] @ turns[:, d]
        rotations[:, 0] = batch.rotation
        linear = np.empty_like(rotations)
        offset = np.empty((count, len(self.joints), 3))
        for joint, parent in enumerate(hand.mesh.parents):
            own = self.joints[joint] - np.einsum("nab,b->na", rotations[:, joint], self.joints[joint])
            if parent < 0:
                linear[:, joint], offset[:, joint] = rotations[:, joint], own + batch.translation
            else:
                linear[:, joint] = linear[:, parent] @ rotations[:, joint]
                offset[:, joint] = np.einsum("nab,nb->na", linear[:, parent], own) + offset[:, parent]
        return linear, offset
