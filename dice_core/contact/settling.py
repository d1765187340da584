"""Bringing a hand that is known to touch, or not to, to where that is so: smoothing has moved it a little."""

from __future__ import annotations

import numpy as np

from dice_core.contact.contact_pairs import ContactPairs
from dice_core.contact.lcp import minimum_translation
from dice_core.contact.soft_tissue import SoftTissue

__all__ = ["CLEARANCE", "FARTHEST", "clearing_shift", "settling_shift"]

CLEARANCE = 0.006
"""Metres between the skins of a hand that does not touch and the head; at 3.5 mm a touch is as likely as not. Set by
hand."""

FARTHEST = 0.045
"""Metres by which a hand is moved at most to where it touches: smoothing moves a fast hand by so much. Set by hand."""

_PUSHES = (0.0, 0.015, 0.03)
"""Metres away from the camera, tried in turn until the skin is near enough to be found: a hand hovers before a face."""

_ROUNDS = 5
_CLOSE_ENOUGH = 2e-4  # metres: far below what is seen
_FACING = 0.3  # least weight of a pair of vertex and surface that counts as opposed


def settling_shift(
    tissue: SoftTissue, head: np.ndarray, hand: np.ndarray, triangles: np.ndarray, depth: float
) -> np.ndarray | None:
    """The translation (3,), metres, that lets the hand's deepest vertex lie `depth` below the skin.

    head : (V, 3) undented and hand : (W, 3) vertices, metres, camera space; triangles : (T, 3) of the hand; depth :
    metres, **positive inside**. Returns None where the skin is farther than `FARTHEST`.
    """
    along = hand.mean(axis=0) / np.linalg.norm(hand.mean(axis=0))
    pairs_at = tissue.pairs_of_moved(head, hand, triangles)
    for push in _PUSHES:
        shift = push * along
        pairs = _facing(pairs_at(shift))
        if pairs is not None:
            break
    for _ in range(_ROUNDS):
        if pairs is None:
            return None
        below, outward = pairs
        deepest = int(np.argmax(below))
        missing = depth - float(below[deepest])
        if missing > _CLOSE_ENOUGH:
            shift = shift - outward[deepest] * missing
        elif missing < -_CLOSE_ENOUGH:
            shift = shift + minimum_translation(outward, below - depth)
        else:
            break
        if np.linalg.norm(shift) > FARTHEST:
            return None
        pairs = _facing(pairs_at(shift))
    return shift


def clearing_shift(tissue: SoftTissue, head: np.ndarray, hand: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The translation (3,), metres, that keeps the hand `CLEARANCE` off the skin; arguments as `settling_shift`."""
    shift = np.zeros(3)
    pairs_at = tissue.pairs_of_moved(head, hand, triangles)
    for _ in range(_ROUNDS):
        pairs = _facing(pairs_at(shift))
        if pairs is None or pairs[0].max() < _CLOSE_ENOUGH - CLEARANCE:
            break
        below, outward = pairs
        shift = shift + minimum_translation(outward, below + CLEARANCE)
    return shift


def _facing(pairs: ContactPairs | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Depth (n,) and outward normal (n, 3) of the pairs whose surfaces face each other, None without any."""
    if pairs is None:
        return None
    facing = np.flatnonzero(pairs.weight > _FACING)
    return (pairs.depth[facing], pairs.normal[facing]) if len(facing) else None
