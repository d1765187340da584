"""Low-rank animation: a few components whose weighted sum follows a moving surface, with the error measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Components", "decompose", "rigid_alignment"]

# Singular values below this share of the largest are noise of float32 storage, not motion.
_RANK_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Components:
    """offsets[t] is about sum_k weights[t, k] * shapes[k].

    shapes : (K, V, 3) float32, metres; weights : (T, K) float32 in [0, 1], the largest of each component at 1.
    error : metres, the largest distance of any vertex in any frame from what is reproduced.
    """

    shapes: np.ndarray
    weights: np.ndarray
    error: float


def decompose(offsets: np.ndarray, tolerance: float, limit: int) -> Components:
    """Few shapes whose weighted sums keep every vertex within `tolerance`, at most `limit` of them.

    offsets : (T, V, 3) float32, metres, distances from the shape that no component changes.
    tolerance : metres.

    Principal components need weights of both signs, which importers and engines clamp at 0. One shape more makes all
    weights positive: the opposite of the sum of the others, which takes back what is added to all of them alike.
    """
    frames, vertices, _ = offsets.shape
    remaining = offsets.reshape(frames, -1).astype(np.float32)
    left = _principal_directions(remaining)
    shapes, weights = np.zeros((0, vertices * 3), np.float32), np.zeros((0, frames), np.float32)
    error = _largest_distance(remaining)
    for direction in left.T[: limit - 1]:
        if error <= tolerance:
            break
        weight = (direction / direction[np.argmax(np.abs(direction))]).astype(np.float32)
        shape = (weight @ remaining) / (weight @ weight)
        remaining -= weight[:, None] * shape
        error = _largest_distance(remaining)
        shapes, weights = np.vstack([shapes, shape]), np.vstack([weights, weight])
    if (weights < 0).any():
        lift = np.maximum(0.0, -weights.min(axis=0))
        shapes = np.vstack([shapes, -shapes.sum(axis=0)])
        weights = np.vstack([weights + lift, lift])
        peaks = weights.max(axis=1)
        shapes, weights = shapes * peaks[:, None], weights / peaks[:, None]
        rebuilt = offsets.reshape(frames, -1) - weights.T @ shapes
        error = _largest_distance(rebuilt)
    return Components(shapes.reshape(-1, vertices, 3), weights.T, error)


def rigid_alignment(vertices: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rigid motion that carries `reference` closest to each frame (Kabsch 1976).

    vertices : (T, V, 3), reference : (V, 3), metres.
    Returns rotation (T, 3, 3) and translation (T, 3), float64: x -> rotation @ x + translation.
    """
    centre = reference.mean(axis=0, dtype=np.float64)
    centres = vertices.mean(axis=1, dtype=np.float64)
    away = (vertices - centres[:, None].astype(np.float32)).transpose(0, 2, 1)
    covariance = away @ (reference - centre).astype(np.float32)
    left, _, right = np.linalg.svd(covariance.astype(np.float64))
    handedness = np.linalg.det(left @ right)
    left[:, :, 2] *= handedness[:, None]
    rotation = left @ right
    return rotation, centres - rotation @ centre


def _principal_directions(rows: np.ndarray) -> np.ndarray:
    """(T, K) left singular vectors of (T, n) rows, that of the largest singular value first."""
    gram = (rows @ rows.T).astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    singular = np.sqrt(np.maximum(values[::-1], 0.0))
    return vectors[:, ::-1][:, singular > _RANK_TOLERANCE * max(singular[0], 1e-30)]


def _largest_distance(rows: np.ndarray) -> float:
    return float(np.sqrt((rows.reshape(len(rows), -1, 3) ** 2).sum(axis=-1).max(initial=0.0)))
