"""Pictures of scenes by the product's rasteriser: painted skin, light with shadows, and what cameras do to pictures.

One sample a pixel and vertex normals: a picture takes about 50 ms, and the camera's faults hide what is missing.
Colours, strengths and shares were set by hand, by the look of the pictures.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from accuracy.wardrobe import hair_mask, smoothed

from dice_core.bodies import load_head
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles, vertex_normals
from dice_core.geometry.rasterizer import depth_map, interpolate, rasterize
from expression_network.looks import Look, load_beard
from expression_network.scene import EYES, HAIR, HANDS, MOUTH, SIZE, SKIN, TEETH, Scene

__all__ = ["draw", "spoil"]

GAMMA = 2.2
MAP_SIZE, MAP_WIDTH, FAR = 128, 0.42, 4.0
"""Pixels of a shadow map, metres that it shows, and metres at which its camera stands, nearly parallel."""

BIAS = 0.003
"""Metres by which a surface may lie behind a shadow map without being in shadow."""

TAPS = ((-0.8, -0.3), (0.8, 0.3), (0.3, -0.8), (-0.3, 0.8))
"""Pixels of the shadow map at which a point's light is looked up."""

SKY_DIRECTIONS = 64
BEARDED, SHAVEN_HEAD, CLOTHED = 0.22, 0.2, 0.7
"""Shares of pictures."""

DULL = {MOUTH: 0.45, TEETH: 0.5, EYES: 0.75}
"""Share of the sky's light that reaches what lies deep."""


def draw(scene: Scene, look: Look, rng: np.random.Generator) -> np.ndarray:
    """(SIZE, SIZE, 3) float32 sRGB, 0 to 1."""
    raster = rasterize(scene.vertices, scene.faces, scene.camera)
    seen = np.flatnonzero(raster.triangle.ravel() >= 0)
    kind = scene.kind[raster.triangle.ravel()[seen]]
    normals = vertex_normals(scene.vertices, scene.faces)
    worn = np.concatenate([look.face_texels, look.eye_texels, _hairy(rng)[:, None], _sky()[:, None]], axis=1)
    others = np.zeros((len(scene.vertices) - len(worn), worn.shape[1]))
    values = np.concatenate([normals, scene.vertices, np.concatenate([worn, others])], axis=1)
    at = interpolate(raster, scene.faces, values.astype(np.float32))
    normal, point = _unit(at[:, :3]), at[:, 3:6]
    toward = _unit(-point)
    normal *= np.where(_dot(normal, toward)[:, None] < -0.2, -1, 1).astype(np.float32)
    hair = look.skin * rng.uniform(0.05, 0.6) * [1, rng.uniform(0.75, 0.95), rng.uniform(0.6, 0.9)]
    hair = hair.astype(np.float32)
    colour = _texel(look.face, at[:, 6:8])
    rough = np.clip(at[:, 10:11] * (1 + 0.3 * rng.standard_normal((len(at), 1), np.float32)), 0, 1)
    colour += rough * (hair - colour)
    colour[kind == EYES] = _texel(look.eyes, at[kind == EYES, 8:10])
    colour[kind == MOUTH] = np.array([0.5, 0.24, 0.22]) * rng.uniform(0.5, 1.3)
    colour[kind == TEETH] = np.array([0.9, 0.86, 0.78]) * rng.uniform(0.7, 1.05)
    colour[kind == HANDS] = look.skin * rng.uniform(0.85, 1.12)
    colour[kind == HAIR] = hair * (1 + 0.3 * rng.normal(size=(int((kind == HAIR).sum()), 1)))
    colour = np.clip(colour, 0, 1.5) ** GAMMA * np.float32(rng.uniform(0.75, 1.25))
    sky = np.where(kind == SKIN, at[:, 11], np.float32(1))
    for part, share in DULL.items():
        sky[kind == part] = share
    picture = _background(scene, rng).reshape(-1, 3)
    picture[seen] = _lit(scene, colour, normal, point, toward, sky, kind, rng)
    return _exposed(picture.reshape(SIZE, SIZE, 3), rng)


def _lit(
    scene: Scene,
    colour: np.ndarray,
    normal: np.ndarray,
    point: np.ndarray,
    toward: np.ndarray,
    sky: np.ndarray,
    kind: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """(n, 3) linear light from points under a sky and one to three lamps, the first of which may cast shadows."""
    above = 1 + np.float32(0.25 * rng.uniform(-1, 1)) * normal[:, 1:2]
    light = np.float32(rng.uniform(0.05, 0.6)) * sky[:, None] * above * np.ones(3, np.float32)
    shine = np.zeros((len(point), 1), np.float32)
    deep = np.where(np.isin(kind, (MOUTH, TEETH)), 0.6, 1.0).astype(np.float32)[:, None]
    for k in range(int(rng.integers(1, 4))):
        height, depth = rng.uniform(-0.9, 0.35), rng.uniform(-1, 0.5 if k else 0.15)
        way = _unit(np.array([rng.uniform(-1, 1), height, depth], np.float32))
        strength = np.float32(rng.uniform(0.05, 0.6) if k else rng.uniform(0.3, 1.3))
        wrap = np.float32(rng.uniform(0, 0.4))
        lambert = np.clip((normal @ way + wrap) / (1 + wrap), 0, 1)[:, None]
        if k == 0 and rng.random() < 0.7:
            soft = np.float32(rng.uniform(0, 0.35))
            reached = _reached(scene.vertices, scene.faces, point + 0.001 * normal, way)
            lambert = lambert * (soft + (1 - soft) * reached[:, None])
        tint = np.array([1, 1, 1], np.float32) + np.array([1, 0, -1], np.float32) * np.float32(rng.uniform(-0.15, 0.15))
        light = light + strength * lambert * tint * deep
        gloss = np.full(len(point), rng.uniform(0, 0.25), np.float32)
        gloss[kind == EYES], gloss[np.isin(kind, (MOUTH, TEETH))] = rng.uniform(0.2, 0.9), 0.15
        sharp = np.where(kind == EYES, 60.0, rng.uniform(8, 30)).astype(np.float32)
        mirror = np.clip(_dot(normal, _unit(toward + way)), 0, 1) ** sharp
        shine += (strength * gloss * mirror)[:, None] * (lambert > 0)
    return np.asarray(colour * light + 0.25 * shine)


def _reached(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, way: np.ndarray) -> np.ndarray:
    """(n,) share of light from direction `way` (3,) that reaches points (n, 3): a shadow map."""
    across = _unit(np.cross([0.1, 1.0, 0.2], -way))
    axes = np.stack([across, np.cross(-way, across), -way])
    centre = vertices[: len(load_head().mesh.rest_vertices)].mean(axis=0)
    focal, middle = MAP_SIZE * FAR / MAP_WIDTH, (MAP_SIZE - 1) / 2
    camera = Camera(focal, focal, middle, middle, MAP_SIZE, MAP_SIZE)
    depth = depth_map((vertices - centre) @ axes.T + [0, 0, FAR], faces, camera)
    depth = np.where(np.isfinite(depth), depth, 2 * FAR)
    local = (points - centre) @ axes.T + [0, 0, FAR]
    pixels = camera.project(local)
    total = np.zeros(len(points), np.float32)
    for tap in TAPS:
        x, y = np.clip(np.round(pixels + tap), 0, MAP_SIZE - 1).astype(int).T
        total += np.clip((depth[y, x] - local[:, 2] + BIAS) / BIAS + 0.5, 0, 1)
    return (total / len(TAPS)).astype(np.float32)


@lru_cache(maxsize=1)
def _sky() -> np.ndarray:
    """(V,) share of the sky's light that reaches the head's vertices at rest."""
    mesh = load_head().mesh
    faces, rest = triangles(mesh), mesh.rest_vertices.astype(np.float64)
    normals = vertex_normals(rest, faces)
    rng = np.random.default_rng(0)
    seen, all_of_it = np.zeros(len(rest)), np.full(len(rest), 1e-6)
    for _ in range(SKY_DIRECTIONS):
        way = _unit(rng.normal(size=3))
        facing = np.maximum(normals @ way, 0)
        all_of_it += facing
        seen += facing * _reached(rest, faces, rest, way)
    return smoothed(seen / all_of_it, mesh, 1)


@lru_cache(maxsize=1)
def _scalp() -> np.ndarray:
    return hair_mask(load_head().mesh)


def _hairy(rng: np.random.Generator) -> np.ndarray:
    """(V,) share of hair's colour on the head's vertices."""
    beard = rng.uniform(0.2, 0.8) if rng.random() < BEARDED else 0.0
    scalp = 0.0 if rng.random() < SHAVEN_HEAD else 1.0
    return np.maximum(_scalp() * scalp, load_beard() * beard)


def _texel(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(n, 3) sRGB 0 to 1 of a picture at pixels (n, 2)."""
    count, columns = len(pixels), 256
    # remap takes no pictures of more than 32767 rows: the list is folded.
    padded = np.zeros((-(-max(count, 1) // columns) * columns, 2), np.float32)
    padded[:count] = pixels
    across, down = padded[:, 0].reshape(-1, columns), padded[:, 1].reshape(-1, columns)
    colour = cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return colour.reshape(-1, 3)[:count].astype(np.float32) / 255


def _grey(picture: np.ndarray) -> np.ndarray:
    """(h, w, 1) mean of the channels."""
    return np.asarray(picture[..., 0] + picture[..., 1] + picture[..., 2])[..., None] / 3


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(...,) products of vectors (..., 3); numpy's own sums over so short an axis are slow."""
    return one[..., 0] * other[..., 0] + one[..., 1] * other[..., 1] + one[..., 2] * other[..., 2]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / (np.sqrt(_dot(vectors, vectors)) + 1e-9)[..., None])


def _background(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """(SIZE, SIZE, 3) linear light, with clothes below the chin."""
    cells = int(rng.integers(2, 14))
    grid = rng.uniform(0, 1, (cells, cells, 3)).astype(np.float32)
    grid = cv2.resize(grid, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_NEAREST)
    grey = _grey(grid)
    picture = np.clip((grey + (grid - grey) * rng.uniform(0.1, 0.8)) * rng.uniform(0.1, 1), 0, 1) ** GAMMA
    if rng.random() < CLOTHED:
        chin = scene.marks[152, 1] + rng.uniform(0.02, 0.25) * scene.tall
        picture[int(np.clip(chin, 0, SIZE)) :] = rng.uniform(0.02, 0.5, 3)
    return np.asarray(picture)


def _exposed(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    some = light[::2, ::2]
    brightest = np.maximum(np.maximum(some[..., 0], some[..., 1]), some[..., 2])
    gain = rng.uniform(0.45, 1.05) / max(float(np.percentile(brightest, 92)), 0.02) if rng.random() < 0.85 else 1.0
    return np.asarray(np.clip(light * gain, 0, 1) ** (1 / GAMMA), np.float32)


def spoil(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(h, w, 3) uint8 of a picture (h, w, 3) 0 to 1: few pixels, blur of focus or motion, noise, tints, JPEG."""
    height, width = picture.shape[:2]
    if rng.random() < 0.3:
        scale = 1 / rng.uniform(1, 3.2)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.6))
    if rng.random() < 0.15:
        picture = _moved(picture, rng.uniform(1, 5), rng.uniform(0, np.pi))
    picture = picture * (1 + rng.normal(0, 0.03, 3).astype(np.float32))
    picture = picture + np.float32(rng.uniform(0, 0.03)) * rng.standard_normal(picture.shape, np.float32)
    if rng.random() < 0.1:
        picture = _grey(picture) * np.ones(3, np.float32)
    final = np.clip(picture * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(35, 96))
        encoded = cv2.imencode(".jpg", final, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        final = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
    return final


def _moved(picture: np.ndarray, half: float, angle: float) -> np.ndarray:
    """Blurred along a line of 2 x half pixels."""
    kernel = np.zeros((11, 11), np.float32)
    step = half * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(np.round(5 + sign * step).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()))
