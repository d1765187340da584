"""Axes of a hand's bones by anatomy: along the bone, across the palm, out of it. Bone rolls say nothing.

For all bones y runs to the next joint. Of the hand and of fingers x points across the knuckles towards the index
finger; of the thumb it is the normal of the plane that holds the thumb and the palm's middle, about which it bends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.transfer.names import FINGERS

__all__ = ["HandAnatomy", "hand_anatomy"]

KNUCKLES = 0.56
"""Share of the way from the wrist to the fingertips at which the knuckles are: 0.111 of 0.199 m in the product's hand,
and between 0.54 and 0.58 in people."""


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
    Returns None where a hand cannot be told: without the hand itself, or with fewer than two fingers beside the thumb
    and no thumb or no skin, which say where the index finger is on a hand like a mitten.
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
    if len(knuckles) >= 2:
        middle, across = np.mean(knuckles, axis=0), knuckles[0] - knuckles[-1]
    else:
        mitten = _mitten(joints, points)
        if mitten is None:
            return None
        middle, across = mitten
    place = np.array([joints[name] for name in names])
    tips = _tips(names, np.array(parents), place, points, middle)
    palm = (place[0] + middle) / 2
    axes = []
    for name, joint, tip in zip(names, place, tips, strict=True):
        reference = np.cross(tip - joint, palm - joint) if name.startswith("thumb") else across
        axes.append(_frame(tip - joint, reference))
    return HandAnatomy(tuple(names), np.array(parents), place, tips, np.array(axes))


def _mitten(joints: dict[str, np.ndarray], points: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Middle of the knuckles and the direction across them of a hand whose fingers are one: a palm is flat, and its
    thumb is at the index finger's side."""
    palm = points.get("hand", np.zeros((0, 3)))
    if "thumb.1" not in joints or len(palm) < 4:
        return None
    wrist = joints["hand"]
    fingers = np.concatenate([skin for name, skin in points.items() if not name.startswith("thumb")])
    along = fingers.mean(axis=0) - wrist
    along /= np.linalg.norm(along)
    middle = wrist + KNUCKLES * float(((fingers - wrist) @ along).max()) * along
    flat = palm - palm.mean(axis=0)
    flat = flat - (flat @ along)[:, None] * along
    across = np.linalg.svd(flat, full_matrices=False)[2][0]
    thumb = points.get("thumb.1", np.zeros((0, 3)))
    beside = thumb.mean(axis=0) if len(thumb) else joints["thumb.1"]
    return middle, across * np.sign(across @ (beside - (wrist + middle) / 2))


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
            skin = points.get(name, np.zeros((0, 3)))
            # A finger of one bone points to where its skin is, not away from the wrist.
            alone = parents[k] == 0 and len(skin)
            along = 2 * (skin.mean(axis=0) - place[k]) if alone else place[k] - place[parents[k]]
            length = float(np.linalg.norm(along))
            reach = (skin - place[k]) @ (along / length) if len(skin) else np.zeros(0)
            far = reach > 0.8 * reach.max(initial=0)
            tips[k] = skin[far].mean(axis=0) if far.any() else place[k] + 0.8 * along
    return tips


def _frame(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    y = along / np.linalg.norm(along)
    x = across - (across @ y) * y
    x /= np.linalg.norm(x)
    return np.stack([x, y, np.cross(x, y)], axis=1)
