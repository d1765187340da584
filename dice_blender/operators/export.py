"""Export of an imported take to FBX, GLB, Alembic and USD: thin wrappers of `dice_blender.export`."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Operator
from bpy_extras.io_utils import ExportHelper

from dice_core.errors import DiceError

from .. import take_list
from ..export import (
    FRAME_RANGES,
    PRESETS,
    USD_SUFFIXES,
    ExportReport,
    export_alembic,
    export_fbx,
    export_glb,
    export_usd,
)
from ..preferences import ADDON
from ..properties import PRESET_ITEMS, settings_of
from ..scene import imported_takes
from ..scene.importer import KEYS_PROPERTY, TAKE_PROPERTY
from ..scene.parts import read_timing

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "take_to_export", "unregister", "wants_rigged"]

_log = logging.getLogger(ADDON)

_RANGE_ITEMS = tuple((name, entry.label, entry.description) for name, entry in FRAME_RANGES.items())


def take_to_export(context: bpy.types.Context) -> bpy.types.Collection | None:
    """The collection of the take that is selected in the list.

    Where the list has none in this file, as after appending a collection: that of the active object, or the first.
    """
    entry = take_list.active(context.scene)
    chosen = None if entry is None else take_list.collection_of(entry)
    if chosen is not None:
        return chosen
    there = imported_takes(context.scene)
    active = context.view_layer.objects.active
    own = [take for take in there if active is not None and take.all_objects.get(active.name) == active]
    return next(iter([*own, *there]), None)


def wants_rigged(collection: bpy.types.Collection | None, preset: str) -> bool:
    """Whether a take is keyed per frame although the program that it is for wants bones and few shape keys.

    One of a single picture has few.
    """
    if collection is None or not PRESETS[preset].engine or collection.get(KEYS_PROPERTY) != "per-frame":
        return False
    timing = read_timing(collection)
    return timing is None or len(timing.frames) > 1


class _Export(ExportHelper, Operator):
    """Export of the selected take."""

    filename_ext = ""
    filepath: StringProperty(name="File Path", description="The file to write", maxlen=1024, subtype="FILE_PATH")
    frames: EnumProperty(name="Frames", description="Which frames are exported", items=_RANGE_ITEMS)
    at_origin: BoolProperty(
        name="Stand at Origin",
        description="Move everything so that the head stands on the world's origin, where it is first seen",
    )
    camera: BoolProperty(name="Camera", description="Export the take's camera as well; off leaves it out")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        there = take_to_export(context) is not None
        if not there:
            cls.poll_message_set("Import a take first")
        return there

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Any:
        if not self.filepath:
            collection = take_to_export(context)
            take = Path(bpy.path.abspath(str(collection.get(TAKE_PROPERTY, ""))))
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else take.parent
            self.filepath = str(folder / (bpy.path.clean_name(collection.name) + self.filename_ext))
        return super().invoke(context, event)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        self._draw_preset(context)
        layout.prop(self, "frames")
        layout.prop(self, "at_origin")
        layout.prop(self, "camera")

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        path = Path(bpy.path.abspath(self.filepath))
        try:
            self._prepare(context)
            report = self._write(take_to_export(context), path)
        except (DiceError, OSError, RuntimeError) as error:
            _log.exception("export to %s failed", path)
            self.report({"ERROR"}, str(error).strip())
            return {"CANCELLED"}
        for warning in report.warnings:
            self.report({"WARNING"}, warning)
        self.report({"INFO"}, _t("Exported {}").format(path.name))
        return {"FINISHED"}

    def _draw_preset(self, context: bpy.types.Context) -> None:
        """What the dialog asks first."""

    def _prepare(self, context: bpy.types.Context) -> None:
        """What is changed before anything is written."""

    def _options(self) -> dict[str, Any]:
        return {"frames": self.frames, "at_origin": self.at_origin, "camera": self.camera}

    def _write(self, collection: bpy.types.Collection, path: Path) -> ExportReport:
        raise NotImplementedError


class _ExportFor(_Export):
    """Export in a format that programs read in their own ways."""

    preset: EnumProperty(name="For", description="Which program the export is for", items=PRESET_ITEMS)
    rigged: BoolProperty(
        name="Change to Rigged Keys",
        description="Import the take again with rigged keys, which game engines play, and export that",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Any:
        self.preset = settings_of(context.scene).preset
        return super().invoke(context, event)

    def _draw_preset(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.prop(self, "preset")
        if wants_rigged(take_to_export(context), self.preset):
            column = layout.column(align=True)
            column.label(text="Per-frame keys are heavy in engines", icon="INFO")
            column.prop(self, "rigged", toggle=True)

    def _prepare(self, context: bpy.types.Context) -> None:
        if self.rigged and wants_rigged(take_to_export(context), self.preset):
            operators: Any = bpy.ops
            operators.dice.reimport_take("EXEC_DEFAULT", True, keys="rigged")

    def _options(self) -> dict[str, Any]:
        return {"preset": self.preset, **super()._options()}


class DICE_OT_export_fbx(_ExportFor):
    """Export the selected take as FBX, with shape keys, curves and bones as the chosen program reads them"""

    bl_idname = "dice.export_fbx"
    bl_label = "Export FBX"
    bl_options = {"PRESET"}

    filename_ext = ".fbx"
    filter_glob: StringProperty(default="*.fbx", options={"HIDDEN"})

    def _write(self, collection: bpy.types.Collection, path: Path) -> ExportReport:
        return export_fbx(collection, path, **self._options())


class DICE_OT_export_glb(_ExportFor):
    """Export the selected take as GLB, the binary form of glTF"""

    bl_idname = "dice.export_glb"
    bl_label = "Export GLB"
    bl_options = {"PRESET"}

    filename_ext = ".glb"
    filter_glob: StringProperty(default="*.glb", options={"HIDDEN"})

    def _write(self, collection: bpy.types.Collection, path: Path) -> ExportReport:
        return export_glb(collection, path, **self._options())


class DICE_OT_export_alembic(_Export):
    """Export the selected take as Alembic: its surfaces in each frame, without a rig"""

    bl_idname = "dice.export_alembic"
    bl_label = "Export Alembic"
    bl_options = {"PRESET"}

    filename_ext = ".abc"
    filter_glob: StringProperty(default="*.abc", options={"HIDDEN"})

    def _write(self, collection: bpy.types.Collection, path: Path) -> ExportReport:
        return export_alembic(collection, path, **self._options())


class DICE_OT_export_usd(_Export):
    """Export the selected take as USD: its surfaces in each frame, without a rig"""

    bl_idname = "dice.export_usd"
    bl_label = "Export USD"
    bl_options = {"PRESET"}

    filename_ext = ".usdc"
    filter_glob: StringProperty(default="*.usd;*.usdc;*.usda", options={"HIDDEN"})

    def check(self, context: bpy.types.Context) -> bool:
        """Any of USD's suffixes will do."""
        if self.filepath.lower().endswith(USD_SUFFIXES):
            return False
        return bool(super().check(context))

    def _write(self, collection: bpy.types.Collection, path: Path) -> ExportReport:
        return export_usd(collection, path, **self._options())


_CLASSES = (DICE_OT_export_fbx, DICE_OT_export_glb, DICE_OT_export_alembic, DICE_OT_export_usd)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
