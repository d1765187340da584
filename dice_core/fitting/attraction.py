"""Which parts of a hand are drawn onto the skin when the hand is known to touch it."""

from __future__ import annotations

import numpy as np

from dice_core.fitting.hand_samples import HandSamples

__all__ = ["attraction"]

# Set by hand, judged on the rendered sample clip and on the four test photos.
_REACH = 0.012  # metres: parts of the hand nearer than about this to the skin are drawn onto it
_LEAST = 0.05  # weight below which a part is not drawn at all


def attraction(samples: HandSamples, separation: np.ndarray) -> np.ndarray:
    """(n,) weight of each sample's attraction: 0 but for the one of each part nearest to skin.

    separation : (n,) metres from each sample to skin that faces it, infinite where there is none.
    """
    weight = np.zeros(len(separation))
    nearest, smallest = -1, np.inf
    for members in samples.members:
        closest = members[separation[members].argmin()]
        apart = separation[closest]
        if apart < smallest:
            nearest, smallest = closest, apart
        weight[closest] = 1 / (1 + (apart / _REACH) ** 2) ** 2 if np.isfinite(apart) else 0.0
    if nearest >= 0:
        weight[nearest] = 1.0  # the hand is known to touch, so its nearest part does
    weight[weight < _LEAST] = 0.0
    return weight
