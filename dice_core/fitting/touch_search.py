"""Where a touch is looked for: how likely it must be, and how far along the view the face may lie."""

from __future__ import annotations

import numpy as np

from dice_core.fitting.depth_prior import DepthPrediction

__all__ = ["STAYS", "SWEEP", "is_possible", "within_reach"]

# Set by hand, judged on the rendered sample clip and on the four test photos.
SWEEP = np.exp(np.linspace(-0.36, 0.36, 37))
"""Distances tried, relative to that of the pose without the head."""

_BEGINS, STAYS = 0.4, 0.2
"""Touch probability, for a hand that was free in the frame before and one that touched."""

_DEPTH_RANGE = 2.5  # deviations of the predicted depth within which the face must lie for a touch
_LEAST_DEPTH_RANGE = 0.02  # metres, of that range


def is_possible(predicted: DepthPrediction, was_touching: bool) -> bool:
    """Whether a touch is likely enough to be looked for; was_touching : in the frame before."""
    return predicted.touch_probability > (STAYS if was_touching else _BEGINS)


def within_reach(distance: float, predicted: DepthPrediction) -> np.ndarray:
    """(37,) bool: factors of the sweep within which the face must lie for a touch; distance : metres of the pose."""
    return np.abs(SWEEP * distance - distance) < max(_DEPTH_RANGE * predicted.mean_sigma, _LEAST_DEPTH_RANGE)
