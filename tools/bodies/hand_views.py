"""Renders of many hands, and where the hand network sees its key points in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bodies.render import SKIN, Light, shade
from dice_core.bodies.hand import Hand
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.landmarks import LandmarkTracker

__all__ = ["HandView", "hand_views"]

SEED = 5
VIEW_COUNT = 240
SIZE = 448  # pixels
FOCAL = 1000.0
DISTANCE = (0.55, 0.8)  # metres
YAW, PITCH, ROLL = 55.0, 35.0, 60.0  # degrees, largest
BACK_SHARE = 3  # every third hand shows its back
SHAPE_SIGMA = 0.7


@dataclass(frozen=True)
class HandView:
    """linear : (J, 3, 3) and offset : (J, 3) carry rest points of each joint to camera space; shape : (S,);
    points : (21, 2) pixels as detected."""

    linear: np.ndarray
    offset: np.ndarray
    shape: np.ndarray
    camera: Camera
    points: np.ndarray


def hand_views(hand: Hand) -> tuple[list[HandView], int]:
    """Views in which the hand was found and told to be a right one, and how many were rendered."""
    rng = np.random.default_rng(SEED)
    faces = triangles(hand.mesh)
    spread = np.linalg.cholesky(np.linalg.inv(hand.dof_precision.astype(float)))
    camera = Camera(FOCAL, FOCAL, SIZE / 2 - 0.5, SIZE / 2 - 0.5, SIZE, SIZE)
    tracker = LandmarkTracker(max_hands=1)
    views = []
    for k in range(VIEW_COUNT):
        angles = hand.dof_mean + spread @ rng.normal(size=len(hand.dof_mean))
        angles = np.clip(angles, hand.dof_lower, hand.dof_upper)
        shape = rng.normal(0, SHAPE_SIGMA, len(hand.shape_basis))
        rotation = _viewpoint(k, rng)
        middle = hand.pose(shape, 1.0, rotation, angles, np.zeros(3)).mean(0)
        translation = np.array([0, 0, rng.uniform(*DISTANCE)]) - middle
        lights = (
            Light((rng.uniform(-1, 1), -0.7, -1.0), 0.55),
            Light((rng.uniform(-1, 1), 0.3, -0.8), 0.2),
        )
        albedo = np.tile(SKIN * np.clip(rng.normal(1, 0.1), 0.7, 1.1), (len(hand.mesh.rest_vertices), 1))
        picture, _ = shade(
            hand.pose(shape, 1.0, rotation, angles, translation).astype(float),
            faces,
            camera,
            albedo,
            lights=lights,
            background=rng.uniform(0.25, 0.95, 3),
            gloss=0.1,
        )
        found = tracker.detect(picture).hand("right")
        if found is not None:
            linear, offset = hand.transforms(shape, 1.0, rotation, angles, translation)
            views.append(HandView(linear, offset, shape, camera, found.points[:, :2].astype(float)))
    return views, VIEW_COUNT


def _viewpoint(k: int, rng: np.random.Generator) -> np.ndarray:
    """(3,) axis-angle of the wrist."""
    yaw, pitch, roll = np.radians(rng.uniform(-1, 1, 3) * (YAW, PITCH, ROLL))
    back = np.pi if k % BACK_SHARE == 0 else 0.0
    return axis_angle(
        rotation_matrices(np.array([0, 0, roll]))
        @ rotation_matrices(np.array([pitch, 0, 0]))
        @ rotation_matrices(np.array([0, yaw + back, 0]))
    )
