"""Painted skin for the rasteriser: the pictures of the sample clip's tool in one atlas, and what each vertex wears."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from sample.paint import SKIN, paint_eyes, paint_face, paint_hand

from accuracy.wardrobe import smoothed
from dice_core.bodies import load_hand, load_head
from dice_core.geometry.mesh import triangles, vertex_normals

__all__ = ["Skins", "load_skins"]

SHRINK = 2
"""Pixels of a painting for each of the atlas: what a picture shows is coarser still."""


@dataclass(frozen=True)
class Skins:
    """One atlas for all bodies; it is painted for the mean ones, and vertices of others wear the same texels.

    atlas : (h, w, 3) float32 sRGB; eyes_from, eyes_to : rows of the eyes, which have no skin tone; tone : (3,) of the
    paintings; head_texels : (V, 2); hand_texels, palms : by mesh name, texels and share (W,) of plain colour;
    beard, crevices : (V,) where it grows, and the share of light that reaches a vertex; inside : (V,) bool, the mouth.
    """

    atlas: np.ndarray
    eyes: tuple[int, int]
    tone: np.ndarray
    head_texels: np.ndarray
    hand_texels: dict[str, np.ndarray]
    palms: dict[str, np.ndarray]
    beard: np.ndarray
    crevices: np.ndarray
    inside: np.ndarray

    def tinted(self, tint: np.ndarray) -> np.ndarray:
        """(h, w, 3) the atlas with the skin, not the eyes, multiplied by a tint (3,)."""
        rows = np.arange(len(self.atlas))
        is_eye = (rows >= self.eyes[0]) & (rows < self.eyes[1])
        return np.where(is_eye[:, None, None], self.atlas, np.clip(self.atlas * tint, 0, 1))

    def lookup(self, texels: np.ndarray, tint: np.ndarray) -> np.ndarray:
        """(n, 3) sRGB at texels (n, 2), skin multiplied by a tint (3,)."""
        count = len(texels)
        columns = 256
        padded = np.zeros((-(-max(count, 1) // columns) * columns, 2), np.float32)
        padded[:count] = texels
        # remap takes no pictures of more than 32767 rows: the list is folded.
        across, down = padded[:, 0].reshape(-1, columns), padded[:, 1].reshape(-1, columns)
        colour = cv2.remap(self.atlas, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        colour = colour.reshape(-1, 3)[:count]
        is_eye = (texels[:, 1] >= self.eyes[0]) & (texels[:, 1] < self.eyes[1])
        return np.where(is_eye[:, None], colour, np.clip(colour * tint, 0, 1))


@lru_cache(maxsize=1)
def load_skins() -> Skins:
    """Paint the bodies, once a process."""
    head, hand = load_head(), load_hand("right")
    mesh = head.mesh
    rest, hand_rest = mesh.rest_vertices, hand.mesh.rest_vertices
    shape = np.zeros(len(hand.shape_basis))
    face, eyes = paint_face(head, rest), paint_eyes(head, rest)
    fingers = paint_hand(hand, hand_rest, hand.joint_positions(shape, 1.0), hand.keypoints_rest(shape, 1.0))
    small = [
        cv2.resize(picture.colour.astype(np.float32), None, fx=1 / SHRINK, fy=1 / SHRINK, interpolation=cv2.INTER_AREA)
        for picture in (face, eyes, fingers)
    ]
    width = max(picture.shape[1] for picture in small)
    atlas = np.concatenate([np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), mode="edge") for p in small])
    rows = np.cumsum([0] + [len(picture) for picture in small])
    eyeball = mesh.region_vertices("eyeball.L", "eyeball.R")
    texels = np.where(
        eyeball[:, None], eyes.pixels(rest) / SHRINK + [0, rows[1]], face.pixels(rest) / SHRINK + [0, rows[0]]
    )
    on_hand = fingers.pixels(hand_rest) / SHRINK + [0, rows[2]]
    up = vertex_normals(hand_rest.astype(np.float64), triangles(hand.mesh))[:, 2]
    palm = 1 - np.clip(up * 3 + 0.3, 0, 1)
    inside = mesh.region_vertices("mouth_inner", "tongue")
    beard = smoothed(mesh.region_vertices("chin", "jaw.L", "jaw.R").astype(float), mesh, 2)
    dark = np.where(inside, 0.45, np.where(eyeball, 0.8, 1.0))
    names = ("hand_right", "hand_left")
    return Skins(
        np.ascontiguousarray(atlas, np.float32),
        (int(rows[1]), int(rows[2])),
        SKIN,
        texels,
        dict.fromkeys(names, on_hand),
        dict.fromkeys(names, palm),
        beard,
        dark,
        inside,
    )
