"""What is under pressed skin: flesh that rises around a dent, and the mouth's lining that follows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.contact.contact_pairs import smooth_step
from dice_core.contact.tissue.stiffness import Tissue

__all__ = ["Lining", "rise_around"]

RISING_SHARE, HIGHEST_RISE, RISE_WIDTH = 0.5, 0.004, 0.022
"""Share of the dent's volume that rises around it (the rest goes inwards), the highest rise and the spread around the
pushes, both in metres."""

RISING_AREA = 4e-4
"""Square metres added to the area that can rise, so that little soft skin does not rise steeply."""

NEAR, FAR = 0.012, 0.045
"""Metres behind the skin up to which the mouth's lining follows it fully, and from which on it stays."""

FOLLOWED = 6
"""Skin vertices that a vertex of the lining follows, the nearer the more."""


def rise_around(rest: np.ndarray, feet: np.ndarray, force: np.ndarray, volume: float, able: np.ndarray) -> np.ndarray:
    """Height by which flesh rises around a dent, so that it keeps part of its volume.

    rest : (n, 3) vertices at rest; feet : (m, 3) where the skin is pushed, at rest, and force : (m,) how hard;
    volume : of the dent, cubic metres; able : (n,) square metres of each vertex that can rise.
    Returns (n,) metres, at most HIGHEST_RISE.
    """
    total = float(force.sum())
    if volume <= 0 or total <= 0:
        return np.zeros(len(rest))
    points, feet = rest.astype(np.float32), feet.astype(np.float32)
    square = (points**2).sum(axis=1)[:, None] + (feet**2).sum(axis=1) - 2 * points @ feet.T
    spread = np.exp(square / np.float32(-2 * RISE_WIDTH**2)) @ (force / total)
    height = RISING_SHARE * volume / (float((able * spread).sum()) + RISING_AREA) * spread
    return HIGHEST_RISE * np.tanh(height / HIGHEST_RISE)


@dataclass(frozen=True)
class Lining:
    """The surfaces behind the skin and the skin that they follow.

    vertices : (n,) int; followed : (n, k) int; share : (n, k) of each one's displacement.
    """

    vertices: np.ndarray
    followed: np.ndarray
    share: np.ndarray

    @classmethod
    def behind(cls, tissue: Tissue, rest: np.ndarray) -> Lining:
        """The lining of a head at rest (V, 3), metres."""
        if tissue.lining is None:
            return cls(np.zeros(0, np.int64), np.zeros((0, 1), np.int64), np.zeros((0, 1)))
        lining, skin = np.flatnonzero(tissue.lining), np.flatnonzero(tissue.moving & ~tissue.lining)
        a, b = rest[lining].astype(np.float64), rest[skin].astype(np.float64)
        square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
        nearest = np.argpartition(square, FOLLOWED, axis=1)[:, :FOLLOWED]
        distance = np.linalg.norm(b[nearest] - a[:, None], axis=2)
        share = 1 / np.maximum(distance, 1e-4) ** 2
        fading = 1 - smooth_step(distance.min(axis=1, keepdims=True), NEAR, FAR)
        return cls(lining, skin[nearest], share * fading / share.sum(axis=1, keepdims=True))

    def follow(self, field: np.ndarray) -> None:
        """Set the lining's part of a displacement (V, 3), in place."""
        field[self.vertices] = np.einsum("nk,nkx->nx", self.share, field[self.followed])
