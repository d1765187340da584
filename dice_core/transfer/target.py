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
from dice_core.landmarks.face_indices import EYE_CONTOUR_COUNT, LEFT_EYE, LIPS, RIGHT_EYE
from dice_core.transfer.balls import Ball, find_balls, fit_sphere
from dice_core.transfer.face_points import FacePoints, find_face_points
from dice_core.transfer.files import Character
from dice_core.transfer.head_mesh import HEAD_SHARE, WELD, bone_weight, head_surface, inside_head, main_skin, twins
from dice_core.transfer.names import POINT_LANDMARKS
from dice_core.transfer.own_axes import own_axes
from dice_core.transfer.registration import Similarity, fit_shape, fit_similarity, register_head
from dice_core.transfer.shape_fit import fit_surface_shape
from dice_core.transfer.surface_points import SurfacePoints, closest_facing
from dice_core.transfer.views import HeadPainter

__all__ = ["NO_LANDMARKS", "FoundFace", "TargetHead", "find_face", "lay_on", "understand_head"]

_log = logging.getLogger(__name__)

LEAST_BY_HAND = 6
"""Points set by hand that place a head without the networks; fewer leave its depth and turn open."""

BY_HAND_WEIGHT = 12.0
"""A point set by hand, against one that the network sees."""

MARGIN = 0.03
"""Metres of our axes around our head within which the target's skin is looked for."""

NO_LANDMARKS = (np.zeros(1, np.int64), np.zeros((1, 3)), np.zeros(1))
"""In the form of `FoundFace.landmarks`, for a face on which the skin alone says what is where."""

SLIT_WEIGHT = 0.25
"""Of the landmarks of lids and lips beside the skin. Of none, this and the full weight the best on a woman, a child and
a stylised head whose true correspondence is known (tools/characters): lids 0.9 to 2.1 mm off, lips 0.8 to 1.1."""

SETTLED = 0.006
"""Metres that a vertex of ours is moved at last onto the target's skin; where that is farther, they differ too much."""


@dataclass(frozen=True)
class TargetHead:
    """A character and our head on it.

    similarity : between our axes (metres of a person) and the character's world; vertices : (V, 3) float64 of the whole
    character, our axes; triangles : (m, 3) of its head's skin, and triangle_number : (m,) which of the character's they
    are; registered : (Vh, 3) our head's vertices on it, our axes; balls : by side "L" and "R"; twin : (V,) int,
    of vertices in one place, as at seams of imported files, the one that `triangles` have for all; views : drawings
    that showed a face, 0 where the points were set by hand.
    """

    character: Character
    similarity: Similarity
    vertices: np.ndarray
    triangles: np.ndarray
    triangle_number: np.ndarray
    registered: np.ndarray
    balls: dict[str, Ball]
    tissue: Tissue
    twin: np.ndarray
    views: int

    def moves_eyes(self) -> bool:
        """Whether the rig has bones for both eyes that move something."""
        weights = [bone_weight(self.character, f"eye.{letter}") for letter in "LR"]
        return all(weight is not None and weight.max(initial=0) > HEAD_SHARE for weight in weights)

    @cached_property
    def places(self) -> SurfacePoints:
        """Where each of our vertices is on the character: (Vh,) points; of use for skin alone."""
        ours = mesh_triangles(load_head().mesh)
        normals = vertex_normals(self.registered, ours)
        return closest_facing(self.registered, normals, self.vertices, self.triangles, self.triangle_number)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values (n, V, k) with those of vertices that lie on `triangles` given to their twins."""
        on_skin = np.zeros(len(self.vertices), bool)
        on_skin[self.skin_vertices] = True
        rows = np.flatnonzero(on_skin[self.twin])
        values[:, rows] = values[:, self.twin[rows]]
        return values

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


@dataclass(frozen=True)
class FoundFace:
    """Where a character's face is, before our head is laid onto it.

    similarity : between our axes and the character's world; triangles : (m, 3) of its head's skin, and
    triangle_number : (m,) which of the character's they are; landmarks : indices (l,) of ours, points (l, 3) in our
    axes, weights (l,); balls : the eyeballs, in the character's world; twin, views : as of `TargetHead`.
    """

    character: Character
    similarity: Similarity
    triangles: np.ndarray
    triangle_number: np.ndarray
    landmarks: tuple[np.ndarray, np.ndarray, np.ndarray]
    balls: list[Ball]
    twin: np.ndarray
    views: int

    @cached_property
    def vertices(self) -> np.ndarray:
        """(V, 3) float64 of the whole character, our axes."""
        return self.similarity.to_ours(self.character.vertices.astype(np.float64))

    @cached_property
    def start(self) -> np.ndarray:
        """(Vh, 3) our head in the shape that the landmarks tell, our axes."""
        return fit_shape(load_head(), *self.landmarks)

    def slits(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The landmarks of lids and lips, in the form of `landmarks`, but less of a weight."""
        indices, points, weights = self.landmarks
        chosen = np.isin(indices, (*LIPS, *LEFT_EYE[:EYE_CONTOUR_COUNT], *RIGHT_EYE[:EYE_CONTOUR_COUNT]))
        return indices[chosen], points[chosen], SLIT_WEIGHT * weights[chosen]


def understand_head(character: Character, should_stop: Callable[[], None]) -> TargetHead:
    """Find a character's face and lay our head onto it.

    The landmarks that the networks see lead to the face; what is where on it, the form of its skin tells better, but
    for lids and lips. Points that are set by hand count to the end.
    should_stop : called now and then; raises to stop.
    Raises InputError where there is no head, or no face is found and too few points are set by hand.
    """
    face = find_face(character, should_stop)
    if np.isfinite(character.landmarks).any():
        return lay_on(face, face.start, face.landmarks, should_stop)
    head = load_head()
    start = fit_surface_shape(head, head_tissue(head), face.start, (face.vertices, face.triangles), should_stop)
    return lay_on(face, start, face.slits(), should_stop)


def find_face(character: Character, should_stop: Callable[[], None]) -> FoundFace:
    """The face alone, of which `lay_on` makes the rest. Arguments and errors as of `understand_head`."""
    triangles, number, height, middle = head_surface(character)
    vertices = character.vertices.astype(np.float64)
    balls = find_balls(vertices, inside_head(character, middle, height), height)
    ball_vertices = np.zeros(len(vertices), bool)
    for ball in balls:
        ball_vertices[ball.vertices] = True
    skin = ~ball_vertices[triangles].any(axis=1)
    twin = twins(vertices, WELD * height)
    triangles, number = main_skin(twin[triangles[skin]], number[skin])
    by_hand = np.isfinite(character.landmarks).all(axis=1)
    found = None
    if by_hand.sum() < len(by_hand):
        painter = HeadPainter(
            vertices, inside_head(character, middle, height), character.head_vertices & ~ball_vertices, balls
        )
        skin_index = SurfaceIndex(vertices, triangles)
        found = find_face_points(painter, skin_index, middle, height, own_axes(character), should_stop)
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
    goals = similarity.to_ours(points)
    views = found.views if found else 0
    return FoundFace(character, similarity, triangles, number, (indices, goals, weights), balls, twin, views)


def lay_on(
    face: FoundFace,
    start: np.ndarray,
    landmarks: tuple[np.ndarray, np.ndarray, np.ndarray],
    should_stop: Callable[[], None],
) -> TargetHead:
    """Our head on a face that was found.

    start : (Vh, 3) our head roughly on it, our axes; landmarks : that draw it, as of `FoundFace`; should_stop raises to
    stop.
    """
    head = load_head()
    tissue = head_tissue(head)
    vertices = face.vertices
    low, high = face.start.min(axis=0) - MARGIN, face.start.max(axis=0) + MARGIN
    near = ((vertices > low) & (vertices < high)).all(axis=1)[face.triangles].all(axis=1)
    triangles, number = face.triangles[near], face.triangle_number[near]
    registered = register_head(head, tissue, start, (vertices, triangles), landmarks, should_stop)
    _settle(registered, vertices, triangles, tissue)
    sides = {}
    for ball in face.balls:
        centre = face.similarity.to_ours(ball.centre)
        sides["L" if centre[0] > 0 else "R"] = replace(ball, centre=centre, radius=ball.radius / face.similarity.scale)
    for side, ball in sides.items():
        own = head.mesh.region_vertices(f"eyeball.{side}")
        rest = head.mesh.rest_vertices[own].astype(np.float64)
        centre, radius = fit_sphere(rest)
        registered[own] = ball.centre + (rest - centre) * ball.radius / radius
    return TargetHead(
        face.character,
        face.similarity,
        vertices,
        triangles,
        number,
        registered,
        sides,
        tissue,
        face.twin,
        face.views,
    )


def _settle(registered: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, tissue: Tissue) -> None:
    """Put our skin onto the target's where it is near, in place: what touches it has to find it there."""
    ours = mesh_triangles(load_head().mesh)
    rows = np.flatnonzero(tissue.touchable)
    normals = vertex_normals(registered, ours)[rows]
    places = closest_facing(registered[rows], normals, vertices, triangles, np.arange(len(triangles)))
    found = places.of(vertices)
    near = np.linalg.norm(found - registered[rows], axis=1) < SETTLED
    registered[rows[near]] = found[near]


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
