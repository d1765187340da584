"""The pinhole camera of a take: x right, y down, z forward, pixels with the first pixel's centre at (0, 0)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dice_core.errors import InputError

__all__ = ["Camera", "square_size"]

SQUARE = 0.002
"""Share by which a pixel may be wider than high, or higher than wide, and still count as square. Set by hand: no
standard lies nearer to 1 than 16:15."""


@dataclass(frozen=True)
class Camera:
    """Perspective camera without lens distortion.

    fx, fy, cx, cy : pixels of the source footage; width, height : size of its frames in pixels. Where the pixels are
    not square, fx and fy differ.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    @classmethod
    def from_fov(cls, width: int, height: int, fov_degrees: float) -> Camera:
        """Camera looking through the middle of the image.

        fov_degrees : angle of view along the longer side of the image, between 1 and 170 degrees.
        Raises InputError outside that range.
        """
        if not 1.0 <= fov_degrees <= 170.0:
            raise InputError(f"A field of view of {fov_degrees:g} degrees is not possible: give one between 1 and 170.")
        focal = 0.5 * max(width, height) / math.tan(math.radians(fov_degrees) / 2)
        return cls(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)

    @property
    def fov_degrees(self) -> float:
        """Angle of view along the side that is longer in the scene, degrees."""
        return math.degrees(2 * math.atan(0.5 * max(self.width / self.fx, self.height / self.fy)))

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel in heights."""
        return self.fy / self.fx

    def resized(self, width: int, height: int) -> Camera:
        """The same view in another number of pixels along each side."""
        across, down = width / self.width, height / self.height
        cx, cy = (self.cx + 0.5) * across - 0.5, (self.cy + 0.5) * down - 0.5
        return Camera(self.fx * across, self.fy * down, cx, cy, width, height)

    def squared(self) -> Camera:
        """The same view in square pixels, as `square_size` has them."""
        return self.resized(*square_size(self.width, self.height, self.pixel_aspect))

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels at which points appear.

        points : (..., 3) float, metres in camera space, in front of the camera (z > 0).
        Returns (..., 2) float.
        """
        points = np.asarray(points)
        scale = np.array([self.fx, self.fy], points.dtype)
        return points[..., :2] / points[..., 2:3] * scale + np.array([self.cx, self.cy], points.dtype)

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Directions through pixels, with z = 1.

        pixels : (..., 2) float.
        Returns (..., 3) float, not normalised.
        """
        pixels = np.asarray(pixels, np.float64)
        xy = (pixels - [self.cx, self.cy]) / [self.fx, self.fy]
        return np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)


def square_size(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    """Size in square pixels of a picture; the side that has too few gets more, so that nothing is lost.

    width, height : pixels; pixel_aspect : width of a pixel in heights.
    """
    if abs(pixel_aspect - 1) <= SQUARE:
        return width, height
    if pixel_aspect > 1:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)
