"""How far a hand of a take can be relied on: a calibrated probability that its depth and its touch are right.

A logistic regression on what single frames say of the hand and on how well they agree with what the take came to.
tools/bake_reliability.py fits its weights to captures of rendered scenes whose truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dice_core.fitting.hand_observation import edge_on, hand_size
from dice_core.fitting.packaged_weights import packaged_weights
from dice_core.geometry.camera import Camera

__all__ = ["FEATURES", "RELIABILITY_ASSET", "RIGHT_DEPTH", "HandEvidence", "Reliability", "reliability_features"]

RELIABILITY_ASSET = Path(__file__).parent / "assets" / "hand_reliability.npz"

RIGHT_DEPTH = 0.015
"""Metres along the view, of the hand against the head: a hand is right that is off by no more, and touches where it
should."""

FEATURES = (
    "touch probability",
    "touches",
    "touch agrees",
    "touches in frames around",
    "deviation",
    "beyond prediction",
    "beyond size",
    "size beyond prediction",
    "steadiness",
    "before the head",
    "head's distance",
    "size in the picture",
    "landmark error",
    "edge-on",
    "presence",
    "head turned",
    "aside",
    "picture",
)

_AROUND_SECONDS = 0.15  # on either side, as long as a break in a touch may last
_PROBABILITY_LIMIT = 0.001  # of touching, so that its logit is finite
_UNIT = 0.1  # metres
_FARTHEST = 4.0  # deviations from the mean of the scenes that it was fitted to, beyond which a feature counts no more


@dataclass(frozen=True)
class HandEvidence:
    """What a hand is judged by, over T frames of which the `rows` are judged.

    As single frames say, (T,) each: found : bool, measured and not filled in; presence : 0 to 1; touching : bool;
    touch_probability : 0 to 1; predicted_distance, distance_deviation, free_distance : metres from the camera, by the
    learned depth and by the hand's size; landmarks : (T, 21, 2) pixels.
    As the take has it, of the rows alone: touches : (R,) bool; keypoints : (R, 21, 3) and head_place : (R, 3) metres;
    head_turn : (R,) cosine of its angle to the camera. fps : frames a second, of no meaning for a picture.
    """

    rows: slice
    found: np.ndarray
    presence: np.ndarray
    touching: np.ndarray
    touch_probability: np.ndarray
    predicted_distance: np.ndarray
    distance_deviation: np.ndarray
    free_distance: np.ndarray
    landmarks: np.ndarray
    touches: np.ndarray
    keypoints: np.ndarray
    head_place: np.ndarray
    head_turn: np.ndarray
    camera: Camera
    fps: float


def reliability_features(evidence: HandEvidence, judged: np.ndarray) -> np.ndarray:
    """(n, len(FEATURES)) float64 of the n rows that are `judged`, (R,) bool, in which the take has hand and head."""
    seen = np.flatnonzero(evidence.found)
    features = [_row(evidence, seen, k, evidence.rows.start + k) for k in map(int, np.flatnonzero(judged))]
    return np.array(features).reshape(-1, len(FEATURES))


def _row(evidence: HandEvidence, seen: np.ndarray, k: int, row: int) -> list[float]:
    """Features of row `row` of the evidence, the k-th of those judged; seen : rows in which the hand was found."""
    away = np.abs(seen - row)
    nearest = seen[away.argmin()]
    around = seen[away <= max(away.min(), _AROUND_SECONDS * evidence.fps)]
    limit = _PROBABILITY_LIMIT
    probability = float(np.clip(evidence.touch_probability[around].mean(), limit, 1 - limit))
    logit = float(np.log(probability / (1 - probability)))
    touches = bool(evidence.touches[k])
    centre, pixels = evidence.keypoints[k].mean(axis=0), evidence.landmarks[nearest]
    size = max(hand_size(pixels), 1.0)
    predicted, free = evidence.predicted_distance[nearest], evidence.free_distance[nearest]
    projected = evidence.camera.project(evidence.keypoints[k])
    aside = np.hypot(*(centre - evidence.head_place[k])[:2])
    return [
        logit,
        float(touches),
        logit if touches else -logit,
        float(evidence.touching[around].mean()),
        float(np.log(max(evidence.distance_deviation[nearest], limit))),
        _scaled(abs(centre[2] - predicted)),
        _scaled(abs(centre[2] - free)),
        _scaled(free - predicted),
        _scaled(evidence.free_distance[around].std()),
        _scaled(evidence.head_place[k, 2] - centre[2]),
        float(np.log(max(evidence.head_place[k, 2], limit))),
        float(np.log(size)),
        _scaled(float(np.linalg.norm(projected - pixels, axis=1).mean()) / size),
        edge_on(pixels),
        float(evidence.presence[nearest]),
        float(evidence.head_turn[k]),
        _scaled(aside),
        float(len(evidence.found) == 1),
    ]


def _scaled(value: float) -> float:
    """In units, and compressed, so that far outliers do not count for more than their being far."""
    return float(np.arcsinh(value / _UNIT))


class Reliability:
    """The fitted regression; mean, deviation, weight : (F,) of the features; bias : a number."""

    def __init__(self, mean: np.ndarray, deviation: np.ndarray, weight: np.ndarray, bias: float) -> None:
        self._mean, self._deviation, self._weight, self._bias = mean, deviation, weight, bias

    @classmethod
    @lru_cache(maxsize=1)
    def load(cls) -> Reliability:
        """The packaged one, read once a process. Raises MissingModelError if the installation lacks its file."""
        weights = packaged_weights(RELIABILITY_ASSET)
        return cls(weights["mean"], weights["deviation"], weights["weight"], float(weights["bias"]))

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(R,) float64, 0 to 1, for features (R, F)."""
        normal = np.clip((features - self._mean) / self._deviation, -_FARTHEST, _FARTHEST)
        result: np.ndarray = 1 / (1 + np.exp(-(normal @ self._weight + self._bias)))
        return result
