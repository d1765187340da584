"""The texels of a texture: which point of the skin each of them shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.geometry.rasterizer import rasterize

__all__ = ["INNER_REGIONS", "Atlas", "atlas_of"]

INNER_REGIONS = ("eyeball.L", "eyeball.R", "mouth_inner", "tongue")
"""Regions with materials of their own, which have no part in the skin's texture."""


@dataclass(frozen=True)
class Atlas:
    """Texels that show skin, row by row from the top.

    size : texels along each side; place : (n,) int64 flat index of each; corners : (n, 3) int32 vertices of the
    triangle that it lies in; weights : (n, 3) float32 barycentric; triangles : (T, 3) of the skin.
    """

    size: int
    place: np.ndarray
    corners: np.ndarray
    weights: np.ndarray
    triangles: np.ndarray

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Values at the texels. values : (V, C) float at the vertices. Returns (n, C) float32."""
        values = np.asarray(values, np.float32)
        result = values[self.corners[:, 0]] * self.weights[:, :1]
        for k in (1, 2):
            result += values[self.corners[:, k]] * self.weights[:, k : k + 1]
        return result

    def image(self, values: np.ndarray) -> np.ndarray:
        """(size, size, C) float32 with values (n, C) at the texels and zero elsewhere."""
        result = np.zeros((self.size * self.size, values.shape[1]), np.float32)
        result[self.place] = values
        return result.reshape(self.size, self.size, -1)

    def values(self, image: np.ndarray) -> np.ndarray:
        """(n, C) of an image (size, size, C): the inverse of `image`."""
        return image.reshape(self.size * self.size, -1)[self.place]

    def padded(self, image: np.ndarray, texels: int) -> np.ndarray:
        """An image (size, size, C) whose texels beyond the skin repeat the nearest one of the skin.

        texels : how far; filtering at the edge of an island reads that far beyond it.
        """
        empty = np.ones(self.size * self.size, np.uint8)
        empty[self.place] = 0
        distance, label = cv2.distanceTransformWithLabels(
            empty.reshape(self.size, self.size), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        owner = np.zeros(int(label.max()) + 1, np.int64)
        owner[label.ravel()[self.place]] = self.place
        near = (distance <= texels).ravel()
        flat = image.reshape(self.size * self.size, -1).copy()
        flat[near] = flat[owner[label.ravel()[near]]]
        return flat.reshape(image.shape)


def atlas_of(mesh: Mesh, size: int) -> Atlas:
    """The texels of a body's skin.

    mesh : with UVs of which each point of the skin has its own, v upwards; size : texels along each side.
    """
    inner = mesh.region_vertices(*(name for name in INNER_REGIONS if name in mesh.region_names))
    starts = np.cumsum(mesh.face_sizes) - mesh.face_sizes
    skin = ~np.logical_and.reduceat(inner[mesh.face_corners], starts)
    counts = np.where(skin, mesh.face_sizes - 2, 0)
    first = np.repeat(starts, counts)
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    corners = np.stack([first, first + within + 1, first + within + 2], axis=1)
    flat = np.stack([mesh.uv[:, 0], 1 - mesh.uv[:, 1]], axis=1).astype(np.float64) * size - 0.5
    points = np.concatenate([flat[corners].reshape(-1, 2), np.ones((corners.size, 1))], axis=1)
    pixels = Camera(1.0, 1.0, 0.0, 0.0, size, size)
    raster = rasterize(points, np.arange(corners.size).reshape(-1, 3), pixels)
    place = np.flatnonzero(raster.covered)
    vertices = mesh.face_corners[corners].astype(np.int32)
    return Atlas(
        size, place, vertices[raster.triangle.ravel()[place]], raster.barycentric.reshape(-1, 3)[place], vertices
    )
