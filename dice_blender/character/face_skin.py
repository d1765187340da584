"""Which vertices of a character are the skin of its head: not its eyes, teeth and hair, and not its body."""

from __future__ import annotations

import numpy as np

from dice_core.errors import InputError

from .rig import Rig

__all__ = ["face_skin"]

# Vertices closer than this (metres) are one: meshes from other programs are split along seams of their textures.
_SAME_PLACE = 1e-6
# A vertex belongs to the head where head and neck have at least this share of it. Set by hand.
_HEAD_SHARE = 0.5


def face_skin(
    vertices: np.ndarray,
    triangles: np.ndarray,
    count: int,
    skin_bones: np.ndarray,
    skin_weights: np.ndarray,
    rig: Rig,
) -> np.ndarray:
    """(V,) bool: the largest connected piece of what head and neck move in the head's mesh, and what goes on from it.

    A head that is cut off below its chin goes on in the mesh whose rim has the same vertices.
    vertices : (V, 3) metres, of which the first `count` are the head's mesh; triangles : (F, 3).
    Raises InputError where the head moves nothing of it.
    """
    of_head = _bones_of_head(rig)
    share = np.where(of_head[skin_bones], skin_weights, 0.0).sum(axis=1)
    own = triangles[(share >= _HEAD_SHARE)[triangles].all(axis=1)]
    if not (own < count).any():
        raise InputError("The head's bone moves nothing of the mesh that has the face: choose another head.")
    _, welded = np.unique(np.round(vertices / _SAME_PLACE).astype(np.int64), axis=0, return_inverse=True)
    label = _pieces(welded.ravel()[own], int(welded.max()) + 1)[welded.ravel()]
    used = np.zeros(len(vertices), bool)
    used[own] = True
    sizes = np.bincount(label[:count][used[:count]])
    return used & (label == int(np.argmax(sizes)))


def _bones_of_head(rig: Rig) -> np.ndarray:
    """(B,) bool: neck and head, and what hangs from them, but for the eyes."""
    roles = {bone: role for role, bone in rig.roles.items()}
    found = np.zeros(len(rig.names), bool)
    for index in range(len(rig.names)):
        above = index
        while above >= 0:
            role = roles.get(rig.names[above], "")
            if role.startswith("eye."):
                break
            if role == "head" or role.startswith("neck."):
                found[index] = True
                break
            above = int(rig.parents[above])
    return found


def _pieces(triangles: np.ndarray, count: int) -> np.ndarray:
    """(count,) a number for each connected piece, by passing on the smallest index until nothing changes."""
    label = np.arange(count)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    while True:
        low = np.minimum(label[edges[:, 0]], label[edges[:, 1]])
        before = label.copy()
        np.minimum.at(label, edges[:, 0], low)
        np.minimum.at(label, edges[:, 1], low)
        label = label[label]
        if np.array_equal(label, before):
            return label
