"""The DICE tab in the 3D viewport's sidebar: Footage, Capture, Result, Export, in an artist's order of work."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as _t
from bpy.types import Panel, UILayout

from .. import footage, take_list
from ..jobs import runner
from ..operators.export import take_to_export, wants_rigged
from ..properties import DICE_PG_settings, DICE_PG_take, settings_of
from .capture_status import draw_captures
from .text_wrap import draw_wrapped

__all__ = ["register", "unregister"]

MESH_LABELS = {"head": "Head", "hand_left": "Hand.L", "hand_right": "Hand.R"}
# A head that is tracked in a smaller share of the frames is pointed out; hands come and go. Set by hand.
_FEW_TRACKED = 0.8
_TOUCH_ROWS = 4


class _Tab(Panel):
    """What the panels share."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "DICE"


class DICE_PT_footage(_Tab):
    """What is to be captured."""

    bl_label = "Footage"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, settings_of(context.scene)
        layout.row().prop(settings, "source", expand=True)
        if settings.source == "CLIP":
            layout.template_ID(settings, "clip", open="clip.open")
        elif settings.filepath:
            row = layout.row(align=True)
            row.prop(settings, "filepath", text="")
        else:
            column = layout.column()
            column.scale_y = 1.2
            column.operator("dice.open_footage", text="Open Photo or Movie…", icon="FILEBROWSER")
            draw_wrapped(context, layout, _t("Or drop it onto the viewport"), icon="INFO")
        _draw_facts(context, layout, settings)
        layout.use_property_split = True
        layout.use_property_decorate = False
        if settings.footage_frames > 1:
            _draw_range(layout, settings)
        row = layout.row(heading="Lens Angle")
        row.prop(settings, "use_fov", text="")
        value = row.row()
        value.active = settings.use_fov
        value.prop(settings, "fov", text="")
        split = layout.split(factor=0.24)
        split.use_property_split = False
        split.label(text="Hands")
        split.row().prop(settings, "hands", expand=True)


class DICE_PT_capture(_Tab):
    """The capture itself."""

    bl_label = "Capture"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, settings_of(context.scene)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "engine")
        if settings.engine == "dice":
            column.prop(settings, "refine_contact")
            column.operator("dice.open_preferences", text="Set Up DICE Network", icon="PREFERENCES")
        column.prop(settings, "keys")
        column.prop(settings, "import_result")
        row = layout.row()
        row.scale_y = 1.8
        text = "Add to Queue" if runner.queue.busy else "Capture"
        row.operator("dice.capture", text=text, icon="RENDER_ANIMATION")
        problem = footage.problem(settings)
        if problem and not runner.queue.captures:
            draw_wrapped(context, layout, _t(problem), icon="INFO")
        draw_captures(context, layout)


class DICE_PT_result(_Tab):
    """The takes of this scene."""

    bl_label = "Result"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, settings_of(context.scene)
        entry = take_list.active(context.scene)
        if entry is None:
            layout.label(text="No take in this scene yet", icon="INFO")
            layout.operator("dice.import_take", text="Import Take…", icon="IMPORT")
            return
        row = layout.row()
        row.template_list("DICE_UL_takes", "", settings, "takes", settings, "active_take", rows=2, maxrows=5)
        column = row.column(align=True)
        column.operator("dice.import_take", text="", icon="IMPORT")
        column.operator("dice.reveal_take", text="", icon="FILE_FOLDER")
        column.operator("dice.remove_take", text="", icon="TRASH")
        _draw_take(layout, entry)
        there = take_list.collection_of(entry) is not None
        row = layout.row(align=True)
        row.prop(settings, "keys", text="")
        again: Any = row.operator("dice.reimport_take", text="Import Again" if there else "Import", icon="FILE_REFRESH")
        again.keys = settings.keys


class DICE_PT_touches(_Tab):
    """Where the hands touch the head."""

    bl_label = "Touches"
    bl_parent_id = "DICE_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return take_list.active(context.scene) is not None

    def draw(self, context: bpy.types.Context) -> None:
        entry = take_list.active(context.scene)
        if not len(entry.touches):
            self.layout.label(text="No touch was found", icon="INFO")
            return
        self.layout.template_list(
            "DICE_UL_touches",
            "",
            entry,
            "touches",
            entry,
            "active_touch",
            rows=min(_TOUCH_ROWS, len(entry.touches) + 1),
        )


class DICE_PT_export(_Tab):
    """To game engines and other programs."""

    bl_label = "Export"
    bl_order = 3

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, settings_of(context.scene)
        layout.prop(settings, "preset")
        if wants_rigged(take_to_export(context), settings.preset):
            again: Any = layout.operator("dice.reimport_take", text="Change to Rigged Keys", icon="ARMATURE_DATA")
            again.keys = "rigged"
        row = layout.row(align=True)
        row.scale_y = 1.2
        row.operator("dice.export_fbx", text="FBX…", icon="EXPORT")
        row.operator("dice.export_glb", text="GLB…", icon="EXPORT")


def _draw_facts(context: bpy.types.Context, layout: UILayout, settings: DICE_PG_settings) -> None:
    if settings.footage_width:
        facts = f"{settings.footage_width} × {settings.footage_height}"
        if settings.footage_frames > 1:
            facts += " · " + _t("{:d} frames").format(settings.footage_frames)
            facts += " · " + _t("{:.5g} fps").format(settings.footage_fps) if settings.footage_fps else ""
        row = layout.row()
        row.label(text=facts, icon="IMAGE_DATA", translate=False)
        row.operator("dice.refresh_footage", text="", icon="FILE_REFRESH", emboss=False)
    elif footage.is_chosen(settings):
        draw_wrapped(context, layout, _t(footage.problem(settings) or "This file cannot be read"), "ERROR", alert=True)


def _draw_range(layout: UILayout, settings: DICE_PG_settings) -> None:
    row = layout.row(heading="Frame Range")
    row.prop(settings, "use_range", text="")
    if settings.use_range:
        column = layout.column(align=True)
        column.prop(settings, "frame_start")
        column.prop(settings, "frame_end")


def _draw_take(layout: UILayout, entry: DICE_PG_take) -> None:
    column = layout.box().column(align=True)
    frames = _t("{:d} frames").format(entry.frames)
    text = frames + ("  ·  " + _t("{:.5g} fps").format(entry.fps) if entry.fps else "")
    column.label(text=text, icon="TIME", translate=False)
    if not entry.complete:
        column.label(text="Unfinished: capture again to resume", icon="ERROR")
    for mesh, label in MESH_LABELS.items():
        share = getattr(entry, f"tracked_{mesh}")
        if share >= 0:
            row = column.row()
            row.alert = mesh == "head" and share < _FEW_TRACKED
            text = _t("{}: tracked in {:.0f} %").format(_t(label), share * 100)
            row.label(text=text, icon="USER" if mesh == "head" else "VIEW_PAN", translate=False)


_CLASSES = (DICE_PT_footage, DICE_PT_capture, DICE_PT_result, DICE_PT_touches, DICE_PT_export)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
