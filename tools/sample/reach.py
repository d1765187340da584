"""Inverse kinematics: the pose of the hand that brings the pads of two fingers to their targets on the cheek.

All constants were set by hand, by the look of the clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from dice_core.bodies import Hand, Head
from dice_core.geometry.mesh import triangles, vertex_normals
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from sample.performance import HAND_SCALE, HAND_SHAPE, HEAD_SHAPE, Moment

__all__ = ["WristPose", "reach"]

FINGERS = ("index", "middle")

PATHS = {
    "index": (50, 205, 207, 214, 135),
    "middle": (187, 187, 192, 138, 136),
}
"""Face landmarks that each finger's pad passes on its way down the right cheek."""

POINTING, FACING = np.array([0.70, -0.62, 0.30]), np.array([0.55, 0.10, 0.83])
"""Directions of the straight fingers and of the palm, in the head's axes: the elbow hangs, the back of the hand is in
view."""

TURN_SIGMA = 0.12
"""Radians: a turn of the hand from this direction costs as much as a fingertip `PAD_SIGMA` away from its target."""

PAD_SIGMA, NORMAL_SIGMA = 0.0008, 0.35
"""Metres, and the sine of an angle: standard deviations of a pad from its target, and of its normal from the skin's."""

CLEARANCE, CLEARANCE_SIGMA = 0.004, 0.001
"""Metres that the rest of the hand keeps from the head."""

RELAXED_DEGREES = {
    "thumb_cmc_abduction": 8.0,
    "thumb_ip_flexion": 15.0,
    "index_mcp_flexion": 12.0,
    "index_mcp_abduction": -2.0,
    "index_pip_flexion": 26.0,
    "index_dip_flexion": 10.0,
    "middle_mcp_flexion": 16.0,
    "middle_mcp_abduction": 4.0,
    "middle_pip_flexion": 26.0,
    "middle_dip_flexion": 10.0,
    "ring_mcp_flexion": 26.0,
    "ring_mcp_abduction": 8.0,
    "ring_pip_flexion": 42.0,
    "ring_dip_flexion": 16.0,
    "little_mcp_flexion": 30.0,
    "little_mcp_abduction": 9.0,
    "little_pip_flexion": 45.0,
    "little_dip_flexion": 16.0,
}
"""Joint angles that the fingers keep where no target needs others; all others are at their mean."""

ANGLE_SIGMA = 0.20
"""Radians around `RELAXED_DEGREES`, alike for all joints; sideways motion and twist have a third of it."""

AWAY_PATH, AWAY_TURN = np.array([-0.13, 0.32, -0.02]), np.array([0.20, 0.10, -0.45])
"""Metres and axis-angle, camera axes: where the hand comes from and goes to, out of the picture."""

SMOOTHING_FRAMES = 1.0
"""Standard deviation, in frames, of the average over time that hides the solver's small steps."""


@dataclass(frozen=True)
class WristPose:
    """rotation, translation : (3,) of the wrist in camera space; angles : (22,)."""

    rotation: np.ndarray
    translation: np.ndarray
    angles: np.ndarray


@dataclass(frozen=True)
class _Pad:
    """vertices : indices around the middle of a fingertip's pad; tip : of the whole fingertip; joint : that carries it;
    normal : (3,) of the pad at rest."""

    vertices: np.ndarray
    tip: np.ndarray
    joint: int
    normal: np.ndarray


def reach(head: Head, hand: Hand, moments: list[Moment]) -> list[WristPose]:
    """Poses of the hand for a performance, frame by frame, smooth over time."""
    solver = _Solver(head, hand)
    engaged = [k for k, moment in enumerate(moments) if moment.away < 1]
    solved = np.array([solver.solve(moments[k]) for k in engaged])
    local = np.stack([np.interp(range(len(moments)), engaged, column) for column in solved.T], axis=1)
    local = gaussian_filter1d(local, SMOOTHING_FRAMES, axis=0, mode="nearest")
    return [solver.in_camera(x, moment) for x, moment in zip(local, moments, strict=True)]


class _Solver:
    """Solves in the head's own axes, so that the hand follows the head; unknowns: rotation, translation, 22 angles."""

    def __init__(self, head: Head, hand: Hand) -> None:
        self.head, self.hand = head, hand
        self.rest = head.rest(HEAD_SHAPE)
        self.triangles = triangles(head.mesh)
        self.outside = np.flatnonzero(
            ~head.mesh.region_vertices("mouth_inner", "tongue", "eyeball.L", "eyeball.R") & ~head.socket_vertices
        )
        self.pads = {finger: _pad(hand, finger) for finger in FINGERS}
        relaxed = hand.dof_mean.astype(float)
        for name, degrees in RELAXED_DEGREES.items():
            relaxed[hand.dof_names.index(name)] = np.radians(degrees)
        self.relaxed = relaxed
        sideways = np.array(["abduction" in name or "twist" in name for name in hand.dof_names])
        self.sigma = ANGLE_SIGMA * np.where(sideways, 1 / 3, 1.0)
        self.reference = _facing_rotation()
        tips = np.unique(np.concatenate([self._tip(finger) for finger in FINGERS]))
        self.watched = np.setdiff1d(np.arange(0, len(hand.mesh.rest_vertices), 4), tips)
        self.x = np.concatenate([np.zeros(3), [-0.16, 0.10, -0.14], relaxed])

    def solve(self, moment: Moment) -> np.ndarray:
        """(28,) unknowns for a moment, starting from the last solution."""
        skin = self.head.deform(self.rest, moment.expression).astype(float)
        normals = vertex_normals(skin, self.triangles)
        landmarks = self.head.landmarks(skin)
        smooth = self._smooth_normals(landmarks, skin, normals)
        targets = {}
        for finger in FINGERS:
            place = moment.slide * (len(PATHS[finger]) - 1)
            at, normal = _along(landmarks, PATHS[finger], place), _along(smooth, PATHS[finger], place)
            normal /= np.linalg.norm(normal)
            targets[finger] = (at, normal)
        tree = cKDTree(skin[self.outside])
        around = skin[self.outside], normals[self.outside], tree
        lower = np.concatenate([np.full(6, -np.inf), self.hand.dof_lower])
        upper = np.concatenate([np.full(6, np.inf), self.hand.dof_upper])
        start = np.clip(self.x, lower + 1e-6, upper - 1e-6)
        found = least_squares(
            self._residuals, start, bounds=(lower, upper), args=(targets, moment.depth, around), ftol=1e-4, xtol=1e-4
        )
        self.x = found.x
        return self.x

    def in_camera(self, x: np.ndarray, moment: Moment) -> WristPose:
        """The pose in camera space, moved away from the face as far as the moment says."""
        turn = rotation_matrices(moment.rotation)
        away = rotation_matrices(AWAY_TURN * moment.away)
        rotation = axis_angle(away @ turn @ self._rotation(x))
        translation = turn @ x[3:6] + moment.translation + AWAY_PATH * moment.away
        return WristPose(rotation, translation, x[6:])

    def _rotation(self, x: np.ndarray) -> np.ndarray:
        return rotation_matrices(x[:3]) @ self.reference

    def _residuals(
        self,
        x: np.ndarray,
        targets: dict[str, tuple[np.ndarray, np.ndarray]],
        depth: float,
        around: tuple[np.ndarray, np.ndarray, cKDTree],
    ) -> np.ndarray:
        rotation = axis_angle(self._rotation(x))
        vertices = self.hand.pose(HAND_SHAPE, HAND_SCALE, rotation, x[6:], x[3:6]).astype(float)
        linear, _ = self.hand.transforms(HAND_SHAPE, HAND_SCALE, rotation, x[6:], x[3:6])
        residuals = [x[:3] / TURN_SIGMA, (x[6:] - self.relaxed) / self.sigma]
        for finger, (surface, normal) in targets.items():
            pad = self.pads[finger]
            sideways = vertices[pad.vertices].mean(axis=0) - surface
            sideways -= (sideways @ normal) * normal
            deepest = np.sort((surface - vertices[pad.tip]) @ normal)[-4:].mean()
            residuals.append(np.append(sideways, deepest - depth) / PAD_SIGMA)
            residuals.append((linear[pad.joint] @ pad.normal + normal) / NORMAL_SIGMA)
        points, normals, tree = around
        nearest = tree.query(vertices[self.watched])[1]
        gap = np.einsum("ni,ni->n", vertices[self.watched] - points[nearest], normals[nearest])
        residuals.append(np.maximum(CLEARANCE - gap, 0) / CLEARANCE_SIGMA)
        return np.concatenate(residuals)

    def _smooth_normals(self, landmarks: np.ndarray, skin: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """(468, 3) normals at the landmarks, averaged over about a fingertip."""
        result = np.zeros_like(landmarks)
        for index in sorted({index for path in PATHS.values() for index in path}):
            distance = np.linalg.norm(skin[self.outside] - landmarks[index], axis=1)
            result[index] = np.exp(-((distance / 0.012) ** 2)) @ normals[self.outside]
            result[index] /= np.linalg.norm(result[index])
        return result

    def _tip(self, finger: str) -> np.ndarray:
        """Vertices that the last two joints of a finger carry."""
        mesh = self.hand.mesh
        joints = [mesh.joint_names.index(f"{finger}_{joint}") for joint in ("pip", "dip")]
        weight = np.where(np.isin(mesh.skin_joints, joints), mesh.skin_weights, 0).sum(axis=1)
        return np.flatnonzero(weight > 0.3)


def _pad(hand: Hand, finger: str) -> _Pad:
    mesh = hand.mesh
    joint = mesh.joint_names.index(f"{finger}_dip")
    tip = np.flatnonzero(mesh.region_vertices(finger))
    along = mesh.rest_vertices[tip] - mesh.joints[joint]
    tip = tip[np.linalg.norm(along, axis=1) < 0.035]
    direction = mesh.rest_vertices[tip].mean(axis=0) - mesh.joints[joint]
    direction /= np.linalg.norm(direction)
    palmar = np.array([0.0, 0.0, -1.0]) + direction[2] * direction
    palmar /= np.linalg.norm(palmar)
    normal = 0.8 * palmar + 0.6 * direction
    return _Pad(tip[np.argsort(mesh.rest_vertices[tip] @ normal)[-8:]], tip, joint, normal)


def _facing_rotation() -> np.ndarray:
    """Rotation that takes the rest pose (fingers to -y, palm to -z) to `POINTING` and `FACING`."""
    fingers = POINTING / np.linalg.norm(POINTING)
    palm = FACING - (FACING @ fingers) * fingers
    palm /= np.linalg.norm(palm)
    return np.stack([np.cross(fingers, palm), -fingers, -palm], axis=1)


def _along(points: np.ndarray, path: tuple[int, ...], place: float) -> np.ndarray:
    """Catmull-Rom spline through landmarks; place from 0 to the number of landmarks less one."""
    k = int(np.clip(np.floor(place), 0, len(path) - 2))
    x = place - k
    a, b, c, d = (points[path[int(np.clip(k + j, 0, len(path) - 1))]] for j in (-1, 0, 1, 2))
    return b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))
