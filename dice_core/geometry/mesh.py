"""Meshes with their regions and rig: triangles, normals and areas, neighbours, and linear blend skinning, on numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from dice_core.errors import ShapeError
from dice_core.geometry.rotations import rotation_matrices

__all__ = [
    "Attachment",
    "Mesh",
    "boundary_vertices",
    "connected_components",
    "distinct_pairs",
    "joint_transforms",
    "skin",
    "triangle_edges",
    "triangle_neighbours",
    "triangles",
    "triangles_of",
    "vertex_areas",
    "vertex_neighbours",
    "vertex_normals",
    "vertex_triangles",
]

_TINY = 1e-12


@dataclass(frozen=True)
class Attachment:
    """What a body shows beside its skin and carries along: see `dice_core.geometry.attachment`.

    rest_vertices : (A, 3) float32, metres, in the body's rest pose.
    face_corners : (C,) int32, a vertex of the body below V, and from V on one of the attachment's own;
    face_sizes : (F,) int32; uv : (C, 2) float32.
    region : (A,) uint8 index into region_names.
    skin_joints : (A, K) int32 joints of the body; skin_weights : (A, K) float32, rows sum to one.
    shape_key_deltas : (S, A, 3) float16, metres, of the body's shape keys.
    followed : (A, N) int32 vertices of the body; followed_weights : (A, N) float32, shares of their deformation that
    the attachment takes on.
    layout : what the uv of body and attachment are laid out as, the name of a packaged skin; "" for anything else.
    """

    rest_vertices: np.ndarray
    face_corners: np.ndarray
    face_sizes: np.ndarray
    uv: np.ndarray
    region: np.ndarray
    region_names: tuple[str, ...]
    skin_joints: np.ndarray
    skin_weights: np.ndarray
    shape_key_deltas: np.ndarray
    followed: np.ndarray
    followed_weights: np.ndarray
    layout: str = ""


@dataclass(frozen=True)
class Mesh:
    """One body of a take: what does not change from frame to frame.

    name : "head", "hand_left" or "hand_right".
    rest_vertices : (V, 3) float32, metres, camera axes.
    face_corners : (C,) int32 vertex of each polygon corner; face_sizes : (F,) int32 corners of each polygon.
    uv : (C, 2) float32 texture coordinate of each corner.
    region : (V,) uint8 index into region_names.
    joints : (J, 3) float32, metres; parents : (J,) int32, -1 for the root, a parent stands before its children.
    skin_joints : (V, K) int32; skin_weights : (V, K) float32, rows sum to one.
    shape_key_names : S names; shape_key_deltas : (S, V, 3) float16, metres.
    attached : what it shows beside its skin, None for nothing.
    """

    name: str
    rest_vertices: np.ndarray
    face_corners: np.ndarray
    face_sizes: np.ndarray
    uv: np.ndarray
    region: np.ndarray
    region_names: tuple[str, ...]
    joints: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    parents: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    joint_names: tuple[str, ...] = ()
    skin_joints: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    skin_weights: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    shape_key_names: tuple[str, ...] = ()
    shape_key_deltas: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), np.float16))
    attached: Attachment | None = None

    def __post_init__(self) -> None:
        if self.rest_vertices.ndim != 2 or self.rest_vertices.shape[1] != 3:
            raise ShapeError(f"rest_vertices of {self.name} must be (V, 3), not {self.rest_vertices.shape}.")
        count = len(self.rest_vertices)
        if self.region.shape != (count,):
            raise ShapeError(f"region of {self.name} must be ({count},), not {self.region.shape}.")
        if int(self.face_sizes.sum()) != len(self.face_corners) or len(self.uv) != len(self.face_corners):
            raise ShapeError(f"face_corners, face_sizes and uv of {self.name} do not fit each other.")
        if len(self.joints) and self.skin_weights.shape[0] != count:
            raise ShapeError(f"skin_weights of {self.name} must have {count} rows, not {self.skin_weights.shape[0]}.")

    def region_vertices(self, *names: str) -> np.ndarray:
        """(V,) bool: vertices of any of the named regions."""
        wanted = [self.region_names.index(name) for name in names]
        return np.isin(self.region, wanted)


def triangles(mesh: Mesh) -> np.ndarray:
    """Triangle fan of every polygon.

    Returns (T, 3) int32 vertex indices, polygons in order.
    """
    return triangles_of(mesh.face_corners, mesh.face_sizes)


def triangles_of(corners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """`triangles` of polygons alone. corners : (C,) int; sizes : (F,) int."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    repeat = sizes - 2
    first = np.repeat(starts, repeat)
    within = np.arange(int(repeat.sum())) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    fans = np.stack([corners[first], corners[first + within + 1], corners[first + within + 2]], axis=1)
    return fans.astype(np.int32)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals.

    vertices : (V, 3) float; triangles : (T, 3) int.
    Returns (V, 3), zero where a vertex has no triangle.
    """
    flat = triangles.T.ravel()
    corners = np.ascontiguousarray(vertices.T)[:, flat].reshape(3, 3, -1)
    along, across = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals = np.empty((3, len(vertices)), vertices.dtype)
    for axis, i, j in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        face = along[i] * across[j] - along[j] * across[i]
        normals[axis] = np.bincount(flat, np.concatenate([face, face, face]), minlength=len(vertices))
    length = np.sqrt(np.einsum("kv,kv->v", normals, normals))
    return np.ascontiguousarray((normals / np.maximum(length, _TINY)).T)


def vertex_areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """A third of the area of the triangles around each vertex.

    vertices : (V, 3) float, metres; triangles : (T, 3) int.
    Returns (V,) float64, square metres.
    """
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return np.bincount(triangles.T.ravel(), np.tile(area / 3, 3), minlength=len(vertices))


def triangle_edges(triangles: np.ndarray) -> np.ndarray:
    """Every edge of every triangle, in the triangle's direction.

    triangles : (T, 3) int.
    Returns (3 T, 2): the edges from corner 0 to 1 of all triangles, then 1 to 2, then 2 to 0. An edge inside a surface
    appears twice, once in each direction.
    """
    return np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])


def triangle_neighbours(triangles: np.ndarray) -> np.ndarray:
    """The triangle on the other side of each edge.

    triangles : (T, 3) int.
    Returns (T, 3) int64: neighbours across the edges from corner 0 to 1, 1 to 2 and 2 to 0; -1 at a boundary, or where
    more than two triangles share the edge or two run along it in the same direction.
    """
    return _triangle_neighbours(np.ascontiguousarray(triangles, np.int64).tobytes())


@lru_cache(maxsize=32)
def _triangle_neighbours(data: bytes) -> np.ndarray:
    """`triangle_neighbours` by content: a take has a few surfaces and thousands of frames."""
    triangles = np.frombuffer(data, np.int64).reshape(-1, 3)
    start, end = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    count = int(triangles.max()) + 1 if triangles.size else 0
    key = np.minimum(start, end) * count + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    _, first, size = np.unique(key[order], return_index=True, return_counts=True)
    one, two = order[first[size == 2]], order[first[size == 2] + 1]
    proper = start[one] == end[two]
    one, two = one[proper], two[proper]
    neighbours = np.full(triangles.size, -1)
    neighbours[one], neighbours[two] = two // 3, one // 3
    neighbours.setflags(write=False)
    return neighbours.reshape(-1, 3)


def vertex_triangles(triangles: np.ndarray, count: int) -> np.ndarray:
    """The triangles around each vertex.

    triangles : (T, 3) int; count : number of vertices V.
    Returns (V, R) int32: rows are padded with their first triangle; -1 throughout where a vertex has none.
    """
    flat = triangles.ravel()
    order = np.argsort(flat, kind="stable")
    sizes = np.bincount(flat, minlength=count)
    starts = np.cumsum(sizes) - sizes
    column = np.arange(max(int(sizes.max(initial=0)), 1))
    column = np.where(column < sizes[:, None], column, 0)
    position = np.minimum(starts[:, None] + column, max(len(flat) - 1, 0))
    ring = (order[position] // 3).astype(np.int32) if len(flat) else np.zeros(position.shape, np.int32)
    return np.where(sizes[:, None] > 0, ring, -1)


def vertex_neighbours(triangles: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The vertices that share an edge with each vertex, itself first.

    triangles : (T, 3) int; allowed : (V,) bool, no other vertex is listed as a neighbour.
    Returns (V, k) int64, short rows padded with the vertex itself.
    """
    count = len(allowed)
    pairs = triangle_edges(triangles)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = pairs[allowed[pairs[:, 1]]]
    pairs = distinct_pairs(pairs, count)
    degree = np.bincount(pairs[:, 0], minlength=count)
    table = np.repeat(np.arange(count)[:, None], degree.max() + 1, axis=1)
    starts = np.cumsum(degree) - degree
    slot = np.arange(len(pairs)) - np.repeat(starts, degree)
    table[pairs[:, 0], slot + 1] = pairs[:, 1]
    return table


def distinct_pairs(pairs: np.ndarray, count: int) -> np.ndarray:
    """(n, 2) int64: each of some pairs (m, 2) of whole numbers from 0 to count - 1 once, in order."""
    # numpy's own `unique` loads its masked arrays first, for which everybody waits.
    keys = np.sort(pairs[:, 0] * np.int64(count) + pairs[:, 1])
    return np.stack(np.divmod(keys[np.diff(keys, prepend=-1) > 0], count), axis=1)


def boundary_vertices(triangles: np.ndarray, count: int) -> np.ndarray:
    """(V,) bool: vertices of edges that belong to one triangle only; count : number of vertices V."""
    edges = np.sort(triangle_edges(triangles))
    keys, times = np.unique(edges[:, 0] * np.int64(count) + edges[:, 1], return_counts=True)
    alone = keys[times == 1]
    boundary = np.zeros(count, bool)
    boundary[alone // count] = boundary[alone % count] = True
    return boundary


def connected_components(triangles: np.ndarray) -> list[np.ndarray]:
    """The parts of a surface that share no vertex with each other.

    triangles : (T, 3) int. Returns (n,) int64 triangle indices of each part, the largest part first.
    """
    return list(_connected_components(np.ascontiguousarray(triangles, np.int64).tobytes()))


@lru_cache(maxsize=4)
def _connected_components(data: bytes) -> tuple[np.ndarray, ...]:
    """`connected_components` by content, as a take has one head and thousands of frames."""
    triangles = np.frombuffer(data, np.int64).reshape(-1, 3)
    label = np.arange(int(triangles.max()) + 1 if triangles.size else 0)
    while True:
        # Every vertex takes the lowest label of its triangles, then the label of that label, until nothing changes.
        lowest = label[triangles].min(axis=1)
        previous = label.copy()
        for corner in triangles.T:
            np.minimum.at(label, corner, lowest)
        label = label[label]
        if np.array_equal(label, previous):
            break
    of_triangle = label[triangles[:, 0]]
    parts = [np.flatnonzero(of_triangle == part) for part in np.unique(of_triangle)]
    return tuple(sorted(parts, key=len, reverse=True))


def joint_transforms(
    joints: np.ndarray, parents: np.ndarray, rotation: np.ndarray, translation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """World transforms that carry rest points along with each joint.

    joints : (J, 3) rest positions; parents : (J,); rotation : (J, 3, 3) about each joint in rest axes;
    translation : (3,) of the root.
    Returns linear (J, 3, 3) and offset (J, 3): a rest point x of joint j goes to linear[j] @ x + offset[j].
    """
    own = np.zeros((len(joints), 4, 4))
    own[:, :3, :3] = rotation
    own[:, :3, 3] = joints - np.einsum("jab,jb->ja", rotation, joints)
    own[:, 3, 3] = 1.0
    world = own[:, :3].copy()
    world[parents < 0, :, 3] += translation
    for level, above in _levels(tuple(parents.tolist())):
        world[level] = world[above] @ own[level]
    return world[:, :, :3], world[:, :, 3]


@lru_cache(maxsize=16)
def _levels(parents: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Joints that are equally far from their root, and their parents; the roots' own children first."""
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    levels = [np.flatnonzero(np.array(depth) == level) for level in range(1, max(depth, default=0) + 1)]
    return [(level, np.array(parents)[level]) for level in levels]


def skin(mesh: Mesh, vertices: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Linear blend skinning.

    vertices : (V, 3) in rest pose, shape keys applied; rotation : (J, 3) axis-angle in rest axes; translation : (3,).
    Returns (V, 3) float32, metres.
    """
    linear, offset = joint_transforms(
        mesh.joints.astype(np.float64), mesh.parents, rotation_matrices(rotation), np.asarray(translation, np.float64)
    )
    weights = np.zeros((len(vertices), len(mesh.joints)))
    rows = np.arange(len(vertices))[:, None]
    np.add.at(weights, (rows, mesh.skin_joints), mesh.skin_weights)
    blended = (weights @ linear.reshape(-1, 9)).reshape(-1, 3, 3)
    posed = np.einsum("vij,vj->vi", blended, vertices) + weights @ offset
    return posed.astype(np.float32)
