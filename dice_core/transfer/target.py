"""A character's head, understood: where its face is, how it lies to ours, and which point of it each of ours is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dice_core.bodies import load_head
from dice_core.contact.tissue.stiffness import Tissue, head_tissue
from dice_core.errors import InputError
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.mesh import vertex_normals
from dice_core.transfer.balls import Ball, find_balls
from dice_core.transfer.face_points import FacePoints, find_face_points
from dice_core.transfer.files import Character
from dice_core.transfer.names import POINT_LANDMARKS
from dice_core.transfer.registration import Similarity, fit_shape, fit_similarity, register_head
from dice_core.transfer.surface_points import SurfacePoints
from dice_core.transfer.views import HeadPainter

__all__ = ["TargetHead", "understand_head"]

_log = logging.getLogger(__name__)

HEAD_SHARE = 0.5
"""Skin weight of the head's bones from which a vertex belongs to the head."""

TALL = 2.2
"""Height in widths from which something is a body and not a head; a head with its neck has up to 1.9. Set by hand."""

HEAD_OF_BODY = 7.0
"""Heights of the head in a body, where no bone says what the head is."""

LEAST_BY_HAND = 6
"""Points set by hand that place a head without the networks; fewer leave its depth and turn open."""

BY_HAND_WEIGHT = 12.0
"""A point set by hand, against one that the network sees."""

MARGIN = 0.03
"""Metres of our axes around our head within which the target's skin is looked for."""

PLACE_FACING = 0.2
"""Least cosine between our normal and the skin's at the place of a vertex."""


@dataclass(frozen=True)
class TargetHead:
    """A character and our head on it.

    similarity : between our axes (metres of a person) and the character's world; vertices : (V, 3) float64 of the whole
    character, our axes; triangles : (m, 3) of its head's skin, and triangle_number : (m,) which of the character's they
    are; registered : (Vh, 3) our head's vertices on it, our axes; balls : by side "L" and "R"; views : drawings that
    showed a face, 0 where the points were set by hand.
    """

    character: Character
    similarity: Similarity
    vertices: np.ndarray
    triangles: np.ndarray
    triangle_number: np.ndarray
    registered: np.ndarray
    balls: dict[str, Ball]
    tissue: Tissue
    views: int

    @cached_property
    def places(self) -> SurfacePoints:
        """Where each of our vertices is on the character: (Vh,) points; of use for skin alone."""
        ours = mesh_triangles(load_head().mesh)
        normals = vertex_normals(self.registered, ours)
        return closest_facing(self.registered, normals, self.vertices, self.triangles, self.triangle_number)

    @cached_property
    def near_head(self) -> np.ndarray:
        """(n,) int, vertices of the character that can be part of its head: its skin, and what is inside it."""
        low, high = self.registered.min(axis=0) - MARGIN, self.registered.max(axis=0) + MARGIN
        return np.flatnonzero(((self.vertices > low) & (self.vertices < high)).all(axis=1))

    @cached_property
    def skin_vertices(self) -> np.ndarray:
        """(n,) int, vertices of the head's skin."""
        return np.unique(self.triangles)

    @cached_property
    def skin_on_ours(self) -> SurfacePoints:
        """Where each of `skin_vertices` is on our head: points whose corners are our vertices."""
        head = load_head()
        every = mesh_triangles(head.mesh)
        solid = ~head.rigid_vertices[every].any(axis=1) & ~head.mesh.region_vertices("tongue")[every].any(axis=1)
        number = np.flatnonzero(solid)
        normals = vertex_normals(self.vertices, self.triangles)[self.skin_vertices]
        return closest_facing(self.vertices[self.skin_vertices], normals, self.registered, every[number], number)


def closest_facing(
    points: np.ndarray, normals: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, number: np.ndarray
) -> SurfacePoints:
    """The nearest points of a surface that face the same way, else the nearest at all.

    points, normals : (n, 3); vertices, triangles : of the surface; number : (m,) what the triangles are called.
    """
    index = SurfaceIndex(vertices, triangles)
    found = index.query(points)
    triangle, weights = found.triangle.copy(), found.barycentric.copy()
    wrong = np.flatnonzero(np.einsum("nx,nx->n", found.normal, normals) < PLACE_FACING)
    if len(wrong):
        # Looked for again a little outside and inside: across a lip or a lid the right side is nearer from there.
        for step in (0.002, -0.002, 0.004):
            again = index.query(points[wrong] + step * normals[wrong])
            right = np.einsum("nx,nx->n", again.normal, normals[wrong]) >= PLACE_FACING
            rows = wrong[right]
            triangle[rows], weights[rows] = again.triangle[right], again.barycentric[right]
            wrong = wrong[~right]
            if not len(wrong):
                break
    return SurfacePoints(triangles[triangle], weights, number[triangle])


def understand_head(character: Character, should_stop: Callable[[], None]) -> TargetHead:
    """Find a character's face and lay our head onto it.

    should_stop : called now and then; raises to stop.
    Raises InputError where there is no head, or no face is found and too few points are set by hand.
    """
    triangles, number, height, middle = _head_surface(character)
    vertices = character.vertices.astype(np.float64)
    balls = find_balls(vertices, _inside(character, middle, height), height)
    ball_vertices = np.zeros(len(vertices), bool)
    for ball in balls:
        ball_vertices[ball.vertices] = True
    skin = ~ball_vertices[triangles].any(axis=1)
    triangles, number = triangles[skin], number[skin]
    by_hand = np.isfinite(character.landmarks).all(axis=1)
    found = None
    if by_hand.sum() < len(by_hand):
        painter = HeadPainter(
            vertices, _inside(character, middle, height), character.head_vertices & ~ball_vertices, balls
        )
        found = find_face_points(painter, SurfaceIndex(vertices, triangles), middle, height, should_stop)
    if found is None and by_hand.sum() < LEAST_BY_HAND:
        raise InputError(
            "No face was found on the head: choose the mesh that is the head, or set the landmarks on its face by hand."
        )
    indices, points, weights = _landmarks(character, by_hand, found)
    head = load_head()
    ours = head.landmarks(head.mesh.rest_vertices.astype(np.float64))[indices]
    similarity = fit_similarity(ours, points, weights)
    for _ in range(3):
        gap = np.linalg.norm(similarity.to_ours(points) - ours, axis=1)
        similarity = fit_similarity(ours, points, weights / (1 + (gap / 0.01) ** 2))
    return _registered(
        character, similarity, (triangles, number), (indices, points, weights), balls, found, should_stop
    )


def _registered(
    character: Character,
    similarity: Similarity,
    surface: tuple[np.ndarray, np.ndarray],
    landmarks: tuple[np.ndarray, np.ndarray, np.ndarray],
    balls: list[Ball],
    found: FacePoints | None,
    should_stop: Callable[[], None],
) -> TargetHead:
    head = load_head()
    tissue = head_tissue(head)
    vertices = similarity.to_ours(character.vertices.astype(np.float64))
    indices, points, weights = landmarks
    goals = similarity.to_ours(points)
    start = fit_shape(head, indices, goals, weights)
    low, high = start.min(axis=0) - MARGIN, start.max(axis=0) + MARGIN
    triangles, number = surface
    near = ((vertices > low) & (vertices < high)).all(axis=1)[triangles].all(axis=1)
    triangles, number = triangles[near], number[near]
    registered = register_head(head, tissue, start, (vertices, triangles), (indices, goals, weights), should_stop)
    sides = {}
    for ball in balls:
        centre = similarity.to_ours(ball.centre)
        sides["L" if centre[0] > 0 else "R"] = replace(ball, centre=centre, radius=ball.radius / similarity.scale)
    for side, ball in sides.items():
        own = head.mesh.region_vertices(f"eyeball.{side}")
        rest = registered[own]
        registered[own] = ball.centre + (rest - rest.mean(axis=0)) * ball.radius / _mean_radius(rest)
    return TargetHead(
        character, similarity, vertices, triangles, number, registered, sides, tissue, found.views if found else 0
    )


def _mean_radius(points: np.ndarray) -> float:
    return float(np.linalg.norm(points - points.mean(axis=0), axis=1).mean())


def _landmarks(
    character: Character, by_hand: np.ndarray, found: FacePoints | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of our landmarks, where they are in the character's world, and their weights."""
    hand_index = np.array(POINT_LANDMARKS)[by_hand]
    hand_points = character.landmarks[by_hand].astype(np.float64)
    if found is None:
        return hand_index, hand_points, np.full(len(hand_index), BY_HAND_WEIGHT)
    head = load_head()
    points, weights = found.points.copy(), found.weights * head.landmark_weights
    points[hand_index], weights[hand_index] = hand_points, BY_HAND_WEIGHT
    return np.arange(len(points)), points, weights


def _head_surface(character: Character) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Triangles of the head's skin and their numbers, the head's height and its middle."""
    vertices = character.vertices.astype(np.float64)
    inside = character.head_vertices.copy()
    if not inside.any():
        raise InputError("The character has no mesh for a head: choose the object that is its head.")
    own = _bone_weight(character, "head")
    if own is not None and (inside & (own >= HEAD_SHARE)).any():
        inside &= own >= HEAD_SHARE
    else:
        inside &= _upper_end(vertices, inside)
    number = np.flatnonzero(character.head_vertices[character.triangles].all(axis=1))
    core = vertices[inside]
    low, high = core.min(axis=0), core.max(axis=0)
    height = float((high - low).max())
    if height <= 0 or not inside[character.triangles].all(axis=1).any():
        raise InputError("The head's mesh has no surface: choose the object that is the character's head.")
    middle = (low + high) / 2
    near = np.linalg.norm(vertices - middle, axis=1) < height
    number = number[near[character.triangles[number]].all(axis=1)]
    return character.triangles[number], number, height, middle


def _inside(character: Character, middle: np.ndarray, height: float) -> np.ndarray:
    """(n, 3) triangles of all that is near the head: skin, eyes, teeth, hair."""
    near = np.linalg.norm(character.vertices - middle, axis=1) < 1.5 * height
    return character.triangles[near[character.triangles].all(axis=1)]


def _bone_weight(character: Character, role: str) -> np.ndarray | None:
    """(V,) skin weight of a role's bone and all bones below it, None where there is no such bone."""
    if role not in character.roles:
        return None
    wanted = character.bone_names.index(character.roles[role])
    below = np.zeros(len(character.bone_names), bool)
    for bone in range(len(below)):
        above = bone
        while above >= 0 and above != wanted:
            above = int(character.bone_parents[above])
        below[bone] = above == wanted
    return np.where(below[character.skin_bones], character.skin_weights, 0).sum(axis=1)


def _upper_end(vertices: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(V,) bool: all of a mesh that is no taller than a head with its neck, else the upper end of a body."""
    size = np.ptp(vertices[inside], axis=0)
    if size[2] < TALL * min(size[0], size[1]) * 1.2:
        return np.ones(len(vertices), bool)
    top = vertices[inside][:, 2].max()
    return vertices[:, 2] > top - size[2] / HEAD_OF_BODY
