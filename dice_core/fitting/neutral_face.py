"""A person's face at rest, as the network reads it: low brows are no frown, and full lips no pout.

People rest differently, and one picture does not show whether brows are low or lowered. Where the user names a frame in
which the face rests, expressions are measured from what the network reads there, the identity follows, and a head whose
brows lie low has them low.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.fitting.expression_prior import FacePrediction

__all__ = ["MEAN_REST", "measured_from", "rest_of"]

# Of what the network reads both ways in the middle of public clips, 0.30 and 0.38 (every other of 115 clips; 0.21 and
# 0.26 of the others), all but 0.04: it learned from rendered faces, whose brows lie higher. Faces that are read both
# ways are read alike on both sides. docs/accuracy.md
_READ_AT_REST = {"browDownLeft": 0.25, "browDownRight": 0.25}

MEAN_REST = np.array([_READ_AT_REST.get(name, 0.0) for name in EXPRESSION_NAMES])
"""(52,) of a person of whom no resting face is known."""

_LARGEST = 0.7  # of the full action that a resting face may have, set by hand: the rest of the way is left to act

_GAZE = np.array([name.startswith("eyeLook") for name in EXPRESSION_NAMES])


def rest_of(prediction: FacePrediction) -> np.ndarray:
    """(52,) what a resting face seems to have of every expression; nothing of gaze, which has no rest."""
    return np.where(_GAZE, 0.0, np.minimum(prediction.expression, _LARGEST))


def measured_from(prediction: FacePrediction, rest: np.ndarray) -> FacePrediction:
    """A prediction with its expressions measured from a `rest` (52,), stretched so that the full action stays full.

    Its deviations stay: they are those of strangers' readings, much of which is how differently people rest.
    """
    return replace(prediction, expression=np.maximum((prediction.expression - rest) / (1 - rest), 0))
