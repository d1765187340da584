"""Shaded pictures of a stranger's head, lifelike enough for the landmark networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import vertex_normals
from dice_core.geometry.rasterizer import Raster, interpolate, rasterize
from dice_core.transfer.balls import Ball

__all__ = ["HeadPainter", "View", "look_at"]

# All figures of the pictures were set by hand; a detection only needs shape, eyes and a lit side.
SIZE = 448  # pixels
FOV_DEGREES = 24.0  # of a portrait lens, as in most of the pictures that the networks were trained on
FILL = 0.62  # share of the picture's height that the head takes
SKIN = np.array([0.86, 0.66, 0.55])  # RGB albedo
OTHER = np.array([0.30, 0.24, 0.20])  # hair, brows, lashes
EYE_WHITE = np.array([0.95, 0.95, 0.95])
IRIS = np.array([0.25, 0.17, 0.11])
BACKGROUND = 0.85
AMBIENT, WRAP = 0.38, 0.15
IRIS_COSINE = 0.87  # of the angle between an eye's axis and the rim of its iris: a radius of half the eyeball's


@dataclass(frozen=True)
class View:
    """A camera in front of a head.

    rotation : (3, 3), offset : (3,), camera space is rotation @ world + offset; camera : of SIZE x SIZE pixels.
    """

    rotation: np.ndarray
    offset: np.ndarray
    camera: Camera

    @property
    def centre(self) -> np.ndarray:
        """(3,) place of the camera in the world."""
        return -self.rotation.T @ self.offset

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """(n, 3) unit directions in the world through pixels (n, 2)."""
        rays = self.camera.rays(pixels) @ self.rotation
        return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def look_at(middle: np.ndarray, height: float, front: np.ndarray, up: np.ndarray, yaw: float, pitch: float) -> View:
    """A view of a head of some height about its middle.

    front, up : (3,) unit, orthogonal, of the head; yaw, pitch : radians by which the camera goes round to the head's
    own left, and up.
    """
    left = np.cross(up, front)
    toward = np.cos(pitch) * (np.cos(yaw) * front + np.sin(yaw) * left) + np.sin(pitch) * up
    over = up - (up @ toward) * toward
    over /= np.linalg.norm(over)
    # The camera's x is to the right of the picture, which is the head's own left; y is down, z away from the camera.
    rotation = np.stack([np.cross(over, toward), -over, -toward])
    camera = Camera.from_fov(SIZE, SIZE, FOV_DEGREES)
    distance = height / FILL * camera.fx / SIZE
    return View(rotation, -rotation @ (middle + distance * toward), camera)


class HeadPainter:
    """Draws one head.

    vertices : (V, 3) world, any unit; triangles : (T, 3); skin : (V,) bool; balls : the eyeballs, painted with irises.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray, skin: np.ndarray, balls: list[Ball]) -> None:
        self.vertices, self._triangles = vertices.astype(np.float64), triangles
        self._normals = vertex_normals(self.vertices, triangles)
        self._albedo = np.where(skin[:, None], SKIN, OTHER)
        self._balls = balls
        self._ball_of = np.zeros(len(vertices))
        for ball in balls:
            self._albedo[ball.vertices] = EYE_WHITE
            self._ball_of[ball.vertices] = 1.0

    def draw(self, view: View, scale: float, light: float, front: np.ndarray) -> np.ndarray:
        """(SIZE, SIZE, 3) uint8 RGB.

        scale : a unit of the head in metres, so that nothing is nearer than the rasteriser draws; light : -1 to 1, the
        side that it comes from; front : (3,) unit, where the eyes look.
        """
        seen_from = (self.vertices @ view.rotation.T + view.offset) * scale
        raster = rasterize(seen_from, self._triangles, view.camera)
        covered = raster.covered
        normals = interpolate(raster, self._triangles, self._normals)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        normals = normals @ view.rotation.T
        # A mesh whose polygons are wound the wrong way is lit as if they were not.
        normals *= -np.sign(normals[:, 2:] + 1e-12)
        brightness = np.full(len(normals), AMBIENT)
        for direction, strength in (((light, -0.7, -1.0), 0.5), ((-light, -0.2, -0.8), 0.22)):
            toward = np.array(direction) / np.linalg.norm(direction)
            brightness += strength * np.clip(WRAP + (1 - WRAP) * (normals @ toward), 0, 1)
        colour = interpolate(raster, self._triangles, self._albedo)
        if self._balls:
            self._paint_irises(colour, raster, front)
        picture = np.full((*covered.shape, 3), BACKGROUND)
        picture[covered] = colour * brightness[:, None]
        return (np.clip(picture, 0, 1) * 255).astype(np.uint8)

    def _paint_irises(self, colour: np.ndarray, raster: Raster, front: np.ndarray) -> None:
        on_ball = interpolate(raster, self._triangles, self._ball_of) > 0.5
        points = interpolate(raster, self._triangles, self.vertices)
        for ball in self._balls:
            offset = points - ball.centre
            distance = np.linalg.norm(offset, axis=1)
            near = on_ball & (distance < 1.5 * ball.radius)
            colour[near & (offset @ front > IRIS_COSINE * distance)] = IRIS
