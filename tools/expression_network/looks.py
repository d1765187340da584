"""What the heads to train on wear: painted skins and eyes of many people, hair, beards, and teeth.

Colours and shares were set by hand, by the look of the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from accuracy.wardrobe import Hair, smoothed
from sample.paint import Palette, Picture, paint_eyes, paint_face

from dice_core.bodies import load_head

__all__ = ["Look", "Teeth", "load_beard", "load_hair", "load_look", "load_teeth"]

KEPT_LOOKS, HAIRS = 16, 16
"""Painted people that a process keeps, a megabyte each, and shapes of full hair."""

SHRINK = 2
"""Pixels of a painting for each that is kept."""

FAIR, DARK = np.array([0.88, 0.71, 0.63]), np.array([0.30, 0.20, 0.145])
"""sRGB, the ends of the range of skins."""

IRISES = np.array([[0.36, 0.48, 0.55], [0.33, 0.42, 0.40], [0.25, 0.15, 0.09], [0.18, 0.11, 0.07]])

BROW_LIFT, BROW_HEIGHT = 0.0018, (0.6, 1.5)
"""Metres, deviation; shares of the usual height."""

TOOTH_COUNT = 17
"""Corners of an arc of teeth."""


@dataclass(frozen=True)
class Look:
    """A painted person. face, eyes : (h, w, 3) uint8 sRGB; face_texels, eye_texels : (V, 2); skin : (3,) sRGB."""

    face: np.ndarray
    eyes: np.ndarray
    face_texels: np.ndarray
    eye_texels: np.ndarray
    skin: np.ndarray


@lru_cache(maxsize=KEPT_LOOKS)
def load_look(number: int) -> Look:
    """Paint one of the people, in about a second."""
    rng = np.random.default_rng([5, number])
    share = rng.uniform(0, 1)
    skin = FAIR * (1 - share) + DARK * share + rng.normal(0, 0.02, 3)
    dark = rng.uniform(0.1, 0.8) if rng.random() < 0.25 else rng.uniform(0.1, 0.35)
    redness = rng.uniform(0.5, 0.82)
    whole, tilt = rng.normal(0, BROW_LIFT), rng.normal(0, BROW_LIFT / 2)
    palette = Palette(
        skin=skin,
        blush=skin * [1, rng.uniform(0.72, 0.92), rng.uniform(0.7, 0.92)],
        lips=skin * [rng.uniform(0.75, 1), redness, redness * rng.uniform(0.95, 1.2)],
        shade=skin * rng.uniform(0.6, 0.9),
        brow=skin * dark * [1, 0.85, 0.75],
        lash=skin * rng.uniform(0.08, 0.4),
        iris=IRISES[number % len(IRISES)] * rng.uniform(0.7, 1.3),
        seed=1000 + number,
        brow_lift=(whole + tilt, whole - tilt),
        brow_height=rng.uniform(*BROW_HEIGHT),
    )
    head = load_head()
    rest = head.mesh.rest_vertices
    face, eyes = paint_face(head, rest, palette), paint_eyes(head, rest, palette)
    return Look(_small(face), _small(eyes), _texels(face, rest), _texels(eyes, rest), skin)


def _small(picture: Picture) -> np.ndarray:
    colour = np.clip(picture.colour * 255, 0, 255).astype(np.uint8)
    return cv2.resize(colour, None, fx=1 / SHRINK, fy=1 / SHRINK, interpolation=cv2.INTER_AREA)


def _texels(picture: Picture, rest: np.ndarray) -> np.ndarray:
    return (picture.pixels(rest) / SHRINK).astype(np.float32)


@lru_cache(maxsize=HAIRS)
def load_hair(number: int) -> Hair:
    """One of the shapes of full hair, 0 to HAIRS - 1."""
    return Hair(load_head().mesh, np.random.default_rng([6, number]))


@lru_cache(maxsize=1)
def load_beard() -> np.ndarray:
    """(V,) 0 to 1: where a beard grows."""
    mesh = load_head().mesh
    return smoothed(mesh.region_vertices("chin", "jaw.L", "jaw.R").astype(float), mesh, 2)


@dataclass(frozen=True)
class Teeth:
    """Two arcs behind the lips, which the head lacks. vertices : (n, 3) of the mean head at rest; faces : (T, 3);
    moves : (52, 3) metres by which an expression moves the lower arc; lower : (n,) bool."""

    vertices: np.ndarray
    faces: np.ndarray
    moves: np.ndarray
    lower: np.ndarray

    def place(self, shift: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """(n, 3) in the head's own axes; shift : (3,) of the person's mouth against the mean head's."""
        return self.vertices + shift + self.lower[:, None] * (expression @ self.moves)


@lru_cache(maxsize=1)
def load_teeth() -> Teeth:
    """Made for the mean head."""
    head = load_head()
    rest = head.mesh.rest_vertices
    marks = head.landmarks(rest)
    lips = (marks[13] + marks[14]) / 2
    turn = np.linspace(-1, 1, TOOTH_COUNT) * 1.35
    across = np.sin(turn) / np.sin(1.35) * 0.022
    depth = lips[2] + 0.028 - 0.0235 * np.cos(turn) ** 0.8
    rows = [(1.0, -0.007, 0.001), (1.0, 0.0035, 0.0), (0.93, 0.0015, 0.002), (0.93, 0.011, 0.003)]
    arcs = [
        np.stack([width * across, np.full(TOOTH_COUNT, lips[1] + down), depth + back], axis=1)
        for width, down, back in rows
    ]
    first = np.arange(TOOTH_COUNT - 1)
    band = np.concatenate(
        [
            np.stack([first, first + 1, first + TOOTH_COUNT + 1], axis=1),
            np.stack([first, first + TOOTH_COUNT + 1, first + TOOTH_COUNT], axis=1),
        ]
    )
    tongue = head.mesh.region_vertices("tongue")
    front = tongue & (rest[:, 2] < rest[tongue, 2].min() + 0.02)
    moves = np.zeros((len(head.expressions), 3))
    for name in ("jawOpen", "jawForward", "jawLeft", "jawRight"):
        index = head.expression_names.index(name)
        moves[index] = head.expressions[index][front].mean(axis=0)
    lower = np.repeat([False, False, True, True], TOOTH_COUNT)
    return Teeth(np.concatenate(arcs), np.concatenate([band, band + 2 * TOOTH_COUNT]), moves, lower)
