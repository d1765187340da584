"""Z-buffered perspective rasteriser on numpy: which triangle a pixel sees, where on it, and how far away.

Every triangle is cut into the pixel rows that it crosses, every row into the pixels between its left and right edge;
the inverse depth is linear on the screen, so only that is computed for all pixels and the rest for the visible ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dice_core.errors import ShapeError
from dice_core.geometry.camera import Camera

__all__ = ["Raster", "depth_map", "interpolate", "rasterize", "scaled_camera"]

NEAR_PLANE = 0.01
"""Metres: a triangle with a corner nearer than this is left out; no body of a take comes so near."""

EDGE_TOLERANCE = 1e-6
"""Pixels by which rows and spans are widened, so that rounding leaves no gap along an edge that two triangles share."""

PIXELS_AT_ONCE = 1 << 21
"""Pixels expanded together; bounds the memory at about 100 MB however large the picture."""


@dataclass(frozen=True)
class Raster:
    """What each pixel of a picture sees.

    triangle : (H, W) int32, index of the nearest triangle, -1 for none.
    barycentric : (H, W, 3) float32, perspective-correct weights of its corners, zero for none.
    depth : (H, W) float32, z in metres, infinite for none.
    """

    triangle: np.ndarray
    barycentric: np.ndarray
    depth: np.ndarray

    @property
    def covered(self) -> np.ndarray:
        """(H, W) bool: pixels that see a triangle."""
        return self.triangle >= 0


@dataclass(frozen=True)
class _Setup:
    """Triangles that may be seen, and their screen-space planes.

    index : (n,) into the given triangles; corners : (n, 3, 2) pixels; inverse : (n, 3) 1 / z of the corners;
    plane : (n, 3), inverse depth = plane . (x, y, 1) relative to the first corner; area : (n,) signed, twice the area.
    """

    index: np.ndarray
    corners: np.ndarray
    inverse: np.ndarray
    plane: np.ndarray
    area: np.ndarray


def rasterize(vertices: np.ndarray, triangles: np.ndarray, camera: Camera, cull_back: bool = False) -> Raster:
    """Draw triangles as the camera sees them.

    vertices : (V, 3) float, metres in camera space; triangles : (T, 3) int, outward normals by the right-hand rule.
    cull_back : leave out triangles that turn their back to the camera, for closed surfaces.
    Triangles nearer than `NEAR_PLANE` are left out. Returns a Raster of the camera's width and height.
    Raises ShapeError if an array is not (., 3).
    """
    setup = _set_up(vertices, triangles, camera, cull_back)
    shape = (camera.height, camera.width)
    nearest = np.zeros(shape[0] * shape[1])
    owner = np.full(nearest.shape, -1, np.int32)
    for triangle, pixel, inverse in _fragments(setup, camera):
        np.maximum.at(nearest, pixel, inverse)
        winners = np.flatnonzero(inverse == nearest[pixel])
        owner[pixel[winners]] = triangle[winners]
    seen = np.flatnonzero(owner >= 0)
    local = owner[seen]
    depth = _depth(nearest)
    barycentric = np.zeros((nearest.size, 3), np.float32)
    barycentric[seen] = _barycentric(setup, local, seen, shape[1], depth[seen])
    owner[seen] = setup.index[local]
    return Raster(owner.reshape(shape), barycentric.reshape(*shape, 3), depth.reshape(shape))


def depth_map(vertices: np.ndarray, triangles: np.ndarray, camera: Camera, scale: float = 1.0) -> np.ndarray:
    """Depth alone of what `rasterize` draws, at another resolution and without the triangles that face away.

    vertices, triangles : as for `rasterize`; the surface should be closed as far as the camera sees it.
    scale : size of the result relative to the camera's picture, for example 128 / max(width, height).
    Returns (round(height * scale), round(width * scale)) float32, metres, infinite where nothing is.
    """
    small = scaled_camera(camera, scale)
    nearest = np.zeros(small.height * small.width)
    for _, pixel, inverse in _fragments(_set_up(vertices, triangles, small, cull_back=True), small):
        np.maximum.at(nearest, pixel, inverse)
    return _depth(nearest).reshape(small.height, small.width)


def interpolate(raster: Raster, triangles: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values given at vertices, at every covered pixel.

    triangles : (T, 3) int as rasterised; values : (V,) or (V, C) float.
    Returns (n,) or (n, C), in the order of `raster.covered`'s true pixels, row by row.
    """
    pixels = np.flatnonzero(raster.triangle >= 0)
    # Corners are gathered by triangle first: a pixel then reads one run of memory instead of three.
    channels = int(np.prod(values.shape[1:]))
    corners = values[triangles].reshape(len(triangles), 3, channels)[raster.triangle.ravel()[pixels]]
    weights = raster.barycentric.reshape(-1, 3)[pixels].astype(values.dtype, copy=False)[..., None]
    result = corners[:, 0] * weights[:, 0]
    result += corners[:, 1] * weights[:, 1]
    result += corners[:, 2] * weights[:, 2]
    return result.reshape(len(pixels), *values.shape[1:])


def scaled_camera(camera: Camera, scale: float) -> Camera:
    """The same view with `scale` times as many pixels along each side, at least one."""
    return camera.resized(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))


def _set_up(vertices: np.ndarray, triangles: np.ndarray, camera: Camera, cull_back: bool) -> _Setup:
    """Project, drop what cannot be seen, and fit the planes of the inverse depth."""
    for name, array in (("vertices", vertices), ("triangles", triangles)):
        if array.ndim != 2 or array.shape[1] != 3:
            raise ShapeError(f"{name} must be (n, 3), not {array.shape}.")
    depth = np.asarray(vertices[:, 2], np.float64)
    inverse = 1 / np.maximum(depth, NEAR_PLANE)
    screen_x = vertices[:, 0] * inverse * camera.fx + camera.cx
    screen_y = vertices[:, 1] * inverse * camera.fy + camera.cy
    x, y = screen_x[triangles], screen_y[triangles]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    # With y down, a triangle whose outward normal points to the camera runs anticlockwise: its area is negative.
    index = np.flatnonzero(area < 0 if cull_back else area != 0)
    x, y, area = x[index], y[index], area[index]
    keep = (depth[triangles[index]] >= NEAR_PLANE).all(axis=1)
    for corners, most in ((x, camera.width - 1), (y, camera.height - 1)):
        low, high = _extent(corners)
        keep &= (high >= 0) & (low <= most)
    if not keep.all():
        index, x, y, area = index[keep], x[keep], y[keep], area[keep]
    corner = inverse[triangles[index]]
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    slope_x = (first * (y[:, 2] - y[:, 0]) - second * (y[:, 1] - y[:, 0])) / area
    slope_y = (second * (x[:, 1] - x[:, 0]) - first * (x[:, 2] - x[:, 0])) / area
    plane = np.stack([slope_x, slope_y, corner[:, 0]], axis=1)
    return _Setup(index, np.stack([x, y], axis=2), corner, plane, area)


def _extent(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) least and (n,) greatest of (n, 3); numpy is slow along axes as short as three."""
    a, b, c = corners.T
    return np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)


def _fragments(setup: _Setup, camera: Camera) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All pixels of all triangles, as (index into setup, flat pixel, inverse depth), in bounded batches."""
    rows = _rows(setup, camera.height)
    triangle, y, left, right = _spans(setup, *rows, camera.width)
    length = right - left + 1
    ends = np.cumsum(length)
    start = 0
    while start < len(length):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + PIXELS_AT_ONCE)))
        part = slice(start, stop)
        # Along a span the inverse depth is its value at the first pixel plus a constant step.
        slope = setup.plane[triangle[part]]
        corner = setup.corners[triangle[part], 0]
        at_left = slope[:, 2] + slope[:, 0] * (left[part] - corner[:, 0]) + slope[:, 1] * (y[part] - corner[:, 1])
        span = np.repeat(np.arange(stop - start), length[part])
        within = np.arange(len(span)) - (ends[part] - length[part] - done)[span]
        pixel = (y[part] * camera.width + left[part])[span] + within
        yield triangle[part][span], pixel, at_left[span] + slope[:, 0][span] * within
        start = stop


def _rows(setup: _Setup, height: int) -> tuple[np.ndarray, np.ndarray]:
    """(triangle, y) of each pixel row that a triangle crosses."""
    low, high = _extent(setup.corners[:, :, 1])
    top = np.maximum(np.ceil(low - EDGE_TOLERANCE), 0).astype(np.int64)
    bottom = np.minimum(np.floor(high + EDGE_TOLERANCE), height - 1).astype(np.int64)
    count = np.maximum(bottom - top + 1, 0)
    triangle = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    return triangle, np.arange(len(triangle)) - (first - top)[triangle]


def _spans(
    setup: _Setup, triangle: np.ndarray, y: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut each row by the three edges: (triangle, y, first x, last x) of rows that hold a pixel centre."""
    left = np.zeros(len(y))
    right = np.full(len(y), width - 1.0)
    for k in range(3):
        start, end = setup.corners[:, k], setup.corners[:, (k + 1) % 3]
        run, rise = end[:, 0] - start[:, 0], end[:, 1] - start[:, 1]
        level = np.abs(rise) < EDGE_TOLERANCE
        per_row = np.where(level, 0.0, run / np.where(level, 1.0, rise))
        # A level edge bounds the rows, which is done already; any other bounds the span on one of its sides.
        is_left = (rise * setup.area < 0) & ~level
        is_right = (rise * setup.area > 0) & ~level
        cut = start[triangle, 0] + (y - start[triangle, 1]) * per_row[triangle]
        np.maximum(left, cut - EDGE_TOLERANCE, out=left, where=is_left[triangle])
        np.minimum(right, cut + EDGE_TOLERANCE, out=right, where=is_right[triangle])
    first, last = np.ceil(left).astype(np.int64), np.floor(right).astype(np.int64)
    kept = np.flatnonzero(first <= last)
    return triangle[kept], y[kept], first[kept], last[kept]


def _barycentric(setup: _Setup, triangle: np.ndarray, pixel: np.ndarray, width: int, depth: np.ndarray) -> np.ndarray:
    """(n, 3) float32 perspective-correct weights at flat pixels of triangles, where the depth is known."""
    x, y = setup.corners[:, :, 0], setup.corners[:, :, 1]
    across = (pixel % width - x[triangle, 0]) * depth
    down = (pixel // width - y[triangle, 0]) * depth
    weights = np.empty((len(triangle), 3), np.float32)
    for k, other, sign in ((1, 2, 1.0), (2, 1, -1.0)):
        factor = sign * setup.inverse[:, k] / setup.area
        along_x, along_y = factor * (y[:, other] - y[:, 0]), factor * (x[:, 0] - x[:, other])
        # Pixels within the edge tolerance may lie a hair outside.
        weights[:, k] = np.clip(across * along_x[triangle] + down * along_y[triangle], 0, 1)
    weights[:, 0] = np.maximum(1 - weights[:, 1] - weights[:, 2], 0)
    return weights


def _depth(inverse: np.ndarray) -> np.ndarray:
    """Depth of an inverse depth, infinite where that is zero."""
    with np.errstate(divide="ignore"):
        return (1 / inverse).astype(np.float32)
