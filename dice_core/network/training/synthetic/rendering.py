"""Pictures of a scene by the product's rasteriser: plain skin, one light, a background. Made for speed, not for looks.

All colours and strengths were set by hand, by the look of the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from dice_core.bodies import Head
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import vertex_normals
from dice_core.geometry.rasterizer import Raster, interpolate, rasterize

__all__ = ["Look", "draw_backdrop", "draw_look", "head_colours", "render"]

TONES = ((0.88, 0.71, 0.63), (0.80, 0.615, 0.53), (0.70, 0.52, 0.41), (0.54, 0.37, 0.27), (0.36, 0.24, 0.18))
"""sRGB of skin."""
GAMMA = 2.2
IRIS, PUPIL = 0.0062, 0.0026
"""Metres around the middle of the iris landmark."""
CREVICE, CREVICE_BLUR = 0.012, 9
"""Metres behind the surface around at which a place is darkest, and pixels over which that is looked at."""
NOISE = (0.004, 0.02)
_BACKDROP = (0.16, 0.42, 0.24)
"""sRGB of the studio's green."""


@dataclass(frozen=True)
class Look:
    """tone : (3,) sRGB of the skin; hair : (3,); light : (3,) unit, toward it; key, sky : strengths;
    background : (h, w, 3) linear light; noise : of the camera; seed : of what varies from spot to spot."""

    tone: np.ndarray
    hair: np.ndarray
    light: np.ndarray
    key: float
    sky: float
    background: np.ndarray
    noise: float
    seed: int


def draw_look(size: int, rng: np.random.Generator) -> Look:
    """What a picture of so many pixels looks like."""
    tone = np.array(TONES[int(rng.integers(len(TONES)))]) * rng.uniform(0.92, 1.06)
    light = np.array([rng.uniform(-1.1, 1.1), -rng.uniform(0, 1.0), -rng.uniform(0.5, 1.2)])
    cells = int(rng.choice([1, 2, 4, 7]))
    grid = rng.uniform(0, 1, (cells, cells, 3))
    grid = grid.mean(2, keepdims=True) + rng.uniform(0.1, 0.8) * (grid - grid.mean(2, keepdims=True))
    way = cv2.INTER_NEAREST if rng.random() < 0.3 else cv2.INTER_CUBIC
    background = np.clip(cv2.resize(grid * rng.uniform(0.3, 1.0), (size, size), interpolation=way), 0, 1) ** GAMMA
    return Look(
        tone=np.clip(tone, 0, 1),
        hair=tone * rng.uniform(0.08, 0.5) * np.array([1.0, 0.85, 0.7]),
        light=light / np.linalg.norm(light),
        key=float(rng.uniform(0.4, 0.9)),
        sky=float(rng.uniform(0.2, 0.5)),
        background=background.reshape(size, size, 3),
        noise=float(rng.uniform(*NOISE)),
        seed=int(rng.integers(2**31)),
    )


def draw_backdrop(size: int, rng: np.random.Generator) -> Look:
    """What a picture of so many pixels looks like in a studio: a plain background, light from above the camera."""
    drawn = draw_look(size, rng)
    light = np.array([0.0, -0.6, -0.8])
    plain = np.full((size, size, 3), np.array(_BACKDROP) ** GAMMA)
    return replace(drawn, light=light, key=0.55, sky=0.45, background=plain, noise=NOISE[0])


def head_colours(head: Head, rest: np.ndarray, look: Look) -> np.ndarray:
    """(V, 3) sRGB of the open head's vertices: skin, lips, brows, hair, eyes. rest : (V, 3) with its expression."""
    mesh = head.mesh
    rng = np.random.default_rng(look.seed)
    colour = np.tile(look.tone, (len(rest), 1)) * (1 + 0.05 * rng.normal(size=(len(rest), 1)))
    for names, tint, share in (
        (("lips",), (0.62, 0.3, 0.28), 0.55),
        (("mouth_inner", "tongue"), (0.45, 0.2, 0.19), 1.0),
        (("brow.L", "brow.R"), look.hair, 0.5),
        (("scalp",), look.hair, 0.9),
        (("nose", "cheek.L", "cheek.R"), look.tone * [1.06, 0.94, 0.92], 0.5),
        (("eye.L", "eye.R"), look.tone * 0.85, 0.6),
    ):
        there = mesh.region_vertices(*names)
        colour[there] += share * (np.asarray(tint) - colour[there])
    colour[head.rigid_vertices] = 0.85
    for middle in head.irises(rest)[[0, 5]]:
        away = np.linalg.norm(rest - middle, axis=1)
        colour[head.rigid_vertices & (away < IRIS)] = (0.28, 0.2, 0.13)
        colour[head.rigid_vertices & (away < PUPIL)] = 0.03
    return np.clip(colour, 0, 1)


def render(
    vertices: np.ndarray, faces: np.ndarray, colours: np.ndarray, camera: Camera, look: Look
) -> tuple[np.ndarray, Raster]:
    """One picture and what its pixels see.

    vertices : (n, 3) metres in camera space; faces : (T, 3); colours : (n, 3) sRGB. Returns (h, w, 3) uint8 RGB.
    """
    raster = rasterize(vertices, faces, camera)
    seen = raster.covered
    values = np.concatenate([vertex_normals(vertices, faces), colours], axis=1).astype(np.float32)
    at = interpolate(raster, faces, values)
    normal = at[:, :3] / (np.linalg.norm(at[:, :3], axis=1, keepdims=True) + 1e-9)
    rows, columns = np.nonzero(seen)
    rays = camera.rays(np.stack([columns, rows], axis=1))
    away = (normal * rays).sum(1) > 0
    normal[away] *= -1
    lit = look.key * np.clip((normal @ look.light + 0.2) / 1.2, 0, 1)
    sky = look.sky * (0.85 - 0.15 * normal[:, 1]) * _crevices(raster)
    picture = look.background.copy()
    picture[seen] = at[:, 3:] ** GAMMA * (lit + sky)[:, None]
    rng = np.random.default_rng(look.seed)
    exposure = 0.8 / max(float(np.percentile(picture[seen], 97)) if seen.any() else 1.0, 0.02)
    sharp = np.clip(picture * exposure, 0, 1) ** (1 / GAMMA)
    shown = cv2.GaussianBlur(sharp, (0, 0), 0.6)  # the edges of single samples
    grain = np.asarray(rng.normal(0, look.noise, sharp.shape), np.float32)
    return (np.clip(shown + grain, 0, 1) * 255).astype(np.uint8), raster


def _crevices(raster: Raster) -> np.ndarray:
    """(n,) share of the sky's light at covered pixels: less where the surface around is nearer."""
    seen = raster.covered
    depth = np.where(seen, raster.depth, 10.0).astype(np.float32)
    weight = cv2.blur(seen.astype(np.float32), (CREVICE_BLUR, CREVICE_BLUR))
    mean = cv2.blur(np.where(seen, depth, 0).astype(np.float32), (CREVICE_BLUR, CREVICE_BLUR)) / np.maximum(
        weight, 1e-3
    )
    return 1 - 0.7 * np.clip((depth - mean)[seen] / CREVICE, 0, 1)
