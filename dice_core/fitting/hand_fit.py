"""Pose of a hand from its 21 landmarks, within anatomical limits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dice_core.bodies import Hand
from dice_core.fitting.depth_prior import DepthPrediction
from dice_core.fitting.hand_observation import KNUCKLES, HandObservation
from dice_core.fitting.kinematics import POSE_SIZE, ArticulatedPoints, HandSkeleton, bone_weights
from dice_core.fitting.levenberg_marquardt import Quadratic, minimise
from dice_core.geometry.camera import Camera
from dice_core.geometry.rotations import axis_angle

__all__ = ["HandFitter"]

# All weights and deviations below were set by hand, judged on the rendered sample clip and on the four test photos.
_LANDMARK_SIGMA = 0.01  # of the hand's size in the image
_ROBUST_SCALE = 2.0  # sigmas beyond which a landmark's error counts linearly
_DEPTH_SIGMA = 0.05  # metres; depth of a landmark relative to the wrist, as the landmark network estimates it
_EDGE_DEPTH_SIGMA = 0.08  # metres; the same of a hand seen edge-on, where these estimates pull the fingers apart
_DIRECTION_SIGMA = 4.0  # of a bone's unit direction in the landmark network's 3D estimate
_EDGE_DIRECTION_FACTOR = 3.0  # of that sigma in a hand seen edge-on
_PRIOR_WEIGHT = 0.6  # of the anatomical prior, whose deviations are those of free gestures
_TEMPORAL_SIGMA = 0.20  # radians between frames
_DISTANCE_SIGMA = 0.04  # of the distance estimated from the hand's size alone
_CORRELATED_ERRORS = 1.3  # square root of the number of landmarks that share one error of the learned depth
# The finger-coupling prior: fingers lie side by side and are bent alike. In a hand seen edge-on they hide each other,
# and the image hardly tells them apart.
_ADJACENT_ABDUCTION = {"index": -10.0, "middle": 3.0, "ring": 11.0, "little": 18.0}  # degrees, fingers side by side
_ABDUCTION_SIGMA = 1.5  # degrees
_FLEXION_DIFFERENCE_SIGMA = {"mcp_flexion": 1.0, "pip_flexion": 1.6, "dip_flexion": 2.0}  # degrees, between neighbours
_COUPLING_SCALE = 2.0  # sigmas beyond which it counts linearly: a finger that points is not like the others
_COUPLING_FLAT = 0.4  # its weight in a hand seen flat, where depth is uncertain but the spread of the fingers is seen
# Degrees by which the landmark network's 3D estimate bends the fingers beyond those of the mean hand, on average, from
# which a hand is fitted from there, too: from there alone, a fist is found that a half open hand looks like. By hand.
_BENT = 30.0
_LOST = 0.022  # of the hand's size: a fit with a larger mean error is tried again from the start
_ITERATIONS = 40
_WARM_ITERATIONS = 8  # from the pose of the frame before
_LARGEST_STEP = 0.3  # radians or metres an iteration

_PALM = [0, 1, 5, 9, 13, 17]
_BONES = np.array([(k if k % 4 else 0, k + 1) for k in range(20)])  # (20, 2) landmarks at the ends of each bone
_CHAINS = np.array([[0, knuckle, knuckle + 1, knuckle + 2, knuckle + 3] for knuckle in KNUCKLES])


class HandFitter:
    """Fits one person's hand to landmarks.

    shape : (S,) coefficients; scale : size relative to the mean hand.
    """

    def __init__(self, hand: Hand, camera: Camera, shape: np.ndarray, scale: float) -> None:
        self.hand = hand
        self.camera = camera
        self.shape = shape
        self.scale = scale
        self.skeleton = HandSkeleton(hand, hand.joint_positions(shape, scale))
        rest = hand.keypoints_rest(shape, scale).astype(np.float64)
        self.keypoints = ArticulatedPoints(rest, bone_weights(hand.keypoint_joint, len(hand.mesh.joints)))
        self.lower = np.concatenate([np.full(6, -np.inf), hand.dof_lower]).astype(np.float64)
        self.upper = np.concatenate([np.full(6, np.inf), hand.dof_upper]).astype(np.float64)
        self.mean = np.asarray(hand.dof_mean, np.float64)
        self._precision = _PRIOR_WEIGHT**2 * np.asarray(hand.dof_precision, np.float64)
        self._coupling, self._coupling_mean = _finger_coupling(hand)
        joints = [f"{finger}_{joint}_flexion" for finger in _ADJACENT_ABDUCTION for joint in ("mcp", "pip", "dip")]
        self._flexions = np.array([6 + hand.dof_names.index(name) for name in joints])

    def fit(self, observation: HandObservation, previous: np.ndarray | None = None) -> np.ndarray:
        """Fit one frame without regard to the head.

        previous : (28,) pose of the frame before, to start from. Returns the pose (28,).
        """
        rough = self.rough_pose(observation)
        if previous is None:
            return self._fit_from_scratch(rough, observation)
        pose = self._fit_from(previous, observation, rough[5], previous[6:].copy())
        if self.error(pose, observation) < _LOST:
            return pose
        # The pose of the frame before no longer leads to one that explains the image: fit without it.
        scratch = self._fit_from_scratch(rough, observation)
        return min(pose, scratch, key=lambda candidate: self.error(candidate, observation))

    def _fit_from_scratch(self, rough: np.ndarray, observation: HandObservation) -> np.ndarray:
        pose, cost = self._fit_with_cost(rough, observation, rough[5], None)
        bent = self._bent_start(rough, observation)
        if bent is not None:
            other, other_cost = self._fit_with_cost(bent, observation, rough[5], None)
            pose = other if other_cost < cost else pose
        if self.error(pose, observation) < _LOST:
            return pose
        # A gesture with unlike fingers may lie beyond a local minimum in which they are alike.
        loose = self._fit_from(rough, observation, rough[5], None, coupling=0.0)
        again = self._fit_from(loose, observation, rough[5], None)
        return min(pose, again, key=lambda candidate: self.error(candidate, observation))

    def centre(self, pose: np.ndarray) -> np.ndarray:
        """Mean of the key points (3,), metres; pose : (28,)."""
        return self.skeleton.positions(pose, self.keypoints).mean(axis=0)

    def error(self, pose: np.ndarray, observation: HandObservation) -> float:
        """Mean distance of the key points from their landmarks, as a share of the hand's size in the image."""
        seen = self.camera.project(self.skeleton.positions(pose, self.keypoints))
        return float(np.linalg.norm(seen - observation.pixels, axis=1).mean() / observation.size)

    def _fit_from(
        self,
        start: np.ndarray,
        observation: HandObservation,
        distance: float,
        temporal_prior: np.ndarray | None,
        coupling: float = 1.0,
    ) -> np.ndarray:
        return self._fit_with_cost(start, observation, distance, temporal_prior, coupling)[0]

    def _fit_with_cost(
        self,
        start: np.ndarray,
        observation: HandObservation,
        distance: float,
        temporal_prior: np.ndarray | None,
        coupling: float = 1.0,
    ) -> tuple[np.ndarray, float]:
        def evaluate(x: np.ndarray) -> Quadratic:
            position, jacobian = self.skeleton.jacobian(x, self.keypoints)
            terms = self.landmark_terms(observation, position, jacobian)
            self.add_prior(terms, x, observation, temporal_prior, coupling)
            if observation.depth_prediction is None:
                terms.add_diagonal(5, x[5:6] - distance, 1 / (_DISTANCE_SIGMA * distance))
            return terms

        iterations = _ITERATIONS if temporal_prior is None else _WARM_ITERATIONS
        return minimise(evaluate, start, self.lower, self.upper, iterations=iterations, largest_step=_LARGEST_STEP)

    def _bent_start(self, rough: np.ndarray, observation: HandObservation) -> np.ndarray | None:
        """A start (28,) with fingers bent as in the 3D estimate, None where they are nearly as bent as in `rough`."""
        model = self.skeleton.positions(rough, self.keypoints)
        bend = _bends(observation.world) - _bends(model)
        if np.degrees(bend.mean()) < _BENT:
            return None
        start = rough.copy()
        start[self._flexions] += bend.ravel()
        return np.clip(start, self.lower, self.upper)

    def rough_pose(self, observation: HandObservation) -> np.ndarray:
        """A start for the fit: rotation from the palm in the 3D estimate, distance from the size in the image."""
        neutral = np.zeros(POSE_SIZE)
        neutral[6:] = self.mean
        model = self.skeleton.positions(neutral, self.keypoints)
        world = observation.world
        a = model[_PALM] - model[_PALM].mean(axis=0)
        b = world[_PALM] - world[_PALM].mean(axis=0)
        u, _, vt = np.linalg.svd(a.T @ b)
        rotation = (u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt).T
        # The network's metres are those of a mean hand: bone lengths scale them to this hand.
        ratio = _bone_length(model) / max(_bone_length(world), 1e-6)
        spread = float(np.sqrt(((world - world.mean(axis=0))[:, :2] ** 2).sum(axis=1).mean())) * ratio
        middle = observation.pixels.mean(axis=0)
        seen = float(np.sqrt(((observation.pixels - middle) ** 2).sum(axis=1).mean()))
        distance = self.camera.fx * spread / max(seen, 1e-6)
        pose = np.concatenate([axis_angle(rotation), np.zeros(3), self.mean])
        placed = self.skeleton.positions(pose, self.keypoints)
        pose[3:6] = self.camera.rays(middle) * distance - placed.mean(axis=0)
        return pose

    def landmark_terms(
        self, observation: HandObservation, position: np.ndarray, jacobian: np.ndarray, weight: float = 1.0
    ) -> Quadratic:
        """The cost of the distances between key points and landmarks, in the image and in depth.

        position : (21, 3) metres, jacobian : (21, 3, n) of the key points; weight : of the image against all else.
        """
        camera, n = self.camera, jacobian.shape[-1]
        terms = Quadratic.zero(n)
        z = position[:, 2:3]
        unit = _LANDMARK_SIGMA * observation.size / weight
        residual = (camera.project(position) - observation.pixels) / unit
        focal = np.array([camera.fx, camera.fy])
        rows = (focal[:, None] / z[:, None] * jacobian[:, :2]) - (
            (focal * position[:, :2])[:, :, None] / z[:, None] ** 2 * jacobian[:, 2:]
        )
        trust = observation.trust()
        terms.add_robust(residual * trust[:, None], rows * (trust / unit)[:, None, None], _ROBUST_SCALE)
        if observation.depth_prediction is not None:
            _add_depth_prediction(terms, observation.depth_prediction, z[:, 0], jacobian[:, 2], trust)
            return terms
        edge = observation.edge_on
        sigma = _DEPTH_SIGMA + edge * (_EDGE_DEPTH_SIGMA - _DEPTH_SIGMA)
        depth = observation.depth * float(z.mean()) / camera.fx
        relative = ((z[:, 0] - z[0, 0]) - (depth - depth[0])) / sigma
        terms.add(relative, (jacobian[:, 2] - jacobian[:1, 2]) / sigma)
        bones = position[_BONES[:, 1]] - position[_BONES[:, 0]]
        world = observation.world[_BONES[:, 1]] - observation.world[_BONES[:, 0]]
        length = np.linalg.norm(bones, axis=1, keepdims=True)
        direction = bones / length - world / np.maximum(np.linalg.norm(world, axis=1, keepdims=True), 1e-9)
        rows = (jacobian[_BONES[:, 1]] - jacobian[_BONES[:, 0]]) / length[:, :, None]
        sigma = _DIRECTION_SIGMA * (1 + (_EDGE_DIRECTION_FACTOR - 1) * edge)
        terms.add((direction / sigma).ravel(), (rows / sigma).reshape(-1, n))
        return terms

    def add_prior(
        self,
        terms: Quadratic,
        x: np.ndarray,
        observation: HandObservation,
        temporal_prior: np.ndarray | None,
        coupling: float = 1.0,
    ) -> None:
        """Add the anatomical prior, the finger-coupling prior and the temporal prior on the joint angles.

        temporal_prior : (22,) angles of the frame before, None without one; coupling : weight of the finger coupling.
        """
        terms.add_precision(6, x[6:] - self.mean, self._precision)
        rows = self._coupling * (coupling * _coupling_weight(observation))
        terms.add_robust((rows @ (x - self._coupling_mean))[:, None], rows[:, None], _COUPLING_SCALE)
        if temporal_prior is not None:
            terms.add_diagonal(6, x[6:] - temporal_prior, 1 / _TEMPORAL_SIGMA)

    def prior_matrix(self, observation: HandObservation) -> np.ndarray:
        """(28, 28) Gauss-Newton matrix of the anatomical and the finger-coupling prior, and of the distance."""
        matrix = np.zeros((POSE_SIZE, POSE_SIZE))
        rows = self._coupling[:, 6:] * _coupling_weight(observation)
        matrix[6:, 6:] = self._precision + rows.T @ rows
        matrix[5, 5] = 1 / _DISTANCE_SIGMA**2
        return matrix


def _add_depth_prediction(
    terms: Quadratic, predicted: DepthPrediction, z: np.ndarray, slope: np.ndarray, trust: np.ndarray
) -> None:
    """Add the cost against the learned depths; z : (21,) metres, slope : (21, n) its derivatives, trust : (21,)."""
    mean, mean_slope = z.mean(), slope.mean(axis=0)
    terms.add(np.array([(mean - predicted.mean) / predicted.mean_sigma]), mean_slope[None] / predicted.mean_sigma)
    # The errors of neighbouring landmarks are nearly the same error.
    sigma = predicted.relative_sigma * _CORRELATED_ERRORS / trust
    terms.add((z - mean - predicted.relative) / sigma, (slope - mean_slope) / sigma[:, None])


def _coupling_weight(observation: HandObservation) -> float:
    return _COUPLING_FLAT + (1 - _COUPLING_FLAT) * observation.edge_on


def _finger_coupling(hand: Hand) -> tuple[np.ndarray, np.ndarray]:
    """The finger-coupling prior: rows (m, 28) and mean (28,); rows @ (pose - mean) are its residuals in sigmas."""
    index = {name: 6 + k for k, name in enumerate(hand.dof_names)}
    mean = np.zeros(POSE_SIZE)
    rows = []
    for finger, degrees in _ADJACENT_ABDUCTION.items():
        k = index[f"{finger}_mcp_abduction"]
        mean[k] = np.radians(degrees)
        row = np.zeros(POSE_SIZE)
        row[k] = 1 / np.radians(_ABDUCTION_SIGMA)
        rows.append(row)
    for joint, degrees in _FLEXION_DIFFERENCE_SIGMA.items():
        for one, other in pairwise(_ADJACENT_ABDUCTION):
            row = np.zeros(POSE_SIZE)
            row[index[f"{one}_{joint}"]], row[index[f"{other}_{joint}"]] = 1.0, -1.0
            rows.append(row / np.radians(degrees))
    return np.array(rows), mean


def _bends(points: np.ndarray) -> np.ndarray:
    """(4, 3) radians between successive bones of the four fingers, from the palm to the tips; points : (21, 3)."""
    chains = points[_CHAINS]
    bones = np.diff(chains, axis=1)
    bones /= np.maximum(np.linalg.norm(bones, axis=2, keepdims=True), 1e-9)
    return np.arccos(np.clip((bones[:, 1:] * bones[:, :-1]).sum(axis=2), -1, 1))


def _bone_length(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[_BONES[:, 1]] - points[_BONES[:, 0]], axis=1).sum())
