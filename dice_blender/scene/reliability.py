"""How far a hand can be relied on, as a keyed property of its object."""

from __future__ import annotations

import bpy
import numpy as np

from .animation import CurveWriter
from .motion import Motion
from .object_data import describe_property

__all__ = ["RELIABILITY", "add_reliability"]

RELIABILITY = "reliability"
"""Object property: probability that the hand's depth and touch are right now; 0 where that is not judged."""


def add_reliability(item: bpy.types.Object, motion: Motion, curves: CurveWriter, times: np.ndarray) -> None:
    """The property and its keys, of a hand that the take judges; times : (T,) scene frames of the motion's frames."""
    values = motion.reliability
    if values is None or not (values >= 0).any():
        item.pop(RELIABILITY, None)
        return
    shown = np.maximum(values, 0)
    item[RELIABILITY] = float(shown[0])
    text = "How probable it is that the hand's depth (to 15 mm) and touch are right in this frame, 0 to 1"
    describe_property(item, RELIABILITY, text)
    curves.write(f'["{RELIABILITY}"]', 0, times, shown, group="Reliability")
