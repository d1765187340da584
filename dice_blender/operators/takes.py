"""Operators on the takes of a scene: show the frames and the folder, import again, delete."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import BoolProperty, EnumProperty, IntProperty
from bpy.types import Operator

from dice_core.errors import DiceError
from dice_core.take import open_take

from .. import take_list
from ..preferences import ADDON
from ..properties import KEY_ITEMS, settings_of

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]

_log = logging.getLogger(ADDON)


class _OnTake:
    """An operator on the selected take."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return take_list.active(context.scene) is not None


class DICE_OT_reveal_take(_OnTake, Operator):
    """Show the take's folder in the system's file browser"""

    bl_idname = "dice.reveal_take"
    bl_label = "Reveal Take"

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        folder = Path(bpy.path.abspath(take_list.active(context.scene).path))
        if not folder.is_dir():
            self.report({"ERROR"}, _t("The take's folder is gone: {}").format(folder))
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


class DICE_OT_reimport_take(_OnTake, Operator):
    """Import the selected take with these keys, in place of what is in the scene of it now"""

    bl_idname = "dice.reimport_take"
    bl_label = "Import Again"
    bl_options = {"REGISTER", "UNDO"}

    keys: EnumProperty(name="Keys", description="How the animation is keyed", items=KEY_ITEMS)

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry = take_list.active(context.scene)
        path = Path(bpy.path.abspath(entry.path))
        old = take_list.collection_of(entry)
        start = entry.scene_start if old is not None else None
        try:
            imported = take_list.import_and_register(context.scene, open_take(path), self.keys, start)
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if old is not None:
            name = old.name
            take_list.remove_collection(old)
            imported.collection.name = name
        for warning in imported.warnings:
            self.report({"WARNING"}, warning)
        return {"FINISHED"}


class DICE_OT_remove_take(_OnTake, Operator):
    """Remove the selected take from this file, and on request delete its folder from disk"""

    bl_idname = "dice.remove_take"
    bl_label = "Delete Take"
    bl_options = {"REGISTER", "UNDO"}

    delete_folder: BoolProperty(
        name="Delete Folder from Disk",
        description="Delete the captured data as well. This cannot be undone",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[OperatorReturnItems]:
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        settings = settings_of(context.scene)
        entry = take_list.active(context.scene)
        path = Path(bpy.path.abspath(entry.path))
        collection = take_list.collection_of(entry)
        if collection is not None:
            take_list.remove_collection(collection)
        settings.takes.remove(settings.active_take)
        settings.active_take = max(0, min(settings.active_take, len(settings.takes) - 1))
        if self.delete_folder and (path / "take.json").exists():  # nothing but a take is ever deleted
            try:
                shutil.rmtree(path)
            except OSError as error:
                self.report({"WARNING"}, _t("The folder could not be deleted: {}").format(error))
            _log.info("deleted %s", path)
        return {"FINISHED"}


class DICE_OT_jump_to_touch(_OnTake, Operator):
    """Go to the first frame of this touch"""

    bl_idname = "dice.jump_to_touch"
    bl_label = "Jump to Touch"

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry = take_list.active(context.scene)
        if not 0 <= self.index < len(entry.touches):
            return {"CANCELLED"}
        entry.active_touch = self.index
        context.scene.frame_set(entry.touches[self.index].first_scene_frame)
        return {"FINISHED"}


_CLASSES = (DICE_OT_reveal_take, DICE_OT_reimport_take, DICE_OT_remove_take, DICE_OT_jump_to_touch)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
