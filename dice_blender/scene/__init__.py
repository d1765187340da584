"""Takes in Blender: meshes, shape keys, rigs, contact, camera and markers, from plain functions that need no operator.

The modules go one way: `motion` reads a take in Blender's axes; `per_frame`, `compact` and `rigged` plan how a mesh is
keyed, on numpy alone; `meshes`, `armature`, `contact`, `materials`, `camera`, `footage`, `markers` and `stage` make
Blender data; `importer` brings them together.
"""

from .importer import KEY_MODES, ImportedTake, import_take, imported_takes

__all__ = ["KEY_MODES", "ImportedTake", "import_take", "imported_takes"]
