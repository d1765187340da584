"""Sentences in panels: Blender's labels do not break lines."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

__all__ = ["draw_wrapped"]

# Width of an average letter and of an icon with its margins, in pixels at scale 1. Set by hand.
_LETTER, _ICON = 6.3, 46
_LEAST = 16


def draw_wrapped(
    context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: IconItems = "NONE", alert: bool = False
) -> None:
    """Draw a sentence on as many lines as the region's width asks for."""
    scale = context.preferences.system.ui_scale
    width = int((context.region.width / scale - _ICON) / _LETTER) if context.region else 60
    column = layout.column(align=True)
    column.scale_y = 0.8
    column.alert = alert
    for number, line in enumerate(textwrap.wrap(text, max(_LEAST, width)) or [""]):
        indent: IconItems = "NONE" if icon == "NONE" else "BLANK1"
        column.label(text=line, icon=indent if number else icon, translate=False)
