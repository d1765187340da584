"""Sentences in the sidebar: no line is wider than the sidebar, and no word is lost."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import MagicMock

import bpy
import pytest

from dice_blender.ui.text_wrap import blf, draw_wrapped  # blf is there once bpy has been imported

SENTENCE = "This file is not saved: takes go to {}, and move beside the file when you save it"
LONG = "/home/somebody/" + "a_very_long_name_" * 6 + "WWWWWWWWWWWW/DICE Takes"


def drawn(text: str, width: int) -> list[str]:
    layout = MagicMock()
    context = SimpleNamespace(preferences=bpy.context.preferences, region=SimpleNamespace(width=width))
    draw_wrapped(context, layout, text, icon="INFO")
    return [call.kwargs["text"] for call in layout.column.return_value.label.call_args_list]


@pytest.mark.parametrize("width", [180, 270, 700])
@pytest.mark.parametrize("path", ["/root/DICE Takes", LONG])
def test_lines_fit_and_say_everything(path: str, width: int) -> None:
    lines = drawn(SENTENCE.format(path), width)
    assert "".join(lines).replace(" ", "") == SENTENCE.format(path).replace(" ", "")
    assert len(lines) > 1 or width == 700
    scale = bpy.context.preferences.system.ui_scale or 1.0
    blf.size(0, bpy.context.preferences.ui_styles[0].widget.points * scale)
    assert max(blf.dimensions(0, line)[0] for line in lines) < width - 70 * scale


def test_an_empty_text_is_one_line() -> None:
    assert drawn("", 270) == [""]
