"""Takes in Blender: meshes, shape keys, rigs, contact, camera and markers, from plain functions that need no operator.

`motion` reads a take in Blender's axes; `keys` plans how a mesh is keyed, on numpy alone; `meshes`, `armature`,
`contact`, `materials`, `camera`, `background`, `markers` and `scene_settings` make Blender data; `importer` brings them
together.
"""

from .importer import ImportedTake, import_take, imported_takes
from .keys import KEY_MODES

__all__ = ["KEY_MODES", "ImportedTake", "import_take", "imported_takes"]
