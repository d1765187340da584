"""Eyeballs of a stranger's head: parts of a mesh that are nearly spheres, a left and a right one of the same size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.mesh import connected_components

__all__ = ["Ball", "find_balls", "fit_sphere"]

# All of these were set by hand; the eyes of anny's bodies, ICT's head and the product's own pass with room.

ROUNDNESS = 0.12
"""Deviation of the vertices' distances from the centre, in radii, up to which a part counts as a ball; a cornea bulges
by 0.05 to 0.08."""

SIZES = (0.02, 0.16)
"""Radius of an eyeball in heights of the head; an adult's is 0.05, a cartoon's up to 0.15."""

LEAST_VERTICES = 12

COVERAGE = 0.45
"""Share of all directions in which an eyeball has vertices; a cap, such as a lid or a cornea alone, has less."""

ALIKE = 0.1
"""Relative difference of the radii of two eyes."""


@dataclass(frozen=True)
class Ball:
    """vertices : (n,) int; centre : (3,) and radius, in the units of the mesh."""

    vertices: np.ndarray
    centre: np.ndarray
    radius: float


def find_balls(vertices: np.ndarray, triangles: np.ndarray, height: float) -> list[Ball]:
    """The eyeballs, largest pair first, or none; parts that share their centre (a cornea) are one ball.

    vertices : (V, 3); triangles : (T, 3) of the head and all that is in it; height : of the head, same unit.
    """
    balls: list[Ball] = []
    for part in connected_components(triangles):
        own = np.unique(triangles[part])
        if len(own) < LEAST_VERTICES:
            continue
        centre, radius = fit_sphere(vertices[own])
        offset = vertices[own] - centre
        spread = float(np.std(np.linalg.norm(offset, axis=1)))
        if SIZES[0] * height < radius < SIZES[1] * height and spread < ROUNDNESS * radius:
            balls.append(Ball(own, centre, radius))
    merged = _merged(vertices, balls)
    best: tuple[float, list[Ball]] = (0.0, [])
    for i, one in enumerate(merged):
        for other in merged[i + 1 :]:
            alike = abs(one.radius - other.radius) < ALIKE * max(one.radius, other.radius)
            apart = float(np.linalg.norm(one.centre - other.centre)) > one.radius + other.radius
            if alike and apart and one.radius > best[0]:
                best = (one.radius, [one, other])
    return best[1]


def fit_sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of the sphere through points (n, 3), least squares."""
    middle = points.mean(axis=0, dtype=np.float64)
    local = points - middle
    system = np.concatenate([2 * local, np.ones((len(local), 1))], axis=1)
    solution = np.linalg.lstsq(system, (local * local).sum(axis=1), rcond=None)[0]
    return solution[:3] + middle, float(np.sqrt(max(solution[3] + solution[:3] @ solution[:3], 0.0)))


def _merged(vertices: np.ndarray, balls: list[Ball]) -> list[Ball]:
    """Balls around the same centre as one, without those that cover less than half of a sphere."""
    left, result = sorted(balls, key=lambda ball: -len(ball.vertices)), []
    while left:
        first = left.pop(0)
        same = [b for b in left if np.linalg.norm(b.centre - first.centre) < 0.6 * first.radius]
        left = [b for b in left if not any(b is other for other in same)]
        ball = Ball(np.concatenate([first.vertices, *(b.vertices for b in same)]), first.centre, first.radius)
        direction = vertices[ball.vertices] - ball.centre
        direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
        if 1 - float(np.linalg.norm(direction.mean(axis=0))) > COVERAGE:
            result.append(ball)
    return result
