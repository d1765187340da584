"""Operators on the takes of a scene: show them and their folder, import again, delete."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_iface as _ti
from bpy.app.translations import pgettext_rpt as _t
from bpy.app.translations import pgettext_tip
from bpy.props import BoolProperty, EnumProperty, IntProperty
from bpy.types import Operator

from dice_core.errors import DiceError
from dice_core.take import open_take

from .. import first_sight, take_list
from ..preferences import ADDON
from ..properties import KEY_ITEMS, settings_of
from ..saved_paths import find_take_folder

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
        stored = take_list.active(context.scene).path
        folder = find_take_folder(stored, context.scene)
        if folder is None:
            self.report({"ERROR"}, _t("The take's folder is gone: {}").format(bpy.path.abspath(stored)))
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


class DICE_OT_reimport_take(_OnTake, Operator):
    """Import the selected take with these keys. Names, modifiers, materials, camera and timing that you changed stay"""

    bl_idname = "dice.reimport_take"
    bl_label = "Import Again"
    bl_options = {"REGISTER", "UNDO"}

    keys: EnumProperty(name="Keys", description="How the animation is keyed", items=KEY_ITEMS)

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry = take_list.active(context.scene)
        old = take_list.collection_of(entry)
        try:
            take = open_take(take_list.folder_of(context.scene, entry))
            imported = take_list.import_and_register(context.scene, take, self.keys, None, replace=old)
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        first_sight.select(context, imported.collection)
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
        name = take_list.active(context.scene).name
        title = _ti("Delete Take “{}”?").format(name)
        return context.window_manager.invoke_props_dialog(self, width=340, title=title, confirm_text=_ti("Delete"))

    def draw(self, context: bpy.types.Context) -> None:
        entry = take_list.active(context.scene)
        column = self.layout.column()
        if take_list.collection_of(entry) is not None:
            column.label(text="Its objects, keys, markers and camera leave this file", icon="OUTLINER_COLLECTION")
        column.label(text=bpy.path.abspath(entry.path), icon="FILE_FOLDER", translate=False)
        column.prop(self, "delete_folder")

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry = take_list.active(context.scene)
        name, folder = entry.name, find_take_folder(entry.path, context.scene)
        others = [other.path for other in settings_of(context.scene).takes if other != entry]
        shared = folder is not None and any(Path(bpy.path.abspath(other)) == folder for other in others)
        take_list.remove(context.scene, entry)
        if self.delete_folder and folder is not None:  # nothing but a take is ever deleted
            if shared:
                self.report({"WARNING"}, _t("The folder stays: another import of the take needs it"))
            else:
                self._delete(folder)
        self.report({"INFO"}, _t("Deleted {}").format(name))
        return {"FINISHED"}

    def _delete(self, folder: Path) -> None:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            self.report({"WARNING"}, _t("The folder could not be deleted: {}").format(error))
        _log.info("deleted %s", folder)


class DICE_OT_adopt_takes(Operator):
    """List the imported takes that came into this scene from other files"""

    bl_idname = "dice.adopt_takes"
    bl_label = "Add to List"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        return {"FINISHED"} if take_list.adopt(context.scene) else {"CANCELLED"}


class DICE_OT_jump_to_touch(_OnTake, Operator):
    """Go to the first frame of this touch"""

    bl_idname = "dice.jump_to_touch"
    bl_label = "Jump to Touch"

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        entry = take_list.active(context.scene)
        if entry is None or not 0 <= properties.index < len(entry.touches):
            return ""
        touch = entry.touches[properties.index]
        text = pgettext_tip("Go to frame {}, where this touch begins. It ends at {} and is {:.1f} mm deep")
        return text.format(touch.first_scene_frame, touch.last_scene_frame, touch.peak_depth_mm)

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry = take_list.active(context.scene)
        if not 0 <= self.index < len(entry.touches):
            return {"CANCELLED"}
        entry.active_touch = self.index  # which goes there
        return {"FINISHED"}


_CLASSES = (
    DICE_OT_reveal_take,
    DICE_OT_reimport_take,
    DICE_OT_remove_take,
    DICE_OT_adopt_takes,
    DICE_OT_jump_to_touch,
)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
