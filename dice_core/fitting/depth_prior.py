"""How far a hand is from the face behind it, and each of its landmarks from the others: a learned prediction.

A picture shows the size of a hand and what it covers. A residual network, trained on simulated hands that touch faces,
just miss them or are held before them, predicts the most likely depth, its deviation, and whether the hand touches.
tools/bake_depth_prior.py runs the simulation and trains the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dice_core.fitting.head_view import HeadView
from dice_core.fitting.packaged_weights import packaged_weights
from dice_core.geometry.camera import Camera
from dice_core.geometry.rotations import rotation_matrices

__all__ = [
    "DEPTH_ASSET",
    "DEPTH_UNIT",
    "FEATURE_COUNT",
    "DepthPrediction",
    "HandDepthPrior",
    "depth_features",
    "seldom_behind",
]

DEPTH_ASSET = Path(__file__).parent / "assets" / "hand_depth.npz"
FEATURE_COUNT = 21 * 5 + 10
DEPTH_UNIT = 0.1
"""Metres: the network's unit of length."""

# Smallest deviations in metres, of the hand's depth and of each landmark's: no footage is as clean as the simulation.
# Set by hand.
_LEAST_SIGMA = np.array([0.008] + [0.002] * 21)
_SIGMA_OF_SCALE = 1.4  # standard deviation of a Laplace distribution over its scale, the square root of 2
_FARTHEST = 0.08  # metres beside the head's outline at which that feature is clipped, as in the training

# Hands that surely touch nothing are seldom behind a face: how far behind the head's origin, metres, negative before
# it, at which that begins to count, its deviation, and by how much farther it begins for a metre more than `_BESIDE`
# beside the head, as of hands on hips; and the probability of a touch from which nothing is known of it, as of hands at
# ears. Tuned on rendered hands and public clips, see docs/accuracy.md.
_BEHIND, _BEHIND_SIGMA = -0.08, 0.02
_BESIDE, _BEHIND_BESIDE = 0.2, 0.4
_MAY_TOUCH = 0.25
_MIRROR = np.diag([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class DepthPrediction:
    """What the network predicts of one hand.

    mean : mean depth of the landmarks, metres from the camera along its axis, and mean_sigma : its deviation, metres;
    relative : (21,) metres beyond that mean, and relative_sigma : (21,) metres; touch_probability : 0 to 1.
    """

    mean: float
    mean_sigma: float
    relative: np.ndarray
    relative_sigma: np.ndarray
    touch_probability: float


def depth_features(
    pixels: np.ndarray,
    depth: np.ndarray,
    side: str,
    camera: Camera,
    view: HeadView,
    distance: float | None = None,
) -> np.ndarray:
    """The network's input, for n hands before one head.

    pixels : (n, 21, 2) landmarks; depth : (n, 21) pixels, relative depth as the landmark network estimates it;
    distance : metres to the head's origin as far as the camera knows it, the view's own if None.
    Returns (n, FEATURE_COUNT) float32; left hands are mirrored, as the network knows right ones only.
    """
    count = len(pixels)
    origin = view.pose.translation
    pixel = origin[2] / camera.fx  # metres at the head's distance
    points = (pixels - camera.project(origin)) * pixel
    rotation = rotation_matrices(view.pose.rotation)
    if side == "left":
        points = points * [-1.0, 1.0]
        rotation = _MIRROR @ rotation @ _MIRROR
    beside = np.clip(-view.outline_at(pixels) * pixel, -_FARTHEST, _FARTHEST)
    front = view.front_at(pixels)
    known = np.isfinite(front)
    parts = (
        points.reshape(count, 42) / DEPTH_UNIT,
        (depth - depth.mean(axis=1, keepdims=True)) * pixel / DEPTH_UNIT,
        np.where(known, np.where(known, front, 0.0) - origin[2], 0.0) / DEPTH_UNIT,
        beside / DEPTH_UNIT,
        np.tile(rotation.reshape(1, 9), (count, 1)),
        np.full((count, 1), np.log(origin[2] if distance is None else distance)),
    )
    return np.concatenate(parts, axis=1).astype(np.float32)


class HandDepthPrior:
    """The trained networks, on numpy, of which the mean is taken: each learned from scenes of another make, and where
    they differ, both are unsure. weights : arrays by the number of the network and their name, as the asset holds them.
    """

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._networks: dict[str, dict[str, np.ndarray]] = {}
        for name, values in weights.items():
            number, _, own = name.partition(".")
            self._networks.setdefault(number, {})[own] = values.astype(np.float32)

    @classmethod
    @lru_cache(maxsize=1)
    def load(cls) -> HandDepthPrior:
        """The packaged network, read once a process.

        Raises MissingModelError if the installation lacks its file.
        """
        return cls(packaged_weights(DEPTH_ASSET))

    def predict(
        self, pixels: np.ndarray, depth: np.ndarray, side: str, camera: Camera, view: HeadView
    ) -> DepthPrediction:
        """Predict the depth of one hand; pixels : (21, 2), depth : (21,), the rest as for `depth_features`."""
        output = self.evaluate(depth_features(pixels[None], depth[None], side, camera, view))[0].astype(np.float64)
        sigma = np.maximum(np.exp(output[22:44]) * _SIGMA_OF_SCALE * DEPTH_UNIT, _LEAST_SIGMA)
        relative = depth * (view.pose.translation[2] / camera.fx) + output[1:22] * DEPTH_UNIT
        touch_probability = 1 / (1 + np.exp(-output[44]))
        beside = _beside(pixels, camera, view)
        behind = seldom_behind(float(output[0]) * DEPTH_UNIT, float(sigma[0]), beside, float(touch_probability))
        middle = float(view.pose.translation[2]) + behind
        return DepthPrediction(middle, sigma[0], relative - relative.mean(), sigma[1:], float(touch_probability))

    def evaluate(self, features: np.ndarray) -> np.ndarray:
        """(n, 45) for (n, FEATURE_COUNT): depth, 21 corrections of relative depth, their 22 log deviations, logit."""
        return np.mean([_evaluated(network, features) for network in self._networks.values()], axis=0)


def seldom_behind(behind: float, deviation: float, beside: float, touch_probability: float) -> float:
    """How far behind a face a hand is predicted, with the knowledge that free hands are seldom there.

    behind : metres behind the head's origin, deviation : metres; beside : metres from it across the view.
    Returns where the two agree best. The deviation stays: what is known of hands makes no single one surer.
    """
    limit = _BEHIND + _BEHIND_BESIDE * max(0.0, beside - _BESIDE)
    if behind <= limit or touch_probability >= _MAY_TOUCH:
        return behind
    predicted, usual = deviation**-2, (1 - touch_probability / _MAY_TOUCH) * _BEHIND_SIGMA**-2
    return (predicted * behind + usual * limit) / (predicted + usual)


def _beside(pixels: np.ndarray, camera: Camera, view: HeadView) -> float:
    """Metres across the view from the head's origin to the middle of landmarks (21, 2), as if they were as far away."""
    origin = view.pose.translation
    return float(np.linalg.norm(camera.rays(pixels.mean(axis=0))[:2] * origin[2] - origin[:2]))


def _evaluated(weights: dict[str, np.ndarray], features: np.ndarray) -> np.ndarray:
    """The output of one network."""
    blocks = sum(name.startswith("inner") and name.endswith("weight") for name in weights)
    normal = (features - weights["mean"]) / weights["deviation"]
    hidden = np.maximum(normal @ weights["first.weight"].T + weights["first.bias"], 0)
    for k in range(blocks):
        inner = np.maximum(hidden @ weights[f"inner.{k}.weight"].T + weights[f"inner.{k}.bias"], 0)
        hidden = np.maximum(hidden + inner @ weights[f"outer.{k}.weight"].T + weights[f"outer.{k}.bias"], 0)
    return hidden @ weights["last.weight"].T + weights["last.bias"]
