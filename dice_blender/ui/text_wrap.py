"""Sentences in panels: Blender's labels do not break lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import blf
import bpy

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

__all__ = ["draw_wrapped"]

# Pixels at scale 1 of a sidebar's width that a line of text in a box does not have: tabs, margins and an icon. Measured
# in Blender 4.3 by looking at it.
_AROUND = 84
# Where there is no region to draw in, as for a script that calls a panel.
_USUAL_WIDTH = 400
_FONT = 0  # Blender's own


def draw_wrapped(
    context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: IconItems = "NONE", alert: bool = False
) -> None:
    """Draw a sentence on as many lines as the region's width asks for."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    room = (context.region.width if context.region else _USUAL_WIDTH * scale) - _AROUND * scale
    blf.size(_FONT, context.preferences.ui_styles[0].widget.points * scale)
    column = layout.column(align=True)
    column.scale_y = 0.8
    column.alert = alert
    for number, line in enumerate(_lines(text, room)):
        indent: IconItems = "NONE" if icon == "NONE" else "BLANK1"
        column.label(text=line, icon=indent if number else icon, translate=False)


def _lines(text: str, room: float) -> list[str]:
    """A text broken between words, and within a word that is too long for a line, such as a path. room : pixels."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".lstrip()
        if _width(joined) <= room:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and _width(lines[-1] + letter) > room:
                lines.append("")
            lines[-1] += letter
    return lines


def _width(text: str) -> float:
    """Pixels in the size that was set last."""
    width: float = blf.dimensions(_FONT, text)[0]
    return width
