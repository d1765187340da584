"""How the parts of an imported take are recognised in a file, whatever they are called by then.

Everything that an import adds says so in custom properties, so that it can be replaced, moved in time and removed
without touching what the user has added.
"""

from __future__ import annotations

import uuid
from typing import Any

import bpy
import numpy as np

from .timing import Timing

__all__ = [
    "CAMERA",
    "ID_PROPERTY",
    "KEYS_PROPERTY",
    "MESH_PROPERTY",
    "ORIGIN",
    "PART_PROPERTY",
    "PLACE_PROPERTY",
    "RANGE_PROPERTY",
    "REDUCED_PROPERTY",
    "TAKE_PROPERTY",
    "import_id",
    "imported_takes",
    "new_import_id",
    "parts_in",
    "read_timing",
    "rig_of",
    "store_timing",
]

TAKE_PROPERTY, KEYS_PROPERTY, ID_PROPERTY = "dice_take", "dice_keys", "dice_import"
"""Of a collection: folder of the take, name of the key mode, and what tells imports of one take apart."""
PLACE_PROPERTY = "dice_take_place"
"""Of a collection: the take's folder as an absolute path, for a file that the collection is appended to."""
RANGE_PROPERTY = "dice_range"
"""Of a collection: first and last scene frame in which the take plays."""
REDUCED_PROPERTY = "dice_reduced"
"""Of a collection whose keys were reduced: metres, radians and weight by which its curves are off at most."""
MESH_PROPERTY, PART_PROPERTY = "dice_mesh", "dice_part"
"""Of an object: the mesh of the take that it shows; what part of the import it is."""
ORIGIN, CAMERA = "origin", "camera"
"""Parts that every import has. The others are the names of its meshes, and those with `.rig` for their armatures."""

_TIMES, _PLACES = "dice_frames", "dice_places"
_START, _STEP, _TRIM = "dice_start", "dice_step", "dice_trim"


def rig_of(mesh: str) -> str:
    """Name of the part that poses a mesh."""
    return f"{mesh}.rig"


def new_import_id() -> str:
    """What tells an import from all others, in any file."""
    return uuid.uuid4().hex


def import_id(collection: bpy.types.Collection) -> str:
    """The id of an import; "" where it was made before there were ids."""
    return str(collection.get(ID_PROPERTY, ""))


def imported_takes(scene: bpy.types.Scene) -> list[bpy.types.Collection]:
    """The collections of a scene that hold imported takes."""
    return [collection for collection in scene.collection.children_recursive if collection.get(TAKE_PROPERTY)]


def parts_in(collection: bpy.types.Collection) -> dict[str, bpy.types.Object]:
    """The objects in a collection that an import has made, by part."""
    parts: dict[str, bpy.types.Object] = {}
    for item in collection.all_objects:
        part = item.get(PART_PROPERTY) or item.get(MESH_PROPERTY)
        if part:
            parts.setdefault(str(part), item)
    return parts


def store_timing(collection: bpy.types.Collection, timing: Timing) -> None:
    """Note in the file when the take plays, so that it can be moved without the take's folder."""
    collection[_TIMES] = np.asarray(timing.frames).tolist()
    collection[_PLACES] = np.asarray(timing.places, np.float64).tolist()
    collection[_START], collection[_STEP] = float(timing.start), float(timing.step)
    collection[_TRIM] = list(timing.played)
    collection[RANGE_PROPERTY] = list(timing.scene_range)


def read_timing(collection: bpy.types.Collection) -> Timing | None:
    """What `store_timing` has noted, None where nothing is."""
    noted: Any = collection
    if _TIMES not in noted:
        return None
    first, last = list(noted[_TRIM])
    return Timing(
        np.array(list(noted[_TIMES]), np.int64),
        np.array(list(noted[_PLACES]), np.float64),
        float(noted[_START]),
        float(noted[_STEP]),
        (int(first), int(last)),
    )
