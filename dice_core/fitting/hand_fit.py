"""Pose of a hand from its 21 landmarks, within anatomical limits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dice_core.bodies import Hand
from dice_core.fitting.depth_prior import DepthGuess
from dice_core.fitting.kinematics import POSE_SIZE, ArticulatedPoints, HandSkeleton, bone_weights
from dice_core.fitting.levenberg_marquardt import Quadratic, minimise
from dice_core.geometry.camera import Camera
from dice_core.geometry.rotations import axis_angle

__all__ = ["HandFitter", "HandObservation", "edge_on", "hand_size"]

_LANDMARK_SIGMA = 0.01  # of the hand's size in the image
_ROBUST_SCALE = 2.0  # in sigmas
_DEPTH_SIGMA = 0.05  # metres; depth of a landmark relative to the wrist, as the network guesses it
_DIRECTION_SIGMA = 4.0  # of a bone's unit direction in the network's own 3D guess
_PRIOR_WEIGHT = 0.6  # of the anatomical prior, whose deviations span free gestures
# A hand seen edge-on hides its fingers behind each other, so that the image hardly tells them apart: there they are
# held side by side (degrees of abduction, index to little) and bent alike (largest usual difference, degrees).
_TOGETHER = {"index": -10.0, "middle": 3.0, "ring": 11.0, "little": 18.0}
_TOGETHER_SIGMA = 1.5
_TOGETHER_SCALE = 2.0  # deviations beyond which it counts linearly: a finger that points is not like the others
_TOGETHER_LEAST = 0.4  # of that wish in a hand seen flat, where depth is guessed but splay is seen
_ALIKE = {"mcp_flexion": 1.0, "pip_flexion": 1.6, "dip_flexion": 2.0}
_EDGE_DEPTH_SIGMA = 0.08  # metres: there the guessed depths split the fingers
_ALIKE_ERRORS = 1.3  # root of how many landmarks share an error of the learned depth
_STEADY_SIGMA = 0.20  # radians between frames
_DISTANCE_SIGMA = 0.04  # of the distance found from the hand's size alone
_LOST = 0.022  # of the hand's size: a fit that misses its landmarks by more is tried again from the start
_ITERATIONS = 40
_WARM_ITERATIONS = 8
_LARGEST_STEP = 0.3  # radians or metres an iteration

_PALM = [0, 1, 5, 9, 13, 17]
_BONES = np.array([(k if k % 4 else 0, k + 1) for k in range(20)])  # pairs of landmarks along each finger
_KNUCKLES = [5, 9, 13, 17]


@dataclass(frozen=True)
class HandObservation:
    """What the landmark network says of a hand in one frame.

    pixels : (21, 2); depth : (21,) pixels, relative; world : (21, 3) metres, camera axes, relative;
    guess : what the head behind the hand adds to that, None where no head is seen.
    """

    pixels: np.ndarray
    depth: np.ndarray
    world: np.ndarray
    guess: DepthGuess | None = None

    @classmethod
    def of(cls, points: np.ndarray, world: np.ndarray) -> HandObservation:
        """From a detection's points (21, 3) in pixels and its world points (21, 3) in metres."""
        points = points.astype(np.float64)
        return cls(points[:, :2], points[:, 2], world.astype(np.float64))


def hand_size(pixels: np.ndarray) -> float:
    """Longer side of the box around the landmarks, pixels; pixels : (21, 2)."""
    return float(np.ptp(pixels, axis=0).max())


def edge_on(pixels: np.ndarray) -> float:
    """How much a hand is seen from its edge: 0 flat to the camera, 1 when the knuckles fall on a line to the wrist.

    pixels : (21, 2).
    """
    along = pixels[_KNUCKLES].mean(axis=0) - pixels[0]
    length = float(np.linalg.norm(along))
    row = pixels[_KNUCKLES[-1]] - pixels[_KNUCKLES[0]]
    width = abs(float(along[0] * row[1] - along[1] * row[0])) / max(length, 1e-6)
    # A palm seen flat is about 0.65 as wide between the outer knuckles as it is long.
    openness = width / max(length, 1e-6) / 0.65
    return float(np.clip((0.85 - openness) / 0.5, 0.0, 1.0))


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
        self._relaxed = _PRIOR_WEIGHT**2 * np.asarray(hand.dof_precision, np.float64)
        self._together, self._together_mean = _side_by_side(hand)

    def fit(self, observation: HandObservation, previous: np.ndarray | None = None) -> np.ndarray:
        """Fit one frame without regard to the head.

        previous : (28,) pose of the frame before, to start from. Returns the pose (28,).
        """
        rough = self.rough_pose(observation)
        if previous is None:
            return self._fit_afresh(rough, observation)
        pose = self._fit_from(previous, observation, rough[5], previous[6:].copy())
        if self.error(pose, observation) < _LOST:
            return pose
        # What the frames before led to no longer explains the image: look again without them.
        afresh = self._fit_afresh(rough, observation)
        return min(pose, afresh, key=lambda candidate: self.error(candidate, observation))

    def _fit_afresh(self, rough: np.ndarray, observation: HandObservation) -> np.ndarray:
        pose = self._fit_from(rough, observation, rough[5], None)
        if self.error(pose, observation) < _LOST:
            return pose
        # A gesture in which the fingers are not alike may hide behind one in which they are.
        loose = self._fit_from(rough, observation, rough[5], None, together=0.0)
        again = self._fit_from(loose, observation, rough[5], None)
        return min(pose, again, key=lambda candidate: self.error(candidate, observation))

    def error(self, pose: np.ndarray, observation: HandObservation) -> float:
        """Mean distance of the key points from their landmarks, as a share of the hand's size in the image."""
        seen = self.camera.project(self.skeleton.positions(pose, self.keypoints))
        return float(np.linalg.norm(seen - observation.pixels, axis=1).mean() / hand_size(observation.pixels))

    def _fit_from(
        self,
        start: np.ndarray,
        observation: HandObservation,
        distance: float,
        steady: np.ndarray | None,
        together: float = 1.0,
    ) -> np.ndarray:
        def evaluate(x: np.ndarray) -> Quadratic:
            position, jacobian = self.skeleton.jacobian(x, self.keypoints)
            terms = self.landmark_terms(observation, position, jacobian)
            self.add_prior(terms, x, observation, steady, together)
            if observation.guess is None:
                terms.add_diagonal(5, x[5:6] - distance, 1 / (_DISTANCE_SIGMA * distance))
            return terms

        iterations = _ITERATIONS if steady is None else _WARM_ITERATIONS
        pose, _ = minimise(evaluate, start, self.lower, self.upper, iterations=iterations, largest_step=_LARGEST_STEP)
        return pose

    def rough_pose(self, observation: HandObservation) -> np.ndarray:
        """Rotation from the palm of the network's 3D guess, distance from the size in the image."""
        neutral = np.zeros(POSE_SIZE)
        neutral[6:] = self.mean
        model = self.skeleton.positions(neutral, self.keypoints)
        guess = observation.world
        a = model[_PALM] - model[_PALM].mean(axis=0)
        b = guess[_PALM] - guess[_PALM].mean(axis=0)
        u, _, vt = np.linalg.svd(a.T @ b)
        rotation = (u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt).T
        # The guess is metric for a mean hand; compare bone lengths to scale it to this hand.
        ratio = _bone_length(model) / max(_bone_length(guess), 1e-6)
        spread = float(np.sqrt(((guess - guess.mean(axis=0))[:, :2] ** 2).sum(axis=1).mean())) * ratio
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
        """The cost of keypoints missing their landmarks.

        position : (21, 3), jacobian : (21, 3, n) of the keypoints; weight : trust in the image.
        """
        camera, n = self.camera, jacobian.shape[-1]
        terms = Quadratic.zero(n)
        z = position[:, 2:3]
        unit = _LANDMARK_SIGMA * hand_size(observation.pixels) / weight
        residual = (camera.project(position) - observation.pixels) / unit
        focal = np.array([camera.fx, camera.fy])
        rows = (focal[:, None] / z[:, None] * jacobian[:, :2]) - (
            (focal * position[:, :2])[:, :, None] / z[:, None] ** 2 * jacobian[:, 2:]
        )
        terms.add_robust(residual, rows / unit, _ROBUST_SCALE)
        if observation.guess is not None:
            _add_guess(terms, observation.guess, z[:, 0], jacobian[:, 2])
            return terms
        edge = edge_on(observation.pixels)
        sigma = _DEPTH_SIGMA + edge * (_EDGE_DEPTH_SIGMA - _DEPTH_SIGMA)
        depth = observation.depth * float(z.mean()) / camera.fx
        relative = ((z[:, 0] - z[0, 0]) - (depth - depth[0])) / sigma
        terms.add(relative, (jacobian[:, 2] - jacobian[:1, 2]) / sigma)
        bones = position[_BONES[:, 1]] - position[_BONES[:, 0]]
        guess = observation.world[_BONES[:, 1]] - observation.world[_BONES[:, 0]]
        length = np.linalg.norm(bones, axis=1, keepdims=True)
        direction = bones / length - guess / np.maximum(np.linalg.norm(guess, axis=1, keepdims=True), 1e-9)
        rows = (jacobian[_BONES[:, 1]] - jacobian[_BONES[:, 0]]) / length[:, :, None]
        sigma = _DIRECTION_SIGMA * (1 + 2 * edge)
        terms.add((direction / sigma).ravel(), (rows / sigma).reshape(-1, n))
        return terms

    def add_prior(
        self,
        terms: Quadratic,
        x: np.ndarray,
        observation: HandObservation,
        steady: np.ndarray | None,
        together: float = 1.0,
    ) -> None:
        """The anatomical prior on the angles, and the wish to move little between frames.

        together : share of the wish that fingers lie side by side and are bent alike.
        """
        terms.add_precision(6, x[6:] - self.mean, self._relaxed)
        rows = self._together * (together * _together_weight(observation))
        terms.add_robust((rows @ (x - self._together_mean))[:, None], rows[:, None], _TOGETHER_SCALE)
        if steady is not None:
            terms.add_diagonal(6, x[6:] - steady, 1 / _STEADY_SIGMA)

    def prior_matrix(self, observation: HandObservation) -> np.ndarray:
        """(28, 28) Gauss-Newton matrix of the prior alone."""
        matrix = np.zeros((POSE_SIZE, POSE_SIZE))
        rows = self._together[:, 6:] * _together_weight(observation)
        matrix[6:, 6:] = self._relaxed + rows.T @ rows
        matrix[5, 5] = 1 / _DISTANCE_SIGMA**2
        return matrix


def _add_guess(terms: Quadratic, guess: DepthGuess, z: np.ndarray, slope: np.ndarray) -> None:
    """The learned depth of the hand and of each landmark; z : (21,) metres, slope : (21, n) its derivatives."""
    mean, mean_slope = z.mean(), slope.mean(axis=0)
    terms.add(np.array([(mean - guess.mean) / guess.mean_sigma]), mean_slope[None] / guess.mean_sigma)
    # The errors of neighbouring landmarks are nearly the same error.
    sigma = guess.relative_sigma * _ALIKE_ERRORS
    terms.add((z - mean - guess.relative) / sigma, (slope - mean_slope) / sigma[:, None])


def _together_weight(observation: HandObservation) -> float:
    return _TOGETHER_LEAST + (1 - _TOGETHER_LEAST) * edge_on(observation.pixels)


def _side_by_side(hand: Hand) -> tuple[np.ndarray, np.ndarray]:
    """Rows (m, 28) and mean (28,) of fingers that lie side by side and are bent alike: rows @ (pose - mean) is how many
    deviations they are from it."""
    index = {name: 6 + k for k, name in enumerate(hand.dof_names)}
    mean = np.zeros(POSE_SIZE)
    rows = []
    for finger, degrees in _TOGETHER.items():
        k = index[f"{finger}_mcp_abduction"]
        mean[k] = np.radians(degrees)
        row = np.zeros(POSE_SIZE)
        row[k] = 1 / np.radians(_TOGETHER_SIGMA)
        rows.append(row)
    for joint, degrees in _ALIKE.items():
        for one, other in pairwise(_TOGETHER):
            row = np.zeros(POSE_SIZE)
            row[index[f"{one}_{joint}"]], row[index[f"{other}_{joint}"]] = 1.0, -1.0
            rows.append(row / np.radians(degrees))
    return np.array(rows), mean


def _bone_length(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[_BONES[:, 1]] - points[_BONES[:, 0]], axis=1).sum())
