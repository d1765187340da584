"""A sparse, even set of points on a hand's skin, by which the hand is refined against the head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dice_core.fitting.kinematics import ArticulatedPoints, HandSkeleton
from dice_core.geometry.mesh import Mesh, triangles, vertex_normals

__all__ = ["HandSamples"]

_COUNT = 260  # about one every 8 mm: set by hand, not tuned


@dataclass(frozen=True)
class HandSamples:
    """Points of a hand's skin with their normals, grouped into parts, each of which touches in one place.

    points : rest positions and weights; normals : (n, 3) in rest pose; vertex : (n,) index in the mesh;
    part : (n,) int below part_count, one side of a finger bone or of the palm; thumb : (n,) bool.
    """

    points: ArticulatedPoints
    normals: np.ndarray
    vertex: np.ndarray
    part: np.ndarray
    part_count: int
    thumb: np.ndarray

    @classmethod
    def of(cls, mesh: Mesh, count: int = _COUNT) -> HandSamples:
        """Farthest-point sampling of everything but the cut wrist."""
        skin = np.flatnonzero(~mesh.region_vertices("wrist"))
        rest = mesh.rest_vertices.astype(np.float64)
        chosen = skin[_farthest(rest[skin], count)]
        weights = np.zeros((len(rest), len(mesh.joints)))
        np.add.at(weights, (np.arange(len(rest))[:, None], mesh.skin_joints), mesh.skin_weights)
        normals = vertex_normals(rest, triangles(mesh))
        # A part is what moves with one bone, seen from one side: palm and back count apart.
        bone = weights[chosen].argmax(axis=1)
        side = normals[chosen, 2] > 0
        _, part = np.unique(bone * 2 + side, return_inverse=True)
        points = ArticulatedPoints(rest[chosen], weights[chosen])
        thumb = mesh.region_vertices("thumb")[chosen]
        return cls(points, normals[chosen], chosen, part, int(part.max()) + 1, thumb)

    @cached_property
    def members(self) -> list[np.ndarray]:
        """The samples of each part."""
        return [np.flatnonzero(self.part == part) for part in range(self.part_count)]

    def positions(self, skeleton: HandSkeleton, pose: np.ndarray) -> np.ndarray:
        """(n, 3) world positions for a pose (28,)."""
        return skeleton.positions(pose, self.points)

    def positions_and_normals(self, skeleton: HandSkeleton, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, 3) world positions and (n, 3) unit normals for a pose (28,)."""
        return self.positions(skeleton, pose), self._normals(skeleton, pose)

    def facing(self, skeleton: HandSkeleton, pose: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """(n,) bool: samples whose skin faces the camera; positions : (n, 3) metres, those of the pose."""
        return np.einsum("nj,nj->n", self._normals(skeleton, pose), positions) < 0

    def _normals(self, skeleton: HandSkeleton, pose: np.ndarray) -> np.ndarray:
        linear = skeleton.transforms(pose)[0]
        turned = self._carried_normals @ linear.transpose(0, 2, 1).reshape(-1, 3)
        return turned / np.maximum(np.sqrt(np.einsum("nj,nj->n", turned, turned)), 1e-12)[:, None]

    @cached_property
    def _carried_normals(self) -> np.ndarray:
        """(n, 3 J) the normals times the weight of each joint, as `ArticulatedPoints.carried`."""
        return (self.points.weights[:, :, None] * self.normals[:, None]).reshape(len(self.normals), -1)


def _farthest(points: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` points, each the farthest from all before it."""
    chosen = np.empty(min(count, len(points)), np.int64)
    distance = np.full(len(points), np.inf)
    current = 0
    for k in range(len(chosen)):
        chosen[k] = current
        distance = np.minimum(distance, ((points - points[current]) ** 2).sum(axis=1))
        current = int(distance.argmax())
    return chosen
