"""The points of a take's bodies that detected landmarks and joints are compared with."""

from __future__ import annotations

import numpy as np

from dice_core.bodies import Hand, load_hand
from dice_core.bodies.head_model import model_of_mesh
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, joint_transforms
from dice_core.geometry.rotations import rotation_matrices
from dice_core.take.frames import Body

__all__ = ["Keypoints", "landmark_error"]

_RIGHT_EYE, _LEFT_EYE = (33, 133), (362, 263)


class Keypoints:
    """Key points of one mesh of a take.

    mesh : the take's. Head: the 468 face landmarks. Hand: the detector's 21 points. Bodies of another topology than the
    open ones and of an installed head have no landmarks, and their rig's joints for joints.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        hand = None if mesh.name == "head" else load_hand(mesh.name.removeprefix("hand_"))
        self._head_model = model_of_mesh(mesh) if hand is None else None
        if hand is None:
            self.has_landmarks = self._head_model is not None
        else:
            self.has_landmarks = np.array_equal(mesh.face_corners, hand.mesh.face_corners)
        self._rest, self._carrier = mesh.joints.astype(np.float64), np.arange(len(mesh.joints))
        if hand is not None and self.has_landmarks:
            self._rest, self._carrier = _person_keypoints(mesh, hand), hand.keypoint_joint

    def landmarks(self, body: Body) -> np.ndarray | None:
        """(468 or 21, 3) metres: where the landmarks lie on the fitted body; None where the topology has none."""
        if not self.has_landmarks:
            return None
        model = self._head_model
        return self.joints(body) if model is None else model.shown.landmarks(body.vertices)

    def joints(self, body: Body) -> np.ndarray | None:
        """(K, 3) metres: the key points of a hand, or the rig's joints; None without a rig."""
        if body.rotation is None or body.translation is None or not len(self._rest):
            return None
        linear, offset = joint_transforms(
            self._mesh.joints.astype(np.float64),
            self._mesh.parents,
            rotation_matrices(body.rotation),
            body.translation.astype(np.float64),
        )
        return np.einsum("kij,kj->ki", linear[self._carrier], self._rest) + offset[self._carrier]


def landmark_error(detected: np.ndarray, points: np.ndarray, camera: Camera) -> float | None:
    """Mean distance in the picture between detected landmarks and the same points of the fitted body.

    detected : (468 or more, 2) of a face or (21, 2) of a hand, pixels; points : (468 or 21, 3) metres.
    Returns percent of the inter-ocular distance (between the middles of the eyes' corners) or of the hand's size
    (longer side of the box around its landmarks); None where the landmarks have no extent.
    """
    # In square pixels, so that a distance counts the same in every direction.
    square = camera.squared()
    scale = np.array([square.width / camera.width, square.height / camera.height])
    detected = (detected[: len(points)].astype(np.float64) + 0.5) * scale - 0.5
    if len(points) > 21:
        eyes = [detected[list(corners)].mean(axis=0) for corners in (_RIGHT_EYE, _LEFT_EYE)]
        size = float(np.linalg.norm(eyes[0] - eyes[1]))
    else:
        size = float(np.ptp(detected, axis=0).max())
    if not np.isfinite(size) or size <= 0:
        return None
    distance = np.linalg.norm(square.project(points.astype(np.float64)) - detected, axis=1)
    return 100 * float(distance.mean()) / size


def _person_keypoints(mesh: Mesh, hand: Hand) -> np.ndarray:
    """(21, 3) key points of the unposed hand of a take, from the size and shape that its rest vertices show."""
    # rest = scale * template + (scale * shape) . basis is linear in scale and scale * shape.
    basis = np.concatenate([hand.mesh.rest_vertices[None], hand.shape_basis]).reshape(1 + len(hand.shape_basis), -1)
    weights = np.linalg.lstsq(basis.T.astype(np.float64), mesh.rest_vertices.ravel().astype(np.float64), rcond=None)[0]
    return hand.keypoints_rest(weights[1:] / weights[0], float(weights[0])).astype(np.float64)
