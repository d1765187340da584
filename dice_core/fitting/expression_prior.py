"""Expressions, gaze and head turn as the face network's inner layers tell them: a learned prediction.

The landmark network was trained on faces of real people, and its inner layers see more of an expression than its points
say. A small network reads them, together with the points, and predicts the 52 expressions and the head's rotation, each
with its deviation. tools/bake_expression_network.py renders heads with known expressions and trains it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dice_core.fitting.mirrored_face import LANDMARK_MIRROR, mirrored_expression
from dice_core.fitting.packaged_weights import packaged_weights
from dice_core.geometry.camera import Camera
from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.networks import FACE_FEATURES

__all__ = [
    "DEVIATION_KNOTS",
    "EXPRESSION_ASSET",
    "ExpressionPrior",
    "FacePrediction",
    "aligned_landmarks",
    "knot_shares",
    "layer_slices",
    "mirrored_reading",
    "window_rotation",
]

EXPRESSION_ASSET = Path(__file__).parent / "assets" / "face_expression.npz"
LANDMARKS = "landmarks"
"""Name of the input that is no layer: the aligned points."""

DEVIATION_KNOTS = np.array([0.0, 0.1, 0.3, 0.6, 1.0])
"""Predictions of an expression at which its error's variance is known; between them it is interpolated."""

_EXPRESSIONS = 52
_TURN_MIRROR = np.array([1.0, -1.0, -1.0], np.float32)  # of a rotation vector, which is a pseudovector
_FARTHEST = 6.0  # deviations at which an input is clipped, as in the training
_MESH_COUNT = 468
_RIGHT_EYE, _LEFT_EYE = 33, 263  # outer corners, the subject's


@dataclass(frozen=True)
class FacePrediction:
    """What the network predicts of one face.

    expression, expression_sigma : (52,) of the full action; rotation : (3,) axis-angle of the head in the axes of the
    window, as `window_rotation` has them, and rotation_sigma : radians, about each axis; window : (4,) x, y, size and
    angle of the window, as `Region` has them.
    """

    expression: np.ndarray
    expression_sigma: np.ndarray
    rotation: np.ndarray
    rotation_sigma: float
    window: np.ndarray


def window_rotation(camera: Camera, window: np.ndarray) -> np.ndarray:
    """(3, 3) axes of a window in camera space, as columns: z along the ray through its middle, x along its own x axis.

    window : (4,) x, y, size, angle. A head looks alike in such axes wherever in the picture it is.
    """
    # In plain numbers, which for one window is many times as fast.
    x, y, z = camera.rays(window[:2]).tolist()
    length, flat = math.sqrt(x * x + y * y + z * z), math.hypot(x, z)
    forward = x / length, y / length, z / length
    across = z / flat, 0.0, -x / flat  # level: the cross product of the vertical and of forward
    down = forward[1] * across[2], forward[2] * across[0] - forward[0] * across[2], -forward[1] * across[0]
    axes = np.array([across, down, forward]).T
    cosine, sine = np.cos(window[3]), np.sin(window[3])
    return np.asarray(axes @ np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]))


def aligned_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """Points about their middle, of unit spread, with the eyes level.

    landmarks : (n, 478, 3) in any unit. Returns (n, 1434) float32.
    """
    points = np.array(landmarks, np.float32)
    across = points[:, _LEFT_EYE, :2] - points[:, _RIGHT_EYE, :2]
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    points -= points[:, :_MESH_COUNT].mean(axis=1, keepdims=True)
    cosine, sine = across[:, :1], across[:, 1:]
    x, y = points[..., 0].copy(), points[..., 1].copy()
    points[..., 0], points[..., 1] = x * cosine + y * sine, y * cosine - x * sine
    spread = np.sqrt((points[:, :_MESH_COUNT, :2] ** 2).sum(axis=2).mean(axis=1))
    return (points / spread[:, None, None]).reshape(len(points), -1)


def layer_slices() -> dict[str, slice]:
    """Where each layer stands in `FaceDetection.features`."""
    slices, start = {}, 0
    for name, count in FACE_FEATURES.items():
        slices[name] = slice(start, start + count)
        start += count
    return slices


def knot_shares(expression: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where predictions (...) lie among `DEVIATION_KNOTS`: index (...) of the knot below, share (...) of the next."""
    below = np.clip(np.searchsorted(DEVIATION_KNOTS, expression, side="right") - 1, 0, len(DEVIATION_KNOTS) - 2)
    low, high = DEVIATION_KNOTS[below], DEVIATION_KNOTS[below + 1]
    return below, (expression - low) / (high - low)


def mirrored_reading(read: np.ndarray) -> np.ndarray:
    """(n, 55), as `ExpressionPrior.read` has it, of n faces whose mirror images were read, (n, 55)."""
    expression, turn = np.split(read, [_EXPRESSIONS], axis=1)
    return np.concatenate([mirrored_expression(expression), turn * _TURN_MIRROR], axis=1)


class ExpressionPrior:
    """The trained network, on numpy. weights : arrays by name, as the asset holds them.

    Every input is reduced by a matrix of its own (low rank: the layers are wide and say much the same), then a network
    of one hidden layer reads them together.
    """

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        # Row by row, as two faces at once are read fastest.
        self._weights = {name: np.asarray(values, np.float32, order="C") for name, values in weights.items()}
        self._inputs = [name.removesuffix(".reduce") for name in weights if name.endswith(".reduce")]
        self._layers = layer_slices()
        self._mean, self._scale = (
            np.concatenate([self._weights[f"{name}.{part}"] for name in self._inputs]) for part in ("mean", "scale")
        )

    @classmethod
    @lru_cache(maxsize=1)
    def load(cls) -> ExpressionPrior:
        """The packaged network, read once a process.

        Raises MissingModelError if the installation lacks its file.
        """
        return cls(packaged_weights(EXPRESSION_ASSET))

    def predict(self, face: FaceDetection) -> FacePrediction | None:
        """Read one face, and its mirror image where that was read; None if its points do not come from the face
        network, which alone gives features."""
        if face.features is None:
            return None
        window = face.region
        points = window.to_window(face.points)
        if face.mirrored_features is None:
            output = self.evaluate(points[None], face.features[None])[0].astype(np.float64)
        else:
            twin = points[LANDMARK_MIRROR] * [-1, 1, 1] + [1, 0, 0]
            read = self.read(np.stack([points, twin]), np.stack([face.features, face.mirrored_features]))
            output = self.together(read[:1], read[1:])[0].astype(np.float64)
        expression, deviation, turn = np.split(output, [_EXPRESSIONS, 2 * _EXPRESSIONS])
        return FacePrediction(expression, deviation, turn[:3], float(turn[3]), window.to_array())

    def evaluate(self, landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Read n faces.

        landmarks : (n, 478, 3) in any unit; features : (n, F) as `FaceDetection` holds them.
        Returns (n, 108): 52 expressions, 0 to 1, their 52 deviations, the rotation (3) and its deviation, radians.
        """
        return self._with_deviations(self.read(landmarks, features), "deviation")

    def read(self, landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
        """(n, 55): expressions as they come, below 0 and above 1, too, and the rotation; arguments as of `evaluate`."""
        weights, together = self._weights, self.reduced(landmarks, features)
        hidden = np.maximum(together @ weights["hidden.weight"] + weights["hidden.bias"], 0)
        return np.asarray(hidden @ weights["last.weight"] + together @ weights["direct.weight"] + weights["last.bias"])

    def together(self, faces: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        """(n, 108) as of `evaluate`, of n faces that were read both ways: (n, 55) each, as `read` gives them.

        The mean of two readings errs less than one and varies less, which its own calibration puts right.
        """
        weights, mean = self._weights, (faces + mirrored_reading(mirrored)) / 2
        mean[:, :_EXPRESSIONS] = mean[:, :_EXPRESSIONS] * weights["mirrored.gain"] + weights["mirrored.offset"]
        return self._with_deviations(mean, "mirrored")

    def reduced(self, landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
        """(n, width) float32: what all inputs of n faces are reduced to; arguments as those of `evaluate`."""
        inputs = [
            aligned_landmarks(landmarks) if name == LANDMARKS else features[:, self._layers[name]]
            for name in self._inputs
        ]
        values = np.concatenate(inputs, axis=1, dtype=np.float32)
        normal = np.clip((values - self._mean) / self._scale, -_FARTHEST, _FARTHEST)
        ends = np.cumsum([part.shape[1] for part in inputs])[:-1]
        matrices = [self._weights[f"{name}.reduce"] for name in self._inputs]
        parts = zip(np.split(normal, ends, axis=1), matrices, strict=True)
        return np.concatenate([part @ matrix for part, matrix in parts], axis=1)

    def _with_deviations(self, read: np.ndarray, calibration: str) -> np.ndarray:
        """(n, 108) as of `evaluate`, of (n, 55) as of `read`; calibration : the name of the deviations."""
        expression = np.clip(read[:, :_EXPRESSIONS], 0, 1)
        below, share = knot_shares(expression)
        variance, column = self._weights[f"{calibration}.expression"] ** 2, np.arange(_EXPRESSIONS)
        deviation = np.sqrt((1 - share) * variance[below, column] + share * variance[below + 1, column])
        turn_deviation = np.full((len(read), 1), self._weights[f"{calibration}.turn"])
        return np.concatenate([expression, deviation, read[:, _EXPRESSIONS:], turn_deviation], axis=1)
