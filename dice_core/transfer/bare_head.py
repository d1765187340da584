"""A head without a rig as a character, for what finds faces on characters."""

from __future__ import annotations

import numpy as np

from dice_core.transfer.files import INFLUENCES, Character
from dice_core.transfer.names import POINT_NAMES

__all__ = ["TO_WORLD", "bare_head"]

TO_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From the axes of takes, in which a head looks along -z with y down, to those of characters: z up, facing -y."""


def bare_head(vertices: np.ndarray, triangles: np.ndarray) -> Character:
    """A character that is a head and nothing else.

    vertices : (V, 3) metres, in a take's axes; triangles : (T, 3) of its skin and eyes; other vertices are none of it.
    """
    count = len(vertices)
    head = np.zeros(count, bool)
    head[triangles] = True
    return Character(
        vertices=(vertices @ TO_WORLD.T).astype(np.float32),
        triangles=triangles,
        object=np.zeros(count, np.int32),
        object_names=("head",),
        object_vertex=np.arange(count, dtype=np.int32),
        object_matrix=np.eye(4)[None],
        bone_names=(),
        bone_parents=np.zeros(0, np.int32),
        bone_matrices=np.zeros((0, 4, 4)),
        bone_lengths=np.zeros(0, np.float32),
        skin_bones=np.zeros((count, INFLUENCES), np.int32),
        skin_weights=np.zeros((count, INFLUENCES), np.float32),
        shape_key_names=(),
        shape_key_deltas=np.zeros((0, count, 3), np.float32),
        shape_key_object=np.zeros(0, np.int32),
        roles={},
        expressions=[],
        head_vertices=head,
        landmarks=np.full((len(POINT_NAMES), 3), np.nan, np.float32),
    )
