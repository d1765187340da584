"""Alembic and USD: the surfaces frame by frame, as programs for rendering and simulation read them, without a rig."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

from dice_core.errors import InputError

from .materials import pictures_for_usd
from .presets import DEFAULT_PRESET, DEFAULT_RANGE
from .written import ExportReport, ReadyExport, export

__all__ = ["USD_SUFFIXES", "export_alembic", "export_usd"]

USD_SUFFIXES = (".usd", ".usdc", ".usda")
"""What a USD file may end in: the first two are binary, the last is text."""


def export_alembic(
    collection: bpy.types.Collection,
    path: str | Path,
    *,
    frames: str = DEFAULT_RANGE,
    at_origin: bool = False,
    camera: bool = False,
) -> ExportReport:
    """Write an imported take as Alembic, as it is seen in each frame, its objects side by side.

    Arguments, errors and what stays as it is: as `export_fbx`, but for the preset, which a cache does not need.
    """

    def write(ready: ReadyExport) -> None:
        bpy.ops.wm.alembic_export(
            filepath=str(path),
            check_existing=False,
            start=ready.scene.frame_start,
            end=ready.scene.frame_end,
            selected=False,
            flatten=True,
            uvs=True,
            normals=True,
            # The material of each face.
            face_sets=True,
            as_background_job=False,
        )

    return _export(collection, path, write, (".abc",), frames, at_origin, camera)


def export_usd(
    collection: bpy.types.Collection,
    path: str | Path,
    *,
    frames: str = DEFAULT_RANGE,
    at_origin: bool = False,
    camera: bool = False,
) -> ExportReport:
    """Write an imported take as USD, as it is seen in each frame.

    path : ends in one of `USD_SUFFIXES`. Everything else as for `export_alembic`.
    """

    def write(ready: ReadyExport) -> None:
        pictures_for_usd(ready.materials)
        bpy.ops.wm.usd_export(
            filepath=str(path),
            check_existing=False,
            selected_objects_only=False,
            export_animation=True,
            # As points in each frame: what a skeleton and blend shapes make of them differs from reader to reader.
            export_armatures=False,
            export_shapekeys=False,
            export_materials=True,
            generate_preview_surface=True,
            # Custom properties are Blender's own.
            export_custom_properties=False,
        )

    return _export(collection, path, write, USD_SUFFIXES, frames, at_origin, camera)


def _export(
    collection: bpy.types.Collection,
    path: str | Path,
    write: Callable[[ReadyExport], object],
    suffixes: tuple[str, ...],
    frames: str,
    at_origin: bool,
    camera: bool,
) -> ExportReport:
    """Both formats go by the suffix, and Blender writes another file where it does not know it."""
    if Path(path).suffix.lower() not in suffixes:
        raise InputError(f"{path} does not end in {' or '.join(suffixes)}: choose another output.")
    if not Path(path).parent.is_dir():
        raise InputError(f"{path} cannot be written: choose another output.")
    return export(collection, path, write, preset=DEFAULT_PRESET, frames=frames, at_origin=at_origin, camera=camera)
