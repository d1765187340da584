"""Renders of many heads, and where the face network sees its landmarks in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bodies.head_parts import HeadParts
from bodies.render import SKIN, Light, shade
from bodies.topology import fan
from dice_core.geometry.camera import Camera
from dice_core.geometry.rasterizer import Raster, interpolate
from dice_core.geometry.rotations import rotation_matrices
from dice_core.landmarks import LandmarkTracker

__all__ = ["FaceView", "face_views", "iris_centres"]

SEED = 7
VIEW_COUNT = 120
SIZE = 512  # pixels
FOCAL = 1450.0
DISTANCE = (0.75, 1.0)  # metres
YAW, PITCH, ROLL = 32.0, 16.0, 8.0  # degrees, largest
SHAPE_SIGMA = 0.7
AVERAGE_VIEWS = 10  # first so many show the average head
JAW_OPEN = (0.25, 0.8)
LIVELY = (
    "mouthSmileLeft", "mouthSmileRight", "mouthPucker", "mouthFunnel", "browInnerUp", "browDownLeft",
    "browDownRight", "eyeWideLeft", "eyeWideRight", "mouthLowerDownLeft", "mouthUpperUpRight", "cheekPuff",
)  # fmt: skip
EYE_WHITE = np.array([0.95, 0.95, 0.95])
IRIS = np.array([0.27, 0.18, 0.12])
PUPIL = np.array([0.04, 0.04, 0.04])
MOUTH = np.array([0.30, 0.10, 0.10])
IRIS_RADIUS, PUPIL_RADIUS = 0.0062, 0.0026  # metres
BROW_DARKNESS = 0.35
BROW_START, BROW_LENGTH, BROW_RAISE = 0.014, 0.045, 0.020  # metres: from the midline, along it, above the iris


@dataclass(frozen=True)
class FaceView:
    """vertices : (V, 3) camera space; camera; points : (478, 3) pixels as detected."""

    vertices: np.ndarray
    camera: Camera
    points: np.ndarray


def iris_centres(rest: np.ndarray, parts: HeadParts) -> np.ndarray:
    """(2, 3) foremost points of the right and of the left eyeball."""
    centres = []
    for eye in (parts.eyeball_right, parts.eyeball_left):
        ball = rest[eye]
        centres.append(ball[ball[:, 2] <= ball[:, 2].min() + 1e-3].mean(0))
    return np.array(centres)


def face_views(template: dict[str, np.ndarray], parts: HeadParts) -> tuple[list[FaceView], int]:
    """Detected views, and how many were rendered.

    template : arrays as `head_template` gives them.
    """
    rng = np.random.default_rng(SEED)
    rest = template["rest_vertices"].astype(float)
    triangles = fan(template["quads"].astype(int))
    tracker = LandmarkTracker(max_hands=1)
    views = []
    for k in range(VIEW_COUNT):
        vertices = _posed(_head(template, rest, k, rng), parts, k, rng)
        camera = Camera(FOCAL, FOCAL, SIZE / 2 - 0.5, SIZE / 2 - 0.5, SIZE, SIZE)
        lights = (
            Light((rng.uniform(-1, 1), -0.7, -1.0), 0.55),
            Light((rng.uniform(-1, 1), rng.uniform(-0.5, 0.3), -0.8), 0.25),
        )
        tone = np.clip(rng.normal(1, 0.12), 0.6, 1.15)
        albedo = _painter(rest, triangles, parts, tone, painted=k % 3 != 1)
        picture, _ = shade(
            vertices, triangles, camera, albedo, lights=lights, background=rng.uniform(0.3, 0.95, 3), gloss=0.1
        )
        face = tracker.detect(picture).face
        if face is not None:
            views.append(FaceView(vertices, camera, face.points.astype(float)))
    return views, VIEW_COUNT


def _head(template: dict[str, np.ndarray], rest: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    shape = rng.normal(0, SHAPE_SIGMA, len(template["shape_basis"])) * (k >= AVERAGE_VIEWS)
    head = rest + np.tensordot(shape, template["shape_basis"].astype(float), 1)
    names = list(template["expression_names"])
    weights = np.zeros(len(names))
    if k >= AVERAGE_VIEWS and k % 3 == 0:
        weights[names.index("jawOpen")] = rng.uniform(*JAW_OPEN)
        weights[[names.index("mouthSmileLeft"), names.index("mouthSmileRight")]] = rng.uniform(0, 0.5)
    elif k >= AVERAGE_VIEWS and k % 3 == 1:
        for name in rng.choice(LIVELY, 3, replace=False):
            weights[names.index(str(name))] = rng.uniform(0.3, 0.7)
    return head + np.tensordot(weights, template["expressions"].astype(float), 1)


def _posed(head: np.ndarray, parts: HeadParts, k: int, rng: np.random.Generator) -> np.ndarray:
    yaw, pitch, roll = rng.uniform(-1, 1, 3) * (YAW, PITCH, ROLL) * (k > 0)
    rotation = (
        rotation_matrices(np.radians([pitch, 0, 0]))
        @ rotation_matrices(np.radians([0, 0, roll]))
        @ rotation_matrices(np.radians([0, yaw, 0]))
    )
    turned = head @ rotation.T
    turned[:, :2] -= turned[parts.skin].mean(0)[:2]
    turned[:, 2] += rng.uniform(*DISTANCE) - turned[:, 2].mean()
    return turned


def _painter(
    rest: np.ndarray, triangles: np.ndarray, parts: HeadParts, tone: float, painted: bool
) -> Callable[[Raster], np.ndarray]:
    """Albedo per pixel: skin, mouth and eyeballs always; irises and brows when `painted`."""
    colours = np.tile(SKIN * tone, (len(rest), 1))
    colours[parts.mouth | parts.tongue] = MOUTH
    ball = parts.eyeball_left | parts.eyeball_right
    colours[ball] = EYE_WHITE

    def paint(raster: Raster) -> np.ndarray:
        albedo = interpolate(raster, triangles, colours)
        if not painted:
            return albedo
        points = interpolate(raster, triangles, rest)
        on_ball = interpolate(raster, triangles, ball.astype(float)) > 0.5
        for centre in iris_centres(rest, parts):
            distance = np.linalg.norm((points - centre)[:, :2], axis=1)
            albedo[on_ball & (distance < IRIS_RADIUS)] = IRIS
            albedo[on_ball & (distance < PUPIL_RADIUS)] = PUPIL
            side = np.sign(centre[0])
            along = (points[:, 0] * side - BROW_START) / BROW_LENGTH
            arch = 0.008 * np.sin(np.clip(along, 0, 1) * np.pi * 0.85) - 0.004 * along
            height = 0.0045 * (1 - 0.6 * np.clip(along, 0, 1))
            brow = (along > 0) & (along < 1) & (points[:, 2] < 0) & ~on_ball
            brow &= np.abs(points[:, 1] - (centre[1] - BROW_RAISE - arch)) < height
            albedo[brow] *= BROW_DARKNESS
        return albedo

    return paint
