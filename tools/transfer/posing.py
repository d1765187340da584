"""A character's mesh as a motion moves it, from the two files alone: what Blender will show."""

from __future__ import annotations

import numpy as np

from dice_core.transfer.files import Character, Motion

__all__ = ["Posed"]


class Posed:
    """Vertices of a character in every frame of a motion, world space."""

    def __init__(self, character: Character, motion: Motion) -> None:
        self._character, self._motion = character, motion
        names = list(character.bone_names)
        self._row = {names.index(bone): k for k, bone in enumerate(motion.bone_names)}
        self._rest = character.bone_matrices
        self._inverse = np.linalg.inv(self._rest) if names else self._rest
        self._order = _parents_first(character.bone_parents)
        deltas = [self._key(name) for name in motion.expression_names]
        self._deltas = np.array(deltas, np.float32).reshape(-1, len(character.vertices), 3)

    def _key(self, name: str) -> np.ndarray:
        character, motion = self._character, self._motion
        if name in motion.made_key_names:
            return motion.made_key_deltas[motion.made_key_names.index(name)]
        rows = [k for k, key in enumerate(character.shape_key_names) if key == name]
        return character.shape_key_deltas[rows].sum(axis=0)

    def carries(self, frame: int) -> np.ndarray:
        """(B, 4, 4) what each bone does to points at rest."""
        carry = np.tile(np.eye(4), (len(self._rest), 1, 1))
        for bone in self._order:
            if bone in self._row:
                carry[bone] = self._motion.pose_matrices[frame, self._row[bone]] @ self._inverse[bone]
            elif self._character.bone_parents[bone] >= 0:
                carry[bone] = carry[self._character.bone_parents[bone]]
        return carry

    def vertices(self, frame: int, dents: bool = True) -> np.ndarray:
        """(V, 3) float64 by linear blend skinning, expressions applied, with or without the dents."""
        character, motion = self._character, self._motion
        points = character.vertices + np.tensordot(motion.expression_weights[frame], self._deltas, 1)
        if dents and len(motion.dent_names):
            points = points + np.tensordot(motion.dent_weights[frame], motion.dent_deltas, 1)
        if not character.bone_names:
            return points.astype(np.float64)
        carry = self.carries(frame)[:, :3]
        weights, bones = character.skin_weights.astype(np.float64), character.skin_bones
        free = 1 - weights.sum(axis=1)
        blended = np.einsum("vk,vkij->vij", weights, carry[bones])
        moved = np.einsum("vij,vj->vi", blended[..., :3], points) + blended[..., 3]
        return moved + free[:, None] * points


def _parents_first(parents: np.ndarray) -> list[int]:
    order: list[int] = []
    waiting = list(range(len(parents)))
    while waiting:
        ready = [bone for bone in waiting if parents[bone] < 0 or int(parents[bone]) in set(order)]
        order += ready
        waiting = [bone for bone in waiting if bone not in set(ready)]
    return order
