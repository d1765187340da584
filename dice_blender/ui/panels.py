"""The DICE tab in the 3D viewport's sidebar: Footage, Capture and Export; `result_panels` has what is between them."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as _t
from bpy.types import UILayout

from .. import footage, installed_heads
from ..jobs import runner
from ..operators.export import take_to_export, wants_rigged
from ..preferences import preferences
from ..properties import DICE_PG_settings, settings_of
from ..saved_paths import unsaved_folder
from .capture_status import draw_captures
from .frame_count import count_of_frames
from .tab import Tab
from .text_wrap import draw_wrapped

__all__ = ["register", "unregister"]


class DICE_PT_footage(Tab):
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
        if settings.footage_frames > 1:
            row = layout.row(heading="Resting Face")
            row.active = settings.engine == "open"
            row.prop(settings, "use_neutral", text="")
            value = row.row()
            value.active = settings.use_neutral
            value.prop(settings, "neutral", text="")
            row.operator("dice.rest_here", text="", icon="EYEDROPPER")
        split = layout.split(factor=0.24)
        split.use_property_split = False
        split.label(text="Hands")
        split.row().prop(settings, "hands", expand=True)


class DICE_PT_capture(Tab):
    """The capture itself."""

    bl_label = "Capture"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, settings_of(context.scene)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "engine")
        # A choice for those who have added a head, and for a file that names one.
        if settings.engine == "open" and (installed_heads.known() or settings.head != "open"):
            column.prop(settings, "head")
        if settings.engine == "dice":
            column.prop(settings, "refine_contact")
            column.operator("dice.open_preferences", text="Set Up DICE Network", icon="PREFERENCES")
        column.prop(settings, "keys")
        # Without the split, which would leave their names too little room.
        choices = layout.column()
        choices.prop(settings, "import_result")
        looking = choices.column()
        looking.active = settings.import_result
        looking.prop(settings, "look_through")
        row = layout.row()
        row.scale_y = 1.8
        text = "Add to Queue" if runner.queue.busy else "Capture"
        row.operator("dice.capture", text=text, icon="RENDER_ANIMATION")
        problem = footage.problem(settings)
        if problem and not runner.queue.captures:
            draw_wrapped(context, layout, _t(problem), icon="INFO")
        if not bpy.data.filepath and not preferences().takes_folder:
            text = _t("This file is not saved: takes go to {}, and move beside the file when you save it")
            draw_wrapped(context, layout, text.format(unsaved_folder()), icon="FILE_TICK")
        draw_captures(context, layout)


class DICE_PT_export(Tab):
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
        row = layout.row(align=True)
        row.operator("dice.export_alembic", text="Alembic…", icon="EXPORT")
        row.operator("dice.export_usd", text="USD…", icon="EXPORT")


def _draw_facts(context: bpy.types.Context, layout: UILayout, settings: DICE_PG_settings) -> None:
    if settings.footage_width:
        facts = f"{settings.footage_width} × {settings.footage_height}"
        facts += " · " + count_of_frames(settings.footage_frames, settings.footage_fps)
        if settings.footage_frames > 1:
            facts += " · " + _t("{:.5g} fps").format(settings.footage_fps) if settings.footage_fps else ""
        if settings.footage_uneven:
            draw_wrapped(context, layout, _t("Its frames are not evenly spaced: each keeps its own time"), icon="INFO")
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


_CLASSES = (DICE_PT_footage, DICE_PT_capture, DICE_PT_export)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
