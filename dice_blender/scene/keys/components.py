"""Low-rank animation: a few components whose weighted sum follows a moving surface in frames that fit into memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Fit", "distances", "fit_components", "fit_weights", "nonnegative", "rigid_alignment"]

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
class Fit:
    """rows[t] is about sum_k weights[k, t] * shapes[k].

    shapes : (K, 3 V) float32, metres; weights : (K, T) float32 of either sign.
    vertices : (V,) how much each vertex counts when weights are fitted to a frame.
    error : metres, the largest distance of any vertex in any frame from what is reproduced.
    """

    shapes: np.ndarray
    weights: np.ndarray
    vertices: np.ndarray
    error: float


def fit_components(rows: np.ndarray, tolerance: float, limit: int, aim: float) -> Fit:
    """Few shapes whose weighted sums keep every vertex within `tolerance`, at most `limit` of them.

    rows : (T, 3 V) float32, metres, offsets from the shape that no component changes.
    tolerance : metres; aim : metres, a smaller error that is sought as long as it takes no more shapes.
    """
    fit = _principal(rows, tolerance, limit)
    if fit.error > aim and len(fit.shapes):
        fit = _minimise_largest_error(rows, aim, fit)
    return fit


def fit_weights(rows: np.ndarray, fit: Fit) -> np.ndarray:
    """(K, n) float32 weights with which the shapes of a fit come closest to other frames, (n, 3 V)."""
    weighed = fit.shapes * np.repeat(fit.vertices**2, 3).astype(np.float32)
    normal, loads = (weighed @ fit.shapes.T).astype(np.float64), (weighed @ rows.T).astype(np.float64)
    return _solve(normal, loads).astype(np.float32)


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


def _principal(rows: np.ndarray, tolerance: float, limit: int) -> Fit:
    """Principal components one by one, until the error is below the tolerance."""
    remaining = rows.copy()
    shapes, weights = [], []
    error = distances(remaining).max(initial=0.0)
    for weight in _principal_directions(remaining)[:, :limit].T.astype(np.float32):
        if error <= tolerance:
            break
        shape = (weight @ remaining) / (weight @ weight)
        remaining -= weight[:, None] * shape
        error = distances(remaining).max()
        shapes.append(shape)
        weights.append(weight)
    found = np.array(shapes, np.float32).reshape(len(shapes), rows.shape[1])
    sizes = np.array(weights, np.float32).reshape(len(shapes), len(rows))
    return Fit(found, sizes, np.ones(rows.shape[1] // 3), float(error))


@dataclass
class _Weighting:
    """frames : (T,), vertices : (V,) weights; directions : (T, K), principal directions of the frames so weighted."""

    frames: np.ndarray
    vertices: np.ndarray
    directions: np.ndarray


def _minimise_largest_error(rows: np.ndarray, aim: float, principal: Fit) -> Fit:
    """As many components as the principal ones given, with the largest distance small instead of the sum of squares.

    Iteratively reweighted least squares: frames and vertices with large errors weigh more in the next round
    (Lawson 1961).
    """
    counts = len(rows), rows.shape[1] // 3
    directions = np.linalg.qr(principal.weights.T)[0]
    weighting = _Weighting(np.ones(counts[0]), np.ones(counts[1]), directions)
    best, exponent, idle, apart = principal, _EXPONENT, 0, distances(rows - principal.weights.T @ principal.shapes)
    for _ in range(_PASSES):
        weighting = _reweighted(rows, weighting, apart, exponent)
        found = _weighted_components(rows, weighting)
        apart = distances(rows - found.weights.T @ found.shapes)
        found = replace(found, error=float(apart.max()))
        idle = 0 if found.error < (1 - _LEAST_PROGRESS) * best.error else idle + 1
        if found.error < best.error:
            best = found
        else:
            exponent /= 2
        if best.error <= aim or idle == _IDLE_PASSES:
            break
    return best


def _reweighted(rows: np.ndarray, weighting: _Weighting, apart: np.ndarray, exponent: float) -> _Weighting:
    """The best weighting of one pass; apart : (T, V), the errors at its start."""
    reach = apart.max(axis=0)
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
        apart = distances(chosen - _solve(normal, loads.T).T @ shapes)
        error = max(float(apart.max()), 1e-12)
        if error < least:
            least = error
            best = _Weighting(frames, vertices.copy(), directions)
            best.vertices[rest] *= share
        frames = frames * np.maximum(apart.max(axis=1) / error, _LEAST_GAIN) ** exponent
        frames = np.maximum(frames / frames.max(), _LEAST_WEIGHT)
        vertices[active] *= np.maximum(apart.max(axis=0) / error, _LEAST_GAIN) ** exponent
        vertices[active] = np.maximum(vertices[active], _LEAST_WEIGHT * vertices[active].max())
        share *= max(min(beside / error, 1.0), _LEAST_GAIN) ** exponent
    return best


def _weighted_components(rows: np.ndarray, weighting: _Weighting) -> Fit:
    """The components of a weighting, without their error."""
    shapes = (weighting.directions * weighting.frames[:, None]).T.astype(np.float32) @ rows
    fit = Fit(shapes, np.zeros((len(shapes), 0), np.float32), weighting.vertices, np.inf)
    return replace(fit, weights=fit_weights(rows, fit))


def _solve(matrix: np.ndarray, targets: np.ndarray) -> np.ndarray:
    ridge = _RIDGE * np.trace(matrix) / len(matrix)
    return np.linalg.solve(matrix + ridge * np.eye(len(matrix)), targets)


def nonnegative(shapes: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def distances(rows: np.ndarray) -> np.ndarray:
    """(T, V) lengths of the vectors in (T, 3 V)."""
    points = rows.reshape(len(rows), -1, 3)
    return np.sqrt(np.einsum("tvi,tvi->tv", points, points))
