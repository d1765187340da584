"""The shape of a head as the face network's inner layers tell it: a learned prediction.

What `ExpressionPrior` reduces the layers and points of a face to says who it is, too: a linear reading of it predicts
the packaged head's shape, with the covariance of its error. tools/bake_expression_network.py renders people of known
shapes and trains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dice_core.fitting.expression_prior import ExpressionPrior
from dice_core.fitting.packaged_weights import packaged_weights
from dice_core.landmarks.detections import FaceDetection

__all__ = ["SHAPE_ASSET", "HeadShapePrior", "ShapePrediction"]

SHAPE_ASSET = Path(__file__).parent / "assets" / "face_shape.npz"


@dataclass(frozen=True)
class ShapePrediction:
    """What is predicted of a person.

    mean : (S,) coefficients of the packaged head, covariance : (S, S) of its error, in the population's deviations.
    """

    mean: np.ndarray
    covariance: np.ndarray


class HeadShapePrior:
    """The trained reading, on numpy. weights : arrays by name, as the asset holds them."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._matrix, self._bias = weights["weight"].astype(np.float32), weights["bias"].astype(np.float64)
        self._covariance = weights["covariance"].astype(np.float64)

    @classmethod
    @lru_cache(maxsize=1)
    def load(cls) -> HeadShapePrior:
        """The packaged reading, read once a process.

        Raises MissingModelError if the installation lacks its file.
        """
        return cls(packaged_weights(SHAPE_ASSET))

    def predict(self, faces: Sequence[FaceDetection]) -> ShapePrediction | None:
        """Read one person's faces; None if no points come from the face network, which alone gives features.

        Their mean counts, with the error of a single one: a person is misread alike in all of them.
        """
        read = [(face.region.to_window(face.points), face.features) for face in faces if face.features is not None]
        if not read:
            return None
        reduced = ExpressionPrior.load().reduced(*(np.stack(parts) for parts in zip(*read, strict=True)))
        return ShapePrediction(self.evaluate(reduced).mean(axis=0), self._covariance)

    def evaluate(self, reduced: np.ndarray) -> np.ndarray:
        """(n, S) for what n faces are reduced to, (n, width), as `ExpressionPrior.reduced` has it."""
        return np.asarray(reduced @ self._matrix + self._bias)
