"""The steps that all formats share: copy, sample, arrange, write, and say what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from dice_core.errors import InputError

from .arrange import Arranged, arrange
from .export_scene import ExportScene, open_export_scene
from .materials import own_materials
from .presets import preset_of, range_of
from .sampling import sample

__all__ = ["ExportReport", "ReadyExport", "export"]

# Metres: errors below this are not worth a sentence. Half of what an export may be off.
_WORTH_SAYING = 0.25e-3


@dataclass
class ExportReport:
    """What an export has written.

    first, last : scene frames. errors : metres, body name to the largest distance of any vertex in any frame from what
    Blender shows. influence_error : metres by which the limit of bones moved a vertex at most, 0 where nothing was
    left out. warnings : sentences for the user.
    """

    first: int
    last: int
    errors: dict[str, float]
    influence_error: float
    warnings: list[str] = field(default_factory=list)


@dataclass
class ReadyExport:
    """A scene ready to be written. meshes, materials : copies in it; targets : the most shape keys on a mesh.

    shrinking : names of the nodes that shrink where they are out of sight.
    """

    scene: bpy.types.Scene
    meshes: list[bpy.types.Object]
    materials: list[bpy.types.Material]
    targets: int
    shrinking: set[str]
    camera: bool


def export(
    collection: bpy.types.Collection,
    path: str | Path,
    write: Callable[[ReadyExport], object],
    *,
    preset: str,
    frames: str,
    at_origin: bool,
    camera: bool,
    under_armature: bool = True,
) -> ExportReport:
    """Write what a collection shows, with `write`, in a scene of its own that is current meanwhile.

    preset : a name of `PRESETS`; frames : a name of `FRAME_RANGES`; at_origin : have the head stand on the world's
    origin; camera : whether the take's camera comes along; under_armature : whether skinned meshes are children of
    their armature, or stand beside it.
    The user's scene, selection, mode, frame and names are the same afterwards.
    Raises InputError for an unknown name, a collection without visible meshes or an unwritable path.
    """
    chosen, chosen_range = preset_of(preset), range_of(frames)
    with open_export_scene(collection, chosen_range) as copies:
        arranged = arrange(
            copies, sample(copies), chosen, at_origin=at_origin, camera=camera, under_armature=under_armature
        )
        meshes = [item for item in arranged.objects if item.type == "MESH"]
        materials = own_materials(copies, meshes)
        copies.keep_only(arranged.objects)
        try:
            write(ReadyExport(copies.scene, meshes, materials, arranged.targets, arranged.shrinking, camera))
        except RuntimeError as error:
            raise InputError(f"{path} cannot be written: choose another output.") from error
        return _report(copies, arranged, chosen.influences)


def _report(copies: ExportScene, arranged: Arranged, influences: int | None) -> ExportReport:
    warnings = list(copies.notes)
    if arranged.influence_error > 0:
        warnings.append(
            f"At most {influences} bones move a vertex, which alone would be up to "
            f"{arranged.influence_error * 1000:.2f} mm off: with its shape keys the file is within "
            f"{max(arranged.errors.values()) * 1000:.2f} mm."
        )
    for name, error in arranged.errors.items():
        if error > _WORTH_SAYING:
            warnings.append(f"{name} is up to {error * 1000:.2f} mm off what Blender shows.")
    return ExportReport(copies.first, copies.last, arranged.errors, arranged.influence_error, warnings)
