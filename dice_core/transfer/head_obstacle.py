"""What of a hand is too deep in a head, and which way out is, fast enough for every step of a solver.

A point is as deep as it lies below the vertex nearest to it. Where that would mislead it counts as outside: beside the
edge of a fold, as in an ear, and deeper than a sheet is thick; and farther from an eye's middle than the lid below it,
whose rim a large eye may have turned over. In the crease where an ear meets the head no vertex of ours tells inside
from outside: points there are measured against the triangles of the character's own skin, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dice_core.bodies import load_head
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import Mesh, vertex_normals
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.nearest_vertex import NearestVertexIndex, NearestVertices, SurfaceShape
from dice_core.transfer.surface_points import PLACE_FACING
from dice_core.transfer.target import TargetHead

__all__ = ["Entered", "HeadObstacle", "HeadShape"]

DEEPEST = 0.05
"""Metres: further inside, the nearest skin does not tell the way out."""

BESIDE = 0.008
"""Metres along the skin from the nearest vertex: more than an edge of our head: none is above it."""

EAR_THICKNESS = 0.006
"""Metres of an ear from its front to its back, whose sheets may lie in wrong order. Set by hand: a thick helix."""

AROUND = 0.03
"""Metres from an ear up to which skin is watched triangle by triangle: more than the width of the crease behind it."""

EYE_FRONT = 0.5
"""Cosine from the direction of the face up to which an eyeball is between its lids. Set by hand: wide open ones."""

CREASE = 0.012
"""Metres from an ear's vertices, and from the skin around it, up to which points are looked at triangle by triangle."""


@dataclass(frozen=True)
class Entered:
    """Points that are too deep. row : (m,) int; excess : (m,) metres, positive; normal : (m, 3) unit, the way out."""

    row: np.ndarray
    excess: np.ndarray
    normal: np.ndarray


@dataclass(frozen=True)
class HeadShape:
    """The head of one frame. surface : its skin; eyes : (3,) middle of each eyeball, left and right."""

    surface: SurfaceShape
    eyes: list[np.ndarray]


class HeadObstacle:
    """The registered head of a character as something that hands stay out of.

    mesh : our head's, with the rest vertices of the registered one; touchable : (V,) bool, skin;
    vertices : (n, 3) of the character's own skin and triangles : (m, 3); ours : (n,) int, our vertex nearest to each.
    """

    def __init__(
        self, mesh: Mesh, touchable: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, ours: np.ndarray
    ) -> None:
        self._ears = load_head().mesh.region_vertices("ear.L", "ear.R")
        self._balls = [load_head().mesh.region_vertices(f"eyeball.{side}") for side in "LR"]
        self._lids = [load_head().mesh.region_vertices(f"eye.{side}") for side in "LR"]
        self._eyes = self._middles(mesh.rest_vertices)
        self._skin = NearestVertexIndex(mesh, touchable)
        self._ours = ours
        ears = vertices[np.isin(ours, np.flatnonzero(self._ears))]
        around = np.array(
            [len(ears) and np.linalg.norm(ears - point, axis=1).min() < AROUND for point in vertices], bool
        )
        near = around[triangles].all(axis=1)
        self._around_ears = SurfaceIndex(vertices, triangles[near]) if near.any() else None

    @classmethod
    def of(cls, target: TargetHead) -> HeadObstacle:
        """A character's head, to be set to its frames."""
        mesh = replace(load_head().mesh, rest_vertices=target.registered.astype(np.float32))
        touchable = target.tissue.touchable & ~_behind_lids(mesh) & ~_folded(target)
        on_ours = target.skin_on_ours
        ours = on_ours.corners[np.arange(len(on_ours.corners)), on_ours.weights.argmax(axis=1)]
        used = target.skin_vertices
        triangles = np.searchsorted(used, target.triangles)
        return cls(mesh, touchable, target.vertices[used], triangles, ours)

    def set_vertices(self, vertices: np.ndarray) -> None:
        """Set our vertices (V, 3) on the head in a frame. Skin around ears is taken to stay with the head."""
        self.set_shape(self.shape(vertices))

    def shape(self, vertices: np.ndarray) -> HeadShape:
        """What `set_shape` takes, of our vertices (V, 3), for frames that are asked for again and again."""
        return HeadShape(self._skin.shape(vertices), self._middles(vertices))

    def set_shape(self, shape: HeadShape) -> None:
        """Set the head's shape in a frame."""
        self._skin.set_shape(shape.surface)
        self._eyes = shape.eyes

    def distance(self, points: np.ndarray) -> np.ndarray:
        """(n,) metres from points (n, 3) to the nearest vertex of the skin, inside or outside."""
        return self._skin.query(points).distance

    def entered(self, points: np.ndarray, allowed: np.ndarray) -> Entered:
        """Points (n, 3) that are deeper than allowed : (V,) metres at each vertex, negative where they keep away."""
        nearest = self._skin.query(points)
        at_ear = self._ears[nearest.vertex]
        excess = _excess(nearest, allowed, self._before_lids(points, nearest), np.where(at_ear, EAR_THICKNESS, np.inf))
        normal = nearest.normal
        rows = np.flatnonzero(at_ear & (excess <= 0) & (nearest.distance < CREASE))
        if len(rows) and self._around_ears is not None:
            found = self._around_ears.query(points[rows], CREASE)
            corners = self._ours[self._around_ears.triangles[found.triangle]]
            depth = found.distance - allowed[corners].min(axis=1)
            # Where an ear itself is nearest, vertices have said what there is to say.
            excess[rows] = np.where(self._ears[corners].all(axis=1) | (found.triangle < 0), 0.0, depth)
            normal = normal.copy()
            normal[rows] = found.normal
        row = np.flatnonzero(excess > 0)
        return Entered(row, excess[row], normal[row])

    def _middles(self, vertices: np.ndarray) -> list[np.ndarray]:
        """(3,) of each eyeball."""
        return [vertices[ball].mean(axis=0) for ball in self._balls]

    def _before_lids(self, points: np.ndarray, nearest: NearestVertices) -> np.ndarray:
        """(n,) bool, points nearest to a lid and farther from the eye's middle than the lid is."""
        before = np.zeros(len(points), bool)
        for lids, eye in zip(self._lids, self._eyes, strict=True):
            rows = np.flatnonzero(lids[nearest.vertex])
            away = points[rows] - eye
            lid = away - nearest.offset[rows]
            before[rows] = (away**2).sum(axis=1) > (lid**2).sum(axis=1)
        return before


def _behind_lids(mesh: Mesh) -> np.ndarray:
    """(V,) bool, vertices of eyeballs other than those in front: beside one of them, inside a socket, is no way out."""
    hidden = np.zeros(len(mesh.rest_vertices), bool)
    for side in "LR":
        ball = mesh.region_vertices(f"eyeball.{side}")
        away = mesh.rest_vertices[ball] - mesh.rest_vertices[ball].mean(axis=0)
        hidden[ball] = -away[:, 2] < EYE_FRONT * np.linalg.norm(away, axis=1)
    return hidden


def _folded(target: TargetHead) -> np.ndarray:
    """(V,) bool, vertices of our skin that face another way than the character's own does where they are, as in the
    small nose of a figure: of those, nothing tells what is inside."""
    mesh = load_head().mesh
    ours = vertex_normals(target.registered, mesh_triangles(mesh))
    own = target.places.of(vertex_normals(target.vertices, target.triangles))
    facing = np.einsum("vx,vx->v", ours, own) >= PLACE_FACING * np.linalg.norm(own, axis=1)
    return ~facing & ~mesh.region_vertices("eyeball.L", "eyeball.R")


def _excess(nearest: NearestVertices, allowed: np.ndarray, outside: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """(n,) metres by which points are too deep, 0 or less where they are not.

    outside : (n,) bool, what is known to be; thickness : (n,) of the head there.
    """
    limit = allowed[nearest.vertex]
    # A point outside has its distance as a depth, which the tangent plane of skin that is not below it is not.
    beside = nearest.distance**2 - nearest.depth**2 > BESIDE**2
    outside = outside | (nearest.depth <= 0) | beside | (nearest.depth > thickness)
    excess = np.where(outside, -nearest.distance - limit, nearest.depth - limit)
    return np.where(nearest.distance < DEEPEST, excess, 0.0)
