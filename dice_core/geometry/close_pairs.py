"""Pairs of points that lie close together, without looking at all pairs."""

from __future__ import annotations

import numpy as np

__all__ = ["pairs_within"]

_STRIP = 256
"""Points that are compared with their surroundings at once: the fastest of 128, 256 and 512 for the 4000 of a head."""


def pairs_within(points: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of points nearer to each other than `radius`, in both orders, and each point with itself.

    points : (n, 3) float; radius : in the same unit. Returns i (m,), j (m,) and the squared distances (m,), float64.
    The points are sorted along the longest side of their box and compared strip by strip.
    """
    if not len(points):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    along = points[:, int(np.argmax(np.ptp(points, axis=0)))]
    order = np.argsort(along, kind="stable")
    placed, along = points[order].astype(np.float64), along[order]
    square_length = np.einsum("nx,nx->n", placed, placed)
    found = []
    for start in range(0, len(order), _STRIP):
        strip = slice(start, min(start + _STRIP, len(order)))
        low = int(np.searchsorted(along, along[strip.start] - radius, "left"))
        high = int(np.searchsorted(along, along[strip.stop - 1] + radius, "right"))
        square = square_length[strip, None] + square_length[low:high] - 2 * placed[strip] @ placed[low:high].T
        own, other = np.nonzero(square < radius**2)
        found.append((order[start + own], order[low + other], square[own, other]))
    i, j, square = (np.concatenate(part) for part in zip(*found, strict=True))
    return i, j, square
