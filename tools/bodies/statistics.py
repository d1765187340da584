"""Shape statistics of sampled bodies: alignment without size, principal components."""

from __future__ import annotations

import numpy as np

__all__ = ["aligned_without_size", "principal_components"]

ALIGNMENT_ROUNDS = 3


def aligned_without_size(
    vertices: np.ndarray, joints: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Generalised Procrustes alignment with rotation, translation and scale.

    vertices : (N, V, 3); joints : (N, J, 3) carried along; reference : (V,) weights of the vertices that decide.
    Returns aligned vertices and joints, of the samples' mean size, and sizes (N,) relative to that mean.
    """
    weight = reference / reference.sum()
    centre = np.einsum("v,nvc->nc", weight, vertices)
    vertices = vertices - centre[:, None]
    joints = joints - centre[:, None]
    size = np.sqrt(np.einsum("v,nvc,nvc->n", weight, vertices, vertices))
    mean_size = np.exp(np.log(size).mean())
    factor = (mean_size / size)[:, None, None]
    vertices, joints = vertices * factor, joints * factor
    for _ in range(ALIGNMENT_ROUNDS):
        mean = vertices.mean(0)
        covariance = np.einsum("v,nvi,vj->nij", weight, vertices, mean)
        u, _, vt = np.linalg.svd(covariance)
        sign = np.sign(np.linalg.det(u @ vt))
        u[:, :, 2] *= sign[:, None]
        rotation = u @ vt
        vertices, joints = vertices @ rotation, joints @ rotation
    return vertices, joints, size / mean_size


def principal_components(samples: np.ndarray, weight: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean and components scaled to one standard deviation.

    samples : (N, P, 3); weight : (P,), how much each point decides about the components.
    Returns mean (P, 3), basis (count, P, 3) by least squares on the scores, and the share of weighted variance.
    """
    mean = samples.mean(0)
    centred = (samples - mean).reshape(len(samples), -1)
    weighted = centred * np.sqrt(np.repeat(weight, 3))
    u, s, _ = np.linalg.svd(weighted, full_matrices=False)
    scores = u[:, :count] * np.sqrt(len(samples) - 1)
    basis = scores.T @ centred / (len(samples) - 1)
    # The sign of a component is arbitrary; fixing it keeps the bake reproducible.
    flip = np.sign(basis[np.arange(count), np.abs(basis).argmax(1)])
    share = float((s[:count] ** 2).sum() / (s**2).sum())
    return mean, (basis * flip[:, None]).reshape(count, *mean.shape), share
