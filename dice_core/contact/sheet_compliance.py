"""How skin gives way everywhere when it is pushed at one vertex: the inverse of a sheet's stiffness matrix.

The skin is a sheet on an elastic bed, A = diag(area * stiffness) + l1^2 L + l2^4 L M^-1 L, with the cotangent
Laplacian L and the lumped mass M: the bed pulls back, the membrane term spreads a push, and the plate term keeps the
dent smooth.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dice_core.geometry.mesh import vertex_areas

__all__ = ["MEMBRANE_LENGTH", "PLATE_LENGTH", "SheetCompliance", "cotangent_weights"]

MEMBRANE_LENGTH = 0.012
"""Metres, l1: how far a push on the softest skin is felt along it. Set by hand to the width of a fingertip's dent in a
cheek."""

PLATE_LENGTH = 0.009
"""Metres, l2. Set by hand: a shorter one gives spikes at single vertices, a longer one dents as if from a ball."""

COTANGENT_RANGE = (0.02, 20.0)
"""Range that cotangents are clipped to: slivers and obtuse corners would make the matrix indefinite."""

LEAST_AREA = 1e-3
"""Share of the median vertex area below which an area counts as that: M must be invertible."""

BLOCK = 128
"""Vertices that a layer has at most where it can be so small: below about this, the overhead of a step outweighs its
arithmetic."""

GROUP = 32
"""Vertices whose responses are solved for together: as many as a touch has, about."""


def cotangent_weights(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edge weights of the cotangent Laplacian (Pinkall and Polthier 1993, doi:10.1080/10586458.1993.10504266).

    vertices : (V, 3); triangles : (T, 3).
    Returns i (E,), j (E,) and weight (E,): every triangle edge in both directions, not summed over triangles.
    """
    points = vertices.astype(np.float64)
    first, second, weight = [], [], []
    for k in range(3):
        i, j, o = triangles[:, k], triangles[:, (k + 1) % 3], triangles[:, (k + 2) % 3]
        u, v = points[i] - points[o], points[j] - points[o]
        sine = np.linalg.norm(np.cross(u, v), axis=1)
        cotangent = np.einsum("nx,nx->n", u, v) / np.maximum(sine, 1e-15)
        half = np.clip(cotangent, *COTANGENT_RANGE) / 2
        first += [i, j]
        second += [j, i]
        weight += [half, half]
    return np.concatenate(first), np.concatenate(second), np.concatenate(weight)


class SheetCompliance:
    """Displacement of every active vertex for a unit push at any of them.

    vertices : (V, 3) at rest, metres; triangles : (T, 3); stiffness : (V,) of the bed, 1 is the softest skin;
    active : (n,) int, vertices that move, all others are held;
    couplings : pairs of vertices (c, 2) that move together and their strengths (c,), 1 as strong as an edge.

    Vertices are sorted into layers that are connected only to the next one, which makes the matrix block tridiagonal.
    It is eliminated layer by layer, once; the responses to pushes are solved for when they are asked for, since a hand
    touches a small part of a head. They are solved for in fixed groups, so that they do not depend on who asks when.
    """

    def __init__(
        self,
        vertices: np.ndarray,
        triangles: np.ndarray,
        stiffness: np.ndarray,
        active: np.ndarray,
        couplings: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        rows, columns, values = _stiffness_matrix(vertices, triangles, stiffness, couplings)
        count = len(active)
        slot = np.full(len(vertices), -1)
        slot[active] = np.arange(count)
        keep = (slot[rows] >= 0) & (slot[columns] >= 0)
        rows, columns, values = slot[rows[keep]], slot[columns[keep]], values[keep]
        layers = _layers(rows, columns, count)
        self._place = np.empty(count, np.int64)
        self._place[np.concatenate(layers)] = np.arange(count)
        self._bounds = np.concatenate([[0], np.cumsum([len(layer) for layer in layers])])
        inverses, carries = _eliminated(*self._blocks(self._place[rows], self._place[columns], values))
        self._inverses = [inverse.astype(np.float32) for inverse in inverses]
        self._carries = [carry.astype(np.float32) for carry in carries]
        self._groups = _groups(vertices[active])
        self._group = np.empty(count, np.int64)
        for number, group in enumerate(self._groups):
            self._group[group] = number
        self._forget()

    def _forget(self) -> None:
        count = len(self._place)
        self._known = np.zeros(len(self._groups), bool)
        self._responses = np.zeros((count, count), np.float32)  # pages that are not written to take no memory

    def __getstate__(self) -> dict[str, Any]:
        """Without the responses, which take more room than all else and are solved for anew where they are needed."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_known", "_responses")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._forget()

    def responses(self, pushed: np.ndarray) -> np.ndarray:
        """(k, n) float32: displacement of each active vertex for a unit push at each of `pushed`, (k,) of them."""
        wanted = np.flatnonzero(np.bincount(self._group[pushed]))
        for number in wanted[~self._known[wanted]]:
            self._responses[self._groups[number]] = self._solve(self._groups[number])
            self._known[number] = True
        return self._responses[pushed]

    def _blocks(
        self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The matrix in the order of the layers: its blocks on the diagonal, and those below them."""
        bounds = self._bounds
        count = len(bounds) - 1
        layer_of = np.repeat(np.arange(count), np.diff(bounds))
        diagonal: list[np.ndarray] = []
        below: list[np.ndarray] = []
        for k in range(count):
            own = layer_of[columns] == k
            for shift, blocks in ((0, diagonal), (1, below)):
                if k + shift == count:
                    continue
                chosen = own & (layer_of[rows] == k + shift)
                block = np.zeros((bounds[k + shift + 1] - bounds[k + shift], bounds[k + 1] - bounds[k]))
                block[rows[chosen] - bounds[k + shift], columns[chosen] - bounds[k]] = values[chosen]
                blocks.append(block)
        return diagonal, below

    def _solve(self, pushed: np.ndarray) -> np.ndarray:
        """(k, n) float32: responses to unit pushes, (k,) of them."""
        bounds, last = self._bounds, len(self._bounds) - 2
        right = np.zeros((len(self._place), len(pushed)), np.float32)
        right[self._place[pushed], np.arange(len(pushed))] = 1.0
        parts = [right[bounds[k] : bounds[k + 1]] for k in range(last + 1)]
        for k in range(last):
            parts[k + 1] -= self._carries[k] @ parts[k]
        for k in range(last, -1, -1):
            parts[k][:] = self._inverses[k] @ parts[k]
            if k < last:
                parts[k] -= self._carries[k].T @ parts[k + 1]
        return right[self._place].T


def _stiffness_matrix(
    vertices: np.ndarray,
    triangles: np.ndarray,
    stiffness: np.ndarray,
    couplings: tuple[np.ndarray, np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A as rows, columns and values, sorted and without duplicates."""
    count = len(vertices)
    area = vertex_areas(vertices, triangles)
    usual = np.sort(area[area > 0])
    # The median; numpy's own loads its masked arrays first, for which everybody waits.
    area = np.maximum(area, LEAST_AREA * (usual[(len(usual) - 1) // 2] + usual[len(usual) // 2]) / 2)
    i, j, weight = cotangent_weights(vertices, triangles)
    every = np.arange(count)
    rows, columns, laplacian = _summed(
        np.concatenate([i, every]),
        np.concatenate([j, every]),
        np.concatenate([-weight, np.bincount(i, weight, minlength=count)]),
        count,
    )
    # Rows of L side by side, so that L M^-1 L is a sum of outer products of its rows.
    sizes = np.bincount(rows, minlength=count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    neighbour = np.repeat(every[:, None], sizes.max(), axis=1)
    value = np.zeros(neighbour.shape)
    neighbour[rows, within], value[rows, within] = columns, laplacian
    shape = (*neighbour.shape, neighbour.shape[1])
    first, second = np.broadcast_to(neighbour[:, :, None], shape), np.broadcast_to(neighbour[:, None], shape)
    outer = PLATE_LENGTH**4 * value[:, :, None] * value[:, None] / area[:, None, None]
    used = outer != 0
    parts = [
        (every, every, area * stiffness),
        (rows, columns, MEMBRANE_LENGTH**2 * laplacian),
        (first[used], second[used], outer[used]),
    ]
    if couplings is not None:
        (a, b), strength = couplings[0].T, MEMBRANE_LENGTH**2 * couplings[1]
        parts += [(a, a, strength), (b, b, strength), (a, b, -strength), (b, a, -strength)]
    all_rows, all_columns, all_values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _summed(all_rows, all_columns, all_values, count)


def _summed(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries sorted by row and column, duplicates added up."""
    places, inverse = np.unique(rows * np.int64(count) + columns, return_inverse=True)
    return places // count, places % count, np.bincount(inverse, values, minlength=len(places))


def _eliminated(diagonal: list[np.ndarray], below: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Block elimination from the first layer to the last: inverse Schur complements, and what is carried on between.

    diagonal, below : blocks of the matrix on its diagonal and below it.
    """
    inverses = [np.linalg.inv(diagonal[0])]
    carries: list[np.ndarray] = []
    for block, own in zip(below, diagonal[1:], strict=True):
        carries.append(block @ inverses[-1])
        inverses.append(np.linalg.inv(own - carries[-1] @ block.T))
    return inverses, carries


def _groups(points: np.ndarray) -> list[np.ndarray]:
    """Points (n, 3) in groups of at most GROUP that lie together: halved along their longest side until they do."""
    groups, waiting = [], [np.arange(len(points))]
    while waiting:
        group = waiting.pop()
        if len(group) <= GROUP:
            groups.append(group)
            continue
        longest = np.argmax(np.ptp(points[group], axis=0))
        order = group[np.argsort(points[group, longest], kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    return groups


def _layers(rows: np.ndarray, columns: np.ndarray, count: int) -> list[np.ndarray]:
    """Vertices in layers, each connected only to itself and its two neighbours, from a far end of every component."""
    sizes = np.bincount(rows, minlength=count)
    starts = np.cumsum(sizes) - sizes
    order = np.argsort(rows, kind="stable")
    partner = columns[order]

    def sweep(start: int, seen: np.ndarray) -> list[np.ndarray]:
        front, found = np.array([start]), []
        seen[start] = True
        while len(front):
            found.append(front)
            near = np.concatenate([partner[starts[v] : starts[v] + sizes[v]] for v in front])
            front = np.flatnonzero(np.bincount(near[~seen[near]]))
            seen[front] = True
        return found

    seen, layers = np.zeros(count, bool), [np.zeros(0, np.int64)]
    while not seen.all():
        first = int(np.argmin(seen))
        far = sweep(first, seen.copy())[-1][0]
        for layer in sweep(int(far), seen):
            if len(layers[-1]) + len(layer) <= BLOCK or not len(layers[-1]):
                layers[-1] = np.concatenate([layers[-1], layer])
            else:
                layers.append(layer)
    return layers
