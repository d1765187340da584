"""Coarse versions of a mesh: which vertices they keep, and how the fine ones follow from them."""

from __future__ import annotations

import numpy as np

__all__ = ["interpolation", "spread_vertices"]

_NEIGHBOURS = 6
"""Coarse vertices that a fine one follows; set by hand."""
_SHARPNESS = 2.0
"""Power of the inverse distance; set by hand."""
_RIDGE = 1e-2
"""Where the neighbours lie in a plane, places off it stay off; set by hand: templates come back within half a
millimetre on average."""


def spread_vertices(vertices: np.ndarray, count: int, first: np.ndarray | None = None) -> np.ndarray:
    """Vertices that lie as far from each other as can be: each next one is the farthest from all before it.

    Eldar et al., The Farthest Point Strategy for Progressive Image Sampling, IEEE TIP 6(9), 1997.
    vertices : (V, 3); first : indices that are kept in any case. Returns (count,) int64.
    """
    chosen = list(first) if first is not None else [int(np.linalg.norm(vertices - vertices.mean(0), axis=1).argmax())]
    away = np.min([np.linalg.norm(vertices - vertices[index], axis=1) for index in chosen], axis=0)
    while len(chosen) < count:
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(vertices - vertices[chosen[-1]], axis=1))
    return np.array(chosen, np.int64)


def interpolation(coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Weights of the coarse vertices in each fine one: (F, C) float64, rows sum to 1.

    By inverse distance, changed as little as it takes to give the fine vertex's own place.
    coarse : (C, 3); fine : (F, 3), both of one shape.
    """
    weights = np.zeros((len(fine), len(coarse)))
    for row, point in enumerate(fine):
        away = np.linalg.norm(coarse - point, axis=1)
        nearest = np.argpartition(away, _NEIGHBOURS)[:_NEIGHBOURS]
        share = 1 / np.maximum(away[nearest], 1e-9) ** _SHARPNESS
        share /= share.sum()
        spread = (coarse[nearest] - point) / away[nearest].max()
        missing = -share @ spread
        change = spread @ np.linalg.solve(spread.T @ spread + _RIDGE * np.eye(3), missing)
        share = share + change
        weights[row, nearest] = share / share.sum()
    return weights
