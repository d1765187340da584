"""Meshes with fewer or more vertices, whose surface stays where it is."""

from __future__ import annotations

import heapq

import numpy as np

from dice_core.errors import ShapeError
from dice_core.geometry.mesh import triangle_edges

__all__ = ["kept_triangles", "split_longest_edges"]


def kept_triangles(vertices: np.ndarray, faces: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Triangles between some vertices of a mesh: the dual of the cells that lie nearest to each along the edges.

    vertices : (V, 3); faces : (T, 3); kept : (K,) indices. Returns (T', 3) int32 into `kept`, wound as before.
    """
    owner = _cells(vertices, faces, kept)
    corners = owner[faces]
    different = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    corners = corners[different]
    rolled = np.stack([np.roll(row, -int(row.argmin())) for row in corners])
    return np.unique(rolled, axis=0).astype(np.int32)


def _cells(vertices: np.ndarray, faces: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(V,) which of the kept vertices is nearest along the edges (Dijkstra's algorithm from all of them at once)."""
    around: list[list[tuple[int, float]]] = [[] for _ in vertices]
    for one, other in np.asarray(triangle_edges(faces)):
        length = float(np.linalg.norm(vertices[one] - vertices[other]))
        around[one].append((int(other), length))
        around[other].append((int(one), length))
    away = np.full(len(vertices), np.inf)
    owner = np.full(len(vertices), -1, np.int64)
    queue = [(0.0, int(vertex), cell) for cell, vertex in enumerate(kept)]
    away[kept] = 0
    while queue:
        distance, vertex, cell = heapq.heappop(queue)
        if owner[vertex] >= 0:
            continue
        owner[vertex] = cell
        for other, length in around[vertex]:
            if distance + length < away[other]:
                away[other] = distance + length
                heapq.heappush(queue, (float(away[other]), other, cell))
    return owner


def split_longest_edges(
    vertices: np.ndarray, faces: np.ndarray, count: int, left_out: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Add vertices in the middles of the longest edges.

    vertices : (V, 3); faces : (T, 3); count : vertices to add; left_out : (V,) bool, edges of which stay.
    Returns (T', 3) int32 triangles and (V + count, V) float64 weights of the old vertices in the new ones.
    """
    places = [np.asarray(vertex, np.float64) for vertex in vertices]
    weights = np.zeros((len(vertices) + count, len(vertices)))
    weights[: len(vertices)] = np.eye(len(vertices))
    triangles = {number: tuple(int(v) for v in face) for number, face in enumerate(faces)}
    of_edge: dict[tuple[int, int], set[int]] = {}
    queue: list[tuple[float, tuple[int, int]]] = []

    def add(number: int, face: tuple[int, ...]) -> None:
        triangles[number] = face
        for k in range(3):
            edge = (min(face[k], face[(k + 1) % 3]), max(face[k], face[(k + 1) % 3]))
            if edge not in of_edge and not any(v < len(vertices) and left_out[v] for v in edge):
                heapq.heappush(queue, (-float(np.linalg.norm(places[edge[0]] - places[edge[1]])), edge))
            of_edge.setdefault(edge, set()).add(number)

    for number, face in list(triangles.items()):
        add(number, face)
    following = len(triangles)
    while len(places) < len(vertices) + count:
        if not queue:
            raise ShapeError("The mesh has no edge that may be split.")
        _, edge = heapq.heappop(queue)
        new = len(places)
        places.append((places[edge[0]] + places[edge[1]]) / 2)
        weights[new] = (weights[edge[0]] + weights[edge[1]]) / 2
        for number in of_edge.pop(edge):
            face = triangles.pop(number)
            for k in range(3):
                pair = (min(face[k], face[(k + 1) % 3]), max(face[k], face[(k + 1) % 3]))
                if pair != edge:
                    of_edge[pair].discard(number)
            for old in edge:
                add(following, tuple(new if v == old else v for v in face))
                following += 1
    return np.array(list(triangles.values()), np.int32), weights
