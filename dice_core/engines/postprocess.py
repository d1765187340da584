"""Steps of post-processing that both engines share: filling gaps, smoothing, letting a hand press into the head."""

from __future__ import annotations

import numpy as np

from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue_response import TissueResponse
from dice_core.fitting.temporal_filter import fill_gaps, interpolate, interpolate_rotation, longest_gap
from dice_core.take.mesh_frames import MeshFrames

__all__ = ["INTERPOLATED", "fill_short_gaps", "press_hand", "where_present"]

INTERPOLATED = 2
"""Value of "tracked" in rows that were filled in."""


def fill_short_gaps(tracked: np.ndarray, fps: float, rotations: list[np.ndarray], values: list[np.ndarray]) -> None:
    """Interpolate, in place, rows in which something was missed for a moment, and mark them.

    tracked : (T,) uint8, zero where it is absent; rotations : each (T, 3) axis-angle; values : each (T, ...).
    """
    fill, before, after = fill_gaps(tracked > 0, longest_gap(fps))
    tracked[fill] = INTERPOLATED
    for rotation in rotations:
        interpolate_rotation(rotation, fill, before, after)
    for value in values:
        interpolate(value, fill, before, after)


def press_hand(
    tissue: SoftTissue, head: MeshFrames, hand: MeshFrames, row: int, hand_triangles: np.ndarray
) -> TissueResponse:
    """Let a hand press into the head in one row of a chunk; a hand that reaches bone is pushed back.

    head, hand : of which vertices, translation, deformation and contact are changed in place.
    """
    skin = head.vertices[row] + head.deformation[row]
    response = tissue.solve(skin, hand.vertices[row], hand_triangles)
    shift = response.hand_shift.astype(np.float32)
    hand.vertices[row] += shift
    if hand.translation is not None:
        hand.translation[row] += shift
    hand.contact[row] = np.maximum(hand.contact[row], response.hand_contact)
    head.deformation[row] += response.deformation
    head.contact[row] = np.maximum(head.contact[row], response.head_contact)
    return response


def where_present(present: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (T, ...) with the rows of absent frames zero; present : (T,) bool."""
    return np.where(present.reshape(-1, *([1] * (values.ndim - 1))), values, np.zeros((), values.dtype))
