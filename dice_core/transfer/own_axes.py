"""A character's own left, back and up, by its bones: however it stands in the world, it is looked at alike."""

from __future__ import annotations

import itertools

import numpy as np

from dice_core.transfer.files import Character
from dice_core.transfer.names import ARM_ROLES

__all__ = ["own_axes"]

ALIGNED = np.radians(25.0)
"""Radians within which the world's axes, in whatever order, are taken for a character's own: it was modelled along
them, and its joints tell no better. Of the test characters, the line from the shoulders to the head leans forward by 2
to 8 degrees."""

LEAST_APART = 0.05
"""Of the distance from the arms' middle to the head: a left and a right arm nearer to each other tell no side."""

_ARMS = ("upper_arm", *(role for role in ARM_ROLES if role != "upper_arm"))
"""Parts of an arm, the one that says best where left and up are first."""


def own_axes(character: Character) -> np.ndarray:
    """(3, 3), rows: where the character's left, back and up are in the world; its points @ axes.T are as of one that
    stands upright and faces -y.

    The world's own axes where the rig does not have both arms.
    """
    head = _joint(character, "head")
    if head is None and character.head_vertices.any():
        head = character.vertices[character.head_vertices].mean(axis=0, dtype=np.float64)
    for role in _ARMS:
        left, right = _joint(character, f"{role}.L"), _joint(character, f"{role}.R")
        if head is None or left is None or right is None:
            continue
        across, above = left - right, head - (left + right) / 2
        if np.linalg.norm(across) <= LEAST_APART * np.linalg.norm(above):
            continue
        across /= np.linalg.norm(across)
        above -= (above @ across) * across
        if np.linalg.norm(above) > LEAST_APART * np.linalg.norm(left - right):
            above /= np.linalg.norm(above)
            return _along_the_world(np.stack([across, np.cross(above, across), above]))
    return np.eye(3)


def _joint(character: Character, role: str) -> np.ndarray | None:
    """(3,) where a role's bone begins at rest, None without one."""
    if role not in character.roles:
        return None
    return character.bone_matrices[character.bone_names.index(character.roles[role]), :3, 3].astype(np.float64)


def _along_the_world(axes: np.ndarray) -> np.ndarray:
    """The nearest axes that are the world's in some order, if they are `ALIGNED`, else the given ones."""
    turns = [
        np.eye(3)[list(order)] * np.array(signs)[:, None]
        for order in itertools.permutations(range(3))
        for signs in itertools.product((1.0, -1.0), repeat=3)
    ]
    nearest = max((turn for turn in turns if np.linalg.det(turn) > 0), key=lambda turn: float(np.sum(turn * axes)))
    angle = np.arccos(np.clip((np.sum(nearest * axes) - 1) / 2, -1, 1))
    return nearest if angle < ALIGNED else axes
