"""The head of one frame as the camera sees it: the depth of its front, and the distance to its outline in the image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from dice_core.fitting.head_fit import HeadPose
from dice_core.geometry.camera import Camera
from dice_core.geometry.rasterizer import depth_map

__all__ = ["HeadView"]

_PIXELS = 128  # longer side of the depth map, the same as in the depth prior's training


@dataclass(frozen=True)
class HeadView:
    """One frame's head in the image.

    pose : its rigid motion and expression; front : (h, w) metres from the camera to its front, at `scale` times the
    footage's resolution, infinite beside it.
    """

    pose: HeadPose
    front: np.ndarray
    scale: float

    @classmethod
    def of(cls, pose: HeadPose, vertices: np.ndarray, triangles: np.ndarray, camera: Camera) -> HeadView:
        """A head in a pose, which stands at vertices (V, 3) in camera space; triangles : (T, 3)."""
        scale = min(1.0, _PIXELS / max(camera.width, camera.height))
        return cls(pose, depth_map(vertices, triangles, camera, scale), scale)

    def front_at(self, pixels: np.ndarray) -> np.ndarray:
        """(...) metres to the head's front behind pixels (..., 2) of the footage, infinite beside it."""
        inside, row, column = self._nearest(self._cells(pixels))
        return np.where(inside, self.front[row, column], np.inf)

    def outline_at(self, pixels: np.ndarray) -> np.ndarray:
        """(...) distance from pixels (..., 2) to the head's outline, in pixels of the footage, **positive inside**."""
        cells = self._cells(pixels)
        _, row, column = self._nearest(cells)
        beyond = np.hypot(cells[..., 1] - row, cells[..., 0] - column)
        return (self._outline[row, column] - np.where(beyond > 1, beyond, 0.0)) / self.scale

    def _cells(self, pixels: np.ndarray) -> np.ndarray:
        """Column and row of `front`, not rounded, at pixels of the footage; whole numbers are the centres of both."""
        return (pixels + 0.5) * self.scale - 0.5

    def _nearest(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whether cells (..., 2) lie in the depth map, and row and column of the nearest that does."""
        height, width = self.front.shape
        cells = np.round(cells).astype(int)
        column, row = np.clip(cells[..., 0], 0, width - 1), np.clip(cells[..., 1], 0, height - 1)
        return (row == cells[..., 1]) & (column == cells[..., 0]), row, column

    @cached_property
    def _outline(self) -> np.ndarray:
        """(h, w) cells to the outline, positive inside."""
        head = np.isfinite(self.front).astype(np.uint8)
        return _distance(head) - _distance(1 - head)


def _distance(mask: np.ndarray) -> np.ndarray:
    """(h, w) float32, cells from each one that is not 0 in the mask (h, w) uint8 to the nearest that is."""
    # The last bit of OpenCV's result depends on where in memory it lies. Squares of distances are whole numbers.
    found = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.sqrt(np.rint(found * found))
