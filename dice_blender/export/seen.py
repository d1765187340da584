"""How far a take's surfaces have moved by what was done to its keys, as Blender shows them."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .export_scene import open_export_scene
from .sampling import sample

__all__ = ["SeenSurface", "largest_distance", "seen_surfaces"]


@dataclass(frozen=True)
class SeenSurface:
    """points : (T, V, 3) float32, metres, world; visible : (T,) bool, the frames that show it."""

    points: np.ndarray
    visible: np.ndarray


def seen_surfaces(collection: bpy.types.Collection) -> dict[str, SeenSurface]:
    """The surfaces of a take's meshes by name, from the first to the last key. The scene stays as it is.

    Raises InputError where nothing of the take is to be seen.
    """
    with open_export_scene(collection) as copies:
        return {item.body.name: SeenSurface(item.surface, item.visible) for item in sample(copies).bodies}


def largest_distance(before: dict[str, SeenSurface], after: dict[str, SeenSurface]) -> float:
    """Metres, the largest distance between the same vertices in the same frames, of those that show both."""
    worst = 0.0
    for name in before.keys() & after.keys():
        one, other = before[name], after[name]
        for t in np.flatnonzero(one.visible & other.visible).tolist():
            distance = np.linalg.norm(one.points[t] - other.points[t], axis=1)
            worst = max(worst, float(distance.max(initial=0.0)))
    return worst
