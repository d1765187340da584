"""Simulated heads before a camera: the depth of points below their skin, and what the camera sees of them.

Ranges and deviations were set by hand, for phone footage and portraits of people who touch their faces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from depth_prior.recipe import Recipe
from dice_core.bodies import Head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.head_view import HeadView
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles, vertex_normals
from dice_core.geometry.rasterizer import depth_map
from dice_core.geometry.rotations import axis_angle, rotation_matrices

__all__ = ["HeadVariant", "SimulatedHead", "head_variants", "sample_head"]

CELL = 0.005
"""Metres between the points of the grid at which the depth below the skin is known."""

MARGIN = 0.06
"""Metres around the head that the grid covers; points beyond count as this far away."""

NEAR = 0.008
"""Metres from the skin within which it counts as flat."""

SHAPE_SIGMA = 0.8
EXPRESSIONS = ("jawOpen", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight")
YAW, PITCH, ROLL = 22.0, 14.0, 10.0
"""Degrees, deviations of the head's rotation."""

MAP_SIZE = 128
"""Pixels: longer side of the depth map, the same as `HeadView` has."""

HEAD_SHARE = (0.2, 0.6)
"""Height of the head as a share of the picture's."""

ASSUMED_SIGMA = 0.22
"""Deviation of the logarithm of the assumed focal length from the true one."""

HEAD_HEIGHT = 0.23
"""Metres, of the mean head."""


@dataclass(frozen=True)
class HeadVariant:
    """A person with an expression, in the head's own axes.

    vertices : (V, 3); normals : (V, 3); touchable : (V,) bool; low : (3,) corner of the grid;
    grid : (x, y, z) depth below the skin in metres, **positive inside**.
    """

    vertices: np.ndarray
    normals: np.ndarray
    touchable: np.ndarray
    low: np.ndarray
    grid: np.ndarray

    def depth(self, points: np.ndarray) -> np.ndarray:
        """(...) depth below the skin in metres, **positive inside**; points : (..., 3) in the head's own axes."""
        cells = (points - self.low) / CELL
        flat = cells.reshape(-1, 3).T
        return map_coordinates(self.grid, flat, order=1, mode="nearest").reshape(points.shape[:-1])


@dataclass(frozen=True)
class SimulatedHead:
    """A head variant before a camera.

    rotation : (3, 3), translation : (3,) of the head; camera : of MAP_SIZE; front : (h, w) metres, infinite beside the
    head; focal_ratio : assumed over true focal length.
    """

    variant: HeadVariant
    rotation: np.ndarray
    translation: np.ndarray
    camera: Camera
    front: np.ndarray
    focal_ratio: float

    def view(self) -> HeadView:
        """The head as the capture sees it."""
        pose = HeadPose(axis_angle(self.rotation), self.translation, np.zeros(52))
        return HeadView(pose, self.front, 1.0)

    def as_fitted(self, turn_sigma: float, faces: np.ndarray, rng: np.random.Generator) -> SimulatedHead:
        """The head as a fit finds it: turned a little about its nose, because landmarks hold the face where it is.

        turn_sigma : degrees about each axis, one deviation; faces : (T, 3) triangles of the head.
        """
        if turn_sigma == 0:
            return self
        turn = rotation_matrices(np.radians(rng.normal(0, turn_sigma, 3)))
        nose = self.translation + self.rotation @ self.variant.vertices[self.variant.vertices[:, 2].argmin()]
        rotation, translation = turn @ self.rotation, nose + turn @ (self.translation - nose)
        front = depth_map(self.variant.vertices @ rotation.T + translation, faces, self.camera)
        return replace(self, rotation=rotation, translation=translation, front=front)

    def depth(self, points: np.ndarray) -> np.ndarray:
        """(...) depth below the head's skin in metres, **positive inside**; points : (..., 3) in camera space."""
        return self.variant.depth((points - self.translation) @ self.rotation)


def head_variants(head: Head, count: int, rng: np.random.Generator) -> list[HeadVariant]:
    """Different people with different expressions."""
    touchable = head_tissue(head).touchable & ~head.rigid_vertices
    faces = triangles(head.mesh)
    return [_variant(head, faces, touchable, rng) for _ in range(count)]


def _variant(head: Head, faces: np.ndarray, touchable: np.ndarray, rng: np.random.Generator) -> HeadVariant:
    shape = rng.normal(0, SHAPE_SIGMA, len(head.shape_basis))
    expression = np.zeros(len(head.expressions))
    for name in EXPRESSIONS:
        if rng.random() < 0.3:
            expression[head.expression_names.index(name)] = rng.uniform(0.2, 0.9)
    vertices = head.deform(head.rest(shape), expression).astype(np.float64)
    low, high = vertices.min(axis=0) - MARGIN, vertices.max(axis=0) + MARGIN
    counts = np.ceil((high - low) / CELL).astype(int) + 1
    cells = np.stack(np.meshgrid(*(np.arange(count) for count in counts), indexing="ij"), axis=-1)
    points = low + cells.reshape(-1, 3) * CELL
    normals = vertex_normals(vertices, faces)
    skin = np.flatnonzero(touchable)
    away, nearest = cKDTree(vertices[skin]).query(points)
    above = np.einsum("nj,nj->n", points - vertices[skin[nearest]], normals[skin[nearest]])
    # Close to the skin, the height above its tangent plane is the distance; further away it only tells the side.
    depth = np.where(away < NEAR, -above, -np.sign(above) * away)
    return HeadVariant(vertices, normals, touchable, low, depth.reshape(counts))


def sample_head(recipe: Recipe, head: Head, variant: HeadVariant, rng: np.random.Generator) -> SimulatedHead:
    """A head variant at a random place before a random camera."""
    share = rng.uniform(*HEAD_SHARE)
    field = rng.uniform(*recipe.fields_of_view)
    camera = Camera.from_fov(MAP_SIZE, MAP_SIZE, field)
    distance = HEAD_HEIGHT * camera.fx / (share * MAP_SIZE)
    room = max(0.0, 0.5 - share / 2) * MAP_SIZE / camera.fx * distance
    place = np.array([rng.uniform(-room, room), rng.uniform(-room, room) * 0.6, distance])
    pitch, yaw, roll = np.radians(rng.normal(0, (PITCH, YAW, ROLL)))
    turn = rotation_matrices(np.array([0, 0, roll])) @ rotation_matrices(np.array([0, yaw, 0]))
    rotation = turn @ rotation_matrices(np.array([pitch, 0, 0]))
    vertices = variant.vertices @ rotation.T + place
    front = depth_map(vertices, triangles(head.mesh), camera)
    return SimulatedHead(variant, rotation, place, camera, front, float(np.exp(rng.normal(0, ASSUMED_SIGMA))))
