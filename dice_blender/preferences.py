"""The extension's preferences: what they hold. `ui.preferences` draws them."""

from __future__ import annotations

import logging

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

__all__ = ["ADDON", "Preferences", "follow_log_level", "preferences"]

ADDON = __package__
"""The extension's name as Blender has it, which differs with how it was installed."""

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


def follow_log_level(chosen: Preferences, _context: bpy.types.Context | None = None) -> None:
    """Write to the log what the preferences say."""
    logging.getLogger(ADDON).setLevel(chosen.log_level)


class Preferences:
    """Folders, how the DICE network runs, the log."""

    takes_folder: StringProperty(
        name="Takes",
        description="Folder that captured takes go to. Empty: beside the saved file, or among your documents",
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
        description="Leave the skin undented in frames where the DICE network considers a touch unlikely",
        default=True,
    )
    log_level: EnumProperty(
        name="Log",
        description="How much is written to the log",
        items=LOG_LEVELS,
        default="INFO",
        update=follow_log_level,
    )


def preferences() -> Preferences:
    """The preferences as they are now."""
    assert bpy.context.preferences is not None
    chosen = bpy.context.preferences.addons[ADDON].preferences
    assert isinstance(chosen, Preferences)
    return chosen
