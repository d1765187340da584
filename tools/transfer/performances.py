"""Takes that a transfer is measured on: the sample's truth, and synthetic performances of other gestures."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from accuracy.animation import animate
from accuracy.performance import Performance
from accuracy.recipe import draw_recipe

from dice_core.sample import sample_truth
from dice_core.take import Source, Take, TakeWriter, open_take

__all__ = ["DICE_FORM", "GESTURES", "HELD_OUT", "open_performance"]

GESTURES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "both palms": ("both palms", ("left", "right")),
    "scratching": ("scratching", ("left",)),
    "fist under chin": ("fist under chin", ("right",)),
    "hand over mouth": ("hand over mouth", ("left",)),
}
"""Gesture and hands of each synthetic performance."""

HELD_OUT: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pinch of chin": ("pinch of chin", ("left",)),
    "rubbing an eye": ("rubbing an eye", ("right",)),
    "temple or ear": ("temple or ear", ("left",)),
    "palm on cheek": ("palm on cheek", ("right",)),
}
"""Of these nothing was looked at while constants were chosen."""

DICE_FORM = " as dice"
"""Ending of a performance's name that asks for it on bodies of the dice engine's form, which needs torch."""

FRAMES = 48
SEED, HELD_OUT_SEED = 11, 311
"""Performances of seed 211 were looked at when touches with a gap were closed: they are held out no more."""


def open_performance(name: str, folder: Path) -> Take:
    """A take by its name, "sample" or one of the two tables; made in the folder when it is first asked for.

    With `DICE_FORM` behind the name, the same motion as the dice engine would have given it.
    """
    if name.endswith(DICE_FORM):
        return _as_dice(open_performance(name.removesuffix(DICE_FORM), folder), folder)
    if name == "sample":
        return open_take(sample_truth())
    path = folder / f"{name.replace(' ', '_')}.dicetake"
    if not (path / "take.json").exists():
        _make(name, path)
    return open_take(path)


def _as_dice(take: Take, folder: Path) -> Take:
    # Only this needs torch.
    from transfer.dice_form import dice_form

    path = folder / f"{take.name}_as_dice.dicetake"
    return open_take(path) if (path / "take.json").exists() else dice_form(take, path)


def _make(name: str, path: Path) -> None:
    held_out = name in HELD_OUT
    table, seed = (HELD_OUT, HELD_OUT_SEED) if held_out else (GESTURES, SEED)
    gesture, sides = table[name]
    recipe = draw_recipe(seed, list(table).index(name), "clip", FRAMES)
    recipe = replace(recipe, gesture=gesture, sides=sides, gap=0.0, fps=24.0)
    animation = animate(Performance(recipe))
    camera = animation.performance.camera
    source = Source(name, "video", camera.width, camera.height, recipe.fps, 0, FRAMES, "0" * 64)
    shutil.rmtree(path, ignore_errors=True)
    writer = TakeWriter(path, source, {"name": "synthetic", "settings": {}, "models": {}})
    writer.set_camera(camera)
    for mesh in animation.meshes.values():
        writer.add_mesh(mesh)
    writer.write_chunk({"frame": np.arange(FRAMES, dtype=np.int32)} | animation.arrays)
    writer.set_events(animation.events)
    writer.finish(complete=True)
