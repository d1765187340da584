"""Eyeballs as rigid balls under the lids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Eye", "eyes_of"]

LID_COVER = 0.0004
"""Metres that the skin of a lid stays in front of the eyeball. Set by hand: less than a lid is thick, more than what
rounding and interpolation between vertices take away."""

REACH = 1.6
"""Radii of the eyeball around its centre within which skin is kept off it. Set by hand to hold both lids."""


@dataclass(frozen=True)
class Eye:
    """An eyeball and the skin around it.

    ball : (n,) int, its vertices; around : (k,) int, vertices of the skin; centre : (3,) and radius, metres.
    """

    ball: np.ndarray
    around: np.ndarray
    centre: np.ndarray
    radius: float

    def posed(self, head: np.ndarray) -> Eye:
        """The same eye in a head (V, 3) of another frame."""
        return Eye(self.ball, self.around, *_sphere(head[self.ball]))

    def separation(self, skin: np.ndarray) -> np.ndarray:
        """(k,) metres between the eyeball and the skin around it in a head (V, 3), negative where they overlap."""
        return np.linalg.norm(skin[self.around] - self.centre, axis=1) - self.radius

    def limit(self, limits: np.ndarray, head: np.ndarray) -> None:
        """Lower the dent limits (V,), in place, to what fits between lid and eyeball."""
        limits[self.around] = np.minimum(limits[self.around], np.maximum(self.separation(head) - LID_COVER, 0))

    def keep_off(self, dent: np.ndarray, head: np.ndarray) -> None:
        """Change a displacement (V, 3) of the head, in place, so that skin in front of the eyeball stays there."""
        floor = np.minimum(self.separation(head), LID_COVER)
        offset = head[self.around] + dent[self.around] - self.centre
        distance = np.maximum(np.linalg.norm(offset, axis=1), 1e-9)
        lack = np.maximum(floor - (distance - self.radius), 0)
        dent[self.around] += offset * (lack / distance)[:, None]


def eyes_of(balls: tuple[np.ndarray, ...], rest: np.ndarray, moving: np.ndarray) -> tuple[Eye, ...]:
    """Eyes of a head at rest (V, 3) with eyeballs at the vertices `balls`; moving : (V,) bool, skin that gives way."""
    eyes = []
    for ball in balls:
        centre, radius = _sphere(rest[ball].astype(np.float64))
        around = np.flatnonzero(moving & (np.linalg.norm(rest - centre, axis=1) < REACH * radius))
        eyes.append(Eye(ball, around, centre, radius))
    return tuple(eyes)


def _sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and radius of the sphere through points, least squares."""
    middle = points.mean(axis=0)
    local = points - middle
    system = np.concatenate([2 * local, np.ones((len(local), 1))], axis=1)
    solution = np.linalg.lstsq(system, (local * local).sum(axis=1), rcond=None)[0]
    return solution[:3] + middle, float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))
