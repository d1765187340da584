"""The open head: identity shape, 52 expressions, rigid pose and the face landmarks on its surface."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from dice_core.bodies.attached import cap, head_parts, merged
from dice_core.bodies.store import corner_arrays, read_asset
from dice_core.geometry.mesh import Mesh
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["LAYOUT", "Head", "complete_mesh", "head_without_parts", "load_head"]

LAYOUT = "open_head"
"""What the head's UVs are laid out as, by the name of its packaged skin."""


@dataclass(frozen=True)
class Head:
    """A parametric head, metres, rest pose in camera axes: it looks toward -z, its own left is at +x.

    mesh : template with region, uv, joints and the 52 expressions as shape keys; joint 0 is the origin.
    shape_basis : (S, V, 3) float32, displacement of one standard deviation; overall size is not part of it.
    joint_shape_basis : (S, J, 3) float32, how the joints follow; zero for joint 0.
    expressions : (52, V, 3) float32, displacement of the full expression; the values shape keys hold.
    landmark_triangles : (468, 3) int32 and landmark_barycentric (468, 3) float32 :
        surface points of the face landmarks.
    landmark_weights : (468,) float32, trust in each landmark, median 1.
    landmark_mirror : (468,) int32, index of each landmark's counterpart on the other side of the face.
    iris_triangles : (10, 3) int32 and iris_barycentric (10, 3) float32 : landmarks 468 to 477 on the eyeballs.
    rigid_vertices : (V,) bool, the eyeballs.
    socket_vertices : (V,) bool, skin of the eye sockets behind the lids, which nothing outside can touch.
    parts : arrays of the teeth, lashes and irises that the mesh has attached, as they are packaged.
    layout : what its UVs are laid out as, the name of a packaged skin; "" for anything else.
    expression_gain : (52,) float32, weight of each expression that moves this face as a full one of the packaged head
        does; None for the packaged head itself.
    """

    mesh: Mesh
    shape_basis: np.ndarray
    joint_shape_basis: np.ndarray
    expressions: np.ndarray
    landmark_triangles: np.ndarray
    landmark_barycentric: np.ndarray
    landmark_weights: np.ndarray
    landmark_mirror: np.ndarray
    iris_triangles: np.ndarray
    iris_barycentric: np.ndarray
    rigid_vertices: np.ndarray
    socket_vertices: np.ndarray
    parts: dict[str, np.ndarray]
    layout: str = LAYOUT
    expression_gain: np.ndarray | None = None

    @property
    def expression_names(self) -> tuple[str, ...]:
        """Apple's ARKit names, in the order of `expressions`; Left is the subject's own left."""
        return self.mesh.shape_key_names

    def rest(self, shape: np.ndarray) -> np.ndarray:
        """Neutral head of one person.

        shape : (S,) float, standard deviations; fewer than S entries leave the rest at zero.
        Returns (V, 3) float32, metres.
        """
        return self.mesh.rest_vertices + _combine(shape, self.shape_basis)

    def deform(self, rest: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """Add expressions to a neutral head.

        rest : (V, 3); expression : (52,) float, 0 to 1.
        Returns (V, 3) float32, metres.
        """
        return rest + _combine(expression, self.expressions)

    def pose(
        self, shape: np.ndarray, expression: np.ndarray, rotation: np.ndarray, translation: np.ndarray
    ) -> np.ndarray:
        """Head in camera space.

        shape : (S,); expression : (52,); rotation : (3,) axis-angle about joint 0, radians; translation : (3,) metres.
        Returns (V, 3) float32, metres.
        """
        matrix = rotation_matrices(np.asarray(rotation)).astype(np.float32)
        local = self.deform(self.rest(shape), expression)
        return local @ matrix.T + np.asarray(translation, np.float32)

    def landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """The 468 face landmarks on posed vertices.

        vertices : (..., V, 3).
        Returns (..., 468, 3).
        """
        return _surface_points(vertices, self.landmark_triangles, self.landmark_barycentric)

    def irises(self, vertices: np.ndarray) -> np.ndarray:
        """Landmarks 468 to 477: centre and four rim points of the right iris, then of the left.

        vertices : (..., V, 3).
        Returns (..., 10, 3).
        """
        return _surface_points(vertices, self.iris_triangles, self.iris_barycentric)

    def person_mesh(self, shape: np.ndarray) -> Mesh:
        """The mesh of one person as a take stores it: rest vertices and joints carry the shape."""
        joints = self.mesh.joints + _combine(shape, self.joint_shape_basis)
        mesh = replace(self.mesh, rest_vertices=self.rest(shape), joints=joints)
        if not self.parts:
            return mesh
        rest = self.parts["rest_vertices"] + _combine(shape, self.parts["shape_basis"].astype(np.float32))
        return complete_mesh(mesh, self.parts, rest, self.layout)


def complete_mesh(mesh: Mesh, parts: dict[str, np.ndarray], rest: np.ndarray, layout: str) -> Mesh:
    """A head with its parts, whose rest pose is (A, 3), and a lid on its neck; layout : as of `Head`."""
    count, columns = len(mesh.rest_vertices), mesh.skin_joints.shape[1]
    attached = merged(head_parts(parts, rest, columns, count, layout), cap(mesh, layout), count)
    return replace(mesh, attached=attached)


def _combine(weights: np.ndarray, basis: np.ndarray) -> np.ndarray:
    weights = np.asarray(weights, np.float32)
    flat = basis.reshape(len(basis), -1)[: len(weights)]
    return (weights @ flat).reshape(basis.shape[1:])


def _surface_points(vertices: np.ndarray, triangles: np.ndarray, barycentric: np.ndarray) -> np.ndarray:
    return np.einsum("...lkc,lk->...lc", vertices[..., triangles, :], barycentric)


@lru_cache(maxsize=1)
def load_head() -> Head:
    """The packaged head, read once a process.

    Raises MissingModelError if the installation lacks a file.
    """
    head, parts = head_without_parts(), read_asset("head_attached")
    return replace(head, mesh=complete_mesh(head.mesh, parts, parts["rest_vertices"], LAYOUT), parts=parts)


def head_without_parts() -> Head:
    """The packaged head's skin, eyes and tongue alone, which fitting and contact know. Raises as `load_head`."""
    asset = read_asset("head")
    corners, sizes, uv = corner_arrays(asset)
    expressions = asset["expressions"]
    names = tuple(str(name) for name in asset["region_names"])
    mesh = Mesh(
        name="head",
        rest_vertices=asset["rest_vertices"],
        face_corners=corners,
        face_sizes=sizes,
        uv=uv,
        region=asset["region"],
        region_names=names,
        joints=asset["joints"],
        parents=asset["parents"].astype(np.int32),
        joint_names=tuple(str(name) for name in asset["joint_names"]),
        skin_joints=asset["skin_joints"].astype(np.int32),
        skin_weights=asset["skin_weights"],
        shape_key_names=tuple(str(name) for name in asset["expression_names"]),
        shape_key_deltas=expressions,
    )
    return Head(
        mesh=mesh,
        shape_basis=asset["shape_basis"].astype(np.float32),
        joint_shape_basis=asset["joint_shape_basis"],
        expressions=expressions.astype(np.float32),
        landmark_triangles=asset["landmark_triangles"].astype(np.int32),
        landmark_barycentric=asset["landmark_barycentric"],
        landmark_weights=asset["landmark_weights"],
        landmark_mirror=asset["landmark_mirror"].astype(np.int32),
        iris_triangles=asset["iris_triangles"].astype(np.int32),
        iris_barycentric=asset["iris_barycentric"],
        rigid_vertices=mesh.region_vertices("eyeball.L", "eyeball.R"),
        socket_vertices=asset["socket"],
        parts={},
    )
