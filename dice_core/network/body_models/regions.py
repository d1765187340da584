"""Regions of MANO's and FLAME's vertices, found by geometry: the licensed files name none."""

from __future__ import annotations

import numpy as np

from dice_core.bodies import load_head
from dice_core.bodies.names import HAND_REGIONS
from dice_core.contact.tissue.stiffness import Tissue, dent_limits, head_tissue
from dice_core.geometry.mesh import Mesh, vertex_normals

__all__ = [
    "FACE_MESH_68",
    "corresponding_vertices",
    "hand_regions",
    "head_regions",
    "head_tissue_of_mesh",
    "nearest_points",
]

# fmt: off
FACE_MESH_68 = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)
# fmt: on
"""Landmark of the face mesh for each of the 68 landmarks: jaw, brows, nose, eyes, mouth, from the subject's right."""
_FIRST_INNER = 17  # the jaw line before it is not the same place in both sets
_EYE_JOINTS = (3, 4)  # of FLAME: the eyeballs' joints, left and right
_MOSTLY = 0.5  # an eyeball's vertices have at least this weight of the eye's joint; set by hand
_BLOCK = 512  # vertices compared at a time; set by hand
# Region of each of MANO's joints; the wrist's vertices divide by geometry.
_JOINT_REGIONS = ("palm", *("index",) * 3, *("middle",) * 3, *("little",) * 3, *("ring",) * 3, *("thumb",) * 3)
_WRIST_SHARE = 0.12  # of the way from the wrist to the middle finger's base: nearer is wrist; set by hand


def corresponding_vertices(rest: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """For each vertex of a head, the open head's vertex at the same place of the face.

    rest : (V, 3) metres in the take's rest axes; landmarks : (68, 3) of the same head, the subject's right first.
    Returns (V,) indices. The heads are laid over each other by the inner landmarks (Umeyama 1991).
    """
    head = load_head()
    template = head.mesh.rest_vertices.astype(np.float64)
    target = head.landmarks(template)[list(FACE_MESH_68[_FIRST_INNER:])]
    source = landmarks[_FIRST_INNER:].astype(np.float64)
    from_mean, to_mean = source.mean(0), target.mean(0)
    u, singular, vt = np.linalg.svd((target - to_mean).T @ (source - from_mean))
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    scale = singular.sum() / max(float(((source - from_mean) ** 2).sum()), 1e-12)
    moved = scale * (rest - from_mean) @ turn.T + to_mean
    return nearest_points(moved, template)


def nearest_points(points: np.ndarray, among: np.ndarray) -> np.ndarray:
    """For each of `points` (n, 3), the index of the nearest point of `among` (m, 3): (n,) int64."""
    nearest = np.empty(len(points), np.int64)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        square = (among**2).sum(1) - 2 * block @ among.T
        nearest[start : start + _BLOCK] = square.argmin(1)
    return nearest


def head_regions(
    corresponding: np.ndarray, weights: np.ndarray, rest: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Regions of FLAME's vertices.

    corresponding : (V,) of `corresponding_vertices`; weights : (V, J) skinning; rest : (V, 3).
    Returns (V,) uint8 and the names.
    """
    mesh = load_head().mesh
    names = mesh.region_names
    region = mesh.region[corresponding].copy()
    balls = [names.index(f"eyeball.{side}") for side in "LR"]
    region[np.isin(region, balls) & (weights[:, list(_EYE_JOINTS)].max(1) < _MOSTLY)] = names.index("eye.L")
    for joint in _EYE_JOINTS:
        ball = weights[:, joint] >= _MOSTLY
        if ball.any():
            region[ball] = balls[0] if rest[ball, 0].mean() > 0 else balls[1]
    socket = region == names.index("eye.L")
    region[socket & (rest[:, 0] < 0)] = names.index("eye.R")
    return region.astype(np.uint8), names


def head_tissue_of_mesh(mesh: Mesh) -> Tissue:
    """Tissue of FLAME's vertices: each region has the median softness of the same region of the open head."""
    template_mesh, template = load_head().mesh, head_tissue(load_head())
    softness = np.zeros(len(mesh.region))
    for number, name in enumerate(mesh.region_names):
        there = template_mesh.region == template_mesh.region_names.index(name)
        softness[mesh.region == number] = float(np.median(template.softness[there])) if there.any() else 0.0
    rigid = mesh.region_vertices("eyeball.L", "eyeball.R")
    used = np.isin(np.arange(len(mesh.region)), mesh.face_corners)
    softness = np.where(rigid, 0.0, softness)
    eyeballs = (np.flatnonzero(mesh.region_vertices(f"eyeball.{side}")) for side in "LR")
    return Tissue(
        softness=softness,
        dent_limit=np.where(rigid, 0.0, dent_limits(softness)),
        touchable=~mesh.region_vertices("mouth_inner", "tongue") & ~rigid & used,
        moving=~rigid & used,
        eyeballs=tuple(ball for ball in eyeballs if len(ball)),
    )


def hand_regions(
    rest: np.ndarray, corners: np.ndarray, joints: np.ndarray, weights: np.ndarray, right: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Regions of MANO's vertices: fingers by the strongest joint, the rest by position and normal.

    rest : (778, 3); corners : (T, 3) triangles; joints : (16, 3); weights : (778, 16); right : which hand.
    Returns (778,) uint8 and the names.
    """
    region = np.array([HAND_REGIONS.index(name) for name in _JOINT_REGIONS])[weights.argmax(1)]
    along, across = joints[4] - joints[0], joints[1] - joints[7]
    palm = np.cross(across, along) * (1 if right else -1)
    hand = region == HAND_REGIONS.index("palm")
    region[hand & (vertex_normals(rest, corners) @ palm < 0)] = HAND_REGIONS.index("back")
    share = (rest - joints[0]) @ along / float(along @ along)
    region[hand & (share < _WRIST_SHARE)] = HAND_REGIONS.index("wrist")
    return region.astype(np.uint8), HAND_REGIONS
