"""The middle of the DICE tab: the takes of the scene, where their hands touch the head, when they play."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

import math
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as _t
from bpy.types import UILayout

from .. import first_sight, take_list
from ..properties import DICE_PG_take, settings_of
from ..scene.nla import is_layer
from ..scene.reduction import reduced_by
from ..scene.scene_settings import MISMATCHES, mismatches
from .frame_count import count_of_frames
from .tab import Tab
from .text_wrap import draw_wrapped

__all__ = ["register", "unregister"]

MESH_LABELS = {"head": "Head", "hand_left": "Hand.L", "hand_right": "Hand.R"}
# A head that is tracked in a smaller share of the frames is pointed out; hands come and go. Set by hand.
_FEW_TRACKED = 0.8
_TOUCH_ROWS = 4


class DICE_PT_result(Tab):
    """The takes of this scene."""

    bl_label = "Result"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, settings_of(context.scene)
        _draw_unlisted(context, layout)
        entry = take_list.active(context.scene)
        if entry is None:
            layout.label(text="No take in this scene yet", icon="INFO")
            layout.operator("dice.import_take", text="Import Take…", icon="IMPORT")
            return
        _draw_heading(layout, "Take", "Keys")
        row = layout.row()
        row.template_list("DICE_UL_takes", "", settings, "takes", settings, "active_take", rows=2, maxrows=5)
        column = row.column(align=True)
        column.operator("dice.import_take", text="", icon="IMPORT")
        column.operator("dice.reveal_take", text="", icon="FILE_FOLDER")
        column.operator("dice.remove_take", text="", icon="TRASH")
        _draw_facts(context, layout, entry)
        there = take_list.collection_of(entry) is not None
        row = layout.row(align=True)
        row.prop(settings, "keys", text="")
        again: Any = row.operator("dice.reimport_take", text="Import Again" if there else "Import", icon="FILE_REFRESH")
        again.keys = settings.keys
        if there:
            _draw_notes(context, layout, entry)


class _OfImport(Tab):
    """A panel on what was imported of the selected take."""

    bl_parent_id = "DICE_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        entry = take_list.active(context.scene)
        return entry is not None and take_list.collection_of(entry) is not None


class DICE_PT_view(_OfImport):
    """What is seen of the take."""

    bl_label = "View"

    def draw(self, context: bpy.types.Context) -> None:
        layout, entry = self.layout, take_list.active(context.scene)
        layout.operator("dice.look_through", icon="VIEW_CAMERA")
        row = layout.row(align=True)
        row.operator("dice.show_only", icon="HIDE_OFF")
        if first_sight.hidden_takes(context):
            everything: Any = row.operator("dice.show_only", text="Show All Takes")
            everything.everything = True
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(entry, "show_contact")
        layout.prop(entry, "dents", slider=True)
        if entry.dents_problem:
            draw_wrapped(context, layout, entry.dents_problem, icon="ERROR", alert=True)
        layout.operator("dice.bake_texture", icon="TEXTURE")


class DICE_PT_timing(_OfImport):
    """When the take plays."""

    bl_label = "Timing"

    def draw(self, context: bpy.types.Context) -> None:
        layout, entry = self.layout, take_list.active(context.scene)
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(entry, "start")
        if entry.frames > 1:
            if entry.fps > 0:
                layout.prop(entry, "speed")
            column = layout.column(align=True)
            column.prop(entry, "trim_first")
            column.prop(entry, "trim_last")


class DICE_PT_animation(_OfImport):
    """The take's keys, for whoever animates on."""

    bl_label = "Animation"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and take_list.active(context.scene).frames > 1

    def draw(self, context: bpy.types.Context) -> None:
        layout, collection = self.layout, take_list.active(context.scene).collection
        layout.operator("dice.reduce_keys", icon="HANDLE_ALIGNED")
        reduced = reduced_by(collection)
        if reduced is not None:
            text = _t("Reduced: at most {:.2f} mm, {:.2f}° and a weight of {:.4f} from the capture")
            text = text.format(reduced.distance * 1000, math.degrees(reduced.angle), reduced.weight)
            draw_wrapped(context, layout, text, icon="INFO")
        text = "Take off NLA Tracks" if is_layer(collection) else "Put on NLA Tracks"
        layout.operator("dice.nla_layer", text=text, icon="NLA")


class DICE_PT_touches(Tab):
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
        _draw_heading(self.layout, "Place (Hand)", "Depth" if entry.frames == 1 else "Frames, Depth")
        self.layout.template_list(
            "DICE_UL_touches",
            "",
            entry,
            "touches",
            entry,
            "active_touch",
            rows=min(_TOUCH_ROWS, len(entry.touches) + 1),
        )


class DICE_PT_unsure(Tab):
    """Where a hand may well be wrong: looked through by clicking."""

    bl_label = "Unsure Frames"
    bl_parent_id = "DICE_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        entry = take_list.active(context.scene)
        return entry is not None and len(entry.unsure) > 0

    def draw(self, context: bpy.types.Context) -> None:
        entry = take_list.active(context.scene)
        text = "Depth or touch of a hand may well be wrong here: look from the side"
        draw_wrapped(context, self.layout, _t(text), icon="ERROR")
        if entry.frames == 1:
            return
        _draw_heading(self.layout, "Hand", "Frames")
        rows = min(_TOUCH_ROWS, len(entry.unsure) + 1)
        self.layout.template_list("DICE_UL_unsure", "", entry, "unsure", entry, "active_unsure", rows=rows)


def _draw_heading(layout: UILayout, left: str, right: str) -> None:
    """What the columns of the list below hold."""
    row = layout.row()
    row.active = False
    row.label(text=_t(left), translate=False)
    end = row.row()
    end.alignment = "RIGHT"
    end.label(text=_t(right), translate=False)


def _draw_unlisted(context: bpy.types.Context, layout: UILayout) -> None:
    count = len(take_list.unlisted(context.scene))
    if count:
        row = layout.row()
        row.label(text=_t("Takes of other files: {:d}").format(count), icon="APPEND_BLEND", translate=False)
        row.operator("dice.adopt_takes")


def _draw_facts(context: bpy.types.Context, layout: UILayout, entry: DICE_PG_take) -> None:
    column = layout.box().column(align=True)
    text = count_of_frames(entry.frames, entry.fps)
    text += "  ·  " + _t("{:.5g} fps").format(entry.fps) if entry.fps else ""
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


def _draw_notes(context: bpy.types.Context, layout: UILayout, entry: DICE_PG_take) -> None:
    """How the scene differs from the take, for as long as it does, and what the import had to say."""
    wanted = entry.wanted_settings()
    for mismatch in [] if wanted is None else mismatches(context.scene, wanted):
        box = layout.box().column()
        draw_wrapped(context, box, _t(MISMATCHES[mismatch.kind]).format(*mismatch.values), icon="ERROR")
        if mismatch.can_match:
            button: Any = box.operator("dice.match_scene", text=_match_text(mismatch.kind))
            button.kind = mismatch.kind
    for note in entry.notes:
        draw_wrapped(context, layout, note.name, icon="INFO")


def _match_text(kind: str) -> str:
    """What the button says that makes scene and take agree."""
    if kind == "rate":
        return _t("Set the Scene's Frame Rate")
    if kind == "range":
        return _t("Extend the Scene's Range")
    if kind == "size":
        return _t("Set the Scene's Resolution")
    return _t("Scale the Take to the Scene")


# In the order in which they stand: bad news first.
_CLASSES = (DICE_PT_result, DICE_PT_unsure, DICE_PT_view, DICE_PT_timing, DICE_PT_animation, DICE_PT_touches)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
