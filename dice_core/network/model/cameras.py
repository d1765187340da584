"""From the network's orthographic camera in a crop to the perspective camera of the take; plain functions on numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.network.model.crop import Crop

__all__ = ["CameraAlignment", "OrthographicView", "align_to_camera", "view_in_frame"]

_SCALE_UNIT = 10.0
"""Pixels per metre for one unit of the network's scale output; the release's constant."""
_ROUNDS = 3
"""Rounds of iteratively reweighted least squares; set by hand: the weights have converged after two."""
_NEAREST = 0.1
"""Share of the body's depth; points nearer than this are weighted as if they lay there. Set by hand."""


@dataclass(frozen=True)
class OrthographicView:
    """Where the frame shows points under an orthographic camera.

    scale : pixels per metre; origin : (2,) pixel of the point (0, 0, 0).
    """

    scale: float
    origin: np.ndarray

    def project(self, points: np.ndarray) -> np.ndarray:
        """points : (..., 3) metres. Returns (..., 2) pixels of the frame."""
        return self.origin + self.scale * np.asarray(points, np.float64)[..., :2]


@dataclass(frozen=True)
class CameraAlignment:
    """Rigid motion from head-centred network space to the take's camera space: x -> rotation @ x + translation."""

    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """points : (..., 3). Returns (..., 3) float64."""
        return points @ self.rotation.T + self.translation


def view_in_frame(cam_param: np.ndarray, crop: Crop) -> OrthographicView:
    """The network's camera, carried from the crop to the frame.

    cam_param : (3,) of the network. It shows the point (X, Y) of head-centred space at (s X + tx, s Y + ty) of its
    input, with s = 10 |cam_param[0]|. For a mirrored crop, points have to be mirrored too (X negated) before `project`.
    """
    scale = _SCALE_UNIT * abs(float(cam_param[0])) * crop.scale
    return OrthographicView(scale, crop.to_frame(np.asarray(cam_param[1:3], np.float64)))


def align_to_camera(points: np.ndarray, view: OrthographicView, camera: Camera) -> CameraAlignment:
    """The motion that makes a perspective camera show a body as the orthographic view does.

    points : (n, 3) of the body, head-centred, metres; their spread separates depth from size.
    The body is turned with the ray on which it lies, because the network saw it as if it lay on the optical axis; the
    translation is the least-squares solution for the pixels at which the view shows the points.
    """
    ray = camera.rays(view.origin)
    rotation = _turn_from_axis(ray / np.linalg.norm(ray))
    turned = np.asarray(points, np.float64) @ rotation.T
    target = (view.project(points) - [camera.cx, camera.cy]) / [camera.fx, camera.fy]
    # x + tx = u (z + tz) and the same for y: linear in the translation, weighted by 1 / depth to measure pixels.
    rows = np.zeros((len(points), 2, 3))
    rows[:, 0, 0] = rows[:, 1, 1] = 1.0
    rows[:, :, 2] = -target
    sides = target * turned[:, 2:] - turned[:, :2]
    depth = (camera.fx + camera.fy) / 2 / view.scale
    translation = ray * depth
    for _ in range(_ROUNDS):
        weight = 1.0 / np.maximum(turned[:, 2] + translation[2], _NEAREST * depth)[:, None]
        solution, *_ = np.linalg.lstsq((rows * weight[..., None]).reshape(-1, 3), (sides * weight).ravel(), rcond=None)
        translation = solution
    return CameraAlignment(rotation, translation)


def _turn_from_axis(direction: np.ndarray) -> np.ndarray:
    """Shortest rotation that turns the camera's axis (0, 0, 1) to a unit direction in front of it."""
    x, y, z = direction
    cross = np.array([[0, 0, x], [0, 0, y], [-x, -y, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + z)
