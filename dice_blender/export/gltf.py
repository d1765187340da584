"""GLB, the binary form of glTF, with animated morph targets and joints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from dice_core.errors import DiceError

from .presets import DEFAULT_PRESET, DEFAULT_RANGE, preset_of
from .written import ExportReport, ReadyExport, export

__all__ = ["export_glb"]

# Morph normals double the file; with more targets than this they are left to the viewer. Set by hand.
_MOST_TARGETS_WITH_NORMALS = 80
# Of options that some Blender has and another has not.
_NEWER_OPTIONS: dict[str, Any] = {
    # Vertex colours that a material shows, and no others: readers multiply them with its colour.
    "export_vertex_color": "MATERIAL",
    "export_all_vertex_colors": False,
    "export_active_vertex_color_when_no_material": False,
}


def export_glb(
    collection: bpy.types.Collection,
    path: str | Path,
    *,
    preset: str = DEFAULT_PRESET,
    frames: str = DEFAULT_RANGE,
    at_origin: bool = False,
    camera: bool = False,
) -> ExportReport:
    """Write an imported take as GLB, as it is seen in each frame, all its animation in one clip.

    Arguments, errors and what stays as it is: as `export_fbx`.
    """
    influences = preset_of(preset).influences
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_gltf"):
        raise DiceError("Blender's glTF add-on is off: enable it in Preferences, Add-ons.")

    def write(ready: ReadyExport) -> None:
        operator: Any = bpy.ops.export_scene.gltf
        known = operator.get_rna_type().properties
        operator(
            filepath=str(path),
            check_existing=False,
            export_format="GLB",
            use_active_scene=True,
            export_yup=True,
            export_apply=False,
            export_cameras=ready.camera,
            export_skins=True,
            export_all_influences=influences is None,
            export_morph=True,
            export_morph_normal=ready.targets <= _MOST_TARGETS_WITH_NORMALS,
            export_morph_animation=True,
            export_animations=True,
            # One clip for meshes and bones together, which plays as a whole.
            export_animation_mode="SCENE",
            export_anim_scene_split_object=False,
            export_force_sampling=True,
            export_optimize_animation_size=False,
            export_frame_range=True,
            **{name: value for name, value in _NEWER_OPTIONS.items() if name in known},
        )

    return export(collection, path, write, preset=preset, frames=frames, at_origin=at_origin, camera=camera)
