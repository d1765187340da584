"""FBX with animated shape keys and bones, as game engines and other programs read it."""

from __future__ import annotations

from pathlib import Path

import bpy

from dice_core.errors import DiceError, InputError

from .export_scene import open_export_scene
from .presets import DEFAULT_PRESET, preset_of
from .sampling import sample

__all__ = ["export_fbx"]


def export_fbx(collection: bpy.types.Collection, path: str | Path, *, preset: str = DEFAULT_PRESET) -> None:
    """Write an imported take as FBX.

    collection : of the take; preset : a name of `PRESETS`.
    The user's scene, selection, mode, frame and names are the same afterwards.
    Raises InputError for an unknown preset, a collection without meshes or an unwritable path.
    """
    chosen = preset_of(preset)
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_fbx"):
        raise DiceError("Blender's FBX add-on is off: enable it in Preferences, Add-ons.")
    with open_export_scene(collection) as copies:
        motions = sample(copies)
        chosen.arrange(copies, motions)
        copies.remove_sampled()
        try:
            bpy.ops.export_scene.fbx(
                filepath=str(path),
                check_existing=False,
                object_types={"ARMATURE", "MESH"},
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
            )
        except RuntimeError as error:
            raise InputError(f"{path} cannot be written: choose another output.") from error
