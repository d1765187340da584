"""What the skin and the hand do in one frame of contact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.contact.contact_pairs import smooth_step

__all__ = ["TissueResponse", "contact_probability"]

CONTACT_SEPARATION = 0.010
"""Metres: surfaces further apart than this do not touch; at 0.35 of it a touch is as likely as not. Set by hand."""

CONTACT_SHAPE = 0.66
"""Exponent that puts the probability of one half at 3.5 mm: 0.35 ** 0.66 = 0.5."""


@dataclass(frozen=True)
class TissueResponse:
    """One frame's contact of one hand with the head.

    deformation : (V, 3) float32, metres, to add to the head's vertices; exactly zero away from a touch.
    head_contact : (V,) float32 and hand_contact : (W,) float32, probability of touching, 0 to 1.
    hand_shift : (3,) float64, metres, to add to the hand's vertices; all other fields are those of the shifted hand.
    largest_indentation : metres, the longest displacement of the deformation.
    penetration_left : metres, how deep the deepest vertex of the shifted hand still lies in the deformed head.
    """

    deformation: np.ndarray
    head_contact: np.ndarray
    hand_contact: np.ndarray
    hand_shift: np.ndarray
    largest_indentation: float
    penetration_left: float

    @classmethod
    def without_contact(cls, head_count: int, hand_count: int) -> TissueResponse:
        """The response of V = head_count and W = hand_count vertices that do not touch: zero throughout."""
        return cls(
            np.zeros((head_count, 3), np.float32),
            np.zeros(head_count, np.float32),
            np.zeros(hand_count, np.float32),
            np.zeros(3),
            0.0,
            0.0,
        )


def contact_probability(depth: np.ndarray) -> np.ndarray:
    """Probability that two facing surfaces touch: 1 at a depth of 0 or more, 0.5 at -3.5 mm, 0 from -10 mm on.

    depth : (n,) metres, **positive inside**.
    """
    return 1 - smooth_step(np.clip(-depth / CONTACT_SEPARATION, 0, 1) ** CONTACT_SHAPE, 0.0, 1.0)
