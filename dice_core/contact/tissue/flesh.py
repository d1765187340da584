"""What lies under pressed skin: flesh that bulges around a dent, and the mouth's lining, which follows the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.contact.contact_pairs import smooth_step
from dice_core.contact.tissue.stiffness import Tissue

__all__ = ["Lining", "volume_bulge"]

# All of these were set by hand, for how dents in cheeks and lips look.

BULGE_SHARE, HIGHEST_BULGE, BULGE_WIDTH = 0.5, 0.004, 0.022
"""Share of the dent's volume that bulges around it (the rest goes inwards), the highest bulge in metres, and its spread
around the points of contact in metres."""

BULGE_AREA = 4e-4
"""Square metres added to the area that can bulge, so that a small patch of soft skin does not bulge steeply."""

FOLLOWS_UP_TO, STAYS_FROM = 0.012, 0.045
"""Metres behind the skin up to which the mouth's lining follows it fully, and from which it stays where it is."""

FOLLOWED = 6
"""Skin vertices that each vertex of the lining follows, weighted by their inverse squared distance."""


def volume_bulge(
    rest: np.ndarray, contacts: np.ndarray, force: np.ndarray, volume: float, capacity: np.ndarray
) -> np.ndarray:
    """Height by which flesh bulges around a dent, so that part of its volume is kept.

    rest : (n, 3) vertices at rest, metres; contacts : (m, 3) points of the skin at rest that are pressed, and
    force : (m,) how hard, in any unit; volume : of the dent, cubic metres; capacity : (n,) square metres of each vertex
    that can bulge.
    Returns (n,) metres, at most HIGHEST_BULGE.
    """
    total = float(force.sum())
    if volume <= 0 or total <= 0:
        return np.zeros(len(rest))
    points, contacts = rest.astype(np.float32), contacts.astype(np.float32)
    square = (points**2).sum(axis=1)[:, None] + (contacts**2).sum(axis=1) - 2 * points @ contacts.T
    spread = np.exp(square / np.float32(-2 * BULGE_WIDTH**2)) @ (force / total)
    height = BULGE_SHARE * volume / (float((capacity * spread).sum()) + BULGE_AREA) * spread
    return HIGHEST_BULGE * np.tanh(height / HIGHEST_BULGE)


@dataclass(frozen=True)
class Lining:
    """The surfaces behind the skin, and the skin that they follow.

    vertices : (n,) int, of the lining; followed : (n, k) int, of the skin; share : (n, k) of each one's displacement.
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
        fading = 1 - smooth_step(distance.min(axis=1, keepdims=True), FOLLOWS_UP_TO, STAYS_FROM)
        return cls(lining, skin[nearest], share * fading / share.sum(axis=1, keepdims=True))

    def follow(self, field: np.ndarray) -> None:
        """Set the lining's part of a displacement (V, 3), in place."""
        field[self.vertices] = np.einsum("nk,nkx->nx", self.share, field[self.followed])
