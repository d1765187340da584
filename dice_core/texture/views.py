"""Which frames a texture is taken from, and what of the skin each of them shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dice_core.errors import Stopped
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, triangles, vertex_normals
from dice_core.geometry.rasterizer import Raster, rasterize
from dice_core.take.frames import Body, Frame

__all__ = ["View", "choose_views", "look_at", "spread"]

CANDIDATES = 32
"""Frames of a clip that are looked at, evenly spread: 12 of the sample's 72 gave one as near to the truth."""
MOST_VIEWS = 8
"""Frames that a body's texture is taken from. Set by hand; of the sample's head 4 are enough by `LEAST_GAIN`."""
LEAST_GAIN = 0.01
"""Share of what the chosen frames show that another one has to add."""
LEAST_SHARPNESS = 0.5
"""Grey levels, of 255: less is the noise of coding, and says nothing about how sharp a frame is."""
LONGEST_SIDE = 2048
"""Pixels of a frame's longer side that are used: a texture of 2048 texels shows no more of a face."""

LEAST_COSINE = 0.2
"""Cosine between view and normal below which skin is seen too much from the side to be of use."""
SHARPENING = 3
"""Power of that cosine by which views are weighed; chosen by eye on the four photos."""
DEPTH_TOLERANCE = 0.004
"""Metres that a point may lie behind the nearest surface and still be seen: the error of a depth map on a slope."""
STEP = 0.012
"""Metres between the depths of neighbouring pixels from which one body part hides another."""
MARGIN = 0.011
"""Metres beside an outline in which the footage may show what is behind it: the fit's error in the picture."""


@dataclass(frozen=True)
class View:
    """A frame that may be used.

    image : (H, W, 3) uint8 RGB; camera : of the image; bodies : what is in it; sharpness : body name to a figure that
    compares frames of one clip; owner : (H, W) int8, index into `names` of the body that a pixel sees, -1 for none;
    trust : (H, W) float32 0 to 1, falling to 0 at outlines; depth : (H, W) float32 metres.
    """

    image: np.ndarray
    camera: Camera
    bodies: dict[str, Body]
    names: tuple[str, ...]
    owner: np.ndarray
    trust: np.ndarray
    depth: np.ndarray
    sharpness: dict[str, float]

    def weight(self, name: str, points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How well points of a body are seen.

        points, normals : (n, 3) camera space. Returns (n,) float32 weights, 0 for what is not seen, and (n, 2) pixels.
        """
        toward = -points / np.linalg.norm(points, axis=1, keepdims=True)
        cosine = np.einsum("nc,nc->n", normals, toward)
        pixels = self.camera.project(points).astype(np.float32)
        column, row = np.rint(pixels).astype(np.int64).T
        height, width = self.owner.shape
        inside = (cosine > LEAST_COSINE) & (column >= 0) & (row >= 0) & (column < width) & (row < height)
        weight = np.zeros(len(points), np.float32)
        place = row[inside] * width + column[inside]
        seen = self.owner.ravel()[place] == self.names.index(name)
        seen &= points[inside, 2] < self.depth.ravel()[place] + DEPTH_TOLERANCE
        facing = (cosine[inside] - LEAST_COSINE) / (1 - LEAST_COSINE)
        weight[inside] = seen * self.trust.ravel()[place] * facing**SHARPENING
        return weight, pixels


def spread(indices: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of some frames, evenly spread, the first and the last among them."""
    return indices[np.unique(np.linspace(0, len(indices) - 1, count).astype(int))] if len(indices) else indices


def look_at(frame: Frame, meshes: dict[str, Mesh], image: np.ndarray, camera: Camera) -> View:
    """What a frame shows. image : (H, W, 3) uint8 RGB; camera : of the image, in square pixels."""
    scale = min(1.0, LONGEST_SIDE / max(camera.width, camera.height))
    if scale < 1:
        camera = camera.resized(round(camera.width * scale), round(camera.height * scale))
    if image.shape[1::-1] != (camera.width, camera.height):
        image = cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    names = tuple(frame.bodies)
    vertices, faces, owners, count = [], [], [], 0
    for number, name in enumerate(names):
        surface = frame.bodies[name].surface
        own = triangles(meshes[name])
        vertices.append(surface.astype(np.float64))
        faces.append(own + count)
        owners.append(np.full(len(own), number, np.int8))
        count += len(surface)
    raster = rasterize(np.concatenate(vertices), np.concatenate(faces), camera)
    of_triangle = np.concatenate([*owners, np.array([-1], np.int8)])
    owner = of_triangle[raster.triangle]
    trust = _trust(raster, owner, camera)
    sharpness = {name: _sharpness(image, owner == number) for number, name in enumerate(names)}
    return View(image, camera, frame.bodies, names, owner, trust, raster.depth, sharpness)


def choose_views(
    views: Sequence[View], name: str, mesh: Mesh, check: Callable[[], bool] = lambda: False
) -> list[tuple[View, float]]:
    """The frames that together show a body's skin best, and their sharpness relative to the sharpest.

    Greedy: each time the frame that adds most to what the chosen ones show of the vertices (a submodular function, of
    which greed finds at least 63 % of the best value: Nemhauser, Wolsey and Fisher 1978, doi:10.1007/BF01588971).
    Raises Stopped where `check` says so.
    """
    usable = [view for view in views if name in view.bodies and view.bodies[name].measured]
    if not usable:
        return []
    faces = triangles(mesh)
    sharpest = max(view.sharpness[name] for view in usable)
    relative = [(view.sharpness[name] + LEAST_SHARPNESS) / (sharpest + LEAST_SHARPNESS) for view in usable]
    shown = []
    for view, sharpness in zip(usable, relative, strict=True):
        if check():
            raise Stopped
        points = view.bodies[name].surface.astype(np.float32)
        weight, _ = view.weight(name, points, vertex_normals(points, faces))
        shown.append(weight * sharpness)
    best = np.zeros(len(mesh.rest_vertices), np.float32)
    chosen: list[int] = []
    while len(chosen) < MOST_VIEWS:
        gains = [float(np.maximum(weight - best, 0).sum()) for weight in shown]
        number = int(np.argmax(gains))
        if gains[number] <= LEAST_GAIN * float(best.sum()):
            break
        chosen.append(number)
        best = np.maximum(best, shown[number])
    return [(usable[number], relative[number]) for number in chosen]


def _trust(raster: Raster, owner: np.ndarray, camera: Camera) -> np.ndarray:
    """0 at outlines of bodies and of what hides what, rising to 1 within `MARGIN` of them."""
    depth = np.where(raster.covered, raster.depth, 0).astype(np.float32)
    edge = owner < 0
    for axis in (0, 1):
        step = np.abs(np.diff(depth, axis=axis)) > STEP
        for side in (slice(None, -1), slice(1, None)):
            at = (side, slice(None)) if axis == 0 else (slice(None), side)
            edge[at] |= step
    nearest = float(np.median(depth[raster.covered])) if raster.covered.any() else 1.0
    reach = max(1.0, MARGIN * camera.fx / nearest)
    distance = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5)
    share = np.clip((distance - 0.35 * reach) / (0.65 * reach), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def _sharpness(image: np.ndarray, mask: np.ndarray) -> float:
    """Spread of the Laplacian within a mask: less where the picture is blurred (Pech-Pacheco et al. 2000,
    doi:10.1109/ICPR.2000.903548)."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if not inner.any():
        return 0.0
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(cv2.Laplacian(grey, cv2.CV_32F)[inner].std())
