"""Axes of a hand's bones by anatomy: along the bone, across the palm, out of it. Bone rolls say nothing.

For all bones y runs to the next joint. Of the hand and of fingers x points across the knuckles towards the index
finger; of the thumb it is the normal of the plane that holds the thumb and the palm's middle, about which it bends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.transfer.names import FINGERS

__all__ = ["HandAnatomy", "hand_anatomy"]


@dataclass(frozen=True)
class HandAnatomy:
    """names : B bones, "hand", "thumb.1" ... without their side, parents first; parents : (B,) int;
    joints : (B, 3) and tips : (B, 3), both ends; axes : (B, 3, 3), columns x, y, z, right-handed."""

    names: tuple[str, ...]
    parents: np.ndarray
    joints: np.ndarray
    tips: np.ndarray
    axes: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """(B,) from joint to tip."""
        return np.linalg.norm(self.tips - self.joints, axis=1)


def hand_anatomy(joints: dict[str, np.ndarray], points: dict[str, np.ndarray]) -> HandAnatomy | None:
    """Axes from joint positions.

    joints : (3,) by bone, "hand" and finger bones "index.1" ...; metacarpals "index.0" are left out, as they follow the
    hand. points : by bone, (n, 3) skin that it alone moves, for the ends of the fingers.
    Returns None where a hand cannot be told: without the hand itself or with fewer than two fingers beside the thumb.
    """
    if "hand" not in joints:
        return None
    names, parents = ["hand"], [-1]
    for finger in FINGERS:
        above = 0
        for number in (1, 2, 3):
            name = f"{finger}.{number}"
            if name not in joints:
                break
            names.append(name)
            parents.append(above)
            above = len(names) - 1
    knuckles = [joints[f"{finger}.1"] for finger in FINGERS[1:] if f"{finger}.1" in joints]
    if len(knuckles) < 2:
        return None
    across = knuckles[0] - knuckles[-1]
    place = np.array([joints[name] for name in names])
    tips = _tips(names, np.array(parents), place, points, np.mean(knuckles, axis=0))
    palm = (place[0] + np.mean(knuckles, axis=0)) / 2
    axes = []
    for name, joint, tip in zip(names, place, tips, strict=True):
        reference = np.cross(tip - joint, palm - joint) if name.startswith("thumb") else across
        axes.append(_frame(tip - joint, reference))
    return HandAnatomy(tuple(names), np.array(parents), place, tips, np.array(axes))


def _tips(
    names: list[str], parents: np.ndarray, place: np.ndarray, points: dict[str, np.ndarray], knuckles: np.ndarray
) -> np.ndarray:
    """The far end of each bone: the next joint, or of a finger's last bone the end of its skin."""
    tips = np.empty_like(place)
    for k, name in enumerate(names):
        below = np.flatnonzero(parents == k)
        if k == 0:
            tips[k] = knuckles
        elif len(below):
            tips[k] = place[below[0]]
        else:
            along = place[k] - place[parents[k]]
            length = float(np.linalg.norm(along))
            skin = points.get(name, np.zeros((0, 3)))
            reach = (skin - place[k]) @ (along / length) if len(skin) else np.zeros(0)
            far = reach > 0.8 * reach.max(initial=0)
            tips[k] = skin[far].mean(axis=0) if far.any() else place[k] + 0.8 * along
    return tips


def _frame(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    y = along / np.linalg.norm(along)
    x = across - (across @ y) * y
    x /= np.linalg.norm(x)
    return np.stack([x, y, np.cross(x, y)], axis=1)
