"""Whether a thumb is hidden behind the face: its landmarks are then guesses, and it need not lie before what it covers.

A hand that lies flat along the cheek or in the hair is seen edge-on, its thumb behind the jaw or in the hair. The
landmark network places such a thumb on the face nevertheless; taken at its word, it draws the hand before the face.
"""

from __future__ import annotations

import numpy as np

from dice_core.fitting.hand_observation import THUMB, HandObservation, edge_on
from dice_core.fitting.head_view import HeadView

__all__ = ["thumb_is_hidden"]

# Set on ten hands of photos, of which five are like that, and on 138 of rendered stills (four): their mean error went
# from 45 to 35 mm, and none got worse. Of 96 other stills, three: 71 to 68, one worse by 4.
_EDGE_ON = 0.5  # of `edge_on`, from which a hand hides its thumb
_ON_THE_FACE = 3  # landmarks of the thumb in front of the face


def thumb_is_hidden(observation: HandObservation, head: HeadView) -> bool:
    """Whether a hand is seen edge-on, with its thumb on the far side and the face where the thumb seems to be.

    observation : with a depth prediction. Raises ValueError without one.
    """
    on_the_face = np.isfinite(head.front_at(observation.pixels[THUMB])).sum() >= _ON_THE_FACE
    if not on_the_face or edge_on(observation.pixels) < _EDGE_ON:
        return False
    return bool(observation.predicted().relative[THUMB].mean() > 0)
