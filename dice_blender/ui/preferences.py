"""The extension's page in Blender's preferences."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as _t
from bpy.types import AddonPreferences

from ..jobs import engine_check, head_adding
from ..preferences import ADDON, Preferences, follow_log_level, preferences
from .text_wrap import draw_wrapped

__all__ = ["register", "unregister"]


class DICE_preferences(Preferences, AddonPreferences):
    """Folders, how the DICE network runs, the log."""

    bl_idname = ADDON

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "takes_folder", placeholder="Beside the saved file")
        layout.separator()
        self._draw_heads(context, layout)
        layout.separator()
        layout.label(text="DICE Network")
        column = layout.column()
        column.prop(self, "dice_python", text="Python")
        column.prop(self, "models_folder")
        running = layout.column()
        running.enabled = bool(self.dice_python)
        running.prop(self, "device")
        running.prop(self, "precision")
        running.prop(self, "presence_gate")
        self._draw_check(context, layout)
        layout.separator()
        row = layout.row(align=True)
        row.prop(self, "log_level")
        row.operator("dice.open_log", text="", icon="TEXT")

    def _draw_heads(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        outcome = head_adding.outcome()
        row = layout.row()
        row.enabled = not outcome.running
        text = "Adding, about half a minute…" if outcome.running else "Add Head Model…"
        row.operator("dice.add_head", text=text, icon="ADD")
        if outcome.text:
            draw_wrapped(context, layout, _t(outcome.text), icon="CHECKMARK" if outcome.good else "ERROR")

    def _draw_check(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        found = engine_check.findings()
        row = layout.row(align=True)
        row.enabled = bool(self.dice_python) and not found.asking
        row.operator("dice.check_engine", text="Checking…" if found.asking else "Check", icon="CHECKMARK")
        row.operator("dice.add_models", icon="ADD")
        if found.lines:
            box = layout.box().column(align=True)
            for good, text in found.lines:
                draw_wrapped(context, box, text, icon="CHECKMARK" if good else "ERROR")


def register() -> None:
    """Show the page, and follow what it says."""
    bpy.utils.register_class(DICE_preferences)
    if ADDON in bpy.context.preferences.addons:
        follow_log_level(preferences())


def unregister() -> None:
    """Remove the page; what the user has set stays in Blender's own file."""
    engine_check.close()
    head_adding.close()
    bpy.utils.unregister_class(DICE_preferences)
