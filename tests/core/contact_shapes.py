"""Simple surfaces with outward normals for the contact tests."""

from __future__ import annotations

import numpy as np

__all__ = ["ball", "sheet"]


def sheet(count: int = 41, size: float = 0.12) -> tuple[np.ndarray, np.ndarray]:
    """A square sheet at z = 0 whose outward normal is -z: vertices (V, 3), triangles (T, 3)."""
    line = np.linspace(-size / 2, size / 2, count)
    x, y = np.meshgrid(line, line)
    index = np.arange(count * count).reshape(count, count)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    # Diagonals alternate, so that the sheet is its own mirror image.
    even = (np.add.outer(np.arange(count - 1), np.arange(count - 1)) % 2 == 0)[..., None]
    first = np.where(even, np.stack([a, c, b], axis=-1), np.stack([a, d, b], axis=-1))
    second = np.where(even, np.stack([a, d, c], axis=-1), np.stack([b, d, c], axis=-1))
    triangles = np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1), triangles


def ball(radius: float, centre: tuple[float, float, float], rings: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A sphere with its poles on the z axis: vertices (V, 3), triangles (T, 3)."""
    around = 2 * rings
    polar, azimuth = np.meshgrid(
        np.linspace(0, np.pi, rings + 1)[1:-1], np.arange(around) * (2 * np.pi / around), indexing="ij"
    )
    body = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=-1)
    points = np.concatenate([body.reshape(-1, 3), [[0, 0, 1], [0, 0, -1]]]) * radius + np.asarray(centre)
    index = np.arange((rings - 1) * around).reshape(rings - 1, around)
    right = np.roll(index, -1, axis=1)
    north, south = np.full(around, index.size), np.full(around, index.size + 1)
    triangles = np.concatenate(
        [
            np.stack([index[:-1], index[1:], right[1:]], axis=-1).reshape(-1, 3),
            np.stack([index[:-1], right[1:], right[:-1]], axis=-1).reshape(-1, 3),
            np.stack([north, index[0], right[0]], axis=1),
            np.stack([south, right[-1], index[-1]], axis=1),
        ]
    )
    return points, triangles
