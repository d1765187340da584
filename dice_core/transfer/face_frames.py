"""A character's face in every frame, seen from its own head: our topology on its skin, with expression and neck."""

from __future__ import annotations

import numpy as np

from dice_core.bodies import load_head
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.mesh import vertex_normals
from dice_core.transfer.head_motion import BoneMotion
from dice_core.transfer.target import TargetHead

__all__ = ["FaceFrames"]


class FaceFrames:
    """The registered head over time, in our axes with the head bone at rest.

    deltas : (E, V, 3) of the character's keys, world; weights : (T, E); motion : of neck and head.
    """

    def __init__(self, target: TargetHead, deltas: np.ndarray, weights: np.ndarray, motion: BoneMotion) -> None:
        self._triangles = mesh_triangles(load_head().mesh)
        self._rest = target.registered
        self._weights = weights.astype(np.float32)
        moving = target.similarity.vectors_to_ours(target.places.of_each(deltas.astype(np.float64)))
        rigid = load_head().rigid_vertices
        moving[:, rigid] = 0.0
        self._deltas = moving.astype(np.float32)
        self._lag = _Lag(target, motion)

    def vertices(self, frame: int) -> np.ndarray:
        """(V, 3) float64."""
        delta = np.tensordot(self._weights[frame], self._deltas, 1) if len(self._deltas) else 0.0
        return self._lag.move(frame, self._rest + delta)

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """(V, 3) unit."""
        return vertex_normals(vertices, self._triangles)


class _Lag:
    """Skin of the head's lower end that the neck holds back while the head turns."""

    def __init__(self, target: TargetHead, motion: BoneMotion) -> None:
        character, similarity = target.character, target.similarity
        self._similarity = similarity
        self._motion = motion
        count = len(target.registered)
        self._share = np.zeros((count, len(motion.bones) + 1))
        head = motion.of("head")
        if head is None:
            self._rows = np.zeros(0, np.int64)
            return
        driver = _nearest_moving(character.bone_parents, motion.bones)
        column = np.where(driver[character.skin_bones] < 0, len(motion.bones), driver[character.skin_bones])
        dense = np.zeros((len(character.vertices), len(motion.bones) + 1))
        np.add.at(dense, (np.arange(len(dense))[:, None], column), character.skin_weights)
        self._share = target.places.of(dense)
        total = self._share.sum(axis=1, keepdims=True)
        self._share = np.where(total > 0.5, self._share / np.maximum(total, 1e-9), 0)
        self._head = motion.roles.index("head")
        others = [k for k, role in enumerate(motion.roles) if role.startswith(("eye.", "jaw"))]
        own = self._share[:, [self._head, *others]].sum(axis=1)
        self._rows = np.flatnonzero((self._share.sum(axis=1) > 0) & (own < 0.999))

    def move(self, frame: int, vertices: np.ndarray) -> np.ndarray:
        """(V, 3) after the neck's pull, the head being at rest."""
        if not len(self._rows):
            return vertices
        turn = np.concatenate([self._motion.turn[frame], np.eye(3)[None]])
        offset = np.concatenate([self._motion.offset[frame], np.zeros((1, 3))])
        world = self._similarity.to_target(vertices[self._rows])
        share = self._share[self._rows]
        blended = (share @ turn.reshape(-1, 9)).reshape(-1, 3, 3)
        moved = np.einsum("nij,nj->ni", blended, world) + share @ offset
        still = (moved - offset[self._head]) @ turn[self._head]
        result = vertices.copy()
        result[self._rows] = self._similarity.to_ours(still)
        return result


def _nearest_moving(parents: np.ndarray, bones: np.ndarray) -> np.ndarray:
    """(B,) which of the moving bones carries each bone, -1 for none."""
    place = {int(bone): k for k, bone in enumerate(bones)}
    driver = np.full(len(parents), -1)
    for bone in range(len(parents)):
        above = bone
        while above >= 0 and above not in place:
            above = int(parents[above])
        driver[bone] = place.get(above, -1)
    return driver
