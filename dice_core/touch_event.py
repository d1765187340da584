"""A touch: what contact finds, takes hold, and markers in Blender show."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TouchEvent"]


@dataclass(frozen=True)
class TouchEvent:
    """One hand touching one region of the head.

    mesh : "head"; region : of its regions; hand : "hand_left" or "hand_right"; first_frame, last_frame : inclusive;
    peak_depth_mm : deepest dent of the region while it was touched, millimetres.
    """

    mesh: str
    region: str
    hand: str
    first_frame: int
    last_frame: int
    peak_depth_mm: float
