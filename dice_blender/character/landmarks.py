"""The twelve points of a face as empties, which are made, moved by hand, and read."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from dice_core.transfer.names import POINT_NAMES

__all__ = ["LANDMARK", "make_landmarks", "read_landmarks", "remove_landmarks"]

LANDMARK = "dice_landmark"
"""Of an empty: the name of the point that it marks."""

# Where the points begin, to be moved onto the face: as shares of the head's width and height from its middle, seen from
# the front, and how far in front of it they stand (a share of its depth). Set by hand on the product's head.
_START: Mapping[str, tuple[float, float]] = {
    "eye.R.outer": (-0.29, 0.05),
    "eye.R.inner": (-0.12, 0.04),
    "eye.L.inner": (0.12, 0.04),
    "eye.L.outer": (0.29, 0.05),
    "forehead": (0.0, 0.27),
    "nose.bridge": (0.0, 0.06),
    "nose.tip": (0.0, -0.11),
    "mouth.R": (-0.16, -0.26),
    "mouth.L": (0.16, -0.26),
    "lip.upper": (0.0, -0.23),
    "lip.lower": (0.0, -0.30),
    "chin": (0.0, -0.46),
}
# A share of the head's height: how large the empties are. Set by hand.
_SIZE = 0.02


def make_landmarks(scene: bpy.types.Scene, head: bpy.types.Object, face: np.ndarray) -> list[bpy.types.Object]:
    """Twelve empties on a face, children of the head, those that are there already left where they are.

    face : (V, 3) vertices of the head's skin in the scene's units, world, facing -y.
    """
    there = _empties(scene)
    low, high = face.min(axis=0), face.max(axis=0)
    middle, size = (low + high) / 2, high - low
    made = []
    for name in POINT_NAMES:
        if name in there:
            continue
        empty = bpy.data.objects.new(f"DICE {name}", None)
        empty[LANDMARK] = name
        empty.empty_display_type, empty.empty_display_size = "SPHERE", float(size[2]) * _SIZE
        empty.show_name, empty.show_in_front = True, True
        scene.collection.objects.link(empty)
        x, z = _START[name]
        wanted = np.array([middle[0] + x * size[0], 0.0, middle[2] + z * size[2]])
        near = np.linalg.norm((face - wanted)[:, [0, 2]], axis=1) < 0.08 * size[2]
        front = face[near] if near.any() else face
        wanted[1] = front[:, 1].min()
        nearest = face[np.argmin(np.linalg.norm(face - wanted, axis=1))]
        empty.parent = head
        empty.matrix_parent_inverse = head.matrix_world.inverted_safe()
        empty.location = nearest.tolist()
        made.append(empty)
    return made


def read_landmarks(scene: bpy.types.Scene) -> dict[str, np.ndarray]:
    """Where the empties of a scene stand: name -> (3,) world coordinates in the scene's units."""
    return {name: np.array(item.matrix_world.translation, float) for name, item in _empties(scene).items()}


def remove_landmarks(scene: bpy.types.Scene) -> int:
    """Remove the empties, so that the points are found by themselves again; how many there were."""
    gone = list(_empties(scene).values())
    bpy.data.batch_remove(gone)
    return len(gone)


def _empties(scene: bpy.types.Scene) -> dict[str, bpy.types.Object]:
    found = {str(item.get(LANDMARK, "")): item for item in scene.objects if item.get(LANDMARK)}
    return {name: item for name, item in found.items() if name in POINT_NAMES}
