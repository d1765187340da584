"""What the head shows beside its skin: teeth, lashes and irises, as linear combinations of the source's points.

The base mesh has a band of 16 segments for each row of teeth and a strip for each lid's lashes. The bands are cut into
teeth, the strips into hairs; irises lie on the eyeballs. Every point is a weighted sum of points of the source and a
constant, so that shapes and expressions carry over exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from bodies.helpers import GROUPS, Helpers
from dice_core.bodies import Head
from dice_core.bodies.names import ATTACHED_REGIONS, HEAD_JOINT_NAMES
from dice_core.geometry.mesh import triangles

__all__ = ["head_attachment"]

# Sizes and shapes are set by hand, by the look of renders from the front and from 40 degrees aside.
TOOTH_COLUMNS = (0.0, 0.18, 0.5, 0.82, 1.0)
"""Places across a tooth, 0 to 1."""
TOOTH_ROWS = (0.0, 0.45, 0.85, 1.5, 2.15, 3.0)
"""Places along the band's profile: 0 and 3 at the gum before and behind, 1 and 2 at the edges of the biting surface."""
GROOVE = 0.22
"""Share by which a tooth is thinner at its sides than in its middle."""
GAP = 0.035
"""Share of a segment's width left free beside each tooth."""
CORNER = 0.10
"""Share of a tooth's height by which its corners are rounded off."""
HAIRS = {"upper": 46, "lower": 26}
HAIR_WIDTH = 0.24e-3
"""Metres at the root."""
HAIR_LENGTH = {"upper": (0.75, 1.0), "lower": (0.5, 0.75)}
"""Range of a hair's length, as a share of the strip's."""
INNER_CORNER = 1.3
"""Segments of the strip at the inner corner of the eye, where no lashes grow."""
HAIR_LEAN = 0.35
"""Segments of the strip by which hairs lean to the outer corner at their tip."""
SECTORS = 28
"""Of an iris."""
IRIS_RADIUS, PUPIL_RADIUS = 0.0059, 0.0022
"""Metres: half of the adult mean of 11.8 mm (as in `face_embedding`), and a pupil in room light."""
PUPIL_RINGS, IRIS_RINGS = (0.0, PUPIL_RADIUS), (PUPIL_RADIUS, 0.5 * (PUPIL_RADIUS + IRIS_RADIUS), IRIS_RADIUS)
LIFT = 0.12e-3
"""Metres that irises lie before the eyeball's polygons."""
SEED = 4


@dataclass
class _Part:
    """Points of one part. matrix : (n, H + V) weights of the helpers' and the head's points; offset : (n, 3)."""

    region: str
    joint: str
    matrix: np.ndarray
    offset: np.ndarray
    faces: list[list[int]]
    uv: np.ndarray


def head_attachment(helpers: Helpers, head: Head) -> dict[str, np.ndarray]:
    """Arrays of head_attached.npz."""
    rest, helper_count = helpers.rest, len(helpers.rest)
    points = np.concatenate([rest, head.mesh.rest_vertices])
    parts = [*_teeth(helpers, rest), *_lashes(helpers, rest, head), *_irises(head, helper_count)]
    matrix = np.concatenate([_widened(part.matrix, len(points)) for part in parts])
    offset = np.concatenate([part.offset for part in parts])
    placed = matrix @ points + offset
    sizes = [len(part.offset) for part in parts]
    starts = np.cumsum(sizes) - sizes
    faces = [
        [start + corner for corner in face] for part, start in zip(parts, starts, strict=True) for face in part.faces
    ]
    uv = np.concatenate([part.uv for part in parts])
    region = np.repeat([ATTACHED_REGIONS.index(part.region) for part in parts], sizes)
    followed, weights = _followed(placed, region, head)
    return {
        "rest_vertices": placed.astype(np.float32),
        "face_corners": np.concatenate(faces).astype(np.uint16),
        "face_sizes": np.array([len(face) for face in faces], np.uint8),
        "uv": uv[np.concatenate(faces)].astype(np.float32),
        "region": region.astype(np.uint8),
        "region_names": np.array(ATTACHED_REGIONS),
        "joint": np.repeat([HEAD_JOINT_NAMES.index(part.joint) for part in parts], sizes).astype(np.uint8),
        "followed": followed.astype(np.uint16),
        "followed_weights": weights.astype(np.float32),
        "shape_basis": _carried(matrix, helpers.shape_basis, head.shape_basis).astype(np.float16),
        "expressions": _carried(matrix, helpers.expressions, head.expressions).astype(np.float16),
    }


def _carried(matrix: np.ndarray, helpers: np.ndarray, head: np.ndarray) -> np.ndarray:
    """(E, n, 3) displacements of the parts from those of helpers (E, H, 3) and head (E, V, 3)."""
    return np.stack([matrix @ np.concatenate([one, other]) for one, other in zip(helpers, head, strict=True)])


def _widened(matrix: np.ndarray, columns: int) -> np.ndarray:
    return np.pad(matrix, ((0, 0), (0, columns - matrix.shape[1])))


def _grid(quads: np.ndarray) -> np.ndarray:
    """(rows, columns) vertices of a strip of quads, with fewer rows than columns."""
    neighbours: dict[int, set[int]] = {}
    for quad in quads.tolist():
        for k in range(4):
            for other in (quad[(k + 1) % 4], quad[(k + 3) % 4]):
                neighbours.setdefault(quad[k], set()).add(other)
    count = np.bincount(quads.ravel())
    edges = np.sort(np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)]), axis=1)
    unique, times = np.unique(edges, axis=0, return_counts=True)
    rim: dict[int, list[int]] = {}
    for a, b in unique[times == 1].tolist():
        rim.setdefault(a, []).append(b)
        rim.setdefault(b, []).append(a)
    corner = int(np.flatnonzero(count == 1)[0])
    lines = []
    for following in rim[corner]:
        line = [corner, following]
        while count[line[-1]] != 1:
            line.append(next(other for other in rim[line[-1]] if other != line[-2]))
        lines.append(line)
    first_column, row = sorted(lines, key=len)
    grid = [row]
    for start in first_column[1:]:
        above, done = grid[-1], {vertex for line in grid for vertex in line}
        line = [start]
        for column in range(1, len(row)):
            (common,) = (neighbours[above[column]] & neighbours[line[-1]]) - done - set(line)
            line.append(common)
        grid.append(line)
    return np.array(grid)


def _interpolated(grid: np.ndarray, row: float, column: float, count: int) -> np.ndarray:
    """(count,) bilinear weights of the grid's vertices at a place given in rows and columns."""
    weights = np.zeros(count)
    i, j = min(int(row), grid.shape[0] - 2), min(max(int(column), 0), grid.shape[1] - 2)
    v, u = row - i, column - j
    for vertex, weight in (
        (grid[i, j], (1 - v) * (1 - u)),
        (grid[i, j + 1], (1 - v) * u),
        (grid[i + 1, j], v * (1 - u)),
        (grid[i + 1, j + 1], v * u),
    ):
        weights[vertex] += weight
    return weights


def _corner_uv(quads: np.ndarray, uv: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) texture coordinate of each vertex of a strip, which has no seams."""
    table = np.zeros((count, 2))
    table[quads.ravel()] = uv.reshape(-1, 2)
    return table


def _teeth(helpers: Helpers, rest: np.ndarray) -> list[_Part]:
    parts, count = [], len(rest)
    for region, joint in (("teeth_upper", "head"), ("teeth_lower", "jaw")):
        (group,) = GROUPS[region]
        grid = _grid(helpers.quads[group])
        # The first row is the gum's before the teeth.
        if rest[grid[0]][:, 2].mean() > rest[grid[-1]][:, 2].mean():
            grid = grid[::-1]
        table = _corner_uv(helpers.quads[group], helpers.uv[group], count)
        high, wide = len(TOOTH_ROWS), len(TOOTH_COLUMNS)
        faces = [
            [i * wide + j, i * wide + j + 1, (i + 1) * wide + j + 1, (i + 1) * wide + j]
            for i in range(high - 1)
            for j in range(wide - 1)
        ]
        for tooth in range(grid.shape[1] - 1):
            matrix = np.array(
                [_tooth_point(grid, tooth, row, column, count) for row in TOOTH_ROWS for column in TOOTH_COLUMNS]
            )
            part = _Part(region, joint, matrix, np.zeros((len(matrix), 3)), list(faces), matrix @ table)
            parts.append(_outward(part, rest))
    return parts


def _tooth_point(grid: np.ndarray, tooth: int, row: float, column: float, count: int) -> np.ndarray:
    """(count,) weights of a point of a tooth: narrower at its sides, with rounded corners."""
    side = abs(2 * column - 1) ** 3
    across = tooth + GAP + (1 - 2 * GAP) * column
    own, behind = (_interpolated(grid, place, across, count) for place in (row, 3 - row))
    mixed = own + 0.5 * GROOVE * side * (behind - own)
    if 0.5 < row < 2.5:
        gum = 0.5 * (_interpolated(grid, 0.0, across, count) + _interpolated(grid, 3.0, across, count))
        mixed = mixed + CORNER * side * (gum - mixed)
    result: np.ndarray = mixed
    return result


def _outward(part: _Part, rest: np.ndarray) -> _Part:
    """A part whose polygons are turned so that most look away from its middle."""
    points = part.matrix @ rest + part.offset
    middle = points.mean(axis=0)
    total = 0.0
    for face in part.faces:
        a, b, c = (points[face[k]] for k in (0, 1, 2))
        total += float(np.cross(b - a, c - a) @ (points[face].mean(axis=0) - middle))
    if total < 0:
        part.faces = [face[::-1] for face in part.faces]
    return part


def _lashes(helpers: Helpers, rest: np.ndarray, head: Head) -> list[_Part]:
    rng = np.random.default_rng(SEED)
    count = len(rest)
    skin = cKDTree(head.mesh.rest_vertices[~head.rigid_vertices])
    parts = []
    for region in ("lashes.L", "lashes.R"):
        for lid, group in zip(("lower", "upper"), GROUPS[region], strict=True):
            grid = _grid(helpers.quads[group])
            if skin.query(rest[grid[0]])[0].mean() > skin.query(rest[grid[-1]])[0].mean():
                grid = grid[::-1]
            if abs(rest[grid[0, 0], 0]) > abs(rest[grid[0, -1], 0]):
                grid = grid[:, ::-1]  # from the nose outwards
            length = np.linalg.norm(np.diff(rest[grid[0]], axis=0), axis=1).sum()
            width = HAIR_WIDTH / length * (grid.shape[1] - 1)
            table = _corner_uv(helpers.quads[group], helpers.uv[group], count)
            rows, faces = [], []
            for place in np.linspace(INNER_CORNER, grid.shape[1] - 1.1, HAIRS[lid]):
                root = float(np.clip(place + rng.normal(0, 0.06), 0.1, grid.shape[1] - 1.1))
                tall = (grid.shape[0] - 1) * rng.uniform(*HAIR_LENGTH[lid])
                lean = HAIR_LEAN * rng.uniform(0.4, 1.3) * (root / (grid.shape[1] - 1))
                start = len(rows)
                for share, thick in ((0.0, 1.0), (0.55, 0.75)):
                    for side in (-0.5, 0.5):
                        column = root + lean * share**2 + side * width * thick
                        rows.append(_interpolated(grid, share * tall, column, count))
                rows.append(_interpolated(grid, tall, min(root + lean, grid.shape[1] - 1.0), count))
                faces += [[start, start + 1, start + 3, start + 2], [start + 2, start + 3, start + 4]]
            matrix = np.array(rows)
            parts.append(_Part(region, "head", matrix, np.zeros((len(matrix), 3)), faces, matrix @ table))
    return parts


def _irises(head: Head, helper_count: int) -> list[_Part]:
    rest = head.mesh.rest_vertices.astype(np.float64)
    every = triangles(head.mesh)
    parts = []
    for side, centre in zip("LR", head.irises(rest)[[5, 0]], strict=True):
        ball = head.mesh.region_vertices(f"eyeball.{side}")
        middle = (rest[ball].min(axis=0) + rest[ball].max(axis=0)) / 2
        axis = (centre - middle) / np.linalg.norm(centre - middle)
        right = np.cross([0.0, 1.0, 0.0], axis)
        right /= np.linalg.norm(right)
        frame = np.stack([right, np.cross(axis, right), axis])
        radius = np.linalg.norm(rest[ball] - middle, axis=1).max()
        for region, radii in (("pupil", PUPIL_RINGS), ("iris", IRIS_RINGS)):
            directions = _directions(radii, radius) @ frame
            matrix = np.zeros((len(directions), helper_count + len(rest)))
            for row, direction in zip(matrix, directions, strict=True):
                triangle, weights = _hit(rest, every[ball[every].all(axis=1)], middle, direction)
                row[helper_count + triangle] = weights
            uv = 0.5 + 0.5 * _directions(radii, IRIS_RADIUS * 1.0001)[:, :2]
            part = _Part(f"{region}.{side}", f"eye.{side}", matrix, LIFT * directions, _disc(radii), uv)
            a, b, c = ((matrix[:, helper_count:] @ rest)[part.faces[0][k]] for k in (0, 1, 2))
            if np.cross(b - a, c - a) @ axis < 0:
                part.faces = [face[::-1] for face in part.faces]
            parts.append(part)
    return parts


def _directions(radii: tuple[float, ...], radius: float) -> np.ndarray:
    """(n, 3) unit vectors to rings around the z axis. radii : metres from the axis, on a ball of `radius`."""
    rows = []
    for ring in radii:
        turns = 2 * np.pi * np.arange(SECTORS if ring else 1) / SECTORS
        out = ring / radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        rows.append(np.concatenate([out, np.full((len(out), 1), np.sqrt(1 - (ring / radius) ** 2))], axis=1))
    return np.concatenate(rows)


def _disc(radii: tuple[float, ...]) -> list[list[int]]:
    """Polygons between rings, and around the middle where the first radius is zero."""
    faces, first = [], 0
    for inner in radii[:-1]:
        size = SECTORS if inner else 1
        for sector in range(SECTORS):
            following = (sector + 1) % SECTORS
            outer = [first + size + sector, first + size + following]
            faces.append([first, *outer] if size == 1 else [first + sector, *outer, first + following])
        first += size
    return faces


def _hit(
    points: np.ndarray, faces: np.ndarray, start: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where a ray leaves a convex surface: the triangle's vertices and barycentric weights."""
    a, b, c = (points[faces[:, k]] - start for k in range(3))
    weights = np.stack([np.cross(b, c) @ direction, np.cross(c, a) @ direction, np.cross(a, b) @ direction], axis=1)
    weights /= weights.sum(axis=1, keepdims=True)
    ahead = (weights[:, :1] * a + weights[:, 1:2] * b + weights[:, 2:] * c) @ direction > 0
    best = int(np.where(ahead, weights.min(axis=1), -np.inf).argmax())
    clipped = np.clip(weights[best], 0, 1)
    return faces[best], clipped / clipped.sum()


def _followed(points: np.ndarray, region: np.ndarray, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """The skin whose dents the lashes take on; (n, 1) each."""
    skin = np.flatnonzero(~head.rigid_vertices & ~head.mesh.region_vertices("mouth_inner", "tongue"))
    nearest = skin[cKDTree(head.mesh.rest_vertices[skin]).query(points)[1]]
    lashes = np.isin(region, [ATTACHED_REGIONS.index(f"lashes.{side}") for side in "LR"])
    return np.where(lashes, nearest, 0)[:, None], lashes.astype(float)[:, None]
