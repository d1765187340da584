"""The head as hands meet it: the depth of points below its skin, and what of them the camera sees.

All figures were set by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dice_core.bodies import Head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles, vertex_normals
from dice_core.geometry.nearest_vertex import NearestVertexIndex
from dice_core.geometry.rasterizer import depth_map

__all__ = ["NEAR", "QuickSkin", "Skin", "Touchable", "View"]

NEAR = 0.008
"""Metres from the skin within which it counts as flat, and a sample of the hand as lying on it."""

HIDDEN = 0.35
"""Share of key points that may lie behind the head."""

INSIDE_PICTURE = 0.85
MAP_SCALE = 0.3
"""Of the picture: size of the depth map for what the head hides."""

BEHIND = 0.015
"""Metres behind the skin from which a key point counts as hidden."""


@dataclass(frozen=True)
class View:
    """How the camera sees the head. rotation : (3, 3) and translation : (3,) of the head; front : depth map of it."""

    camera: Camera
    rotation: np.ndarray
    translation: np.ndarray
    front: np.ndarray

    @classmethod
    def of(cls, camera: Camera, rotation: np.ndarray, translation: np.ndarray, skin: Touchable, head: Head) -> View:
        """The view of a posed head."""
        posed = skin.vertices @ rotation.T + translation
        return cls(camera, rotation, translation, depth_map(posed, triangles(head.mesh), camera, MAP_SCALE))

    def seen(self, points: np.ndarray) -> np.ndarray:
        """(n,) bool whether the camera sees enough of hands with key points (n, 21, 3) in the head's axes."""
        points = points @ self.rotation.T + self.translation
        near = points[..., 2].min(axis=1) > 0.12
        points[..., 2] = np.maximum(points[..., 2], 0.05)
        pixels = self.camera.project(points)
        inside = ((pixels >= 0) & (pixels < [self.camera.width, self.camera.height])).all(axis=2)
        height, width = self.front.shape
        at = np.clip((pixels * MAP_SCALE).round().astype(int), 0, [width - 1, height - 1])
        hidden = inside & (points[..., 2] > self.front[at[..., 1], at[..., 0]] + BEHIND)
        return near & (inside.mean(axis=1) >= INSIDE_PICTURE) & (hidden.mean(axis=1) <= HIDDEN)


class Touchable(Protocol):
    """A head's skin in its own axes. vertices, normals : (V, 3); touchable : (V,) bool."""

    vertices: np.ndarray
    normals: np.ndarray
    touchable: np.ndarray

    def depth(self, points: np.ndarray) -> np.ndarray:
        """(...) metres below the skin, **positive inside**, of points (..., 3)."""


class Skin:
    """The skin as the benchmark's scenes are made with it: the nearest vertex is exact, which needs scipy."""

    def __init__(self, head: Head, vertices: np.ndarray) -> None:
        from scipy.spatial import cKDTree

        self.vertices = vertices.astype(np.float64)
        self.normals = vertex_normals(self.vertices, triangles(head.mesh))
        self.touchable = head_tissue(head).touchable & ~head.rigid_vertices
        self._index = np.flatnonzero(self.touchable)
        self._tree = cKDTree(self.vertices[self._index])

    def depth(self, points: np.ndarray) -> np.ndarray:
        """(...) metres below the skin, **positive inside**, of points (..., 3)."""
        flat = points.reshape(-1, 3)
        away, nearest = self._tree.query(flat)
        vertex = self._index[nearest]
        above = np.einsum("nj,nj->n", flat - self.vertices[vertex], self.normals[vertex])
        return np.where(away < NEAR, -above, -np.sign(above) * away).reshape(points.shape[:-1])


class QuickSkin:
    """The same by a walk from vertex to vertex, several times as fast; far from the skin it may be a vertex off.

    index : of the mean head's touchable vertices, which is set to this head's until the next one is made.
    """

    def __init__(self, index: NearestVertexIndex, touchable: np.ndarray, vertices: np.ndarray) -> None:
        self.vertices, self.touchable, self._index = vertices.astype(np.float64), touchable, index
        index.set_vertices(vertices)
        self.normals = index.normals.astype(np.float64)

    def depth(self, points: np.ndarray) -> np.ndarray:
        """As of `Skin`."""
        found = self._index.query(points.reshape(-1, 3))
        away = found.distance
        depth = np.where(away < NEAR, found.depth, np.sign(found.depth) * away)
        return depth.astype(np.float64).reshape(points.shape[:-1])
