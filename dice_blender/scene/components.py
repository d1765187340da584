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

    shapes : (K, V, 3) float32, metres; weights : (T, K) float32 in [-1, 1], the largest of each component at +-1.
    error : metres, the largest distance of any vertex in any frame from what is reproduced.
    """

    shapes: np.ndarray
    weights: np.ndarray
    error: float


def decompose(offsets: np.ndarray, tolerance: float, limit: int) -> Components:
    """Principal components of a surface's motion: as few as keep every vertex within `tolerance`, at most `limit`.

    offsets : (T, V, 3) float32, metres, distances from the shape that no component changes.
    tolerance : metres.
    """
    frames, vertices, _ = offsets.shape
    remaining = offsets.reshape(frames, -1).astype(np.float32)
    left, singular = _principal_directions(remaining)
    shapes, weights = [], []
    error = _largest_distance(remaining)
    for k in range(min(limit, len(singular))):
        if error <= tolerance:
            break
        weight = left[:, k]
        peak = float(np.abs(weight).max())
        weight = (weight / peak).astype(np.float32)
        shape = (weight @ remaining) / np.float32(weight @ weight)
        remaining -= weight[:, None] * shape
        error = _largest_distance(remaining)
        shapes.append(shape.reshape(vertices, 3))
        weights.append(weight)
    return Components(
        np.array(shapes, np.float32).reshape(-1, vertices, 3),
        np.array(weights, np.float32).reshape(-1, frames).T,
        error,
    )


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


def _principal_directions(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors (T, K) and singular values (K,), largest first, of (T, n) rows."""
    gram = (rows @ rows.T).astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    singular = np.sqrt(np.maximum(values[::-1], 0.0))
    keep = singular > _RANK_TOLERANCE * max(singular[0], 1e-30)
    return vectors[:, ::-1][:, keep], singular[keep]


def _largest_distance(rows: np.ndarray) -> float:
    return float(np.sqrt((rows.reshape(len(rows), -1, 3) ** 2).sum(axis=-1).max(initial=0.0)))
