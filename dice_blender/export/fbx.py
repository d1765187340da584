"""FBX with animated shape keys and bones, as game engines and other programs read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy

from dice_core.errors import DiceError, InputError

from .export_scene import Workshop, open_workshop
from .sampling import BodyMotion, sample
from .skeleton import one_skeleton, separate_bodies

__all__ = ["PRESETS", "Preset", "export_fbx"]


@dataclass(frozen=True)
class Preset:
    """How a program wants its FBX.

    scaling : Blender's `apply_scale_options`; arrange : brings the bodies into the form that goes into the file.
    """

    scaling: str
    arrange: Callable[[Workshop, Sequence[BodyMotion]], None]


PRESETS = {
    "generic": Preset("FBX_SCALE_ALL", separate_bodies),
    "unity": Preset("FBX_SCALE_UNITS", one_skeleton),
    "unreal": Preset("FBX_SCALE_ALL", one_skeleton),
}


def export_fbx(collection: bpy.types.Collection, path: str | Path, *, preset: str = "generic") -> None:
    """Write an imported take as FBX.

    collection : of the take; preset : a key of PRESETS.
    The user's scene, selection, mode, frame and names are the same afterwards.
    Raises InputError for an unknown preset, a collection without meshes or an unwritable path.
    """
    if preset not in PRESETS:
        raise InputError(f"There is no FBX preset {preset!r}: choose one of {', '.join(PRESETS)}.")
    chosen = PRESETS[preset]
    if not hasattr(bpy.types, "EXPORT_SCENE_OT_fbx"):
        raise DiceError("Blender's FBX add-on is off: enable it in Preferences, Add-ons.")
    with open_workshop(collection) as workshop:
        motions = sample(workshop)
        chosen.arrange(workshop, motions)
        workshop.rewind()
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
