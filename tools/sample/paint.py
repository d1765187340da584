"""What skin, eyes and nails look like: pictures painted on the front of the head and the back of the hand.

A picture covers a rectangle of the rest pose seen along z, so that a point's position in it is its x and y.
Colours, sizes and strengths were set by hand, by the look of the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dice_core.bodies import Hand, Head

__all__ = ["Palette", "Picture", "paint_eyes", "paint_face", "paint_hand"]

PIXEL = 0.0002
"""Metres a pixel."""

SKIN = np.array([0.80, 0.615, 0.53])
BLUSH = np.array([0.78, 0.50, 0.44])
LIPS = np.array([0.66, 0.36, 0.34])
BROW = np.array([0.20, 0.13, 0.10])
LASH = np.array([0.10, 0.07, 0.06])
SHADE = np.array([0.66, 0.46, 0.41])
IRIS, IRIS_RIM, PUPIL = np.array([0.33, 0.42, 0.40]), np.array([0.10, 0.14, 0.16]), np.array([0.01, 0.01, 0.01])
SCLERA = np.array([0.90, 0.87, 0.85])
NAIL, NAIL_EDGE = np.array([0.86, 0.64, 0.59]), np.array([0.93, 0.83, 0.79])
"""sRGB."""

LIP_OUTLINE = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
BROW_UPPER = ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336))
BROW_LOWER = ((46, 53, 52, 65, 55), (276, 283, 282, 295, 285))
UPPER_LID = ((33, 246, 161, 160, 159, 158, 157), (263, 466, 388, 387, 386, 385, 384))
LOWER_LID = ((33, 7, 163, 144, 145, 153, 154), (263, 249, 390, 373, 374, 380, 381))
"""Face landmarks along features, from the temple to the nose; the subject's right side first."""

IRIS_RADIUS, PUPIL_RADIUS = 0.0060, 0.0023
"""Metres."""


@dataclass(frozen=True)
class Palette:
    """Colours (3,) sRGB of one person's face and eyes; seed : of mottles, brows and spokes; brow_lift : metres by which
    hair grows above the middle of the brow's muscle, at the temple and at the nose; brow_height : of the hair, as a
    share of the usual one."""

    skin: np.ndarray
    blush: np.ndarray
    lips: np.ndarray
    shade: np.ndarray
    brow: np.ndarray
    lash: np.ndarray
    iris: np.ndarray
    seed: int
    brow_lift: tuple[float, float] = (0.0, 0.0)
    brow_height: float = 1.0


PALETTE = Palette(SKIN, BLUSH, LIPS, SHADE, BROW, LASH, IRIS, 7)
"""The person of the sample clip."""


@dataclass(frozen=True)
class Picture:
    """colour : (h, w, 3) float sRGB; origin : (2,) x and y of its first pixel, metres."""

    colour: np.ndarray
    origin: np.ndarray

    def coordinates(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) texture coordinates, v upward, of (n, 3) points of the rest pose."""
        height, width = self.colour.shape[:2]
        share = (points[:, :2] - self.origin) / PIXEL / [width, height]
        return np.stack([share[:, 0], 1 - share[:, 1]], axis=1)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) pixels of (n, 2 or 3) points."""
        return (np.asarray(points)[:, :2] - self.origin) / PIXEL

    def blend(self, colour: np.ndarray, mask: np.ndarray) -> None:
        """Lay a colour over the picture, in place. mask : (h, w) 0 to 1."""
        self.colour[:] += mask[..., None] * (colour - self.colour)


def paint_face(head: Head, rest: np.ndarray, palette: Palette = PALETTE) -> Picture:
    """Skin, lips, brows and lashes; rest : (V, 3) of the person."""
    generator = np.random.default_rng(palette.seed)
    picture = _blank(rest, palette.skin, generator)
    marks = head.landmarks(rest)
    for index, radius, strength in ((205, 0.020, 0.35), (425, 0.020, 0.35), (4, 0.012, 0.35), (199, 0.012, 0.15)):
        picture.blend(palette.blush, strength * _spot(picture, marks[index], radius))
    for index in (145, 374, 159, 386):
        picture.blend(palette.shade, 0.3 * _spot(picture, marks[index], 0.011))
    picture.blend(palette.lips, 0.85 * _polygon(picture, marks[list(LIP_OUTLINE)], 0.0011))
    for upper, lower in zip(BROW_UPPER, BROW_LOWER, strict=True):
        lines = _grown(marks[list(upper)], marks[list(lower)], palette)
        picture.blend(palette.brow, _brow(picture, *lines, generator))
    for upper, lower in zip(UPPER_LID, LOWER_LID, strict=True):
        picture.blend(palette.lash, 0.9 * _line(picture, marks[list(upper)], 0.0016))
        picture.blend(palette.lash, 0.45 * _line(picture, marks[list(lower)], 0.0008))
    return picture


def paint_eyes(head: Head, rest: np.ndarray, palette: Palette = PALETTE) -> Picture:
    """White, iris and pupil of both eyeballs."""
    picture = _blank(rest, SCLERA, None)
    centres = head.irises(rest)[[0, 5]]
    generator = np.random.default_rng(3)
    height, width = picture.colour.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2)
    for centre in centres:
        offset = grid - picture.pixels(centre[None])[0]
        distance = np.linalg.norm(offset, axis=2) * PIXEL
        spokes = np.interp(
            np.arctan2(offset[..., 1], offset[..., 0]), np.linspace(-np.pi, np.pi, 90), _spokes(generator)
        )
        picture.blend(IRIS_RIM, _edge(distance, IRIS_RADIUS, 0.0003))
        picture.blend(palette.iris, _edge(distance, 0.86 * IRIS_RADIUS, 0.0006) * spokes)
        picture.blend(PUPIL, _edge(distance, PUPIL_RADIUS, 0.0002))
    return picture


def paint_hand(hand: Hand, rest: np.ndarray, joints: np.ndarray, keypoints: np.ndarray) -> Picture:
    """Back of the hand: skin, knuckles and nails. rest, joints, keypoints : of the person, unposed."""
    picture = _blank(rest, SKIN, np.random.default_rng(11))
    names = hand.mesh.joint_names
    for finger, tip in (("index", 8), ("middle", 12), ("ring", 16), ("little", 20)):
        for joint, strength in (("mcp", 0.25), ("pip", 0.45), ("dip", 0.3)):
            at = joints[names.index(f"{finger}_{joint}")]
            picture.blend(BLUSH, strength * _spot(picture, at, 0.009))
            if joint != "mcp":
                _wrinkles(picture, at, keypoints[tip] - joints[names.index(f"{finger}_mcp")])
        _nail(picture, joints[names.index(f"{finger}_dip")], rest[hand.mesh.region_vertices(finger)])
    _nail(picture, joints[names.index("thumb_ip")], rest[hand.mesh.region_vertices("thumb")])
    return picture


def _blank(rest: np.ndarray, colour: np.ndarray, generator: np.random.Generator | None) -> Picture:
    """A picture that covers the rest pose, mottled where a generator is given."""
    low, high = rest[:, :2].min(axis=0) - 0.005, rest[:, :2].max(axis=0) + 0.005
    width, height = np.ceil((high - low) / PIXEL).astype(int)
    ground = np.tile(colour, (height, width, 1))
    if generator is not None:
        for millimetres, strength in ((0.5, 0.012), (2.0, 0.012), (9.0, 0.014)):
            noise = cv2.GaussianBlur(generator.standard_normal((height, width)), (0, 0), millimetres / 1000 / PIXEL)
            ground += strength * (noise / noise.std())[..., None] * [0.7, 1.0, 1.0]
    return Picture(ground, low)


def _spot(picture: Picture, point: np.ndarray, radius: float) -> np.ndarray:
    height, width = picture.colour.shape[:2]
    x, y = picture.pixels(point[None])[0]
    square = (np.arange(width) - x) ** 2 + (np.arange(height)[:, None] - y) ** 2
    return np.exp(-square * (PIXEL / radius) ** 2)


def _polygon(picture: Picture, points: np.ndarray, soft: float) -> np.ndarray:
    mask = np.zeros(picture.colour.shape[:2], np.float32)
    cv2.fillPoly(mask, [np.round(picture.pixels(points)).astype(np.int32)], 1.0)
    return cv2.GaussianBlur(mask, (0, 0), soft / PIXEL)


def _line(picture: Picture, points: np.ndarray, width: float) -> np.ndarray:
    mask = np.zeros(picture.colour.shape[:2], np.float32)
    pixels = np.round(picture.pixels(points) * 16).astype(np.int32)
    cv2.polylines(mask, [pixels], False, 1.0, max(1, round(width / PIXEL)), cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), 1.5)


def _grown(upper: np.ndarray, lower: np.ndarray, palette: Palette) -> tuple[np.ndarray, np.ndarray]:
    """The lines (n, 3) between which a person's brow grows, from the temple to the nose."""
    middle, half = (upper + lower) / 2, (upper - lower) / 2 * palette.brow_height
    middle[:, 1] -= np.linspace(*palette.brow_lift, len(middle))
    return middle + half, middle - half


def _brow(picture: Picture, upper: np.ndarray, lower: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Hairs between two lines, that lean toward the temple."""
    mask = np.zeros(picture.colour.shape[:2], np.float32)
    upper, lower = picture.pixels(upper), picture.pixels(lower)
    # The landmarks enclose the muscle; hair grows in the middle of it.
    middle, half = (upper + lower) / 2, (upper - lower) / 2
    for _ in range(420):
        along, across = generator.uniform(0, len(middle) - 1), generator.uniform(-0.75, 0.75)
        k = min(int(along), len(middle) - 2)
        root = _between(middle, k, along - k) + across * _between(half, k, along - k)
        outward = (middle[k] - middle[k + 1]) / np.linalg.norm(middle[k] - middle[k + 1])
        up = np.array([0.0, -1.0]) * (0.9 - 0.35 * (len(middle) - 1 - along))
        hair = outward * generator.uniform(10, 20) + up * generator.uniform(6, 14)
        ends = np.round(np.stack([root, root + hair]) * 16).astype(np.int32)
        cv2.polylines(mask, [ends], False, float(generator.uniform(0.5, 0.9)), 2, cv2.LINE_AA, 4)
    ground = cv2.GaussianBlur(mask, (0, 0), 6)
    return np.clip(0.75 * cv2.GaussianBlur(mask, (0, 0), 0.7) + 0.5 * ground, 0, 0.95)


def _between(points: np.ndarray, k: int, share: float) -> np.ndarray:
    return points[k] + share * (points[k + 1] - points[k])


def _spokes(generator: np.random.Generator) -> np.ndarray:
    values = generator.uniform(0.6, 1.0, 90)
    values[-1] = values[0]
    return values


def _edge(distance: np.ndarray, radius: float, soft: float) -> np.ndarray:
    return np.clip((radius - distance) / soft + 0.5, 0, 1)


def _wrinkles(picture: Picture, point: np.ndarray, direction: np.ndarray) -> None:
    along = direction[:2] / np.linalg.norm(direction[:2])
    across = np.array([-along[1], along[0]])
    for shift in (-0.0025, 0.0, 0.0025):
        ends = np.stack([point[:2] + shift * along + side * 0.0045 * across for side in (-1, 0, 1)])
        picture.blend(SHADE, 0.35 * _line(picture, ends, 0.0005))


def _nail(picture: Picture, joint: np.ndarray, finger: np.ndarray) -> None:
    """A nail on the last third of the finger beyond `joint`, as wide as the finger lets it."""
    along = finger - joint
    tip = along[np.argmax(along @ np.array([0.3, -1.0, -0.4]))]
    length = float(np.linalg.norm(tip[:2]))
    direction = tip[:2] / length
    across = np.array([-direction[1], direction[0]])
    outline, edge = [], []
    for angle in np.linspace(0, 2 * np.pi, 40, endpoint=False):
        # A superellipse: straight sides, round ends.
        x, y = (np.sign(f) * abs(f) ** 0.6 for f in (np.cos(angle), np.sin(angle)))
        place = joint[:2] + direction * length * (0.70 + 0.22 * x) + across * 0.0048 * y
        outline.append(place)
        if x > 0.75:
            edge.append(place)
    picture.blend(SHADE, 0.5 * _line(picture, np.array([*outline, outline[0]]), 0.0008))
    picture.blend(NAIL, 0.9 * _polygon(picture, np.array(outline), 0.0003))
    picture.blend(NAIL_EDGE, 0.7 * _line(picture, np.array(sorted(edge, key=lambda p: p @ across)), 0.001))
