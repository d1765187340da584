"""Operators of the preferences: check the DICE network's Python, add licensed files or a head model, open the log."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import BoolProperty, StringProperty
from bpy.types import Operator

from ..jobs import engine_check, environment, head_adding, log
from ..jobs.worker import WorkerError
from ..preferences import ADDON, preferences

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]


class DICE_OT_check_engine(Operator):
    """Ask the chosen Python whether everything that the DICE network needs is there, and say what is missing"""

    bl_idname = "dice.check_engine"
    bl_label = "Check"

    def execute(self, _context: bpy.types.Context) -> set[OperatorReturnItems]:
        try:
            engine_check.start(environment.python_of("dice"))
        except WorkerError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class DICE_OT_add_models(Operator):
    """Install the files in the folder above; the checkpoint is converted once. They are for non-commercial use"""

    bl_idname = "dice.add_models"
    bl_label = "Add Files"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return bool(preferences().models_folder)

    def execute(self, _context: bpy.types.Context) -> set[OperatorReturnItems]:
        folder = bpy.path.abspath(preferences().models_folder)
        try:
            engine_check.start(environment.python_of("dice"), folder)
        except WorkerError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class DICE_OT_add_head(Operator):
    """Install the head of a folder of ICT-FaceKit, which is free for commercial work, for the built-in engine"""

    bl_idname = "dice.add_head"
    bl_label = "Add Head Model"

    directory: StringProperty(subtype="DIR_PATH")
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[OperatorReturnItems]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, _context: bpy.types.Context) -> set[OperatorReturnItems]:
        try:
            head_adding.start(environment.python_of("open"), Path(bpy.path.abspath(self.directory)))
        except WorkerError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class DICE_OT_open_log(Operator):
    """Open the extension's log"""

    bl_idname = "dice.open_log"
    bl_label = "Open Log"

    def execute(self, _context: bpy.types.Context) -> set[OperatorReturnItems]:
        path = log.log_path()
        if not path.exists():
            self.report({"INFO"}, _t("The log is empty"))
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(path))
        return {"FINISHED"}


class DICE_OT_open_preferences(Operator):
    """Open the preferences of DICE for Blender"""

    bl_idname = "dice.open_preferences"
    bl_label = "Preferences"

    def execute(self, _context: bpy.types.Context) -> set[OperatorReturnItems]:
        bpy.ops.preferences.addon_show(module=ADDON)
        return {"FINISHED"}


_CLASSES = (DICE_OT_check_engine, DICE_OT_add_models, DICE_OT_add_head, DICE_OT_open_log, DICE_OT_open_preferences)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
