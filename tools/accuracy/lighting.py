"""Light for the rasterised pictures: one key light that casts shadows, fills, a sky, and dark crevices.

Strengths and directions were set by hand, by the look of the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.geometry.rasterizer import depth_map

__all__ = ["Lights", "Shadow", "cast_light", "crevices", "draw_lights"]

MAP_SIZE, FAR = 256, 4.0
"""Pixels of the shadow map, and metres at which its camera stands, nearly parallel."""

BIAS = 0.004
"""Metres by which a surface may lie behind the map without being in shadow."""

NORMAL_OFFSET = 0.002
TAPS = 8
REACH = 0.012
"""Metres from the screen's nearest surface within which a crevice darkens."""


@dataclass(frozen=True)
class Shadow:
    """What the key light sees. axes : (3, 3); centre : (3,); camera : the map's; depth : (MAP_SIZE, MAP_SIZE)."""

    axes: np.ndarray
    centre: np.ndarray
    camera: Camera
    depth: np.ndarray


@dataclass(frozen=True)
class Lights:
    """key : (3,) unit, toward the light; strengths of key, sky and fill; softness : pixels of the shadow map over which
    an edge of shadow fades; wrap : share of light that reaches around; fill_from : (3,) unit; tints : (2, 3)."""

    key: np.ndarray
    key_strength: float
    sky: float
    fill_from: np.ndarray
    fill: float
    softness: float
    wrap: float
    gloss: float
    tints: np.ndarray

    def reflected(
        self,
        colour: np.ndarray,
        normal: np.ndarray,
        point: np.ndarray,
        toward: np.ndarray,
        dark: np.ndarray,
        shadow: Shadow,
    ) -> np.ndarray:
        """(n, 3) linear light from points with colour, normal, way to the camera (n, 3), share of sky (n,)."""
        wrapped = np.clip((normal @ self.key + self.wrap) / (1 + self.wrap), 0, 1)
        reaches = self._reaches(point + NORMAL_OFFSET * normal, shadow)
        key = self.key_strength * wrapped * reaches
        fill = self.fill * np.clip((normal @ self.fill_from + 0.5) / 1.5, 0, 1) * dark
        sky = self.sky * dark * (0.85 - 0.15 * normal[:, 1])
        light = key[:, None] * self.tints[0] + (fill + sky)[:, None] * self.tints[1]
        half = self.key + toward
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        shine = self.gloss * key * np.clip((normal * half).sum(axis=1), 0, 1) ** 18
        return colour * light + 0.2 * shine[:, None]

    def _reaches(self, points: np.ndarray, shadow: Shadow) -> np.ndarray:
        """(n,) share of the key light that reaches points."""
        local = (points - shadow.centre) @ shadow.axes.T + [0, 0, FAR]
        pixels = shadow.camera.project(local)
        total = np.zeros(len(points))
        for k in range(TAPS):
            # A spiral: taps spread evenly over a disc.
            radius = self.softness * np.sqrt((k + 0.5) / TAPS)
            at = pixels + radius * np.array([np.cos(2.4 * k), np.sin(2.4 * k)])
            x, y = np.clip(np.round(at), 0, MAP_SIZE - 1).astype(int).T
            behind = local[:, 2] - shadow.depth[y, x] - BIAS * (1 + 0.4 * self.softness)
            total += 1 - np.clip(behind / BIAS, 0, 1)
        return total / TAPS


def draw_lights(name: str, rng: np.random.Generator) -> Lights:
    """Lights of a recipe: "soft", "mixed" or "hard side"."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    if name == "soft":
        key = np.array([side * rng.uniform(0, 0.9), -rng.uniform(0.1, 0.9), -rng.uniform(0.7, 1.2)])
        strength, sky, fill = rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.5), rng.uniform(0.1, 0.25)
        softness, wrap = rng.uniform(4, 7), 0.3
    elif name == "mixed":
        key = np.array([side * rng.uniform(0.4, 1.2), -rng.uniform(0, 1.0), -rng.uniform(0.4, 0.9)])
        strength, sky, fill = rng.uniform(0.6, 0.9), rng.uniform(0.18, 0.32), rng.uniform(0.05, 0.15)
        softness, wrap = rng.uniform(1.5, 4), 0.15
    else:
        key = np.array([side * rng.uniform(0.9, 1.3), -rng.uniform(-0.1, 0.7), -rng.uniform(-0.1, 0.35)])
        strength, sky, fill = rng.uniform(0.9, 1.2), rng.uniform(0.05, 0.12), rng.uniform(0.0, 0.05)
        softness, wrap = rng.uniform(0.4, 1.2), 0.05
    warm = rng.uniform(-0.06, 0.08)
    tints = np.array([[1 + warm, 1, 1 - warm], [1 - warm / 2, 1, 1 + warm / 2]])
    return Lights(
        key=key / np.linalg.norm(key),
        key_strength=float(strength),
        sky=float(sky),
        fill_from=np.array([-side, -0.2, -0.8]) / np.linalg.norm([1.0, 0.2, 0.8]),
        fill=float(fill),
        softness=float(softness),
        wrap=wrap,
        gloss=float(rng.uniform(0.05, 0.5)),
        tints=tints,
    )


def cast_light(vertices: np.ndarray, faces: np.ndarray, lights: Lights) -> Shadow:
    """The shadow map of the key light for bodies (n, 3) with faces (T, 3)."""
    forward = -lights.key
    across = np.cross([0.1, 1.0, 0.2], forward)
    across /= np.linalg.norm(across)
    axes = np.stack([across, np.cross(forward, across), forward])
    head = vertices[: len(vertices) // 2]
    centre = head.mean(axis=0)
    focal = MAP_SIZE * FAR / 0.6
    middle = (MAP_SIZE - 1) / 2
    camera = Camera(focal, focal, middle, middle, MAP_SIZE, MAP_SIZE)
    depth = depth_map((vertices - centre) @ axes.T + [0, 0, FAR], faces, camera)
    return Shadow(axes, centre, camera, np.where(np.isfinite(depth), depth, 2 * FAR))


def crevices(depth: np.ndarray, seen: np.ndarray, focal: float) -> np.ndarray:
    """(n,) share of the sky's light at the pixels seen: darker behind what stands close before them.

    depth : (h, w) metres, infinite for none; focal : pixels.
    """
    far = float(depth[seen].max()) if seen.any() else 1.0
    filled = np.where(seen, depth, far + 0.05).astype(np.float32)
    size = 0.02 * focal / max(float(np.median(depth[seen])) if seen.any() else 1.0, 0.1)
    dark = np.zeros(int(seen.sum()), np.float32)
    for scale, share in ((0.5, 0.4), (1.2, 0.4)):
        around = cv2.GaussianBlur(filled, (0, 0), max(size * scale, 0.8))
        behind = filled[seen] - around[seen]
        dark += share * np.clip(behind / REACH, 0, 1) * np.exp(-np.maximum(behind - 0.04, 0) / 0.03)
    return np.clip(1 - dark, 0.25, 1)
