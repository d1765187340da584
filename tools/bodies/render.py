"""Shaded pictures of bodies, plain enough to be quick and lifelike enough for the landmark networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import vertex_normals
from dice_core.geometry.rasterizer import Raster, interpolate, rasterize, scaled_camera

__all__ = ["DEFAULT_LIGHTS", "SKIN", "Light", "shade", "view"]

SKIN = np.array([0.86, 0.66, 0.55])  # RGB albedo
AMBIENT = 0.35
SHININESS = 20.0
WRAP = 0.15  # light that reaches surfaces seen edge-on
SUPERSAMPLING = 2


@dataclass(frozen=True)
class Light:
    """direction : (3,) toward the light, camera axes; strength : share of full brightness."""

    direction: tuple[float, float, float]
    strength: float


DEFAULT_LIGHTS = (Light((-0.5, -0.7, -1.0), 0.55), Light((0.8, -0.2, -0.8), 0.25))


def shade(
    vertices: np.ndarray,
    triangles: np.ndarray,
    camera: Camera,
    albedo: np.ndarray | Callable[[Raster], np.ndarray],
    *,
    lights: tuple[Light, ...] = DEFAULT_LIGHTS,
    background: np.ndarray | float = 0.9,
    gloss: float = 0.0,
) -> tuple[np.ndarray, Raster]:
    """Picture of one mesh.

    vertices : (V, 3) camera space; albedo : (V, 3) RGB in [0, 1], or what gives it (n, 3) for the covered pixels.
    Returns (H, W, 3) uint8 RGB and the raster at `SUPERSAMPLING` times the resolution.
    """
    fine = scaled_camera(camera, SUPERSAMPLING)
    raster = rasterize(vertices, triangles, fine)
    seen = raster.covered
    normals = interpolate(raster, triangles, vertex_normals(vertices, triangles))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    toward = -interpolate(raster, triangles, vertices)
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    brightness = np.full(len(normals), AMBIENT)
    shine = np.zeros(len(normals))
    for light in lights:
        direction = np.array(light.direction) / np.linalg.norm(light.direction)
        brightness += light.strength * np.clip(WRAP + (1 - WRAP) * (normals @ direction), 0, 1)
        half = direction + toward
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        shine += gloss * light.strength * np.clip((normals * half).sum(1), 0, 1) ** SHININESS
    picture = np.empty((*seen.shape, 3))
    picture[:] = background
    colour = albedo(raster) if callable(albedo) else interpolate(raster, triangles, albedo)
    picture[seen] = colour * brightness[:, None] + shine[:, None]
    small = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    return (np.clip(small, 0, 1) * 255).astype(np.uint8), raster


def view(
    vertices: np.ndarray,
    triangles: np.ndarray,
    albedo: np.ndarray,
    rotation: np.ndarray,
    *,
    size: int = 360,
    distance: float = 0.9,
) -> np.ndarray:
    """Centred picture for the eye: `rotation` (3, 3) turns the mesh about its middle.

    Returns (size, size, 3) uint8 RGB.
    """
    middle = 0.5 * (vertices.min(0) + vertices.max(0))
    turned = (vertices - middle) @ rotation.T
    extent = np.abs(turned).max()
    focal = 0.46 * size * (distance - extent) / extent
    camera = Camera(focal, focal, size / 2 - 0.5, size / 2 - 0.5, size, size)
    return shade(turned + np.array([0, 0, distance]), triangles, camera, albedo)[0]
