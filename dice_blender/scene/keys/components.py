"""Low-rank animation: a few components whose weighted sum follows a moving surface, with the error measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Components", "decompose", "left_over", "rigid_alignment"]

# Singular values below this share of the largest are noise of float32 storage, not motion.
_RANK_TOLERANCE = 1e-7
# The fit for the smallest largest error, all set by hand. It runs in passes of rounds; only the vertices with the
# largest errors take part in a pass.
_PASSES, _ROUNDS = 10, 14
_ACTIVE = 1500
# The fit ends after so many passes on end that each took away less than this share of the error. Set by hand, on the
# sample and on 300 frames of it with more motion than 24 keys can show: further passes brought less than 5 % together.
_IDLE_PASSES, _LEAST_PROGRESS = 3, 0.03
# How strongly an error exponents the next round's weight (an exponent), and the least share of the largest error that
# counts in that.
_EXPONENT = 0.25
_LEAST_GAIN = 0.05
# Weights relative to the largest stay above the first, so that every frame and vertex keeps some influence; the second,
# relative to the mean of a matrix's diagonal, keeps it invertible.
_LEAST_WEIGHT = 1e-4
_RIDGE = 1e-10


@dataclass(frozen=True)
class Components:
    """offsets[t] is about sum_k weights[t, k] * shapes[k].

    shapes : (K, V, 3) float32, metres; weights : (T, K) float32 in [0, 1], the largest of each component at 1.
    error : metres, the largest distance of any vertex in any frame from what is reproduced.
    """

    shapes: np.ndarray
    weights: np.ndarray
    error: float


def decompose(offsets: np.ndarray, tolerance: float, limit: int, aim: float | None = None) -> Components:
    """Few shapes whose weighted sums keep every vertex within `tolerance`, at most `limit` of them.

    offsets : (T, V, 3) float32, metres, offsets from the shape that no component changes.
    tolerance : metres; aim : metres, a smaller error that is sought as long as it takes no more shapes.

    Principal components need weights of both signs, which importers and engines clamp at 0. One shape more makes all
    weights positive: the opposite of the sum of the others, which takes back what is added to all of them alike.
    """
    frames, vertices, _ = offsets.shape
    rows = offsets.reshape(frames, -1).astype(np.float32)
    shapes, weights, error = _principal(rows, tolerance, limit - 1)
    aim = tolerance if aim is None else aim
    if error > aim and len(shapes):
        shapes, weights = _minimise_largest_error(rows, aim, shapes, weights)
    if len(shapes):
        shapes, weights = _nonnegative(shapes, weights)
    error = _distances(rows - weights.T @ shapes).max(initial=0.0)
    return Components(shapes.reshape(-1, vertices, 3), weights.T, float(error))


def left_over(offsets: np.ndarray, limit: int) -> float:
    """Metres, root mean square over vertices and frames, that the best `limit` principal components leave of offsets.

    offsets : (T, V, 3) float32, metres. Far quicker than `decompose`, which makes the largest distance small.
    """
    rows = offsets.reshape(len(offsets), -1).astype(np.float32)
    values = np.linalg.eigvalsh((rows @ rows.T).astype(np.float64))
    return float(np.sqrt(np.maximum(values[: max(len(values) - limit, 0)], 0.0).sum() / offsets[..., 0].size))


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


@dataclass
class _Weighting:
    """frames : (T,), vertices : (V,) weights; directions : (T, K), principal directions of the frames so weighted."""

    frames: np.ndarray
    vertices: np.ndarray
    directions: np.ndarray


def _minimise_largest_error(
    rows: np.ndarray, aim: float, shapes: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As many components as the principal ones given, with the largest distance small instead of the sum of squares.

    Iteratively reweighted least squares: frames and vertices with large errors weigh more in the next round
    (Lawson 1961).
    """
    counts = len(rows), rows.shape[1] // 3
    weighting = _Weighting(np.ones(counts[0]), np.ones(counts[1]), np.linalg.qr(weights.T)[0])
    best, exponent, idle = (shapes, weights), _EXPONENT, 0
    distances = _distances(rows - weights.T @ shapes)
    least = float(distances.max())
    for _ in range(_PASSES):
        weighting = _reweighted(rows, weighting, distances, exponent)
        found = _weighted_components(rows, weighting)
        distances = _distances(rows - found[1].T @ found[0])
        error = float(distances.max())
        idle = 0 if error < (1 - _LEAST_PROGRESS) * least else idle + 1
        if error < least:
            best, least = found, error
        else:
            exponent /= 2
        if least <= aim or idle == _IDLE_PASSES:
            break
    return best


def _reweighted(rows: np.ndarray, weighting: _Weighting, distances: np.ndarray, exponent: float) -> _Weighting:
    """The best weighting of one pass; distances : (T, V), the errors at its start."""
    reach = distances.max(axis=0)
    order = np.argsort(-reach)
    active, rest = order[:_ACTIVE], order[_ACTIVE:]
    frames, vertices, directions = weighting.frames, weighting.vertices.copy(), weighting.directions
    columns = rows.reshape(len(rows), -1, 3)
    chosen = columns[:, active].reshape(len(rows), -1)
    # The other vertices enter only by the products of their frames and by their largest error, both taken as constant.
    others = (columns[:, rest] * vertices[rest, None].astype(np.float32)).reshape(len(rows), -1)
    common, beside, share = (others @ others.T).astype(np.float64), reach[rest].max(initial=0.0), 1.0
    least, best = np.inf, weighting
    for _ in range(_ROUNDS):
        weighted = chosen * np.repeat(vertices[active], 3).astype(np.float32)
        gram = (weighted @ weighted.T).astype(np.float64) + share**2 * common
        gram *= frames[:, None] * frames
        for _ in range(2):  # the directions change little from round to round
            directions = np.linalg.qr(gram @ directions)[0]
        squared = np.repeat(vertices[active] ** 2, 3)
        turned = directions * frames[:, None]
        shapes = turned.T @ chosen
        normal = (shapes * squared) @ shapes.T + share**2 * (turned.T @ common @ turned)
        loads = chosen @ (shapes * squared).T + share**2 * (common @ turned)
        distances = _distances(chosen - _solve(normal, loads.T).T @ shapes)
        error = max(float(distances.max()), 1e-12)
        if error < least:
            least = error
            best = _Weighting(frames, vertices.copy(), directions)
            best.vertices[rest] *= share
        frames = frames * np.maximum(distances.max(axis=1) / error, _LEAST_GAIN) ** exponent
        frames = np.maximum(frames / frames.max(), _LEAST_WEIGHT)
        vertices[active] *= np.maximum(distances.max(axis=0) / error, _LEAST_GAIN) ** exponent
        vertices[active] = np.maximum(vertices[active], _LEAST_WEIGHT * vertices[active].max())
        share *= max(min(beside / error, 1.0), _LEAST_GAIN) ** exponent
    return best


def _weighted_components(rows: np.ndarray, weighting: _Weighting) -> tuple[np.ndarray, np.ndarray]:
    """Shapes (K, 3 V) and weights (K, T) of the components."""
    shapes = (weighting.directions * weighting.frames[:, None]).T.astype(np.float32) @ rows
    weighed = shapes * np.repeat(weighting.vertices**2, 3).astype(np.float32)
    normal, loads = (weighed @ shapes.T).astype(np.float64), (weighed @ rows.T).astype(np.float64)
    return shapes, _solve(normal, loads).astype(np.float32)


def _solve(matrix: np.ndarray, targets: np.ndarray) -> np.ndarray:
    ridge = _RIDGE * np.trace(matrix) / len(matrix)
    return np.linalg.solve(matrix + ridge * np.eye(len(matrix)), targets)


def _nonnegative(shapes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
