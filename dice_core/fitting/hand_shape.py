"""The proportions of a person's hand from several frames of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dice_core.bodies import Hand
from dice_core.fitting.hand_fit import HandFitter
from dice_core.fitting.hand_observation import HandObservation
from dice_core.fitting.kinematics import POSE_SIZE, ArticulatedPoints, HandSkeleton, bone_weights
from dice_core.geometry.camera import Camera

__all__ = ["fit_hand_shape"]

_SHAPE_SIGMA = 1.0  # of the population's deviation
# Set by hand: hands as the landmark network draws them have longer fingers for their palm than the mean of the
# generated population, by about this much of the first coefficient.
_FIRST_MEAN = 2.0
_LARGEST = 3.5  # deviations
_ROUNDS = 4
_CONVERGED = 0.05  # deviations: a smaller step ends the rounds


def fit_hand_shape(
    frames: Sequence[tuple[Hand, HandObservation]], camera: Camera, count: int, scale: float
) -> np.ndarray:
    """The shape coefficients that explain several frames of one person's hands, left and right, together.

    frames : the hand of the side that each frame shows, and its landmarks; count : number of coefficients S.
    Returns (S,), the mean where there are no frames. Gauss-Newton with every frame's pose eliminated.
    """
    mean = np.zeros(count)
    mean[0] = _FIRST_MEAN
    shape = mean.copy()
    if not frames:
        return shape
    poses: list[np.ndarray | None] = [None] * len(frames)
    parts = {hand.mesh.name: _skeletons_of_shape(hand, scale) for hand, _ in frames}
    for _ in range(_ROUNDS):
        gradient = (shape - mean) / _SHAPE_SIGMA**2
        matrix = np.eye(count) / _SHAPE_SIGMA**2
        for k, (hand, observation) in enumerate(frames):
            fitter = HandFitter(hand, camera, shape, scale)
            pose = fitter.fit(observation, poses[k])
            poses[k] = pose
            position, by_pose = fitter.skeleton.jacobian(pose, fitter.keypoints)
            by_shape = _shape_jacobian(parts[hand.mesh.name], pose)
            terms = fitter.landmark_terms(observation, position, np.concatenate([by_pose, by_shape], axis=2))
            own = fitter.prior_matrix(observation)
            free = np.flatnonzero((pose > fitter.lower) & (pose < fitter.upper))
            inner = (terms.matrix[:POSE_SIZE, :POSE_SIZE] + own)[np.ix_(free, free)]
            cross = terms.matrix[POSE_SIZE:, free]
            solved = np.linalg.solve(inner, cross.T)
            # The pose is at its optimum, so its gradient is zero and only the shape's remains.
            gradient += terms.gradient[POSE_SIZE:]
            matrix += terms.matrix[POSE_SIZE:, POSE_SIZE:] - cross @ solved
        step = -np.linalg.solve(matrix, gradient)
        shape = np.clip(shape + step, -_LARGEST, _LARGEST)
        if np.abs(step).max() < _CONVERGED:
            break
    return shape


def _skeletons_of_shape(hand: Hand, scale: float) -> list[tuple[HandSkeleton, ArticulatedPoints]]:
    """For each coefficient the joints and key points that it adds to the mean hand's, as a hand of their own.

    Where a pose carries a point is linear in joints and points together, so that these, posed, are the derivatives.
    """
    weights = bone_weights(hand.keypoint_joint, len(hand.mesh.joints))
    return [
        (HandSkeleton(hand, joints * scale), ArticulatedPoints(points.astype(np.float64) * scale, weights))
        for joints, points in zip(hand.joint_shape_basis, hand.keypoint_shape_basis, strict=True)
    ]


def _shape_jacobian(parts: list[tuple[HandSkeleton, ArticulatedPoints]], pose: np.ndarray) -> np.ndarray:
    """(21, 3, S) derivatives of the key points by the shape; parts : as of `_skeletons_of_shape`."""
    turned = pose.copy()
    turned[3:6] = 0.0
    return np.stack([skeleton.positions(turned, points) for skeleton, points in parts], axis=2)
