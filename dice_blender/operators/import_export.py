"""Import: thin wrappers of `dice_blender.scene`."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, StringProperty
from bpy.types import FileHandler, Operator

from dice_core.errors import DiceError
from dice_core.take import Take, find_takes

from .. import first_sight, take_list
from ..properties import KEY_ITEMS, settings_of

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]


class DICE_OT_import_take(Operator):
    """Import a captured take into the scene: head, hands, contact, camera and touch markers"""

    bl_idname = "dice.import_take"
    bl_label = "Import DICE Take"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="Take",
        description="A .dicetake folder, or the take.json in it",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})
    filter_glob: StringProperty(default="take.json", options={"HIDDEN"})
    keys: EnumProperty(name="Keys", description="How the animation is keyed", items=KEY_ITEMS)
    use_start: BoolProperty(
        name="Start at Frame", description="Put the first frame somewhere else than at the scene's start"
    )
    start_frame: IntProperty(name="Frame", description="Scene frame of the take's first frame", default=1)
    existing: EnumProperty(
        name="Already Here",
        description="What becomes of an earlier import of the same take",
        items=(
            ("REPLACE", "Replace", "Update it: names, modifiers, materials, camera and timing that were changed stay"),
            ("COPY", "Keep, Add a Copy", "Leave it as it is, and import the take a second time beside it"),
        ),
        options={"SKIP_SAVE"},
    )
    retime: BoolProperty(
        name="Keep Speed",
        description="In a scene of another frame rate, play at the footage's speed instead of frame by frame",
    )
    nla: BoolProperty(
        name="NLA Tracks",
        description="Have the take play from NLA tracks that bear its name, as a layer under what you animate",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[OperatorReturnItems]:
        self.keys = settings_of(context.scene).keys
        if self._chosen():
            if any(take_list.earlier_import(context.scene, take.path) for take in self._takes()):
                return context.window_manager.invoke_props_dialog(self, title=_t("The take is in this scene already"))
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "keys")
        layout.prop(self, "existing")
        row = layout.row(heading="Start at Frame")
        row.prop(self, "use_start", text="")
        value = row.row()
        value.active = self.use_start
        value.prop(self, "start_frame", text="")
        layout.prop(self, "retime")
        layout.prop(self, "nla")

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        scene, names, imported = context.scene, [], None
        start = self.start_frame if self.use_start else None
        try:
            for take in self._takes(strict=True):
                earlier = take_list.earlier_import(scene, take.path) if self.existing == "REPLACE" else None
                imported = take_list.import_and_register(scene, take, self.keys, start, self.retime, earlier, self.nla)
                names.append(take.name)
                for warning in imported.warnings:
                    self.report({"WARNING"}, warning)
        except DiceError as error:
            self.report({"ERROR"}, str(error))
        if imported is None:
            return {"CANCELLED"}
        first_sight.select(context, imported.collection)
        if not settings_of(scene).look_through or not first_sight.look_through(context, imported.collection):
            first_sight.frame(context)
        self.report({"INFO"}, _t("Imported {}").format(", ".join(names)))
        return {"FINISHED"}

    def _takes(self, strict: bool = False) -> list[Take]:
        """The takes that are chosen. strict : raise DiceError where there are none, or damaged ones."""
        chosen = self._chosen() or [Path(bpy.path.abspath(self.filepath or self.directory))]
        try:
            return [take for path in chosen for take in find_takes(path)]
        except DiceError:
            if strict:
                raise
            return []

    def _chosen(self) -> list[Path]:
        if self.directory and any(item.name for item in self.files):
            return [Path(self.directory) / item.name for item in self.files]
        path = Path(bpy.path.abspath(self.filepath))
        return [path] if self.filepath and path.exists() else []


class DICE_FH_take(FileHandler):
    """Takes dropped onto the 3D viewport are imported."""

    bl_idname = "DICE_FH_take"
    bl_label = "DICE Take"
    bl_import_operator = "dice.import_take"
    bl_file_extensions = ".dicetake"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


_CLASSES = (DICE_OT_import_take, DICE_FH_take)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
