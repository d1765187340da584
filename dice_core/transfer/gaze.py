"""Where our eyes look in an expression: the turn of the iris.

Our keys move the front of an eyeball and leave its back behind, by as little as a fifth, so that the rotation nearest
to all of its vertices is seven tenths of what is seen.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dice_core.bodies import load_head
from dice_core.transfer.turns import turn_about

__all__ = ["eye_turn", "iris_vertices"]

IRIS = 0.8
"""Smallest cosine between the direction that an eye looks in at rest and that of a vertex of its front, from its
centre. All of these turn alike within a tenth; from 0.5 to 0.9 the turn is the same within 0.2 degrees."""

FORWARD = np.array([0.0, 0.0, -1.0])
"""The direction that our head's eyes look in at rest."""


@lru_cache(maxsize=2)
def iris_vertices(letter: str) -> np.ndarray:
    """(n,) int vertices of our head at the front of an eyeball; letter : "L" or "R", the subject's own."""
    own = np.flatnonzero(load_head().mesh.region_vertices(f"eyeball.{letter}"))
    offset = _offsets(letter, own)
    return own[offset @ FORWARD > IRIS * np.linalg.norm(offset, axis=1)]


def eye_turn(letter: str, displacement: np.ndarray) -> np.ndarray:
    """(3, 3) turn of an eye about its centre; displacement : (n, 3) of `iris_vertices`, metres."""
    offset = _offsets(letter, iris_vertices(letter))
    return turn_about(offset, offset + displacement)


def _offsets(letter: str, rows: np.ndarray) -> np.ndarray:
    mesh = load_head().mesh
    centre = mesh.joints[mesh.joint_names.index(f"eye.{letter}")]
    return (mesh.rest_vertices[rows] - centre).astype(np.float64)
