"""The performance as an animation of bodies: posed, with the skin pressed in and touches recorded, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dice_core.bodies import load_hand, load_head
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.touch_events import TouchEventRecorder
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, triangles
from sample.performance import DURATION, HAND_SCALE, HAND_SHAPE, HEAD_SHAPE, Moment, moment
from sample.reach import reach

__all__ = ["FOV_DEGREES", "Animation", "animate", "person_meshes"]

FOV_DEGREES = 40.0
"""Field of view along the longer side: what a capture assumes of footage whose lens is unknown."""


@dataclass(frozen=True)
class Animation:
    """The bodies in every frame of the clip.

    moments : T of them; arrays : the bodies' arrays by the take's keys, (T, ...), zero where the hand
    is out of the picture; hand_vertices : (T, W, 3) metres, everywhere; touches : as take.json lists them.
    """

    moments: list[Moment]
    arrays: dict[str, np.ndarray]
    hand_vertices: np.ndarray
    touches: list[dict[str, Any]]


def person_meshes() -> tuple[Mesh, Mesh]:
    """Head and right hand of the person in the sample."""
    return load_head().person_mesh(HEAD_SHAPE), load_hand("right").person_mesh(HAND_SHAPE, HAND_SCALE)


def animate(frames: int, camera: Camera) -> Animation:
    """Pose the bodies of all frames and press the skin in.

    frames : of the clip; camera : tells when the hand is in the picture.
    """
    head, hand = load_head(), load_hand("right")
    moments = [moment(DURATION * k / (frames - 1)) for k in range(frames)]
    poses = reach(head, hand, moments)
    head_mesh, hand_mesh = person_meshes()
    tissue = SoftTissue.for_head(head, head_mesh.rest_vertices)
    touches = TouchEventRecorder(head_mesh)
    hand_triangles = triangles(hand_mesh)
    rows, everywhere = [], []
    for k, (now, pose) in enumerate(zip(moments, poses, strict=True)):
        vertices = head.pose(HEAD_SHAPE, now.expression, now.rotation, now.translation)
        posed = hand.pose(HAND_SHAPE, HAND_SCALE, pose.rotation, pose.angles, pose.translation)
        pressed = tissue.solve(vertices, posed, hand_triangles)
        touches.add(k, "hand_right", pressed.head_contact, pressed.deformation)
        shift = pressed.hand_shift.astype(np.float32)
        everywhere.append(posed + shift)
        seen = _in_picture(everywhere[-1], camera)
        row = {
            "tracked_head": np.uint8(1),
            "head.vertices": vertices,
            "head.deformation": pressed.deformation,
            "head.contact": pressed.head_contact,
            "head.rotation": _root_rotation(now.rotation, len(head_mesh.joints)),
            "head.translation": now.translation,
            "head.expression": now.expression,
            "tracked_hand_right": np.uint8(seen),
            "hand_right.vertices": everywhere[-1] * seen,
            "hand_right.deformation": np.zeros_like(posed),
            "hand_right.contact": pressed.hand_contact * seen,
            "hand_right.rotation": hand.rotation_vectors(pose.rotation, pose.angles) * seen,
            "hand_right.translation": (pose.translation + shift) * seen,
        }
        rows.append(row)
    arrays = {key: _stored([row[key] for row in rows]) for key in rows[0]}
    return Animation(moments, arrays, np.array(everywhere), touches.as_dicts())


def _in_picture(vertices: np.ndarray, camera: Camera) -> bool:
    """Whether any vertex is seen at all."""
    pixels = camera.project(vertices)
    return bool(((pixels > -0.5) & (pixels < [camera.width - 0.5, camera.height - 0.5])).all(axis=1).any())


def _root_rotation(rotation: np.ndarray, joints: int) -> np.ndarray:
    return np.concatenate([rotation[None], np.zeros((joints - 1, 3))])


def _stored(rows: list[Any]) -> np.ndarray:
    stacked = np.array(rows)
    return stacked if stacked.dtype == np.uint8 else stacked.astype(np.float32)
