"""Square windows on an image, turned so that what they show stands upright: what the landmark networks look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Region", "direction_angle", "tiles"]

AVERAGE_FROM = 3
"""Pixels that fall on one before they are averaged. The published pipelines pick one of them; in grainy footage the
detectors then miss hands (noise of 20 levels, 1080 lines: 0 to 8 of 8 found) and landmarks jitter twice as much. Tuned
on clips with added noise."""

LEAST_SIZE = 1.0
"""Pixels: a smaller window shows nothing. Set by hand."""

LARGEST_SIZE = 10.0
"""Longer sides of the image: a larger window comes from landmarks that went astray. Set by hand."""


@dataclass(frozen=True)
class Region:
    """A square window.

    x, y : its centre in pixels of the image; size : its side in pixels; angle : by how much it is turned,
    radians, positive from the image's x axis towards its y axis (clockwise as seen).
    """

    x: float
    y: float
    size: float
    angle: float = 0.0

    @classmethod
    def of_image(cls, image: np.ndarray) -> Region:
        """The smallest centred square that holds the whole image, (h, w, 3)."""
        height, width = image.shape[:2]
        return cls(width / 2, height / 2, max(width, height))

    @classmethod
    def around_box(
        cls, centre: np.ndarray, extent: np.ndarray, angle: float, *, scale: float, shift: float = 0.0
    ) -> Region:
        """Window around a box.

        centre, extent : (2,) float, pixels; the box's middle, and its width and height along the turned axes.
        shift : moves the window along its own y axis, in heights of the box; scale : its side, in longer sides of
        the box.
        """
        offset = shift * float(extent[1])
        return cls(
            float(centre[0]) - offset * math.sin(angle),
            float(centre[1]) + offset * math.cos(angle),
            float(np.max(extent)) * scale,
            angle,
        )

    @classmethod
    def around_points(cls, points: np.ndarray, angle: float, *, scale: float, shift: float = 0.0) -> Region:
        """Window around the bounding box, turned by `angle`, of points (n, 2), pixels."""
        axes = _axes(angle)
        turned = points.astype(np.float64) @ axes
        low, high = turned.min(axis=0), turned.max(axis=0)
        return cls.around_box(axes @ ((low + high) / 2), high - low, angle, scale=scale, shift=shift)

    @classmethod
    def from_array(cls, values: np.ndarray) -> Region:
        """The inverse of `to_array`."""
        return cls(*(float(value) for value in values))

    def to_array(self) -> np.ndarray:
        """(4,) float64: x, y, size, angle."""
        return np.array([self.x, self.y, self.size, self.angle])

    def crop(self, image: np.ndarray, side: int, *, replicate: bool, average: bool = True) -> np.ndarray:
        """The window's content, upright.

        image : (h, w, 3) uint8.
        side : pixels of the result's side.
        replicate : whether the image's border pixels are repeated outside it; black otherwise.
        average : whether a window much larger than `side` shows averages of pixels instead of single ones.
        Returns (side, side, 3) uint8.
        """
        factor = int(self.size / side)
        if average and factor >= AVERAGE_FROM:
            return self._reduced(image, factor, side, replicate)
        linear = _axes(self.angle) * (self.size / side)
        offset = np.array([self.x, self.y]) - linear @ np.full(2, side / 2)
        return cv2.warpAffine(
            image,
            np.column_stack([linear, offset]),
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT,
        )

    def _reduced(self, image: np.ndarray, factor: int, side: int, replicate: bool) -> np.ndarray:
        """`crop` of the image with blocks of factor x factor pixels averaged."""
        reach = self.size / 2 * (abs(math.cos(self.angle)) + abs(math.sin(self.angle))) + 2 * factor
        corner, shape = [], []
        for middle, extent in ((self.x, image.shape[1]), (self.y, image.shape[0])):
            blocks = max(extent // factor, 1)
            first = min(max(int((middle - reach) // factor), 0), blocks - 1)
            last = min(max(int((middle + reach) // factor), first), blocks - 1)
            corner.append(first * factor)
            shape.append(last - first + 1)
        (left, top), (columns, rows) = corner, shape
        part = image[top : top + rows * factor, left : left + columns * factor]
        small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
        middle = (factor - 1) / 2
        window = Region(
            (self.x - left - middle) / factor, (self.y - top - middle) / factor, self.size / factor, self.angle
        )
        return window.crop(small, side, replicate=replicate)

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """From the window's own coordinates to the image's.

        points : (n, 2 or 3) float, where the window spans [0, 1]; z has the scale of x.
        Returns the same shape, pixels.
        """
        result = np.array(points, np.float64)
        result[:, :2] = (result[:, :2] - 0.5) @ _axes(self.angle).T
        result *= self.size
        result[:, :2] += (self.x, self.y)
        return result

    def mirrored_to_image(self, points: np.ndarray, side: int) -> np.ndarray:
        """From the pixels of the mirror image of `crop`, `side` of them, to the image's; points as of `to_image`."""
        back = np.array(points, np.float64)
        back[:, 0] = side - 1 - back[:, 0]  # pixels change places with pixels
        return self.to_image(back / side)

    def to_window(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `to_image`: points (n, 2 or 3), pixels, in the window's own coordinates."""
        result = np.array(points, np.float64)
        result[:, :2] -= (self.x, self.y)
        result /= self.size
        result[:, :2] = result[:, :2] @ _axes(self.angle) + 0.5
        return result

    def overlap(self, other: Region) -> float:
        """Intersection over union of the two squares, their turning left out."""
        sides = [
            min(a + self.size / 2, b + other.size / 2) - max(a - self.size / 2, b - other.size / 2)
            for a, b in ((self.x, other.x), (self.y, other.y))
        ]
        intersection = max(sides[0], 0.0) * max(sides[1], 0.0)
        union = self.size**2 + other.size**2 - intersection
        return intersection / union if union > 0 else 0.0

    def is_near_image(self, image: np.ndarray) -> bool:
        """Whether the window is finite, of a plausible size, and centred in or near the image.

        image : (h, w, 3). Near is at most the window's own size away from the image.
        """
        height, width = image.shape[:2]
        finite = math.isfinite(self.x + self.y + self.angle)
        if not (finite and LEAST_SIZE < self.size < LARGEST_SIZE * max(height, width)):
            return False
        return -self.size < self.x < width + self.size and -self.size < self.y < height + self.size


def direction_angle(start: np.ndarray, end: np.ndarray, upright: float) -> float:
    """By how much a picture is turned in which the way from `start` to `end` should have the angle `upright`.

    start, end : (2,) float, pixels; upright : radians, counter-clockwise from the image's x axis as seen.
    Returns radians in [-pi, pi), positive clockwise as seen, as `Region.angle`.
    """
    angle = upright - math.atan2(-(float(end[1]) - float(start[1])), float(end[0]) - float(start[0]))
    return (angle + math.pi) % (2 * math.pi) - math.pi


def _axes(angle: float) -> np.ndarray:
    """(2, 2) float64: a turned window's x and y axes as columns, in the image's coordinates."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


def tiles(image: np.ndarray, scale: float) -> list[Region]:
    """Overlapping square windows that cover an image, (h, w, 3); scale : their side, in shorter sides of the image."""
    height, width = image.shape[:2]
    side = scale * min(height, width)
    columns, rows = (1 + int(np.ceil((extent - side) / (side / 2) - 1e-6)) for extent in (width, height))
    return [
        Region(float(x), float(y), side)
        for y in np.linspace(side / 2, height - side / 2, rows)
        for x in np.linspace(side / 2, width - side / 2, columns)
    ]
