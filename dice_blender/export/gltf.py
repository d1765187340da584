"""GLB, the binary form of glTF, with animated morph targets and joints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from dice_core.errors import DiceError

from .glb_file import rewrite_animation
from .presets import DEFAULT_PRESET, DEFAULT_RANGE, preset_of
from .users_state import kept_window
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
    preset_of(preset)
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_gltf"):
        raise DiceError("Blender's glTF add-on is off: enable it in Preferences, Add-ons.")

    def write(ready: ReadyExport) -> None:
        target = Path(path)
        # Blender appends the suffix where it is missing.
        written = target if target.suffix.lower() == ".glb" else target.with_name(f"{target.name}.glb")
        options = _options(ready)
        # Blender's exporter leaves out that `fps_base` divides: with a whole rate, times are right but for a factor.
        rate = ready.scene.render.fps / ready.scene.render.fps_base
        ready.scene.render.fps_base = 1.0
        bpy.ops.export_scene.gltf(filepath=str(written), **options)
        rewrite_animation(written, ready.scene.render.fps / rate, ready.shrinking)
        written.replace(target)

    # glTF wants skinned meshes at the root: nothing but their joints moves them.
    with kept_window():
        return export(
            collection,
            path,
            write,
            preset=preset,
            frames=frames,
            at_origin=at_origin,
            camera=camera,
            under_armature=False,
        )


def _options(ready: ReadyExport) -> dict[str, Any]:
    """What Blender's exporter is told, all but the path, of the options that this Blender has."""
    operator: Any = bpy.ops.export_scene.gltf
    known = operator.get_rna_type().properties
    return {
        "check_existing": False,
        "export_format": "GLB",
        "use_active_scene": True,
        "export_yup": True,
        "export_apply": False,
        "export_cameras": ready.camera,
        "export_skins": True,
        "export_all_influences": False,
        "export_morph": True,
        "export_morph_normal": ready.targets <= _MOST_TARGETS_WITH_NORMALS,
        "export_morph_animation": True,
        # Readers (assimp, older engines) fail on sparse accessors.
        "export_try_sparse_sk": False,
        "export_animations": True,
        # One clip for meshes and bones together, which plays as a whole.
        "export_animation_mode": "SCENE",
        "export_anim_scene_split_object": False,
        "export_force_sampling": True,
        "export_optimize_animation_size": False,
        "export_frame_range": True,
        **{name: value for name, value in _NEWER_OPTIONS.items() if name in known},
    }
