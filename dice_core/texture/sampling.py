"""Colours of a picture at any number of places."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["colours_at"]

_ROW = 4096
"""Places a row: OpenCV's maps have fewer than 32,768 rows and columns."""


def colours_at(image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Colours between pixels, bilinear; beyond the edge those of the edge.

    image : (H, W, C) uint8 or float32; pixels : (n, 2) float32, the first pixel's centre at (0, 0).
    Returns (n, C) of the image's type.
    """
    rows = -(-len(pixels) // _ROW)
    maps = np.resize(pixels.astype(np.float32), (rows, _ROW, 2)) if len(pixels) else np.zeros((0, _ROW, 2), np.float32)
    parts = [
        cv2.remap(image, part[..., 0], part[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        for part in (maps[k : k + _ROW] for k in range(0, rows, _ROW))
    ]
    if not parts:
        return np.zeros((0, image.shape[2]), image.dtype)
    return np.concatenate(parts).reshape(-1, image.shape[2])[: len(pixels)]
