"""The open head and hand in MANO's and FLAME's form, so that a network of free bodies has the published shape.

The hand keeps 778 of its vertices, the head gets 453 more on its longest edges; both have the joints, the numbers of
coefficients and the landmarks of the licensed models. A network trained on them is installed as the official one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.network.body_models.regions import FACE_MESH_68
from dice_core.network.files.body_files import BodyFile, HandFile, LandmarkEmbedding
from dice_core.network.training.architecture import PARAMETERS
from dice_core.network.training.coarse_meshes import spread_vertices
from dice_core.network.training.remeshing import kept_triangles, split_longest_edges

__all__ = ["EXPRESSIONS_LEFT_OUT", "HAND_LEVEL", "HAND_SHAPES", "HEAD_LEVELS", "OpenBodies", "open_bodies"]

HAND_VERTICES, HEAD_VERTICES = 778, 5023
HEAD_LEVELS, HAND_LEVEL = (1675, 559), 195
HAND_SHAPES = 9
"""Shape components of the open hand that are kept; the tenth coefficient is its size."""
EXPRESSIONS_LEFT_OUT = ("jawForward", "tongueOut")
"""Of the 52 expressions, because the form has room for 50; the synthetic faces do not make them."""

_HAND_AXES = np.array([-1.0, 1.0, -1.0])
"""Half a turn about the vertical: a palm that faces a face is then near no rotation, where axis-angle is smooth."""
_HEAD_AXES = np.array([1.0, -1.0, -1.0])
"""From a head that looks along -z with y down to FLAME's, which looks along z with y up."""
_FINGERS = ("index", "middle", "little", "ring")
_HAND_JOINTS = (
    "wrist",
    *(f"{f}_{j}" for f in _FINGERS for j in ("mcp", "pip", "dip")),
    "thumb_cmc",
    "thumb_mcp",
    "thumb_ip",
)
_HAND_PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
# Vertices of MANO at the tips of thumb, index, middle, ring and little finger: see `body_models.mano`.
_TIP_ROWS = ((744, 745), (320, 317), (443, 445), (554, 556), (671, 673))
_TIP_KEYPOINTS = (4, 8, 12, 16, 20)
_HEAD_PARENTS = (-1, 0, 1, 1, 1)
_HEAD_JOINTS = ("head", "neck", "jaw", "eye.L", "eye.R")
_SHAPE_COLUMNS, _FIRST_EXPRESSION = 350, 300
_REGRESSED_BY, _RIDGE = 32, 1e-3
"""Vertices around a joint of the hand that it is the weighed mean of, and how small the weights are kept. Chosen by
hand among 32 to 128 and 1e-5 to 1e-2, on twelve random hands: the mean stays within 1.2 mm of the joint in posed hands,
where weights that give the joints of all shapes exactly are 3.8 mm off."""
_EXACT = 1e-10
"""The same for the head, whose joints are looked up at rest alone."""
_BENT = 0.3
"""Radians by which all joints of the mean pose are bent; readers tell a right hand by it."""


@dataclass(frozen=True)
class OpenBodies:
    """hand, head : the models; landmarks : 68 of the head; neck : vertices that never deform;
    hand_levels, head_levels : vertices that coarse meshes keep, of the mesh before; hand_vertices : (778,) vertices of
    the open hand; head_map : (5023, 4570) float32 weights of the open head's vertices."""

    hand: HandFile
    head: BodyFile
    landmarks: LandmarkEmbedding
    neck: np.ndarray
    hand_levels: tuple[np.ndarray, ...]
    head_levels: tuple[np.ndarray, ...]
    hand_vertices: np.ndarray
    head_map: np.ndarray

    def mapped_head(self, values: np.ndarray) -> np.ndarray:
        """Values at the open head's vertices, (4570, C), at those of the head in FLAME's form: (5023, C)."""
        corners, shares = self._added
        return np.concatenate([values, np.einsum("fkc,fk->fc", values[corners], shares)])

    @cached_property
    def _added(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices of the open head that each added one follows, and their shares: (453, k) both."""
        rows = self.head_map[self.head_map.shape[1] :]
        most = int((rows > 0).sum(1).max())
        corners = np.argsort(-rows, axis=1, kind="stable")[:, :most]
        return corners, np.take_along_axis(rows, corners, axis=1)

    def hand_parameters(
        self, shape: np.ndarray, scale: float, rotation: np.ndarray, angles: np.ndarray, translation: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The network's parameters of an open hand's pose; arguments as for `Hand.pose`."""
        hand = load_hand("right")
        betas = np.zeros(PARAMETERS["rh_betas"])
        betas[: min(len(shape), HAND_SHAPES)] = shape[:HAND_SHAPES]
        betas[HAND_SHAPES] = (scale - 1) / hand.scale_sigma
        return {
            "rh_betas": betas,
            "rh_transl": np.asarray(translation, np.float64),
            "rh_rot": axis_angle(rotation_matrices(np.asarray(rotation)) * _HAND_AXES),
            "rh_pose": _finger_pose(angles).ravel(),
        }

    def head_parameters(self, shape: np.ndarray, expression: np.ndarray, rotation: np.ndarray) -> dict[str, np.ndarray]:
        """The same of an open head, but its place: the half turn to the camera's axes stands in `face_pose`."""
        face = np.zeros(PARAMETERS["face_shape"])
        face[: len(shape)] = shape
        kept = expression_columns()
        return {
            "face_shape": face,
            "face_exp": np.asarray(expression, np.float64)[kept],
            "face_pose": np.array([np.pi, 0, 0, 0, 0, 0]),
            "face_rot": np.asarray(rotation, np.float64),
        }


def expression_columns() -> np.ndarray:
    """(50,) which of the 52 expressions are kept."""
    names = load_head().expression_names
    return np.array([k for k, name in enumerate(names) if name not in EXPRESSIONS_LEFT_OUT])


@lru_cache(maxsize=1)
def open_bodies() -> OpenBodies:
    """Both bodies, made once a process, in about two seconds."""
    hand, hand_vertices, hand_level = _hand()
    head, head_map = _head()
    open_head = load_head()
    rest = head.template * _HEAD_AXES
    index = SurfaceIndex(rest, head.triangles)
    points = open_head.landmarks(open_head.mesh.rest_vertices)[list(FACE_MESH_68)].astype(np.float64)
    found = index.query(points)
    landmarks = LandmarkEmbedding(found.triangle, found.barycentric)
    middle = spread_vertices(head.template, HEAD_LEVELS[0])
    # Each prefix of spread vertices is spread itself.
    levels = middle, np.arange(HEAD_LEVELS[1])
    neck = np.flatnonzero(head_map @ open_head.mesh.region_vertices("neck").astype(np.float64) > 0.5)
    return OpenBodies(hand, head, landmarks, neck, (hand_level,), levels, hand_vertices, head_map)


def _finger_pose(angles: np.ndarray) -> np.ndarray:
    """(15, 3) axis-angle of MANO's joints."""
    hand = load_hand("right")
    turns = axis_angle(hand.joint_rotations(angles))
    return turns[[hand.mesh.joint_names.index(name) for name in _HAND_JOINTS[1:]]] * _HAND_AXES


def _hand() -> tuple[HandFile, np.ndarray, np.ndarray]:
    hand = load_hand("right")
    mesh, rest = hand.mesh, hand.mesh.rest_vertices.astype(np.float64)
    tips = [np.argsort(np.linalg.norm(rest - hand.keypoint_rest[k], axis=1))[:2] for k in _TIP_KEYPOINTS]
    chosen = spread_vertices(rest, HAND_VERTICES, np.concatenate(tips))
    order = _with_tips_in_place(chosen)
    weights = np.zeros((len(rest), len(_HAND_JOINTS)))
    for joint, name in enumerate(mesh.joint_names):
        column = _HAND_JOINTS.index(name) if name in _HAND_JOINTS else 0  # metacarpals do not move
        weights[:, column] += (mesh.skin_weights * (mesh.skin_joints == joint)).sum(1)
    basis = np.concatenate([hand.shape_basis[:HAND_SHAPES], hand.scale_sigma * mesh.rest_vertices[None]])
    joint_rows = [mesh.joint_names.index(name) for name in _HAND_JOINTS]
    joints = mesh.joints[joint_rows].astype(np.float64)
    joint_basis = np.concatenate(
        [hand.joint_shape_basis[:HAND_SHAPES, joint_rows], hand.scale_sigma * mesh.joints[None, joint_rows]]
    )
    template, columns = rest[order], basis[:, order].astype(np.float64)
    body = HandFile(
        template=template * _HAND_AXES,
        shape_basis=np.moveaxis(columns * _HAND_AXES, 0, -1),
        pose_basis=np.zeros((HAND_VERTICES, 3, 9 * (len(_HAND_JOINTS) - 1)), np.float32),
        joint_regressor=_regressor(template, columns, joints, joint_basis, _REGRESSED_BY, _RIDGE),
        weights=weights[order] / weights[order].sum(1, keepdims=True),
        parents=np.array(_HAND_PARENTS, np.int64),
        triangles=kept_triangles(rest, triangles(mesh), order),
        components=np.eye(3 * (len(_HAND_JOINTS) - 1)),
        mean_pose=_finger_pose(_BENT * np.array(["flexion" in name for name in hand.dof_names])).ravel(),
    )
    return body, order, spread_vertices(template, HAND_LEVEL)


def _with_tips_in_place(chosen: np.ndarray) -> np.ndarray:
    """The chosen vertices, the first ten of which are the tips, in an order that has the tips where MANO has them."""
    rows = [row for pair in _TIP_ROWS for row in pair]
    order = np.full(len(chosen), -1, np.int64)
    order[rows] = chosen[: len(rows)]
    order[order < 0] = np.sort(chosen[len(rows) :])
    return order


def _head() -> tuple[BodyFile, np.ndarray]:
    head = load_head()
    mesh, rest = head.mesh, head.mesh.rest_vertices.astype(np.float64)
    inner = mesh.region_vertices("mouth_inner", "tongue", "eyeball.L", "eyeball.R")
    faces, weights_of = split_longest_edges(rest, triangles(mesh), HEAD_VERTICES - len(rest), inner)
    head_map = np.asarray(weights_of, np.float32)

    def mapped(values: np.ndarray) -> np.ndarray:
        return np.einsum("fv,...vd->...fd", weights_of, values.astype(np.float64), optimize=True)

    basis = np.zeros((_SHAPE_COLUMNS, HEAD_VERTICES, 3))
    basis[: len(head.shape_basis)] = mapped(head.shape_basis)
    expressions = head.expressions[expression_columns()]
    basis[_FIRST_EXPRESSION : _FIRST_EXPRESSION + len(expressions)] = mapped(expressions)
    template, joints = mapped(rest), mesh.joints.astype(np.float64)
    order = [mesh.joint_names.index(name) for name in _HEAD_JOINTS]
    # The form moves joints with every coefficient; expressions of the open head leave them where they are.
    moving = np.concatenate([basis[: len(head.shape_basis)], basis[_FIRST_EXPRESSION:]])
    still = np.zeros((len(moving), len(order), 3))
    still[: len(head.shape_basis)] = head.joint_shape_basis[:, order]
    dense = np.zeros((len(rest), len(mesh.joints)))
    np.add.at(dense, (np.arange(len(rest))[:, None], mesh.skin_joints), mesh.skin_weights)
    weights = weights_of @ dense[:, order]
    body = BodyFile(
        template=template * _HEAD_AXES,
        shape_basis=np.moveaxis(basis * _HEAD_AXES, 0, -1).astype(np.float32),
        pose_basis=np.zeros((HEAD_VERTICES, 3, 9 * (len(_HEAD_JOINTS) - 1)), np.float32),
        joint_regressor=_regressor(template, moving, joints[order], still, HEAD_VERTICES, _EXACT),
        weights=weights / weights.sum(1, keepdims=True),
        parents=np.array(_HEAD_PARENTS, np.int64),
        triangles=faces,
    )
    return body, head_map


def _regressor(
    template: np.ndarray, basis: np.ndarray, joints: np.ndarray, joint_basis: np.ndarray, around: int, ridge: float
) -> np.ndarray:
    """(J, V) weights, rows sum to 1, that give the joints of the template and how shapes move them.

    template : (V, 3); basis : (S, V, 3); joints : (J, 3); joint_basis : (S, J, 3); around : vertices nearest to a joint
    that may have a weight; ridge : how much small weights are preferred to exact joints.
    """
    rows = np.zeros((len(joints), len(template)))
    for joint, place in enumerate(joints):
        near = np.argsort(np.linalg.norm(template - place, axis=1))[:around]
        moved = basis[:, near].transpose(0, 2, 1).reshape(-1, len(near))
        equations = np.concatenate([np.ones((1, len(near))), (template[near] - place).T * 100, moved * 100])
        sides = np.concatenate([[1.0], np.zeros(3), joint_basis[:, joint].ravel() * 100])
        gram = equations @ equations.T
        damping = ridge * np.trace(gram) / len(gram)
        solution = equations.T @ np.linalg.solve(gram + damping * np.eye(len(gram)), sides)
        rows[joint, near] = solution / solution.sum()
    return rows
