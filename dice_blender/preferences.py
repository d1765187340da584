"""The extension's preferences."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import AddonPreferences

from .jobs import engine_check, log
from .ui.text_wrap import draw_wrapped

__all__ = ["preferences", "register", "unregister"]

LOG_LEVELS = (
    ("WARNING", "Warnings", "Only what went wrong"),
    ("INFO", "Normal", "What was captured, imported and exported"),
    ("DEBUG", "Everything", "For the search for an error"),
)
DEVICES = (
    ("auto", "Auto", "The graphics card where PyTorch can use it, otherwise the processor"),
    ("cpu", "CPU", "The processor"),
    ("cuda", "CUDA", "A graphics card of NVIDIA, or of AMD with ROCm"),
    ("mps", "Metal", "The graphics part of Apple's chips"),
)
PRECISIONS = (
    ("auto", "Auto", "Half where the device gains by it and the checkpoint's results stay as good"),
    ("full", "Full", "32 bits a number: exact, slower"),
    ("half", "Half", "16 bits a number: faster and less exact, refused where the device does not have it"),
)


def _log_level_changed(chosen: DICE_preferences, _context: bpy.types.Context) -> None:
    log.set_level(chosen.log_level)


class DICE_preferences(AddonPreferences):
    """Folders, how the DICE network runs, the log."""

    bl_idname = __package__

    takes_folder: StringProperty(
        name="Takes",
        description="Folder that captured takes go to. Empty: beside the saved file, or the extension's own folder",
        subtype="DIR_PATH",
    )
    dice_python: StringProperty(
        name="Python with PyTorch",
        description="The Python that runs the DICE network, with torch and safetensors installed",
        subtype="FILE_PATH",
    )
    models_folder: StringProperty(
        name="Licensed Files",
        description="Folder with the DICE checkpoint, MANO and FLAME, which you obtain under their owners' licences",
        subtype="DIR_PATH",
    )
    device: EnumProperty(name="Device", description="What the DICE network runs on", items=DEVICES)
    precision: EnumProperty(
        name="Precision",
        description="How exactly the DICE network computes: fewer bits are faster",
        items=PRECISIONS,
    )
    presence_gate: BoolProperty(
        name="Presence Gate",
        description="Leave the skin undented in frames where the DICE network holds a touch for unlikely",
        default=True,
    )
    log_level: EnumProperty(
        name="Log",
        description="How much is written to the log",
        items=LOG_LEVELS,
        default="INFO",
        update=_log_level_changed,
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "takes_folder", placeholder="Beside the saved file")
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


def preferences() -> DICE_preferences:
    """The preferences as they are now."""
    return bpy.context.preferences.addons[__package__].preferences


def register() -> None:
    """Make the preferences known and follow them."""
    bpy.utils.register_class(DICE_preferences)
    addon = bpy.context.preferences.addons.get(__package__)
    if addon is not None and addon.preferences is not None:
        log.set_level(addon.preferences.log_level)


def unregister() -> None:
    """Forget them; what the user has set stays in Blender's own file."""
    engine_check.close()
    bpy.utils.unregister_class(DICE_preferences)
