"""Meshes with their regions and rig: topology, normals and linear blend skinning on numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from dice_core.errors import ShapeError
from dice_core.geometry.rotations import rotation_matrices

__all__ = [
    "Mesh",
    "joint_transforms",
    "skin",
    "triangles",
    "vertex_normals",
]

_TINY = 1e-12


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
    starts = np.concatenate([[0], np.cumsum(mesh.face_sizes)[:-1]])
    repeat = mesh.face_sizes - 2
    first = np.repeat(starts, repeat)
    within = np.arange(int(repeat.sum())) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    corners = mesh.face_corners
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
