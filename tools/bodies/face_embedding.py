"""The face landmarks as points of the head's surface, from rendered and detected views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from bodies.face_views import FaceView, iris_centres
from bodies.head_parts import HeadParts
from bodies.topology import fan
from dice_core.bodies.names import IRIS_COUNT, LANDMARK_COUNT

__all__ = ["Embedding", "embed_face", "embed_irises", "view_errors"]

SEED = 11
CANDIDATES = 16000  # surface points, uniform by area
LIP_CANDIDATES = 6000  # more around the mouth, where landmarks are dense
MOUTH_BOX = np.array([0.034, 0.030, 0.045])  # metres: half sides of the box around the mouth
FACE_DEPTH = 0.045  # metres behind the pivot's plane up to which landmarks can lie
ROBUST_LIMIT = 8.0  # millimetres: an error beyond it counts as this much
BACK_FACING = 8.0  # millimetres of penalty at a surface that faces straight away
SMOOTHING = 0.02  # weight of bending between neighbouring landmarks
NEIGHBOURS = 5
ERROR_FLOOR = 0.3  # millimetres, of a landmark's own error when weighing it
WEIGHT_RANGE = (0.25, 3.0)
IRIS_RADIUS = 0.0059  # metres: half of the adult mean of 11.8 mm
MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Embedding:
    """triangles : (L, 3); barycentric : (L, 3); weights : (L,); mirror : (L,) counterpart of each landmark."""

    triangles: np.ndarray
    barycentric: np.ndarray
    weights: np.ndarray
    mirror: np.ndarray

    def points(self, vertices: np.ndarray) -> np.ndarray:
        """(L, 3) on posed vertices (V, 3)."""
        return np.einsum("lkc,lk->lc", vertices[self.triangles], self.barycentric)


def embed_face(rest: np.ndarray, parts: HeadParts, views: list[FaceView]) -> Embedding:
    """Surface point of least robust reprojection error for each landmark; symmetric, lightly smoothed.

    rest : (V, 3) average head.
    """
    rng = np.random.default_rng(SEED)
    surface = parts.skin_triangles[rest[parts.skin_triangles].mean(1)[:, 2] < FACE_DEPTH]
    owner, barycentric = _candidates(rest, parts, surface, rng)
    cost = np.zeros((len(owner), LANDMARK_COUNT), np.float32)
    for view in views:
        cost += _view_cost(view, surface[owner], barycentric)
    cost /= len(views)
    best = cost.argmin(0)
    error = cost.min(0)
    found = np.einsum("lkc,lk->lc", rest[surface[owner[best]]], barycentric[best])
    mirror = _mirror_pairs(views)
    symmetric = 0.5 * (found + found[mirror] * MIRROR)
    error = np.maximum(error, error[mirror])
    confidence = 1 / (ERROR_FLOOR + error) ** 2
    targets = _smooth(symmetric, confidence)
    owner, barycentric = _closest(rest, surface, targets)
    weights = confidence / np.median(confidence)
    return Embedding(surface[owner], barycentric, np.clip(weights, *WEIGHT_RANGE), mirror)


def embed_irises(rest: np.ndarray, parts: HeadParts, quads: np.ndarray, views: list[FaceView]) -> Embedding:
    """Centre and four rim points of the right and the left iris, in the detector's order."""
    triangles = fan(quads)
    points = np.empty((IRIS_COUNT, 3))
    owners, barycentric = np.empty(IRIS_COUNT, int), np.empty((IRIS_COUNT, 3))
    for side, (centre, eye) in enumerate(
        zip(iris_centres(rest, parts), (parts.eyeball_right, parts.eyeball_left), strict=True)
    ):
        rows = slice(LANDMARK_COUNT + 5 * side, LANDMARK_COUNT + 5 * side + 5)
        seen = np.mean([view.points[rows, :2] for view in views], axis=0)
        rim = seen[1:] - seen[0]
        # The detector's rim points lie right, above, left and below the centre: keep their order, not their distances.
        rim = np.where(np.abs(rim) == np.abs(rim).max(1, keepdims=True), np.sign(rim), 0)
        offsets = np.concatenate([np.zeros((1, 2)), rim * IRIS_RADIUS])
        points[5 * side : 5 * side + 5] = centre + np.concatenate([offsets, np.zeros((5, 1))], axis=1)
        ball = np.flatnonzero(eye[triangles].all(1))
        front = ball[rest[triangles[ball]].mean(1)[:, 2] < rest[eye].mean(0)[2]]
        chosen, weights = _along_sight(rest, triangles[front], points[5 * side : 5 * side + 5])
        owners[5 * side : 5 * side + 5] = front[chosen]
        barycentric[5 * side : 5 * side + 5] = weights
    mirror = _nearest_mirror(points)
    return Embedding(triangles[owners], barycentric, np.ones(IRIS_COUNT), mirror)


def view_errors(embedding: Embedding, views: list[FaceView]) -> np.ndarray:
    """(views, 468) millimetres between detected and projected landmarks, at the landmark's depth."""
    errors = []
    for view in views:
        points = embedding.points(view.vertices)
        gap = np.linalg.norm(view.camera.project(points) - view.points[: len(points), :2], axis=1)
        errors.append(gap * points[:, 2] / view.camera.fx * 1e3)
    return np.array(errors)


def _candidates(
    rest: np.ndarray, parts: HeadParts, surface: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    corners = rest[surface]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    front = corners.mean(1)
    mouth_vertices = rest[parts.mouth]
    foremost = mouth_vertices[mouth_vertices[:, 2] < np.percentile(mouth_vertices[:, 2], 10)].mean(0)
    lips = (np.abs(front - foremost) < MOUTH_BOX).all(1)
    owner = np.concatenate(
        [
            rng.choice(len(surface), CANDIDATES, p=area / area.sum()),
            rng.choice(len(surface), LIP_CANDIDATES, p=area * lips / (area * lips).sum()),
        ]
    )
    u, v = np.sqrt(rng.uniform(size=len(owner))), rng.uniform(size=len(owner))
    return owner, np.stack([1 - u, u * (1 - v), u * v], axis=1)


def _view_cost(view: FaceView, triangles: np.ndarray, barycentric: np.ndarray) -> np.ndarray:
    corners = view.vertices[triangles]
    points = np.einsum("nkc,nk->nc", corners, barycentric)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = -(normals * points).sum(1)
    facing /= np.linalg.norm(normals, axis=1) * np.linalg.norm(points, axis=1) + 1e-15
    gap = cdist(view.camera.project(points), view.points[:LANDMARK_COUNT, :2])
    gap *= (points[:, 2] / view.camera.fx * 1e3)[:, None]
    gap += BACK_FACING * np.maximum(-facing, 0)[:, None]
    return np.minimum(gap, ROBUST_LIMIT).astype(np.float32)


def _mirror_pairs(views: list[FaceView]) -> np.ndarray:
    """Counterpart of each landmark, from the mean of all detected shapes and its mirror image."""
    shapes = []
    for view in views:
        shape = view.points[:LANDMARK_COUNT] - view.points[:LANDMARK_COUNT].mean(0)
        shape /= np.sqrt((shape**2).sum(1).mean())
        if shapes:
            u, _, vt = np.linalg.svd(shape.T @ shapes[0])
            shape = shape @ (u @ vt)
        shapes.append(shape)
    mean = np.mean(shapes, axis=0)
    mirrored = mean * MIRROR
    for _ in range(20):
        nearest = cKDTree(mean).query(mirrored)[1]
        centred, goal = mirrored - mirrored.mean(0), mean[nearest] - mean[nearest].mean(0)
        u, _, vt = np.linalg.svd(centred.T @ goal)
        mirrored = centred @ (u @ vt) + mean[nearest].mean(0)
    distance = cdist(mirrored, mean)
    return linear_sum_assignment(distance + distance.T)[1]


def _nearest_mirror(points: np.ndarray) -> np.ndarray:
    return cdist(points * MIRROR, points).argmin(1)


def _smooth(points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    count = len(points)
    near = cKDTree(points).query(points, NEIGHBOURS + 1)[1][:, 1:]
    rows = np.repeat(np.arange(count), NEIGHBOURS)
    graph = sp.coo_matrix((np.ones(rows.size), (rows, near.ravel())), (count, count)).tocsr()
    graph = ((graph + graph.T) > 0).astype(float)
    degree = np.asarray(graph.sum(1)).ravel()
    bending = sp.identity(count) - sp.diags(1 / degree) @ graph
    system = sp.diags(confidence) + SMOOTHING * (bending.T @ bending)
    return spsolve(system.tocsc(), confidence[:, None] * points)


def _closest(rest: np.ndarray, surface: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closest point of the surface to each target: triangle index and barycentric weights."""
    import trimesh

    mesh = trimesh.Trimesh(rest, surface, process=False)
    points, _, owner = trimesh.proximity.closest_point(mesh, targets)
    return owner, trimesh.triangles.points_to_barycentric(rest[surface[owner]], points)


def _along_sight(rest: np.ndarray, triangles: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where lines along z through the points meet the triangles: triangle index and barycentric weights."""
    flat = rest[triangles][:, :, :2]
    a, b, c = flat[:, 0], flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    determinant = b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0]
    offset = points[:, None, :2] - a[None]
    v = (offset[..., 0] * c[:, 1] - offset[..., 1] * c[:, 0]) / determinant
    w = (b[:, 0] * offset[..., 1] - b[:, 1] * offset[..., 0]) / determinant
    weights = np.stack([1 - v - w, v, w], axis=-1)
    chosen = weights.min(-1).argmax(1)
    return chosen, np.clip(weights[np.arange(len(points)), chosen], 0, 1)
