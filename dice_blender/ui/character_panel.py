"""The panel Character: whose bones and keys a take is put onto, and the button that does it."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as _t
from bpy.types import UILayout, UIList

from .. import take_list
from ..character.joined import bone_called
from ..character.landmarks import read_landmarks
from ..character.own_parts import transfer_of
from ..character_settings import DICE_PG_character, character_of
from ..jobs import transfer_job
from ..operators.character import source_of_entry
from ..scene.object_data import shape_keys_of
from .tab import Tab
from .text_wrap import draw_wrapped

__all__ = ["register", "unregister"]

_ROWS = 6


class DICE_PT_character(Tab):
    """A character of the artist's own."""

    bl_label = "Character"
    bl_order = 4
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, character_of(context.scene)
        row = layout.row(align=True)
        row.prop(settings, "armature", text="")
        row.operator("dice.find_character", text="" if settings.armature else "Use Selected", icon="EYEDROPPER")
        if settings.armature is not None:
            layout.prop(settings, "head", text="")
            _draw_coverage(layout, settings)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "keep_contact")
        column.prop(settings, "dents", slider=True)
        column.prop(settings, "neck_share", slider=True)
        column.prop(settings, "hands")
        column.prop(settings, "arms", expand=True)
        column.prop(settings, "target", expand=True)
        row = layout.row()
        row.scale_y = 1.8
        row.operator("dice.transfer", icon="ARMATURE_DATA")
        _draw_job(context, layout)
        entry = take_list.active(context.scene)
        if settings.armature is None or entry is None:
            return
        _, owner = transfer_of(settings.armature, source_of_entry(entry))
        if owner:
            layout.operator("dice.remove_transfer", icon="X")


class _OfCharacter(Tab):
    """A panel on the chosen character."""

    bl_parent_id = "DICE_PT_character"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = character_of(context.scene)
        return settings.armature is not None and len(settings.bones) > 0


class DICE_PT_character_bones(_OfCharacter):
    """Which bone has which role."""

    bl_label = "Bones"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, character_of(context.scene)
        layout.template_list("DICE_UL_bones", "", settings, "bones", settings, "active_bone", rows=_ROWS)
        if 0 <= settings.active_bone < len(settings.bones):
            row = settings.bones[settings.active_bone]
            called = bone_called(settings.armature, row.bone)
            if called is None or called[0] == settings.armature:
                layout.prop_search(row, "bone", settings.armature.data, "bones", text="")
            else:
                layout.prop(row, "bone", text="")
        _draw_map_buttons(layout)


class DICE_PT_character_expressions(_OfCharacter):
    """Which shape key shows which expression."""

    bl_label = "Expressions"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, character_of(context.scene)
        layout.template_list(
            "DICE_UL_expressions", "", settings, "expressions", settings, "active_expression", rows=_ROWS
        )
        if 0 <= settings.active_expression < len(settings.expressions):
            row = settings.expressions[settings.active_expression]
            keys = None if settings.head is None else shape_keys_of(settings.head)
            if keys is None:
                layout.prop(row, "target", text="")
            else:
                layout.prop_search(row, "target", keys, "key_blocks", text="")
            pair = layout.row(align=True)
            pair.prop(row, "gain")
            pair.prop(row, "offset")
        _draw_map_buttons(layout)


class DICE_PT_character_points(_OfCharacter):
    """Points of the face set by hand."""

    bl_label = "Face Points"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        there = len(read_landmarks(context.scene))
        if there:
            text = _t("Points set by hand: {:d}. Move them onto the face").format(there)
            draw_wrapped(context, layout, text, icon="EMPTY_AXIS")
        else:
            draw_wrapped(context, layout, _t("The face is found by itself; set points where it is not"), icon="INFO")
        row = layout.row(align=True)
        row.operator("dice.make_landmarks", icon="ADD")
        row.operator("dice.remove_landmarks", text="", icon="TRASH")


class DICE_UL_bones(UIList):
    """Roles, with their bones and whether these are there."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: UILayout,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int,
        flt_flag: int,
    ) -> None:
        there = data.armature is not None and bone_called(data.armature, item.bone) is not None
        row = layout.split(factor=0.42)
        row.label(text=item.name, icon=_mark(bool(item.bone), there), translate=False)
        bone = row.row()
        bone.alert = bool(item.bone) and not there
        bone.prop(item, "bone", text="", emboss=False)


class DICE_UL_expressions(UIList):
    """Expressions, with their shape keys and whether these are there."""

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: UILayout,
        data: Any,
        item: Any,
        icon: int,
        active_data: Any,
        active_property: str,
        index: int,
        flt_flag: int,
    ) -> None:
        keys = None if data.head is None else shape_keys_of(data.head)
        there = keys is not None and item.target in keys.key_blocks
        row = layout.split(factor=0.5)
        row.label(text=item.name, icon=_mark(bool(item.target), there), translate=False)
        row.prop(item, "target", text="", emboss=False)


def _mark(given: bool, there: bool) -> Any:
    """The icon of a row: found, named but not there, or without."""
    if there:
        return "CHECKMARK"
    return "ERROR" if given else "BLANK1"


def _draw_coverage(layout: UILayout, settings: DICE_PG_character) -> None:
    if not len(settings.bones):
        layout.operator("dice.find_again", icon="VIEWZOOM")
        return
    bones = sum(bool(row.bone) for row in settings.bones)
    shown = len({row.name for row in settings.expressions if row.target})
    sources = len({row.name for row in settings.expressions})
    column = layout.box().column(align=True)
    text = _t("Bones: {:d} of {:d}").format(bones, len(settings.bones))
    if settings.convention:
        text += f"  ·  {settings.convention}"
    column.label(text=text, icon="BONE_DATA", translate=False)
    text = _t("Expressions: {:d} of {:d}").format(shown, sources)
    column.label(text=text if shown else _t("Expressions: are made"), icon="SHAPEKEY_DATA", translate=False)


def _draw_map_buttons(layout: UILayout) -> None:
    row = layout.row(align=True)
    row.operator("dice.find_again", icon="FILE_REFRESH")
    row.operator("dice.load_map", text="", icon="IMPORT")
    row.operator("dice.save_map", text="", icon="EXPORT")


def _draw_job(context: bpy.types.Context, layout: UILayout) -> None:
    job = transfer_job.current()
    if job is None:
        return
    box = layout.box().column()
    if job.running:
        row = box.row()
        percent = f"{job.fraction:.0%}" if job.total else _t("Starting…")
        row.progress(factor=job.fraction, text=percent)
        row.operator("dice.cancel_transfer", text="", icon="X")
    else:
        row = box.row()
        title = row.row()
        title.alert = True
        title.label(text=_t("{} failed").format(job.take), icon="ERROR", translate=False)
        row.operator("dice.cancel_transfer", text="", icon="X", emboss=False)
        draw_wrapped(context, box, job.error)


_CLASSES = (
    DICE_UL_bones,
    DICE_UL_expressions,
    DICE_PT_character,
    DICE_PT_character_bones,
    DICE_PT_character_expressions,
    DICE_PT_character_points,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
