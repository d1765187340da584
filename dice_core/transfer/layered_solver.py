"""Direct solution of sparse symmetric positive definite systems on meshes, on numpy alone.

The unknowns are sorted into layers by their distance from a far end of the mesh, so that the matrix is block
tridiagonal (Cuthill and McKee 1969, doi:10.1145/800195.805928); its blocks are eliminated one after the other.
"""

from __future__ import annotations

import numpy as np

__all__ = ["Entries", "LayeredSolver", "summed"]

LAYER = 200
"""Smallest number of unknowns in a block: below about this, the overhead of a step outweighs its arithmetic."""


Entries = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows, columns and values of a sparse matrix."""


def summed(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, count: int) -> Entries:
    """Entries of a matrix (count, count) with those of the same place added up: rows, columns, values, sorted."""
    key, inverse = np.unique(rows.astype(np.int64) * count + columns, return_inverse=True)
    return key // count, key % count, np.bincount(inverse, values, minlength=len(key))


class LayeredSolver:
    """A factored matrix.

    rows, columns : (m,) int and values : (m,) float, entries of a symmetric positive definite matrix, both triangles;
    entries of the same place are added up. count : number of unknowns.
    Raises numpy's LinAlgError where the matrix is singular.
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, count: int) -> None:
        rows, columns, values = summed(rows, columns, values, count)
        layers = _layers(rows, columns, count)
        self._order = np.concatenate(layers)
        self._bounds = np.cumsum([0] + [len(layer) for layer in layers])
        place = np.empty(count, np.int64)
        place[self._order] = np.arange(count)
        layer_of = np.repeat(np.arange(len(layers)), np.diff(self._bounds))
        row, column = place[rows], place[columns]
        order = np.argsort(layer_of[column], kind="stable")
        row, column, values = row[order], column[order], values[order]
        cuts = np.searchsorted(layer_of[column], np.arange(len(layers) + 1))
        self._below: list[np.ndarray] = []
        self._inverse: list[np.ndarray] = []
        carried: np.ndarray | None = None
        for k in range(len(layers)):
            part = slice(cuts[k], cuts[k + 1])
            diagonal = self._block(row[part], column[part], values[part], k, k)
            if carried is not None:
                diagonal -= carried
            inverse = np.linalg.inv(diagonal)
            self._inverse.append((inverse + inverse.T) / 2)
            if k + 1 < len(layers):
                below = self._block(row[part], column[part], values[part], k + 1, k)
                self._below.append(below)
                carried = below @ self._inverse[-1] @ below.T

    def solve(self, right: np.ndarray) -> np.ndarray:
        """(n, k) or (n,) float64 solution for right sides of that shape."""
        x = np.asarray(right, np.float64)[self._order]
        parts = [x[a:b] for a, b in zip(self._bounds[:-1], self._bounds[1:], strict=True)]
        for k, below in enumerate(self._below):
            parts[k + 1] = parts[k + 1] - below @ (self._inverse[k] @ parts[k])
        parts[-1] = self._inverse[-1] @ parts[-1]
        for k in range(len(self._below) - 1, -1, -1):
            parts[k] = self._inverse[k] @ (parts[k] - self._below[k].T @ parts[k + 1])
        result = np.empty_like(x)
        result[self._order] = np.concatenate(parts)
        return result

    def _block(self, row: np.ndarray, column: np.ndarray, values: np.ndarray, i: int, j: int) -> np.ndarray:
        """Dense block (layer i, layer j) of entries whose columns lie in layer j."""
        low, high, left = self._bounds[i], self._bounds[i + 1], self._bounds[j]
        inside = (row >= low) & (row < high)
        block = np.zeros((high - low, self._bounds[j + 1] - left))
        block[row[inside] - low, column[inside] - left] = values[inside]
        return block


def _layers(rows: np.ndarray, columns: np.ndarray, count: int) -> list[np.ndarray]:
    """Unknowns in layers, each connected to itself and its two neighbours alone."""
    starts = np.searchsorted(rows, np.arange(count + 1))
    seen = np.zeros(count, bool)
    layers: list[np.ndarray] = []
    open_layer = False
    while not seen.all():
        first = int(np.argmin(seen))
        far = _sweep(first, starts, columns, seen.copy())[-1][0]
        for layer in _sweep(int(far), starts, columns, seen):
            if open_layer and len(layers[-1]) < LAYER:
                layers[-1] = np.concatenate([layers[-1], layer])
            else:
                layers.append(layer)
            open_layer = True
    return layers


def _sweep(start: int, starts: np.ndarray, columns: np.ndarray, seen: np.ndarray) -> list[np.ndarray]:
    """Unknowns by their distance from `start`; marks them in `seen`."""
    front, found = np.array([start]), []
    seen[start] = True
    while len(front):
        found.append(front)
        sizes = starts[front + 1] - starts[front]
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        near = columns[np.repeat(starts[front], sizes) + within]
        front = np.unique(near[~seen[near]])
        seen[front] = True
    return found
