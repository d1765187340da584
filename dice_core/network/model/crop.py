"""The square crop of a frame that the network sees, resampled and normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional

from dice_core.errors import ShapeError

__all__ = ["INPUT_SIZE", "Crop", "centre_crop", "crop_around", "cut", "normalise"]

INPUT_SIZE = 224
"""Pixels along a side of the network's input."""
# ImageNet's statistics in the order red, green, blue; the network was trained with them applied to blue, green, red.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
_FACE_TO_HEAD = 0.35
"""How far the head reaches beyond the face landmarks' box on each side, as a share of the box's side. Set by hand."""
_CROWN = 0.55
"""The same above the forehead, where the landmarks do not reach the crown. Set by hand."""
_MARGIN = 1.15
"""Side of the square crop over the longer side of the box around head and hands. Set by hand."""


@dataclass(frozen=True)
class Crop:
    """A square of whole pixels, which may reach beyond the frame.

    left, top : first column and row; size : columns and rows.
    mirrored : whether the network sees it mirrored, as it has to for left hands: it was trained on right ones only.
    """

    left: int
    top: int
    size: int
    mirrored: bool = False

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Pixels of the frame for points of the network's input.

        points : (..., 2), in pixels of the input from its corner on: the first pixel's centre is (0.5, 0.5).
        Returns (..., 2) in frame pixels, the first pixel's centre at (0, 0).
        """
        points = np.asarray(points, np.float64)
        if self.mirrored:
            points = np.stack([INPUT_SIZE - points[..., 0], points[..., 1]], axis=-1)
        return points * (self.size / INPUT_SIZE) + [self.left - 0.5, self.top - 0.5]

    @property
    def scale(self) -> float:
        """Frame pixels for a pixel of the network's input."""
        return self.size / INPUT_SIZE


def centre_crop(width: int, height: int) -> Crop:
    """The largest centred square of a frame, which is what the release crops."""
    size = min(width, height)
    return Crop((width - size) // 2, (height - size) // 2, size)


def crop_around(face: np.ndarray | None, hands: Sequence[np.ndarray], mirrored: bool = False) -> Crop | None:
    """The square around the whole head and the hands.

    face : (n, 2 or 3) landmarks of the face in frame pixels, or None; hands : (m, 2 or 3) landmarks of each hand.
    Returns None where there is neither.
    """
    boxes = []
    if face is not None:
        low, high = face[:, :2].min(0), face[:, :2].max(0)
        side = high - low
        beyond = _FACE_TO_HEAD * side
        boxes.append((low - [beyond[0], _CROWN * side[1]], high + beyond))
    boxes += [(hand[:, :2].min(0), hand[:, :2].max(0)) for hand in hands]
    if not boxes:
        return None
    low = np.min([box[0] for box in boxes], axis=0)
    high = np.max([box[1] for box in boxes], axis=0)
    size = max(2, int(np.ceil(_MARGIN * float((high - low).max()))))
    left, top = np.floor((low + high) / 2 + 0.5 - size / 2).astype(int)
    return Crop(int(left), int(top), size, mirrored)


def cut(image: np.ndarray, crop: Crop) -> np.ndarray:
    """The network's input of one frame: what lies in the crop, black beyond the frame, scaled with antialiasing.

    image : (H, W, 3) uint8 RGB. Returns (224, 224, 3) uint8 RGB. Raises ShapeError where `image` is not that.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ShapeError(f"image must be (H, W, 3) uint8, not {image.shape} {image.dtype}.")
    height, width = image.shape[:2]
    left, top, right, bottom = crop.left, crop.top, crop.left + crop.size, crop.top + crop.size
    inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    missing = [max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)]
    if inside.size == 0:
        return np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    if any(missing):
        missing[1] = crop.size - inside.shape[0] - missing[0]
        missing[3] = crop.size - inside.shape[1] - missing[2]
        above, below, before, after = missing
        inside = cv2.copyMakeBorder(inside, above, below, before, after, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    tensor = torch.from_numpy(np.ascontiguousarray(inside)).permute(2, 0, 1)[None]
    scaled = functional.interpolate(tensor, (INPUT_SIZE, INPUT_SIZE), mode="bilinear", antialias=True)
    pixels = scaled[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray(pixels[:, ::-1] if crop.mirrored else pixels)


def normalise(pixels: np.ndarray) -> torch.Tensor:
    """The network's input tensor: colours in the order blue, green, red, with the statistics of red, green, blue.

    pixels : (B, 224, 224, 3) uint8 RGB. Returns (B, 3, 224, 224) float32.
    """
    images = torch.from_numpy(np.ascontiguousarray(pixels[..., ::-1])).permute(0, 3, 1, 2).float() / 255
    return (images - torch.tensor(_MEAN)[:, None, None]) / torch.tensor(_DEVIATION)[:, None, None]
