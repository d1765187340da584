"""The recipe of a small item of the accuracy benchmark, and the folder of its tools, put where Python finds them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"
sys.path.append(str(TOOLS))

from accuracy.recipe import Recipe, draw_recipe  # noqa: E402


def easy_recipe() -> Recipe:
    """A small, plain picture: a fingertip on the cheek in soft light, seen from in front."""
    return replace(
        draw_recipe(5, 0, "still"),
        width=256,
        height=256,
        fov=50.0,
        head_share=0.5,
        off_centre=(0.0, 0.0),
        yaw=0.0,
        pitch=0.0,
        roll=0.0,
        tone="light",
        light="soft",
        background="plain",
        gesture="fingertip press",
        sides=("right",),
        gap=0.0,
        blur=False,
    )
