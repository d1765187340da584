"""Pictures of simulated scenes, and the key points that the landmark network finds in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bodies.render import SKIN, Light, shade

from depth_prior.heads import SimulatedHead
from depth_prior.interactions import Scenes
from dice_core.bodies import Head
from dice_core.geometry.mesh import triangles
from dice_core.geometry.rasterizer import scaled_camera
from dice_core.geometry.rotations import axis_angle
from dice_core.landmarks import LandmarkTracker
from dice_core.network.training.synthetic.hand_batch import HandModel

__all__ = ["Detections", "detect_rendered"]

SIZE = 448  # pixels


@dataclass(frozen=True)
class Detections:
    """n hands found in pictures of `SIZE` pixels.

    points : (n, 21, 3) pixels as detected; world : (n, 21, 3) metres; truth : (n, 21, 3) metres in camera space;
    focal : (n,) of the picture, pixels; row : (n,) of the scenes.
    """

    points: np.ndarray
    world: np.ndarray
    truth: np.ndarray
    focal: np.ndarray
    row: np.ndarray


def detect_rendered(
    head: Head,
    simulated: SimulatedHead,
    model: HandModel,
    scenes: Scenes,
    tracker: LandmarkTracker,
    rng: np.random.Generator,
) -> Detections:
    """Render every scene and look for the right hand; scenes in which it is not found are left out."""
    camera = scaled_camera(simulated.camera, SIZE / simulated.camera.width)
    skull = simulated.variant.vertices @ simulated.rotation.T + simulated.translation
    faces = np.concatenate([triangles(head.mesh), triangles(model.mesh) + len(skull)])
    points, world, row = [], [], []
    batch = scenes.batch
    for k in range(len(scenes.touching)):
        fingers = model.hand.pose(
            model.shape, model.scale, axis_angle(batch.rotation[k]), batch.angles[k], batch.translation[k]
        )
        tone = SKIN * np.clip(rng.normal(0.95, 0.12), 0.6, 1.1)
        albedo = np.concatenate([np.tile(tone, (len(skull), 1)), np.tile(tone * 1.02, (len(fingers), 1))])
        lights = (
            Light((rng.uniform(-1, 1), -0.7, -1.0), 0.55),
            Light((rng.uniform(-1, 1), 0.3, -0.8), 0.2),
        )
        vertices = np.concatenate([skull, fingers]).astype(float)
        background = rng.uniform(0.2, 0.95, 3)
        picture, _ = shade(vertices, faces, camera, albedo, lights=lights, background=background, gloss=0.1)
        found = tracker.detect(picture).hand("right")
        if found is not None:
            points.append(found.points)
            world.append(found.world)
            row.append(k)
    shape = (len(row), 21, 3)
    return Detections(
        np.array(points, float).reshape(shape),
        np.array(world, float).reshape(shape),
        scenes.keypoints[np.array(row, int)],
        np.full(len(row), camera.fx),
        np.array(row, int),
    )
