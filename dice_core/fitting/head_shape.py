"""The shape of a person's head from the landmarks of several frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dice_core.bodies import Head
from dice_core.fitting.expression_prior import FacePrediction
from dice_core.fitting.head_fit import HeadFitter, HeadPose
from dice_core.fitting.shape_prior import ShapePrediction
from dice_core.geometry.camera import Camera

__all__ = ["fit_head_shape"]

# Set by hand, judged on the rendered sample clip and on the four test photos.
_SHAPE_SIGMA = 0.5  # of the population's deviation: landmarks say little about identity
# Share of the landmarks' evidence that counts beside a prediction, which has read the landmarks, too. Rendered faces,
# whose landmarks are worse than real ones, want less; with a quarter real faces meet theirs as they did.
_BESIDE_PREDICTION = 0.25
_LARGEST_SHAPE = 2.5  # of the population's deviations
_SHAPE_ROUNDS = 3
_SHAPE_CONVERGED = 0.02  # of the population's deviation: a smaller step ends the rounds


def fit_head_shape(
    head: Head,
    camera: Camera,
    frames: Sequence[np.ndarray],
    predictions: Sequence[FacePrediction | None] | None = None,
    expected: ShapePrediction | None = None,
) -> np.ndarray:
    """The shape coefficients that explain several frames of one person together.

    frames : landmarks (478, 3) of each frame; predictions : of each frame, as for `HeadFitter.fit`; expected : what is
    predicted of the shape, None where nothing is. Returns (S,); zeros where there are no frames.
    Gauss-Newton on the shape with each frame's pose and expression eliminated (Schur complement); the evidence of the
    frames is averaged.
    """
    count = len(head.shape_basis)
    if not frames:
        return np.zeros(count)
    middle, certainty = np.zeros(count), np.eye(count) / _SHAPE_SIGMA**2
    share = 1 / len(frames)  # the landmarks of one person err alike in all of them
    if expected is not None:
        middle, certainty = expected.mean, np.linalg.inv(expected.covariance)
        share *= _BESIDE_PREDICTION
    shape = middle.copy()
    told = [None] * len(frames) if predictions is None else list(predictions)
    poses: list[HeadPose | None] = [None] * len(frames)
    for _ in range(_SHAPE_ROUNDS):
        fitter = HeadFitter(head, camera, shape)
        gradient, matrix = certainty @ (shape - middle), certainty.copy()
        for k, landmarks in enumerate(frames):
            pose = fitter.fit(landmarks, poses[k], told[k])
            poses[k] = pose
            g, h = fitter.shape_terms(pose, landmarks, told[k])
            gradient += share * g
            matrix += share * h
        step = -np.linalg.solve(matrix, gradient)
        shape = shape + step
        if np.abs(step).max() < _SHAPE_CONVERGED:
            break
    return np.clip(shape, -_LARGEST_SHAPE, _LARGEST_SHAPE)
