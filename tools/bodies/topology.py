"""Connectivity of polygon meshes: edges, components, boundary, smoothing."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

__all__ = ["adjacency", "boundary_edges", "components", "fan", "smoothed"]


def _edges(quads: np.ndarray) -> np.ndarray:
    return np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)])


def adjacency(quads: np.ndarray, count: int) -> sp.csr_matrix:
    """(V, V) symmetric 0/1 matrix of the edges."""
    a, b = _edges(quads).T
    matrix = sp.coo_matrix((np.ones(len(a)), (a, b)), (count, count)).tocsr()
    return ((matrix + matrix.T) > 0).astype(float)


def components(quads: np.ndarray, count: int) -> np.ndarray:
    """(V,) label of the connected component of each vertex."""
    return connected_components(adjacency(quads, count), directed=False)[1]


def boundary_edges(quads: np.ndarray) -> np.ndarray:
    """(E, 2) edges with one polygon only."""
    edges, counts = np.unique(np.sort(_edges(quads), axis=1), axis=0, return_counts=True)
    return edges[counts == 1]


def fan(quads: np.ndarray) -> np.ndarray:
    """(2 F, 3) triangles, as `dice_core.geometry.mesh.triangles` splits the same quads."""
    return np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], axis=1).reshape(-1, 3)


def smoothed(values: np.ndarray, neighbours: sp.csr_matrix, rounds: int) -> np.ndarray:
    """Average of each vertex's value (V, ...) with its neighbours' mean, `rounds` times."""
    degree = np.asarray(neighbours.sum(1)).reshape(-1, *[1] * (values.ndim - 1))
    for _ in range(rounds):
        values = 0.5 * values + 0.5 * (neighbours @ values) / np.maximum(degree, 1)
    return values
