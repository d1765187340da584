"""The errors of the landmark network, measured on rendered hands and applied to hands that were never rendered."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["LandmarkErrors"]

LOST = 0.13
"""Mean error, as a share of the hand's size, beyond which the network has lost the hand. Set by hand."""

NEIGHBOURS = 6
"""Rendered hands of the most similar appearance, one of which lends its error."""

PIXEL_NOISE, DEPTH_NOISE = 0.003, 0.002
"""Share of the hand's size, and metres, added so that no error is repeated exactly."""

_WRIST, _MIDDLE = 0, 9


class LandmarkErrors:
    """Errors of rendered hands, looked up by the appearance of a hand that is turned upright.

    points : (n, 21, 3) pixels as detected; truth : (n, 21, 3) metres in camera space; focal : (n,) pixels, with the
    picture's centre at `centre`.
    """

    def __init__(self, points: np.ndarray, truth: np.ndarray, focal: np.ndarray, centre: float) -> None:
        flat, depth = _seen(truth)
        pixels = (points[..., :2] - centre) / focal[:, None, None] * truth[..., 2].mean(axis=1)[:, None, None]
        estimated = points[..., 2] / focal[:, None] * truth[..., 2].mean(axis=1)[:, None]
        error = (pixels - flat) / _size(flat)[:, None, None]
        self.share_lost = float((np.linalg.norm(error, axis=2).mean(axis=1) > LOST).mean())
        kept = np.linalg.norm(error, axis=2).mean(axis=1) <= LOST
        upright = _upright(flat)
        self._error = np.einsum("nab,npb->npa", upright, error)[kept]
        estimated = estimated - estimated.mean(axis=1, keepdims=True)
        self._depth_error = (estimated - depth)[kept]
        self._tree = cKDTree(_appearance(flat, depth, upright)[kept])

    def add(self, truth: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks (n, 21, 2) on the plane z = 1 and relative depths (n, 21), metres, as the network would find them.

        truth : (n, 21, 3) metres in camera space.
        """
        flat, depth = _seen(truth)
        upright = _upright(flat)
        _, near = self._tree.query(_appearance(flat, depth, upright), k=NEIGHBOURS)
        chosen = near[np.arange(len(near)), rng.integers(NEIGHBOURS, size=len(near))]
        error = np.einsum("nba,npb->npa", upright, self._error[chosen])
        error += rng.normal(0, PIXEL_NOISE, error.shape)
        found = flat + error * _size(flat)[:, None, None]
        depth = depth + self._depth_error[chosen] + rng.normal(0, DEPTH_NOISE, depth.shape)
        return found / truth[..., 2].mean(axis=1)[:, None, None], depth


def _seen(truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where key points appear, (n, 21, 2) metres at the hand's mean depth, and depth from there, (n, 21)."""
    mean = truth[..., 2].mean(axis=1)
    return truth[..., :2] / truth[..., 2:] * mean[:, None, None], truth[..., 2] - mean[:, None]


def _size(flat: np.ndarray) -> np.ndarray:
    return np.ptp(flat, axis=1).max(axis=1)


def _upright(flat: np.ndarray) -> np.ndarray:
    """(n, 2, 2) rotations of the picture that bring the middle knuckle above the wrist."""
    up = flat[:, _MIDDLE] - flat[:, _WRIST]
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
    return np.stack([np.stack([-up[:, 1], up[:, 0]], axis=1), -up], axis=1)


def _appearance(flat: np.ndarray, depth: np.ndarray, upright: np.ndarray) -> np.ndarray:
    turned = np.einsum("nab,npb->npa", upright, flat - flat.mean(axis=1, keepdims=True))
    return np.concatenate([turned, depth[..., None]], axis=2).reshape(len(flat), -1)
