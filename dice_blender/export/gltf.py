"""GLB, the binary form of glTF, with animated morph targets and joints."""

from __future__ import annotations

from pathlib import Path

import bpy

from dice_core.errors import DiceError, InputError

from .export_scene import open_export_scene
from .sampling import sample
from .skeleton import separate_bodies

__all__ = ["export_glb"]

# Morph normals double the file; with more targets than this they are left to the viewer. Set by hand.
_MOST_TARGETS_WITH_NORMALS = 80


def export_glb(collection: bpy.types.Collection, path: str | Path) -> None:
    """Write an imported take as GLB, all its animation in one clip.

    collection : of the take.
    The user's scene, selection, mode, frame and names are the same afterwards.
    Raises InputError for a collection without meshes or an unwritable path.
    """
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_gltf"):
        raise DiceError("Blender's glTF add-on is off: enable it in Preferences, Add-ons.")
    with open_export_scene(collection) as copies:
        motions = sample(copies)
        separate_bodies(copies, motions)
        copies.remove_sampled()
        targets = max(motion.weights.shape[1] for motion in motions)
        try:
            bpy.ops.export_scene.gltf(
                filepath=str(path),
                check_existing=False,
                export_format="GLB",
                use_active_scene=True,
                export_yup=True,
                export_apply=False,
                export_skins=True,
                export_all_influences=True,
                export_morph=True,
                export_morph_normal=targets <= _MOST_TARGETS_WITH_NORMALS,
                export_morph_animation=True,
                export_animations=True,
                # One clip for meshes and bones together, which plays as a whole.
                export_animation_mode="SCENE",
                export_anim_scene_split_object=False,
                export_force_sampling=True,
                export_optimize_animation_size=False,
                export_frame_range=True,
            )
        except RuntimeError as error:
            raise InputError(f"{path} cannot be written: choose another output.") from error
