"""An empty on the face and one on the hand for each touch, which an animator can constrain to."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from dice_core.transfer.files import Character, Motion

from ..scene.object_data import describe_property
from .actions import OWNER, ActionMaker
from .objects import at_rest

__all__ = ["INFLUENCE", "add_touch_empties"]

INFLUENCE = "influence"
"""Property of both empties of a touch: how much the touch holds in this frame, 0 to 1."""
# Metres. Set by hand: seen beside a finger, and not in its way.
_SIZE = 0.01


def add_touch_empties(
    scene: bpy.types.Scene,
    armatures: list[bpy.types.Object],
    meshes: list[bpy.types.Object],
    character: Character,
    motion: Motion,
    actions: ActionMaker,
    owner: str,
    name: str,
    times: np.ndarray,
    unit: float,
) -> list[bpy.types.Object]:
    """Make the empties, in a collection of their own. meshes : in the order of the character's objects.

    name : of the collection; times : (T,) scene frames; unit : metres a unit of the scene.
    """
    if not motion.touches:
        return []
    collection = bpy.data.collections.new(f"{name} touches")
    collection[OWNER] = owner
    scene.collection.children.link(collection)
    empties: list[tuple[bpy.types.Object, int, np.ndarray]] = []
    for number, touch in enumerate(motion.touches):
        side = str(touch["hand"]).removeprefix("hand_")[:1].upper()
        for part in ("face", "hand"):
            empty = bpy.data.objects.new(f"{touch['region']} {number + 1:02d} {part} ({side})", None)
            empty[OWNER] = owner
            empty.empty_display_type, empty.empty_display_size = "SPHERE", _SIZE / unit
            collection.objects.link(empty)
            triangle = int(touch[f"{part}_triangle"])
            _hang_on(empty, meshes, character, triangle)
            empty[INFLUENCE] = float(motion.touch_influence[0, number])
            describe_property(empty, INFLUENCE, "How much the touch holds in this frame, 0 to 1")
            curves = actions.curves(empty)
            curves.write(f'["{INFLUENCE}"]', 0, times, motion.touch_influence[:, number], group="Contact")
            empties.append((empty, triangle, np.array(touch[f"{part}_weights"], float)))
    with at_rest(armatures):
        for empty, triangle, weights in empties:
            _move_to_point(empty, character, triangle, weights, unit)
    return [empty for empty, _, _ in empties]


def _hang_on(empty: bpy.types.Object, meshes: list[bpy.types.Object], character: Character, triangle: int) -> None:
    """Have an empty stand in the middle of a triangle, wherever bones, keys and modifiers carry that."""
    corners = character.triangles[triangle]
    item: Any = empty
    item.parent, item.parent_type = meshes[int(character.object[corners[0]])], "VERTEX_3"
    item.parent_vertices = [int(vertex) for vertex in character.object_vertex[corners]]


def _move_to_point(
    empty: bpy.types.Object, character: Character, triangle: int, weights: np.ndarray, unit: float
) -> None:
    """Move an empty from the middle of its triangle to a point of it. The character is at rest meanwhile."""
    points = character.vertices[character.triangles[triangle]].astype(np.float64) / unit
    offset = weights @ points - points.mean(axis=0)
    axes = np.array(empty.matrix_world, np.float64)[:3, :3]
    empty.location = np.linalg.solve(axes, offset).tolist()
