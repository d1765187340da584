"""Pose and expression of the head from its 468 landmarks, and from what the face network's inner layers tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Head
from dice_core.fitting.expression_prior import FacePrediction, window_rotation
from dice_core.fitting.face_gaps import GAPS, LEFT_LID_GAPS, LIP_GAPS, RIGHT_LID_GAPS, inter_ocular, shut_eyes
from dice_core.fitting.levenberg_marquardt import Quadratic, minimise, robust_cost, robust_root
from dice_core.geometry.camera import Camera
from dice_core.geometry.rotations import axis_angle, rotation_matrices

__all__ = ["HeadFitter", "HeadPose"]

# All weights and deviations below were set by hand, judged on the rendered sample clip and on the four test photos.
_LANDMARK_SIGMA = 0.033  # of the inter-ocular distance, for each landmark: large because all 468 err together
_DEPTH_SIGMA = 0.45  # the same for a landmark's depth relative to the head's, which the network only estimates
# The same beside a prediction, whose own errors are not those of all landmarks alike. On rendered stills 0.1 would be
# better by 0.1 mm; landmarks of real faces, which their network learned from, are better than those of rendered ones.
_PREDICTED_LANDMARK_SIGMA = 0.07
_LID_GAP_SIGMA, _LIP_GAP_SIGMA = 0.007, 0.015  # the same for the gap between two landmarks that lie opposite each other
_SHUT_SIGMA = 0.1  # of the full action: how well a shut eye tells that its lids are down
_ROBUST_SCALE = 0.5  # sigmas beyond which a residual counts linearly
_GAP_ROBUST_SCALE = 1.5  # the same of a gap: how far eyes and lips are open is seen, whatever a prediction says
_EXPRESSION_SIGMA = 0.28  # of the full action
_DISTANCE_SIGMA = 0.03  # of the distance estimated from the head's size alone
_LEAST_EXPRESSION_SIGMA = 0.03  # of the full action, however sure the prediction is
_LEAST_TURN_SIGMA = 0.01  # radians, the same of the head's turn
# Of the predicted deviations of the expressions and of the turn: all landmarks err together, and would outvote them.
# Compared on the stills of seeds 11, 101 and 102, on the bundled clip and on a real one of somebody who speaks.
_EXPRESSION_TRUST, _TURN_TRUST = 0.3, 0.35
_TEMPORAL_SIGMA = 0.25  # of the full action, between frames
# Sigma of single actions relative to _EXPRESSION_SIGMA: smaller for those that fire on neutral faces, larger for lids,
# which shut, and for what faces often do fully.
_RELATIVE_SIGMA = {
    "mouthShrugUpper": 0.4,
    "cheekPuff": 0.5,
    "eyeBlinkLeft": 2.5,
    "eyeBlinkRight": 2.5,
    "mouthSmileLeft": 1.6,
    "mouthSmileRight": 1.6,
    "browInnerUp": 1.6,
    "browOuterUpLeft": 1.6,
    "browOuterUpRight": 1.6,
}
_UNSEEN = ("tongueOut",)  # actions that landmarks do not show
_IRIS_WEIGHT = 2.0  # of a landmark of the irises, which alone show where the eyes look
_ITERATIONS = 25
_WARM_ITERATIONS = 4  # from the pose of the frame before
_TOLERANCE = 2e-3  # relative decrease of the cost at which a fit has converged
# Of the left and the right eye: the landmarks of its iris, and its gaps among GAPS.
_EYES = (
    (np.arange(473, 478), np.arange(len(RIGHT_LID_GAPS), len(RIGHT_LID_GAPS) + len(LEFT_LID_GAPS))),
    (np.arange(468, 473), np.arange(len(RIGHT_LID_GAPS))),
)


@dataclass(frozen=True)
class HeadPose:
    """A frame's head: rotation (3,) axis-angle, translation (3,) metres, expression (52,) in [0, 1]."""

    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray


@dataclass(frozen=True)
class _Observation:
    """The landmarks of a frame, as the fit uses them.

    pixels : (N, 2); depth : (N,) metres, relative to the mean; unit and unit_depth : one sigma of either, in pixels and
    metres; distance : metres to the head by its size alone; weights : (N + gaps,); shut : (52,) weight on an action
    being full, above zero for the blink of a shut eye; expected : (52,) expression before landmarks are looked at, and
    certainty : (52,) its weight; turn : (3, 3) rotation expected alike, None for none, and turn_certainty : its weight.
    """

    pixels: np.ndarray
    depth: np.ndarray
    unit: float
    unit_depth: float
    distance: float
    weights: np.ndarray
    shut: np.ndarray
    expected: np.ndarray
    certainty: np.ndarray
    turn: np.ndarray | None
    turn_certainty: float


@dataclass(frozen=True)
class _Model:
    """The landmarks (N, 3) of a pose: in the head's own axes about its pivot, and in camera space."""

    local: np.ndarray
    rotation: np.ndarray
    points: np.ndarray


class HeadFitter:
    """Fits one person's head to landmarks frame after frame.

    shape : (S,) coefficients of the person.
    """

    def __init__(self, head: Head, camera: Camera, shape: np.ndarray) -> None:
        self.camera = camera
        self.shape = shape
        self._pivot = head.mesh.joints[0].astype(np.float64)
        self._template = _all_landmarks(head, head.rest(shape)) - self._pivot
        self._shape_planes = _planes(_all_landmarks(head, head.shape_basis))
        actions = _all_landmarks(head, head.expressions)
        self._actions = np.ascontiguousarray(actions.transpose(1, 2, 0).reshape(-1, len(actions)))
        self._action_planes = _planes(actions)
        irises = np.full(len(self._template) - len(head.landmark_weights), _IRIS_WEIGHT)
        lids = np.full(len(GAPS) - len(LIP_GAPS), _LANDMARK_SIGMA / _LID_GAP_SIGMA)
        lips = np.full(len(LIP_GAPS), _LANDMARK_SIGMA / _LIP_GAP_SIGMA)
        self._weights = np.concatenate([np.sqrt(head.landmark_weights), irises, lids, lips]).astype(np.float64)
        scales = np.full(len(self._weights), _ROBUST_SCALE)
        scales[len(self._template) :] = _GAP_ROBUST_SCALE
        self._robust_scales = scales
        names = head.expression_names
        self._blinks = [names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")]
        self._sigma = _EXPRESSION_SIGMA * np.array([_RELATIVE_SIGMA.get(name, 1.0) for name in names])
        self._gain = head.expression_gain
        if self._gain is not None:
            self._sigma = self._sigma * self._gain
        self._temporal_sigma = _TEMPORAL_SIGMA * self._sigma / _EXPRESSION_SIGMA
        count = len(names)
        self._lower = np.concatenate([np.full(6, -np.inf), np.zeros(count)])
        self._upper = np.concatenate([np.full(6, np.inf), np.ones(count)])
        for k, name in enumerate(names):
            if name in _UNSEEN:
                self._upper[6 + k] = 0.0

    def fit(
        self, landmarks: np.ndarray, previous: HeadPose | None = None, prediction: FacePrediction | None = None
    ) -> HeadPose:
        """Fit one frame.

        landmarks : (478, 3) pixels, depth in pixels too, the last ten those of the irises; previous : the frame
        before, to start from; prediction : what the face network's inner layers tell, None if nothing does.
        """
        observation, rough = self._observe(landmarks, prediction)
        start, temporal_prior = rough, None
        if previous is not None:
            start = np.concatenate([previous.rotation, previous.translation, previous.expression]).astype(np.float64)
            temporal_prior = start[6:].copy()
        x, _ = minimise(
            lambda x: self._terms(x, observation, temporal_prior),
            start,
            self._lower,
            self._upper,
            iterations=_ITERATIONS if previous is None else _WARM_ITERATIONS,
            tolerance=_TOLERANCE,
            cost=lambda x: self._cost(x, observation, temporal_prior),
        )
        return HeadPose(x[:3], x[3:6], x[6:])

    def shape_terms(
        self, pose: HeadPose, landmarks: np.ndarray, prediction: FacePrediction | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """One frame's terms for the shape, its own unknowns eliminated: gradient (S,) and matrix (S, S)."""
        observation, _ = self._observe(landmarks, prediction)
        x = np.concatenate([pose.rotation, pose.translation, pose.expression])
        model = self._model(x)
        residual = self._residual(model, observation)
        # Only the image counts here: the network's depths say little about the shape.
        softened = 1 / np.sqrt(robust_root(residual, self._robust_scales))
        weights = observation.weights * softened
        moves = (model.rotation.astype(np.float32) @ self._shape_planes).reshape(3, len(model.local), -1)
        flat_shape = self._rows(model, observation, moves, weights)[:2].reshape(-1, len(self.shape))
        flat_local = self._jacobian(model, observation, weights)[:2].reshape(-1, len(x))
        values = (residual[:, :2] * softened[:, None]).T.ravel()
        free = np.flatnonzero((x > self._lower) & (x < self._upper))
        terms = self._terms(x, observation, None)
        cross = flat_shape.T @ flat_local[:, free]
        solved = np.linalg.solve(terms.matrix[np.ix_(free, free)], cross.T)
        return flat_shape.T @ values - solved.T @ terms.gradient[free], flat_shape.T @ flat_shape - cross @ solved

    def _rough_pose(self, landmarks: np.ndarray, turn: np.ndarray | None) -> np.ndarray:
        """Scaled orthographic alignment of the neutral head; turn : (3, 3) its rotation, where that is known.

        Otherwise the rotation is that of the landmarks' own depths (Procrustes alignment, Umeyama 1991).
        """
        observed = np.asarray(landmarks[: len(self._template)], np.float64)
        middle = self._template.mean(axis=0)
        model = self._template - middle
        centre = observed.mean(axis=0)
        if turn is None:
            u, _, vt = np.linalg.svd(model.T @ (observed - centre))
            flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
            rotation = (u @ flip @ vt).T
            scale = float(((model @ rotation.T) * (observed - centre)).sum() / (model**2).sum())
        else:
            rotation = turn
            flat = model @ rotation[:2].T
            scale = float((flat * (observed - centre)[:, :2]).sum() / (flat**2).sum())
        distance = self.camera.fx / scale
        translation = self.camera.rays(centre[:2]) * distance - rotation @ middle - self._pivot
        return np.concatenate([axis_angle(rotation), translation, np.zeros(len(self._sigma))])

    def _observe(self, landmarks: np.ndarray, prediction: FacePrediction | None) -> tuple[_Observation, np.ndarray]:
        """What the fit uses of a frame, and the pose to start from."""
        turn = None
        if prediction is not None:
            turn = window_rotation(self.camera, prediction.window) @ rotation_matrices(prediction.rotation)
        rough = self._rough_pose(landmarks, turn)
        distance = float(rough[5])
        observed = np.asarray(landmarks[: len(self._template)], np.float64)
        unit = inter_ocular(observed)
        metres = distance / self.camera.fx
        depth = (observed[:, 2] - observed[:, 2].mean()) * metres
        weights, shut = self._weights.copy(), np.zeros(len(self._sigma))
        for blink, certain, (irises, gaps) in zip(self._blinks, shut_eyes(observed), _EYES, strict=True):
            # Behind shut lids the iris is the network's invention, and how tightly they are shut cannot be seen.
            weights[irises] *= 1 - certain
            weights[len(observed) + gaps] *= 1 - certain
            shut[blink] = certain / _SHUT_SIGMA
        sigma = _LANDMARK_SIGMA if prediction is None else _PREDICTED_LANDMARK_SIGMA
        weights[len(observed) :] *= sigma / _LANDMARK_SIGMA  # a gap is as sure as it was
        sigmas = sigma * unit, _DEPTH_SIGMA * unit * metres
        expected, certainty, turn_certainty = np.zeros(len(shut)), 1 / self._sigma, 0.0
        if prediction is not None:
            expected, sigma_expected = prediction.expression, prediction.expression_sigma
            if self._gain is not None:  # the network tells of the packaged head's expressions
                expected, sigma_expected = np.clip(expected * self._gain, 0, 1), sigma_expected * self._gain
            rough[6:] = expected
            certainty = 1 / np.maximum(_EXPRESSION_TRUST * sigma_expected, _LEAST_EXPRESSION_SIGMA)
            # What the gap between the lids shows is surer than what the network makes of it.
            certainty[self._blinks] *= 1 - _SHUT_SIGMA * shut[self._blinks]
            turn_certainty = 1 / max(_TURN_TRUST * prediction.rotation_sigma, _LEAST_TURN_SIGMA)
        seen = _Observation(
            observed[:, :2], depth, *sigmas, distance, weights, shut, expected, certainty, turn, turn_certainty
        )
        return seen, rough

    def _model(self, x: np.ndarray) -> _Model:
        local = self._template + (self._actions @ x[6:]).reshape(-1, 3)
        rotation = rotation_matrices(x[:3])
        return _Model(local, rotation, local @ rotation.T + (self._pivot + x[3:6]))

    def _residual(self, model: _Model, observation: _Observation) -> np.ndarray:
        """(N + gaps, 3) weighted residuals in the image and in depth, in sigmas."""
        count = len(model.points)
        residual = np.zeros((len(observation.weights), 3))
        residual[:count, :2] = (self.camera.project(model.points) - observation.pixels) / observation.unit
        z = model.points[:, 2]
        residual[:count, 2] = (z - z.mean() - observation.depth) / observation.unit_depth
        residual[count:, :2] = residual[GAPS[:, 0], :2] - residual[GAPS[:, 1], :2]
        residual *= observation.weights[:, None]
        return residual

    def _jacobian(self, model: _Model, observation: _Observation, weights: np.ndarray) -> np.ndarray:
        """(3, N + gaps, unknowns) derivatives of the residuals by the unknowns, as `_rows`."""
        count = len(model.local)
        moves = np.zeros((3, count, 6 + len(self._sigma)), np.float32)
        x, y, z = (model.local @ model.rotation.T).T
        moves[0, :, 1], moves[0, :, 2] = z, -y
        moves[1, :, 0], moves[1, :, 2] = -z, x
        moves[2, :, 0], moves[2, :, 1] = y, -x
        moves[:, :, 3:6] = np.eye(3)[:, None]
        moves[:, :, 6:] = (model.rotation.astype(np.float32) @ self._action_planes).reshape(3, count, -1)
        return self._rows(model, observation, moves, weights)

    def _rows(self, model: _Model, observation: _Observation, moves: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Derivatives of the residuals across, down and in depth by whatever moves the points, times `weights`.

        moves : (3, N, n) of the points, in camera space; weights : (N + gaps,). Returns (3, N + gaps, n), all float32:
        single precision is enough for the direction of a step, and costs are in double precision.
        """
        count = moves.shape[1]
        rows = np.empty((3, len(weights), moves.shape[2]), np.float32)
        x, y, z = model.points.T.astype(np.float32)[:, :, None]
        for axis, focal, along in ((0, self.camera.fx, x), (1, self.camera.fy, y)):
            image = rows[axis, :count]
            np.multiply(moves[2], -along / z, out=image)
            image += moves[axis]
            image *= np.float32(focal / observation.unit) / z
        np.subtract(moves[2], moves[2].mean(axis=0), out=rows[2, :count])
        rows[2, :count] *= np.float32(1 / observation.unit_depth)
        rows[:2, count:] = rows[:2, GAPS[:, 0]] - rows[:2, GAPS[:, 1]]
        rows[2, count:] = 0.0  # the network's depths are no better for a gap
        rows *= weights.astype(np.float32)[:, None]
        return rows

    def _terms(self, x: np.ndarray, observation: _Observation, temporal_prior: np.ndarray | None) -> Quadratic:
        model = self._model(x)
        residual = self._residual(model, observation)
        softened = 1 / np.sqrt(robust_root(residual, self._robust_scales))
        jacobian = self._jacobian(model, observation, observation.weights * softened)
        values = (residual * softened[:, None]).T.ravel().astype(np.float32)
        terms = Quadratic.zero(len(x))
        cost = robust_cost(residual, self._robust_scales)
        terms.add_gauss_newton(cost, values, jacobian.reshape(len(values), -1))
        self._add_priors(terms, x, observation, temporal_prior)
        return terms

    def _cost(self, x: np.ndarray, observation: _Observation, temporal_prior: np.ndarray | None) -> float:
        terms = Quadratic.zero(len(x))
        self._add_priors(terms, x, observation, temporal_prior)
        return terms.cost + robust_cost(self._residual(self._model(x), observation), self._robust_scales)

    def _add_priors(
        self, terms: Quadratic, x: np.ndarray, observation: _Observation, temporal_prior: np.ndarray | None
    ) -> None:
        terms.add_diagonal(6, x[6:] - observation.expected, observation.certainty)
        terms.add_diagonal(6, x[6:] - 1.0, observation.shut)
        if observation.turn is not None:
            # For a small turn of the head from the left, the turn against the expected rotation changes by as much.
            turned = axis_angle(rotation_matrices(x[:3]) @ observation.turn.T)
            terms.add_diagonal(0, turned, np.full(3, observation.turn_certainty))
        terms.add_diagonal(5, x[5:6] - observation.distance, 1 / (_DISTANCE_SIGMA * observation.distance))
        if temporal_prior is not None:
            terms.add_diagonal(6, x[6:] - temporal_prior, 1 / self._temporal_sigma)


def _planes(moves: np.ndarray) -> np.ndarray:
    """(3, N n) float32 of (n, N, 3): a rotation of all of it is then one product."""
    return moves.transpose(2, 1, 0).reshape(3, -1).astype(np.float32)


def _all_landmarks(head: Head, vertices: np.ndarray) -> np.ndarray:
    points = np.concatenate([head.landmarks(vertices), head.irises(vertices)], axis=-2)
    return points.astype(np.float64)
