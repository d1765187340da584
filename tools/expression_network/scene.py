"""Scenes to train on: a head that makes a face, before a camera, with hands, hair and teeth.

Ranges and shares were set by hand: phone footage and portraits, wider than those that measure the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from accuracy.wardrobe import FOREARM_RINGS, Tube
from depth_prior.gestures import sample_angles

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from expression_network.expressions import sample_expression
from expression_network.looks import HAIRS, load_hair, load_teeth
from expression_network.people import Model, Person, sample_person

__all__ = ["EYES", "HAIR", "HANDS", "MOUTH", "SIZE", "SKIN", "TEETH", "Scene", "sample_scene"]

SIZE = 256
"""Pixels of a picture's side: it shows little more than the window in which the face is read."""

SKIN, EYES, MOUTH, TEETH, HANDS, HAIR = range(6)
"""What a triangle shows."""

STILL_SHARE = 0.4
"""Share of heads that are turned little."""

LITTLE, YAW, PITCH, ROLL = (12.0, 8.0, 5.0), 42.0, 27.0, 16.0
"""Degrees: deviations of the heads that are turned little, and the ranges of the others."""

FOV = (22.0, 72.0)
"""Degrees along the side of the whole picture, of which the scene shows a part."""

TALL, SHARE = (0.62, 0.9), (0.22, 0.85)
"""Height of the head as a share of `SIZE`, and of the whole picture."""

HEAD_HEIGHT = 0.23
"""Metres, of the mean head."""

WITH_TEETH, WITH_HAIR, WITH_HAND, WITH_TWO = 0.65, 0.35, 0.42, 0.12
"""Shares of scenes with teeth and hair; of those with a hand, and of these with two."""

TARGETS = (152, 199, 18, 61, 291, 13, 205, 425, 50, 280, 4, 1, 94, 33, 263, 145, 374, 70, 300, 127, 356, 10, 172, 397)
"""Landmarks that hands are laid on: chin, lips, cheeks, nose, eyes, brows, temples, forehead, jaw."""

REACHING = (0, 4, 8, 8, 8, 12, 12, 16, 5, 9, 17, 9)
"""Key points of the hand that are laid there: fingertips, knuckles, the wrist."""

HAND_TILT, HAND_ROLL, HAND_SPREAD = 30.0, 45.0, 0.05
"""Degrees, deviations from a hand that shows its back, fingers up; deviation of the logarithm of its size."""

BEFORE_SKIN = (-0.012, 0.03)
"""Metres between the key point and the landmark, towards the camera."""


@dataclass(frozen=True)
class Scene:
    """All that is drawn. vertices : (n, 3) camera space, the head's (V, 3) first; faces : (T, 3); kind : (T,);
    person : whose head it is, and expression : (52,) of it; rotation : (3, 3); marks : (478, 2) pixels of its
    landmarks; tall : pixels of its height."""

    vertices: np.ndarray
    faces: np.ndarray
    kind: np.ndarray
    camera: Camera
    person: Person
    expression: np.ndarray
    rotation: np.ndarray
    marks: np.ndarray
    tall: float


@dataclass(frozen=True)
class _Piece:
    vertices: np.ndarray
    faces: np.ndarray
    kind: np.ndarray


def sample_scene(rng: np.random.Generator, models: tuple[Model, ...]) -> Scene:
    """Draw a scene with a person of some models."""
    head, person, weights = load_head(), sample_person(rng, models), sample_expression(rng)
    rotation = _turn(rng)
    tall = float(rng.uniform(*TALL) * SIZE)
    camera = _camera(tall, rng)
    local = person.deform(weights).astype(np.float64)
    aim = SIZE / 2 + rng.uniform(-0.06, 0.06, 2) * SIZE
    middle = camera.rays(aim) * HEAD_HEIGHT * camera.fx / tall
    translation = middle - rotation @ head.landmarks(local).mean(axis=0)
    posed = local @ rotation.T + translation
    points = np.concatenate([head.landmarks(posed), head.irises(posed)])
    pieces = [_Piece(posed, *_head_faces())]
    if rng.random() < WITH_TEETH:
        lips = [head.landmarks(vertices)[[13, 14]].mean(axis=0) for vertices in (person.rest, head.mesh.rest_vertices)]
        teeth = load_teeth()
        placed = teeth.place(lips[0] - lips[1], weights) @ rotation.T + translation
        pieces.append(_Piece(placed, teeth.faces, np.full(len(teeth.faces), TEETH)))
    if rng.random() < WITH_HAIR:
        hair = load_hair(int(rng.integers(HAIRS)))
        pieces.append(_Piece(hair.place(posed), hair.faces, np.full(len(hair.faces), HAIR)))
    if rng.random() < WITH_HAND:
        sides = ["left", "right"]
        rng.shuffle(sides)
        for side in sides[: 2 if rng.random() < WITH_TWO else 1]:
            vertices, faces = _hand(side, points, rng)
            pieces.append(_Piece(vertices, faces, np.full(len(faces), HANDS)))
    starts = np.cumsum([0] + [len(piece.vertices) for piece in pieces])
    return Scene(
        np.concatenate([piece.vertices for piece in pieces]),
        np.concatenate([piece.faces + start for piece, start in zip(pieces, starts[:-1], strict=True)]),
        np.concatenate([piece.kind for piece in pieces]),
        camera,
        person,
        weights,
        rotation,
        camera.project(points),
        tall,
    )


def _turn(rng: np.random.Generator) -> np.ndarray:
    """(3, 3) rotation of the head."""
    if rng.random() < STILL_SHARE:
        yaw, pitch, roll = np.radians(rng.normal(0, LITTLE))
    else:
        yaw, pitch, roll = np.radians(rng.uniform(-1, 1, 3) * (YAW, PITCH, ROLL))
    turned = rotation_matrices(np.array([0, 0, roll])) @ rotation_matrices(np.array([0, yaw, 0]))
    return np.asarray(turned @ rotation_matrices(np.array([pitch, 0, 0])))


def _camera(tall: float, rng: np.random.Generator) -> Camera:
    """The camera of a larger picture, of which the scene is a part."""
    whole = tall / rng.uniform(*SHARE)
    focal = 0.5 * whole / np.tan(np.radians(rng.uniform(*FOV)) / 2)
    offset = rng.uniform(-0.4, 0.4, 2) * max(whole - tall, 0.0) * [1.0, 0.7]
    cx, cy = (SIZE - 1) / 2 - offset
    return Camera(float(focal), float(focal), float(cx), float(cy), SIZE, SIZE)


@lru_cache(maxsize=1)
def _head_faces() -> tuple[np.ndarray, np.ndarray]:
    """Triangles (T, 3) of the head, and what they show (T,)."""
    mesh = load_head().mesh
    faces = triangles(mesh)
    eyes = mesh.region_vertices("eyeball.L", "eyeball.R")[faces].all(axis=1)
    inner = mesh.region_vertices("mouth_inner", "tongue")[faces].sum(axis=1) >= 2
    return faces, np.where(eyes, EYES, np.where(inner, MOUTH, SKIN))


@lru_cache(maxsize=2)
def _forearm(side: str) -> Tube:
    return Tube.below(load_hand(side).mesh, FOREARM_RINGS)


def _hand(side: str, points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A hand with its forearm, somewhere on the face: vertices (n, 3), faces (T, 3)."""
    hand = load_hand(side)
    shape = rng.normal(0, 1, len(hand.shape_basis))
    scale = float(np.exp(rng.normal(0, HAND_SPREAD)))
    angles = sample_angles(hand, 1, rng)[0]
    tilt = rotation_matrices(np.radians(rng.normal(0, [HAND_TILT, HAND_TILT, HAND_ROLL])))
    # At rest a hand shows its palm to the camera, fingers up: turned by half a turn, its palm faces the face.
    rotation = axis_angle(tilt @ rotation_matrices(np.array([0.0, np.pi, 0.0])))
    keypoints = hand.keypoints(shape, scale, rotation, angles, np.zeros(3))
    target = points[TARGETS[int(rng.integers(len(TARGETS)))]]
    before = target * (1 - rng.uniform(*BEFORE_SKIN) / np.linalg.norm(target))
    translation = before - keypoints[REACHING[int(rng.integers(len(REACHING)))]]
    vertices = hand.pose(shape, scale, rotation, angles, translation)
    axis = rotation_matrices(rotation)[:, 1]
    elbow = np.array([rng.normal(0, 0.5), 1.0, rng.normal(0, 0.2)])
    arm = _forearm(side)
    sleeve = float(rng.uniform(0.003, 0.012)) if rng.random() < 0.5 else 0.0
    below = arm.forearm(vertices, axis, elbow / np.linalg.norm(elbow), sleeve)
    return np.concatenate([vertices, below]), np.concatenate([triangles(hand.mesh), arm.faces + len(vertices)])
