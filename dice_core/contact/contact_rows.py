"""The constraints of one solve, one row for each contact: how far the skin must move there, and along which way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.contact.contact_pairs import ContactPairs, smooth_step

__all__ = ["ContactRows", "contact_rows"]

# All of these were set by hand, on single frames of the rendered sample and the shapes of tests/core.

ROW_SEPARATION = 0.004
"""Metres: vertices nearer than this to the other surface take part in the solve, so that they do not slip through."""

MAX_ROWS = 320
"""Rows of one solve, the deepest ones. A palm laid flat has more, but then neighbours ask for the same."""

NOT_FACING_DEPTH = -0.005
"""Metres: depth that a row fades to as its surfaces cease to face each other."""

FRONTAL_FROM, FRONTAL_FULL = 0.6, 0.9
"""Minus the cosine between hand and skin from which a vertex of the head pushes the hand back, and from which it does
so fully: the way out of a finger's flank is past its tip, not sideways."""


@dataclass(frozen=True)
class ContactRows:
    """Points of the head's skin that must move along `direction` by `depth`.

    corners : (m, 3) int, weights : (m, 3) barycentric; direction : (m, 3) unit, into the head; depth : (m,) metres of
    the hand below the skin as it would be without its dent, **positive inside**; limit : (m,) metres that the skin can
    give way; frontal_weight : (m,) 0 to 1, how far a row that is deeper than its limit pushes the hand back.
    """

    corners: np.ndarray
    weights: np.ndarray
    direction: np.ndarray
    depth: np.ndarray
    limit: np.ndarray
    frontal_weight: np.ndarray


def contact_rows(
    hand_pairs: ContactPairs, head_pairs: ContactPairs, dent: np.ndarray, limits: np.ndarray
) -> ContactRows:
    """Rows of contacts in both directions: hand vertices on the head's surface, and head vertices on the hand's.

    hand_pairs, head_pairs : with the skin as dented by `dent`, (V, 3) metres; limits : (V,) metres of the deepest dent.
    """
    near_hand = (hand_pairs.depth > -ROW_SEPARATION) & (hand_pairs.weight > 0)
    near_head = (head_pairs.depth > -ROW_SEPARATION) & (head_pairs.weight > 0)
    own = head_pairs.vertex[near_head]
    corners = np.concatenate([hand_pairs.corners[near_hand], np.repeat(own[:, None], 3, axis=1)])
    weights = np.concatenate([hand_pairs.weights[near_hand], np.tile([1.0, 0.0, 0.0], (len(own), 1))])
    direction = np.concatenate([-hand_pairs.normal[near_hand], head_pairs.normal[near_head]])
    below = np.concatenate([hand_pairs.depth[near_hand], head_pairs.depth[near_head]])
    facing = np.concatenate([hand_pairs.weight[near_hand], head_pairs.weight[near_head]])
    frontal_weight = smooth_step(head_pairs.opposed[near_head], FRONTAL_FROM, FRONTAL_FULL)
    frontal_weight = np.concatenate([np.ones(int(near_hand.sum())), frontal_weight])
    dented = np.einsum("mk,mkx,mx->m", weights, dent[corners], direction)
    depth = facing * (dented + below) + (1 - facing) * NOT_FACING_DEPTH
    if len(depth) > MAX_ROWS:
        deepest = np.sort(np.argpartition(-depth, MAX_ROWS)[:MAX_ROWS])
        corners, weights, direction, depth = (a[deepest] for a in (corners, weights, direction, depth))
        frontal_weight = frontal_weight[deepest]
    limit = np.einsum("mk,mk->m", weights, limits[corners])
    return ContactRows(corners, weights, direction, depth, limit, frontal_weight)
