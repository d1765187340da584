"""Our head laid onto a stranger's: a smooth, dense registration that gives every vertex of ours a place on its skin.

First a similarity by the landmarks, then our model's shape, then a non-rigid closest-point iteration of decreasing
stiffness (after Amberg, Romdhani and Vetter 2007, doi:10.1109/CVPR.2007.383165) whose unknowns are displacements: a
membrane and a plate over the mesh, drawn by landmarks and by closest points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Head
from dice_core.contact.sheet_compliance import cotangent_weights
from dice_core.contact.tissue.stiffness import Tissue
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import boundary_vertices, vertex_areas, vertex_normals
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.transfer.layered_solver import Entries, LayeredSolver, summed

__all__ = ["Similarity", "fit_similarity", "register_head"]

# Tuned on anny bodies 1 to 3 of tools/characters, whose true correspondence is known; see docs/transfer.md.
STEPS = (
    # stiffness of membrane and plate, metres up to which a closest point counts, weight of landmarks
    (3e-4, 1e-7, 0.040, 4.0),
    (1e-4, 3e-8, 0.030, 3.0),
    (4e-5, 1e-8, 0.020, 2.0),
    (1.5e-5, 3e-9, 0.015, 1.0),
    (6e-6, 1e-9, 0.012, 0.5),
    (3e-6, 5e-10, 0.010, 0.3),
)
REPEATS = 2  # iterations of each step; three change no place by more than 0.2 mm
FACING = 0.35  # least cosine between our normal and the normal of a closest point
LANDMARK_AREA = 4e-5  # square metres of skin that a landmark weighs as much as
SHAPE_NOISE = 0.003  # metres of a landmark, against the model's shapes of one standard deviation
EAR_WEIGHT = 0.15  # of closest points: an ear's folds are too deep to be found by nearness alone
_TINY = 1e-12


@dataclass(frozen=True)
class Similarity:
    """target = scale * rotation @ ours + offset."""

    scale: float
    rotation: np.ndarray
    offset: np.ndarray

    def to_target(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) in our head's axes, metres of a person, as they lie in the target's world."""
        return self.scale * points @ self.rotation.T + self.offset

    def to_ours(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `to_target`."""
        return (points - self.offset) @ self.rotation / self.scale

    def vectors_to_target(self, vectors: np.ndarray) -> np.ndarray:
        """Displacements (..., 3)."""
        return self.scale * vectors @ self.rotation.T

    def vectors_to_ours(self, vectors: np.ndarray) -> np.ndarray:
        """The inverse of `vectors_to_target`."""
        return vectors @ self.rotation / self.scale


def fit_similarity(ours: np.ndarray, target: np.ndarray, weights: np.ndarray) -> Similarity:
    """The similarity that brings points nearest to others (Umeyama 1991, doi:10.1109/34.88573).

    ours, target : (n, 3); weights : (n,) not negative.
    """
    share = weights / weights.sum()
    middle, other = share @ ours, share @ target
    a, b = ours - middle, target - other
    u, sizes, vt = np.linalg.svd((b * share[:, None]).T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((sizes * sign).sum() / (share @ (a * a).sum(axis=1)))
    return Similarity(scale, rotation, other - scale * rotation @ middle)


def fit_shape(head: Head, indices: np.ndarray, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(V, 3) our head in the shape that explains the landmarks best, by ridge regression.

    indices : (n,) of our landmarks; points : (n, 3) where they are, our axes; weights : (n,).
    """
    rest = head.mesh.rest_vertices.astype(np.float64)
    basis = np.stack([head.landmarks(shape)[indices] for shape in head.shape_basis.astype(np.float64)])
    rows = (basis * np.sqrt(weights)[:, None]).reshape(len(basis), -1).T / SHAPE_NOISE
    gap = ((points - head.landmarks(rest)[indices]) * np.sqrt(weights)[:, None]).ravel() / SHAPE_NOISE
    shape = np.linalg.solve(rows.T @ rows + np.eye(len(basis)), rows.T @ gap)
    return rest + np.tensordot(shape, head.shape_basis.astype(np.float64), 1)


def register_head(
    head: Head,
    tissue: Tissue,
    start: np.ndarray,
    skin: tuple[np.ndarray, np.ndarray],
    landmarks: tuple[np.ndarray, np.ndarray, np.ndarray],
    should_stop: Callable[[], None],
) -> np.ndarray:
    """Our head's vertices on the target's skin.

    start : (V, 3) our head roughly in place; skin : vertices (n, 3) and triangles (m, 3) of the target's, our axes;
    landmarks : indices (l,) of ours, points (l, 3) on the target, weights (l,); should_stop raises to stop.
    Returns (V, 3) float64. What lies behind the skin (mouth, sockets) follows smoothly.
    """
    mesh = head.mesh
    triangles = mesh_triangles(mesh)
    triangles = triangles[~head.rigid_vertices[triangles].any(axis=1)]
    index = SurfaceIndex(*skin)
    rim = boundary_vertices(skin[1], len(skin[0]))
    area = vertex_areas(mesh.rest_vertices, triangles)
    outer = tissue.touchable & ~head.rigid_vertices & ~mesh.region_vertices("tongue", "mouth_inner")
    trust = area * outer * np.where(mesh.region_vertices("ear.L", "ear.R"), EAR_WEIGHT, 1.0)
    smooth = _Smoothness(start, triangles)
    indices, goals, weights = landmarks
    corners, shares = head.landmark_triangles[indices], head.landmark_barycentric[indices].astype(np.float64)
    placed = start.astype(np.float64).copy()
    for membrane, plate, reach, pull in STEPS:
        for _ in range(REPEATS):
            should_stop()
            normals = vertex_normals(placed, triangles)
            closest = index.query(placed, 1.0)
            facing = np.einsum("nx,nx->n", closest.normal, normals)
            on_rim = rim[skin[1][closest.triangle]].any(axis=1)
            robust = 1 / (1 + (closest.distance / reach) ** 2) ** 2
            data = trust * robust * np.clip((facing - FACING) / (1 - FACING), 0, 1) * ~on_rim
            goal = closest.points(*skin)
            pulled = weights * pull * LANDMARK_AREA
            placed = smooth.solve(start, (data, goal), (corners, shares, goals, pulled), membrane, plate)
    return placed


class _Smoothness:
    """Smooth displacements of a mesh. vertices : (V, 3) at rest; triangles : (T, 3) of its moving part."""

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        self._count = count = len(vertices)
        area = vertex_areas(vertices, triangles)
        area = np.maximum(area, 1e-3 * np.median(area[area > 0]))
        i, j, weight = cotangent_weights(vertices, triangles)
        every = np.arange(count)
        degree = np.bincount(i, weight, minlength=count)
        self._membrane = summed(
            np.concatenate([i, every]), np.concatenate([j, every]), np.concatenate([-weight, degree]), count
        )
        self._plate = _squared(self._membrane, area, count)
        self._alone = np.flatnonzero(degree <= _TINY)

    def solve(
        self,
        start: np.ndarray,
        data: tuple[np.ndarray, np.ndarray],
        landmarks: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        membrane: float,
        plate: float,
    ) -> np.ndarray:
        """(V, 3) the vertices after the smoothest displacement that brings them near their goals.

        data : weights (V,) and goals (V, 3); landmarks : corners (l, 3), shares (l, 3), goals (l, 3), weights (l,).
        """
        weight, goal = data
        corners, shares, goals, pull = landmarks
        every = np.arange(self._count)
        rows, columns, values = [every], [every], [weight + 1e-10]
        for part, stiffness in ((self._membrane, membrane), (self._plate, plate)):
            rows.append(part[0])
            columns.append(part[1])
            values.append(stiffness * part[2])
        rows.append(np.repeat(corners, 3, axis=1).ravel())
        columns.append(np.tile(corners, (1, 3)).ravel())
        values.append((pull[:, None, None] * shares[:, :, None] * shares[:, None]).ravel())
        right = weight[:, None] * (goal - start)
        gap = goals - np.einsum("lk,lkx->lx", shares, start[corners])
        np.add.at(right, corners, (pull[:, None] * shares)[..., None] * gap[:, None])
        matrix = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
        solver = LayeredSolver(*matrix, self._count)
        return start + solver.solve(right)


def _squared(matrix: Entries, area: np.ndarray, count: int) -> Entries:
    """L M^-1 L of a sorted sparse L as rows, columns, values."""
    rows, columns, values = matrix
    sizes = np.bincount(rows, minlength=count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    neighbour = np.repeat(np.arange(count)[:, None], sizes.max(), axis=1)
    value = np.zeros(neighbour.shape)
    neighbour[rows, within], value[rows, within] = columns, values
    outer = value[:, :, None] * value[:, None] / area[:, None, None]
    shape = outer.shape
    first, second = np.broadcast_to(neighbour[:, :, None], shape), np.broadcast_to(neighbour[:, None], shape)
    used = outer != 0
    return summed(first[used], second[used], outer[used], count)
