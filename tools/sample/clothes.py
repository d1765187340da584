"""Clothes that hide where the bodies end: a sleeve over the wrist's cut, a collar and shoulders under the neck's.

Sizes and places were set by hand, by the look of the pictures.
"""

from __future__ import annotations

import numpy as np

__all__ = ["COLLAR_RINGS", "SLEEVE_RINGS", "boundary_ring", "collar", "ring_quads", "sleeve"]

SLEEVE_RINGS, COLLAR_RINGS = 14, 12

CUFF_OVERLAP, CUFF_GAP, CUFF_THICKNESS = 0.004, 0.003, 0.004
"""Metres that the cuff reaches over the hand, stands off it, and is thick."""

ELBOW = np.array([-0.26, 0.42, 0.62])
"""Metres, camera space: where the forearm comes from while the hand is at the face."""

ELBOW_FOLLOWS = 0.6
"""Share of the hand's way out of the picture that the elbow goes along."""

FOREARM_RADIUS = 0.048
"""Metres, of the sleeve at the elbow."""

COLLAR_PROFILE = (
    # metres outward, metres down, share of the head's motion
    (0.001, -0.004, 1.0),
    (0.003, -0.010, 1.0),
    (0.007, -0.010, 1.0),
    (0.009, -0.004, 0.9),
    (0.011, 0.008, 0.7),
    (0.016, 0.020, 0.4),
)
"""A turned-down edge around the neck."""

SHOULDERS = (
    (0.095, 0.075, 0.140),
    (0.135, 0.085, 0.158),
    (0.17, 0.09, 0.178),
    (0.19, 0.095, 0.215),
    (0.195, 0.1, 0.30),
)
"""Half width, half depth, metres below the head's middle."""


def boundary_ring(quads: np.ndarray, vertices: np.ndarray, outward: np.ndarray) -> np.ndarray:
    """Vertices of the open boundary that lies furthest along a direction, in order.

    quads : (F, 4); vertices : (V, 3); outward : (3,). Returns (n,) indices.
    """
    following: dict[int, int] = {}
    edges = {(int(quad[k]), int(quad[(k + 1) % 4])) for quad in quads for k in range(4)}
    for start, end in edges:
        if (end, start) not in edges:
            following[start] = end
    rings = []
    while following:
        first, current = following.popitem()
        ring = [first]
        while current != first:
            ring.append(current)
            current = following.pop(current)
        rings.append(ring)
    return np.array(max(rings, key=lambda ring: float((vertices[ring] @ outward).mean())))


def ring_quads(rings: int, around: int) -> np.ndarray:
    """(rings - 1) * around quads between successive rings of vertices."""
    near = np.arange(around)
    far = np.roll(near, -1)
    return np.concatenate(
        [np.stack([near, far, far + around, near + around], axis=1) + k * around for k in range(rings - 1)]
    )


def sleeve(ring: np.ndarray, hand_axis: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Rings of a sleeve from the cut of the wrist to the elbow.

    ring : (n, 3) the cut in camera space; hand_axis : (3,) unit, from the wrist to the fingers; away : (3,) how far the
    hand is from where it touches, metres. Returns (SLEEVE_RINGS * n, 3).
    """
    centre = ring.mean(axis=0)
    offset = ring - centre
    radius = np.linalg.norm(offset, axis=1, keepdims=True)
    round_offset = offset / radius * radius.mean()
    elbow = ELBOW + ELBOW_FOLLOWS * away
    length = np.linalg.norm(elbow - centre)
    bend = centre - 0.35 * length * hand_axis
    cuff = centre + CUFF_OVERLAP * hand_axis
    rings = [
        cuff - 0.02 * hand_axis + offset * (1 + CUFF_GAP / radius),
        cuff + offset * (1 + CUFF_GAP / radius),
        cuff + offset * (1 + (CUFF_GAP + CUFF_THICKNESS) / radius),
    ]
    for share in np.linspace(0.04, 1, SLEEVE_RINGS - len(rings)):
        middle = (1 - share) ** 2 * cuff + 2 * share * (1 - share) * bend + share**2 * elbow
        along = (1 - share) * (bend - cuff) + share * (elbow - bend)
        along /= np.linalg.norm(along)
        shape = (1 - share) * offset + share * round_offset
        shape = shape - (shape @ along)[:, None] * along
        size = np.linalg.norm(shape, axis=1, keepdims=True)
        thick = size + CUFF_GAP + CUFF_THICKNESS
        rings.append(middle + shape / size * (thick + np.sqrt(share) * (FOREARM_RADIUS - thick) * 0.9))
    return np.concatenate(rings)


def collar(ring_rest: np.ndarray, head_motion: tuple[np.ndarray, np.ndarray], place: np.ndarray) -> np.ndarray:
    """Rings of a collar and shoulders.

    ring_rest : (n, 3) the cut of the neck at rest; head_motion : rotation (3, 3) and translation (3,);
    place : (3,) where the body stands, metres, camera space. Returns (COLLAR_RINGS * n, 3).
    """
    rotation, translation = head_motion
    centre = ring_rest.mean(axis=0)
    outward = ring_rest - centre
    outward[:, 1] = 0
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    rings = []
    for out, down, share in COLLAR_PROFILE:
        rest = ring_rest + out * outward + np.array([0.0, down, 0.0])
        moved = rest @ rotation.T + translation
        rings.append(share * moved + (1 - share) * (rest + place))
    for half_width, half_depth, below in SHOULDERS:
        body = np.array([0.0, below, 0.035]) + outward * [half_width, 0.0, half_depth]
        # Shoulders slope away to the sides.
        body[:, 1] += 0.02 * (np.abs(outward[:, 0]) ** 2) * (half_width > 0.1)
        rings.append(body + place)
    floor = rings[-1] + np.array([0.0, 0.2, 0.0])
    return np.concatenate([*rings, floor])
