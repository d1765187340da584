"""Pose and expression of the head from its 468 landmarks, and the person's head shape from several frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Head
from dice_core.camera import Camera
from dice_core.fitting.solver import Quadratic, cross_matrices, minimise
from dice_core.mesh import axis_angle, rotation_matrices

__all__ = ["HeadFitter", "HeadPose", "fit_head_shape", "inter_ocular"]

# Landmarks are trusted to this share of the inter-ocular distance, each; all 468 err together, hence the size.
_LANDMARK_SIGMA = 0.035
_DEPTH_SIGMA = 0.45  # the same for a landmark's depth relative to the head's, which the network only guesses
_ROBUST_SCALE = 0.5  # in sigmas: residuals beyond it count linearly
_EXPRESSION_SIGMA = 0.28  # of the full action
_SHAPE_SIGMA = 0.5  # of the population's deviation: landmarks say little about identity
_DISTANCE_SIGMA = 0.03  # of the distance found from the head's size alone
_STEADY_SIGMA = 0.25  # of the full action, between frames
# Sigma of single actions, relative to that: less for those that fire on neutral faces, more for the lids, which shut.
_RELATIVE_SIGMA = {"mouthShrugUpper": 0.4, "cheekPuff": 0.5, "eyeBlinkLeft": 2.5, "eyeBlinkRight": 2.5}
_UNSEEN = ("tongueOut",)  # actions that landmarks do not show
_IRIS_WEIGHT = 2.0  # trust in a landmark of the irises, which alone show where the eyes look
_ITERATIONS = 25
_WARM_ITERATIONS = 4
_TOLERANCE = 2e-3  # relative decrease of the cost at which a fit has settled
_SHAPE_ROUNDS = 3


@dataclass(frozen=True)
class HeadPose:
    """A frame's head: rotation (3,) axis-angle, translation (3,) metres, expression (52,) in [0, 1]."""

    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray


def inter_ocular(landmarks: np.ndarray) -> float:
    """Distance between the middles of the eyes, in the landmarks' unit; landmarks : (468 or more, 2 or more)."""
    left = landmarks[[33, 133], :2].mean(axis=0)
    right = landmarks[[362, 263], :2].mean(axis=0)
    return float(np.linalg.norm(left - right))


class HeadFitter:
    """Fits one person's head to landmarks frame after frame.

    shape : (S,) coefficients of the person.
    """

    def __init__(self, head: Head, camera: Camera, shape: np.ndarray) -> None:
        self.camera = camera
        self.shape = shape
        self._pivot = head.mesh.joints[0].astype(np.float64)
        self._template = _all_landmarks(head, head.rest(shape)) - self._pivot
        self._shape_basis = _all_landmarks(head, head.shape_basis)
        self._actions = _all_landmarks(head, head.expressions)
        irises = np.full(len(self._template) - len(head.landmark_weights), _IRIS_WEIGHT)
        self._weights = np.concatenate([np.sqrt(head.landmark_weights), irises]).astype(np.float64)
        names = head.expression_names
        self._sigma = _EXPRESSION_SIGMA * np.array([_RELATIVE_SIGMA.get(name, 1.0) for name in names])
        self._steady = _STEADY_SIGMA * self._sigma / _EXPRESSION_SIGMA
        count = len(names)
        self._lower = np.concatenate([np.full(6, -np.inf), np.zeros(count)])
        self._upper = np.concatenate([np.full(6, np.inf), np.ones(count)])
        for k, name in enumerate(names):
            if name in _UNSEEN:
                self._upper[6 + k] = 0.0

    def fit(self, landmarks: np.ndarray, previous: HeadPose | None = None) -> HeadPose:
        """Fit one frame.

        landmarks : (478, 3) pixels, depth in pixels too, the last ten those of the irises; previous : the frame
        before, to start from.
        """
        observed = np.asarray(landmarks[: len(self._template)], np.float64)
        rough = self._rough_pose(observed)
        start = rough.copy()
        if previous is not None:
            start = np.concatenate([previous.rotation, previous.translation, previous.expression]).astype(np.float64)
        steady = start[6:].copy() if previous is not None else None

        def evaluate(x: np.ndarray) -> Quadratic:
            return self._evaluate(x, observed, rough[5], steady)[0]

        iterations = _ITERATIONS if previous is None else _WARM_ITERATIONS
        x, _ = minimise(evaluate, start, self._lower, self._upper, iterations=iterations, tolerance=_TOLERANCE)
        return HeadPose(x[:3], x[3:6], x[6:])

    def shape_terms(self, pose: HeadPose, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What one frame says of the shape, its own unknowns eliminated: gradient (S,) and matrix (S, S)."""
        observed = np.asarray(landmarks[: len(self._template)], np.float64)
        x = np.concatenate([pose.rotation, pose.translation, pose.expression])
        distance = self._rough_pose(observed)[5]
        terms, projection = self._evaluate(x, observed, distance, None)
        rotation = rotation_matrices(pose.rotation)
        turned = np.einsum("ij,snj->nis", rotation, self._shape_basis)
        rows, values, weight = projection
        shape_rows = np.einsum("nki,nis->nks", rows, turned) * weight[:, None, None]
        local_rows = self._position_jacobian(x, rotation)[0]
        local = np.einsum("nki,nix->nkx", rows, local_rows) * weight[:, None, None]
        flat_shape = shape_rows.reshape(-1, shape_rows.shape[-1])
        flat_local = local.reshape(-1, local.shape[-1])
        free = np.flatnonzero((x > self._lower) & (x < self._upper))
        cross = flat_shape.T @ flat_local[:, free]
        solved = np.linalg.solve(terms.matrix[np.ix_(free, free)], cross.T)
        gradient = flat_shape.T @ (values * weight[:, None]).ravel() - solved.T @ terms.gradient[free]
        return gradient, flat_shape.T @ flat_shape - cross @ solved

    def _rough_pose(self, observed: np.ndarray) -> np.ndarray:
        """Scaled orthographic Procrustes alignment of the neutral head (Umeyama 1991)."""
        model = self._template - self._template.mean(axis=0)
        centre = observed.mean(axis=0)
        u, _, vt = np.linalg.svd(model.T @ (observed - centre))
        flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        rotation = (u @ flip @ vt).T
        turned = model @ rotation.T
        scale = float((turned * (observed - centre)).sum() / (model**2).sum())
        distance = self.camera.fx / scale
        middle = self.camera.rays(centre[:2]) * distance
        translation = middle - rotation @ self._template.mean(axis=0) - self._pivot
        return np.concatenate([axis_angle(rotation), translation, np.zeros(len(self._sigma))])

    def _position_jacobian(self, x: np.ndarray, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        local = self._template + np.tensordot(x[6:], self._actions, 1)
        turned = local @ rotation.T
        count = len(local)
        jacobian = np.empty((count, 3, len(x)))
        jacobian[:, :, :3] = -cross_matrices(turned)
        jacobian[:, :, 3:6] = np.eye(3)
        jacobian[:, :, 6:] = (self._actions.reshape(-1, 3) @ rotation.T).reshape(-1, count, 3).transpose(1, 2, 0)
        return jacobian, turned + self._pivot + x[3:6]

    def _evaluate(
        self, x: np.ndarray, observed: np.ndarray, distance: float, steady: np.ndarray | None
    ) -> tuple[Quadratic, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        jacobian, points = self._position_jacobian(x, rotation_matrices(x[:3]))
        camera = self.camera
        z = points[:, 2]
        unit = _LANDMARK_SIGMA * inter_ocular(observed)
        residual = np.empty((len(points), 3))
        residual[:, :2] = (camera.project(points) - observed[:, :2]) / unit
        unit_depth = _DEPTH_SIGMA * inter_ocular(observed) * distance / camera.fx
        observed_depth = (observed[:, 2] - observed[:, 2].mean()) * distance / camera.fx
        residual[:, 2] = (z - z.mean() - observed_depth) / unit_depth
        rows = np.zeros((len(points), 3, 3))
        rows[:, 0, 0] = camera.fx / z / unit
        rows[:, 0, 2] = -camera.fx * points[:, 0] / z**2 / unit
        rows[:, 1, 1] = camera.fy / z / unit
        rows[:, 1, 2] = -camera.fy * points[:, 1] / z**2 / unit
        rows[:, 2, 2] = 1 / unit_depth
        full = np.empty_like(jacobian)
        full[:, 0] = rows[:, 0, 0, None] * jacobian[:, 0] + rows[:, 0, 2, None] * jacobian[:, 2]
        full[:, 1] = rows[:, 1, 1, None] * jacobian[:, 1] + rows[:, 1, 2, None] * jacobian[:, 2]
        full[:, 2] = (jacobian[:, 2] - jacobian[:, 2].mean(axis=0)) / unit_depth
        terms = Quadratic.zero(len(x))
        terms.add_robust(residual * self._weights[:, None], full * self._weights[:, None, None], _ROBUST_SCALE)
        terms.add_diagonal(6, x[6:], 1 / self._sigma)
        terms.add_diagonal(5, x[5:6] - distance, 1 / (_DISTANCE_SIGMA * distance))
        if steady is not None:
            terms.add_diagonal(6, x[6:] - steady, 1 / self._steady)
        square = ((residual * self._weights[:, None]) ** 2).sum(axis=1) / _ROBUST_SCALE**2
        weight = self._weights / (1 + square) ** 0.25
        rows[:, 2] = 0.0  # depth relative to the mean says nothing of the shape on its own
        shown = residual.copy()
        shown[:, 2] = 0.0
        return terms, (rows, shown, weight)


def _all_landmarks(head: Head, vertices: np.ndarray) -> np.ndarray:
    points = np.concatenate([head.landmarks(vertices), head.irises(vertices)], axis=-2)
    return points.astype(np.float64)


def fit_head_shape(head: Head, camera: Camera, frames: Sequence[np.ndarray]) -> np.ndarray:
    """The shape coefficients that explain several frames of one person together.

    frames : landmarks (478, 3) of each frame. Returns (S,); zeros where there are no frames.
    Gauss-Newton on the shape with each frame's pose and expression eliminated (Schur complement).
    """
    count = len(head.shape_basis)
    shape = np.zeros(count)
    if not frames:
        return shape
    poses: list[HeadPose | None] = [None] * len(frames)
    for _ in range(_SHAPE_ROUNDS):
        fitter = HeadFitter(head, camera, shape)
        gradient = shape / _SHAPE_SIGMA**2
        matrix = np.eye(count) / _SHAPE_SIGMA**2
        for k, landmarks in enumerate(frames):
            pose = fitter.fit(landmarks, poses[k])
            poses[k] = pose
            g, h = fitter.shape_terms(pose, landmarks)
            gradient += g
            matrix += h
        step = -np.linalg.solve(matrix, gradient)
        shape = shape + step
        if np.abs(step).max() < 0.02:
            break
    return np.clip(shape, -2.5, 2.5)
