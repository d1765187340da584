"""Changes to a sample that make another of it: crop, turn in the picture, colour, blur and things in front.

The release scales by 0.75 to 1.25, turns, and replaces backgrounds; the other ranges were set by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.network.model.crop import INPUT_SIZE
from dice_core.network.training.samples import Sample, has

__all__ = ["Augmentation", "augmented", "turned"]

_OCCLUDER = (0.08, 0.35)
"""Sides of what stands in front, as shares of the picture's."""


@dataclass(frozen=True)
class Augmentation:
    """scale : range of sizes; shift : largest share of the picture's side; turn : degrees, deviation; flat : share of
    samples that are not turned; colour : deviation of brightness, contrast and each channel; blur : largest one in
    pixels; occlusion : share of samples with something in front. All zero (scale 1 to 1) leaves samples as they are."""

    scale: tuple[float, float] = (0.75, 1.25)
    shift: float = 0.08
    turn: float = 20.0
    flat: float = 0.4
    colour: float = 0.12
    blur: float = 1.2
    occlusion: float = 0.3


def augmented(sample: Sample, settings: Augmentation, rng: np.random.Generator) -> Sample:
    """Another sample of the same scene; the truth follows the picture. `sample` stays as it is."""
    degrees = rng.normal(0, settings.turn) if rng.random() >= settings.flat else 0.0
    scale = rng.uniform(*settings.scale)
    shift = rng.uniform(-settings.shift, settings.shift, 2)
    result = turned(sample, float(np.radians(degrees)), float(scale), shift)
    result["pixels"] = _occluded(_coloured(result["pixels"], settings, rng), settings, rng)
    return result


def turned(sample: Sample, angle: float, scale: float, shift: np.ndarray) -> Sample:
    """A sample turned in the picture (clockwise, as y points down), enlarged about its middle and shifted.

    angle : radians; shift : (2,) shares of the picture's side. The head's middle stays the origin, so in space the
    scene turns about it, and size and place change what the camera shows alone.
    """
    result = dict(sample)
    turn = rotation_matrices(np.array([0.0, 0.0, angle]))
    flat = scale * turn[:2, :2]
    middle = INPUT_SIZE / 2
    move = middle + shift * INPUT_SIZE - flat @ [middle, middle]
    if angle != 0 or scale != 1 or shift.any():
        # OpenCV's pixels have their centres at whole numbers, these at halves.
        matrix = np.concatenate([flat, (move + flat @ [0.5, 0.5] - 0.5)[:, None]], axis=1)
        size = (INPUT_SIZE, INPUT_SIZE)
        result["pixels"] = cv2.warpAffine(sample["pixels"], matrix, size, flags=cv2.INTER_LINEAR)
    if has(sample, "keypoints"):
        points = sample["keypoints"] @ flat.T + move / INPUT_SIZE
        inside = ((points >= 0) & (points <= 1)).all(axis=1)
        result["keypoints"] = points.astype(np.float32)
        result["keypoint_confidence"] = sample["keypoint_confidence"] * inside
    for name in ("head_vs", "hand_vs", "deform"):
        if name in sample:
            result[name] = (sample[name] @ turn.T).astype(np.float32)
    if has(sample, "parameters"):
        for name in ("rh_rot", "face_rot"):
            result[name] = axis_angle(turn @ rotation_matrices(sample[name].astype(np.float64))).astype(np.float32)
        result["wrist"] = (turn @ sample["wrist"]).astype(np.float32)
        result["rh_transl"] = sample["rh_transl"] + result["wrist"] - sample["wrist"]
    return result


def _coloured(pixels: np.ndarray, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    deviation = settings.colour
    contrast = np.exp(rng.normal(0, deviation))
    gain = np.exp(rng.normal(0, deviation) + rng.normal(0, deviation / 2, 3))
    changed = (pixels.astype(np.float32) / 255 - 0.5) * contrast + 0.5
    changed = np.clip(changed * gain.astype(np.float32), 0, 1)
    sigma = rng.uniform(0, settings.blur)
    if sigma > 0.3:  # below it OpenCV's kernel is a single pixel
        changed = cv2.GaussianBlur(changed, (0, 0), sigma)
    return (changed * 255 + 0.5).astype(np.uint8)


def _occluded(pixels: np.ndarray, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    if rng.random() >= settings.occlusion:
        return pixels
    width, height = (rng.uniform(*_OCCLUDER, 2) * INPUT_SIZE).astype(int)
    left, top = rng.integers(0, INPUT_SIZE - width), rng.integers(0, INPUT_SIZE - height)
    result = pixels.copy()
    result[top : top + height, left : left + width] = rng.integers(0, 256, 3)
    return result
