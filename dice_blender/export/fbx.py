"""FBX with animated shape keys and bones, as game engines and other programs read it."""

from __future__ import annotations

from pathlib import Path

import bpy

from dice_core.errors import DiceError

from .materials import colour_for_fbx
from .presets import DEFAULT_PRESET, DEFAULT_RANGE, preset_of
from .written import ExportReport, ReadyExport, export

__all__ = ["export_fbx"]


def export_fbx(
    collection: bpy.types.Collection,
    path: str | Path,
    *,
    preset: str = DEFAULT_PRESET,
    frames: str = DEFAULT_RANGE,
    at_origin: bool = False,
    camera: bool = False,
) -> ExportReport:
    """Write an imported take as FBX, as it is seen in each frame.

    collection : of the take; preset : a name of `PRESETS`; frames : a name of `FRAME_RANGES`.
    at_origin : have the head stand on the world's origin; camera : whether the take's camera comes along.
    The user's scene, selection, mode, frame and names are the same afterwards.
    Raises InputError for an unknown name, a collection without visible meshes or an unwritable path.
    """
    chosen = preset_of(preset)
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_fbx"):
        raise DiceError("Blender's FBX add-on is off: enable it in Preferences, Add-ons.")

    def write(ready: ReadyExport) -> None:
        colour_for_fbx(ready.materials, ready.meshes)
        bpy.ops.export_scene.fbx(
            filepath=str(path),
            check_existing=False,
            object_types={"ARMATURE", "MESH", "CAMERA"} if camera else {"ARMATURE", "MESH"},
            axis_forward="-Z",
            axis_up="Y",
            apply_scale_options=chosen.scaling,
            # Broken together with armatures.
            bake_space_transform=False,
            # Applying modifiers would drop the shape keys.
            use_mesh_modifiers=False,
            mesh_smooth_type="FACE",
            add_leaf_bones=False,
            bake_anim=True,
            # With either of these on, curves of shape keys are lost.
            bake_anim_use_nla_strips=False,
            bake_anim_use_all_actions=False,
            bake_anim_force_startend_keying=True,
            bake_anim_simplify_factor=0.0,
            # Pictures travel in the file.
            path_mode="COPY",
            embed_textures=True,
        )

    return export(collection, path, write, preset=preset, frames=frames, at_origin=at_origin, camera=camera)
