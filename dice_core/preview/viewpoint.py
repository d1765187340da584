"""Virtual cameras that look at head and hands from the side, still over the whole take.

Angles, margins and percentiles are set by hand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.take.frames import FrameReader

__all__ = ["Orbit", "plan_orbit"]

ORBIT_DEGREES = 50.0
"""From the footage's camera around the head: depth shows well, and the face is still seen."""
FOV_DEGREES = 28.0
"""Narrow, so that near hands are not swollen by perspective."""
MARGIN = 1.2
"""Room around the bodies, for the labels and for what perspective enlarges."""
SAMPLED_FRAMES = 16
"""Frames looked at, spread over the take, to find the middle and the extent."""
LEAST_RADIUS = 0.1
"""Metres: a hand alone is not blown up further."""
REACH_PERCENTILE = 80
"""Of the frames looked at, how many show the bodies whole: a hand that swings far out does not make all else small."""


@dataclass(frozen=True)
class Orbit:
    """Cameras on a circle around the bodies, level with their middle.

    centre : (3,) metres; radius : metres, how far the bodies reach across the view from the centre;
    side : +1 where the hands are at the picture's right, -1 at its left.
    """

    centre: np.ndarray
    radius: float
    side: int

    def view(self, points: np.ndarray, degrees: float) -> np.ndarray:
        """Points in the space of the camera that has gone `degrees` around toward +x.

        points : (n, 3) metres. Returns (n, 3) metres.
        """
        distance = self.radius * MARGIN / math.tan(math.radians(FOV_DEGREES) / 2)
        return (points - self.centre) @ _axes(degrees).T + np.array([0.0, 0.0, distance])

    def camera(self, size: int) -> Camera:
        """Camera for `view`, `size` by `size` pixels."""
        return Camera.from_fov(size, size, FOV_DEGREES)


def plan_orbit(reader: FrameReader, indices: np.ndarray) -> Orbit | None:
    """Viewpoint for some frames of a take.

    indices : frames of the take. Returns None where none of the frames looked at has a body.
    """
    sampled = indices[np.unique(np.linspace(0, len(indices) - 1, SAMPLED_FRAMES).astype(int))] if len(indices) else []
    clouds, sides = [], []
    for index in sampled:
        frame = reader.read(int(index))
        if frame.bodies:
            clouds.append(np.concatenate([body.surface for body in frame.bodies.values()]))
        if "head" in frame.bodies:
            middle = frame.bodies["head"].surface.mean(axis=0)
            sides += [float(body.surface.mean(axis=0)[0] - middle[0]) for body in frame.hands.values()]
    if not clouds:
        return None
    # A hand that flies off for a moment must not make everything small.
    low = np.median([cloud.min(axis=0) for cloud in clouds], axis=0)
    high = np.median([cloud.max(axis=0) for cloud in clouds], axis=0)
    centre = (low + high) / 2
    both = np.concatenate([_axes(ORBIT_DEGREES)[:2], _axes(-ORBIT_DEGREES)[:2]])
    reach = [float(np.abs((cloud - centre) @ both.T).max()) for cloud in clouds]
    return Orbit(centre, max(LEAST_RADIUS, float(np.percentile(reach, REACH_PERCENTILE))), -1 if sum(sides) < 0 else 1)


def _axes(degrees: float) -> np.ndarray:
    """(3, 3): right, down and forward of the camera that has gone around toward +x."""
    angle = math.radians(degrees)
    right = [math.cos(angle), 0.0, math.sin(angle)]
    forward = [-math.sin(angle), 0.0, math.cos(angle)]
    return np.array([right, [0.0, 1.0, 0.0], forward])
