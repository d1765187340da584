"""Low-rank animation: a few components whose weighted sum follows a moving surface, with the error measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Components", "decompose", "rigid_alignment"]

# Singular values below this share of the largest are noise of float32 storage, not motion.
_RANK_TOLERANCE = 1e-7
# Rounds of evening out the errors, and the least that a frame's or vertex's weight keeps in one.
_ROUNDS = 10
_LEAST_GAIN = 0.3


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
    rows = offsets.reshape(frames, -1).astype(np.float32)
    shapes, weights, error = _principal(rows, tolerance, limit - 1)
    if error > tolerance and len(shapes) == limit - 1:
        even_shapes, even_weights, even_error = _evened(rows, tolerance, limit - 1)
        if even_error < error:
            shapes, weights = even_shapes, even_weights
    if len(shapes):
        shapes, weights = _positive(shapes, weights)
    error = _distances(rows - weights.T @ shapes).max(initial=0.0)
    return Components(shapes.reshape(-1, vertices, 3), weights.T, float(error))


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


def _principal(rows: np.ndarray, tolerance: float, limit: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Principal components one by one, until the error is below the tolerance.

    rows : (T, 3 V). Returns shapes (K, 3 V), weights (K, T) and the largest distance left.
    """
    remaining = rows.copy()
    shapes, weights = [], []
    error = _distances(remaining).max(initial=0.0)
    for weight in _principal_directions(remaining)[:, :limit].T.astype(np.float32):
        if error <= tolerance:
            break
        shape = (weight @ remaining) / (weight @ weight)
        remaining -= weight[:, None] * shape
        error = _distances(remaining).max()
        shapes.append(shape)
        weights.append(weight)
    found = np.array(shapes, np.float32).reshape(len(shapes), rows.shape[1])
    return found, np.array(weights, np.float32).reshape(len(shapes), len(rows)), float(error)


def _evened(rows: np.ndarray, tolerance: float, count: int) -> tuple[np.ndarray, np.ndarray, float]:
    """As many components, with the largest distance made small instead of the sum of squares.

    Iteratively reweighted: frames and vertices that are far off count for more in the next round (Lawson 1961).
    """
    frame_weights = np.ones(len(rows), np.float32)
    vertex_weights = np.ones(rows.shape[1] // 3, np.float32)
    best: tuple[np.ndarray, np.ndarray, float] | None = None
    for _ in range(_ROUNDS):
        columns = np.repeat(vertex_weights, 3)
        weighted = rows * columns
        scaled = weighted * frame_weights[:, None]
        directions = _principal_directions(scaled)[:, :count].astype(np.float32)
        loads = directions.T @ scaled
        weights = (weighted @ loads.T / (loads**2).sum(axis=1)).T
        shapes = loads / columns
        distances = _distances(rows - weights.T @ shapes)
        error = float(distances.max())
        if best is None or error < best[2]:
            best = shapes, weights, error
        if error <= tolerance:
            break
        frame_weights = _reweighted(frame_weights, distances.max(axis=1))
        vertex_weights = _reweighted(vertex_weights, distances.max(axis=0))
    assert best is not None
    return best


def _reweighted(weights: np.ndarray, distances: np.ndarray) -> np.ndarray:
    weights = weights * np.sqrt(np.maximum(distances / distances.max(), _LEAST_GAIN))
    return weights / weights.max()


def _positive(shapes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same motion with weights (K, T) in [0, 1], with one shape more where there are negative ones."""
    # The sign that leaves the larger peak positive, and peaks of one: lifts are then as small as they can be.
    extremes = weights[np.arange(len(weights)), np.abs(weights).argmax(axis=1)]
    shapes, weights = shapes * extremes[:, None], weights / extremes[:, None]
    lift = np.maximum(0.0, -weights.min(axis=0))
    if lift.any():
        shapes = np.vstack([shapes, -shapes.sum(axis=0)])
        weights = np.vstack([weights + lift, lift])
        peaks = weights.max(axis=1)
        shapes, weights = shapes * peaks[:, None], weights / peaks[:, None]
    return shapes, weights


def _principal_directions(rows: np.ndarray) -> np.ndarray:
    """(T, K) left singular vectors of (T, n) rows, that of the largest singular value first."""
    gram = (rows @ rows.T).astype(np.float64)
    values, vectors = np.linalg.eigh(gram)
    singular = np.sqrt(np.maximum(values[::-1], 0.0))
    return vectors[:, ::-1][:, singular > _RANK_TOLERANCE * max(singular[0], 1e-30)]


def _distances(rows: np.ndarray) -> np.ndarray:
    """(T, V) lengths of the vectors in (T, 3 V)."""
    points = rows.reshape(len(rows), -1, 3)
    return np.sqrt(np.einsum("tvi,tvi->tv", points, points))
