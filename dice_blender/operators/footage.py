"""Choosing footage: by file browser, or by dropping files onto the viewport."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import BoolProperty, CollectionProperty, StringProperty
from bpy.types import FileHandler, Operator

from dice_core.media.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES, natural_key

from .. import first_sight, footage, installed_heads
from ..properties import settings_of

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]


class DICE_OT_open_footage(Operator):
    """Choose a photo, a movie, or several images that make a sequence"""

    bl_idname = "dice.open_footage"
    bl_label = "DICE Footage"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})
    filter_image: BoolProperty(default=True, options={"HIDDEN"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})
    relative_path: BoolProperty(
        name="Relative Path", description="Remember the footage relative to the saved file", default=True
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[OperatorReturnItems]:
        if self._chosen():
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        chosen = self._chosen()
        if not chosen:
            self.report({"ERROR"}, _t("Choose a photo or a movie"))
            return {"CANCELLED"}
        settings = settings_of(context.scene)
        sequence = chosen[0].is_dir() or (len(chosen) > 1 and chosen[0].suffix.lower() in IMAGE_SUFFIXES)
        path = str(chosen[0])
        if self.relative_path and bpy.data.filepath:
            path = bpy.path.relpath(path)
        settings.source = "SEQUENCE" if sequence else "FILE"
        settings.filepath = path
        first_sight.open_tab(context)
        return {"FINISHED"}

    def _chosen(self) -> list[Path]:
        if self.directory and any(item.name for item in self.files):
            return [Path(self.directory) / name for name in sorted((item.name for item in self.files), key=natural_key)]
        path = Path(self.filepath)
        return [path] if self.filepath and path.exists() else []


class DICE_OT_refresh_footage(Operator):
    """Look at the footage on disk again"""

    bl_idname = "dice.refresh_footage"
    bl_label = "Refresh Footage"

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        footage.refresh(settings_of(context.scene))
        installed_heads.look()
        return {"FINISHED"}


class DICE_FH_footage(FileHandler):
    """Photos and movies dropped onto the 3D viewport become the footage."""

    bl_idname = "DICE_FH_footage"
    bl_label = "DICE Footage"
    bl_import_operator = "dice.open_footage"
    bl_file_extensions = ";".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


_CLASSES = (DICE_OT_open_footage, DICE_OT_refresh_footage, DICE_FH_footage)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
