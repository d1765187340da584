"""Where scenes are taken: anywhere, or in a studio as data with all truth usually is. Figures were set by hand."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SURROUNDINGS", "Surroundings"]


@dataclass(frozen=True)
class Surroundings:
    """Ranges that a scene is drawn from.

    fov : degrees of the camera's field of view; distance : metres from the camera to the head; yaw, pitch, roll : the
    head's largest turns, degrees; backdrop : one plain background and one light from the front, else any.
    """

    fov: tuple[float, float]
    distance: tuple[float, float]
    yaw: float
    pitch: float
    roll: float
    backdrop: bool


SURROUNDINGS = {
    "anywhere": Surroundings((25.0, 70.0), (0.45, 1.1), 35.0, 20.0, 10.0, False),
    "studio": Surroundings((38.0, 42.0), (0.75, 0.85), 10.0, 6.0, 3.0, True),
}
"""By the names that configurations use. The studio has the camera in front of a person who looks into it."""
