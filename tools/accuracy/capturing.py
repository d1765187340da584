"""Capturing the items of a set as a user would, or with stages replaced by the truth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

from accuracy.figures import item_figures
from accuracy.making import footage_path, truth_path
from accuracy.split import REPLACED, TruthEngine
from dice_core.capture import capture, pipeline
from dice_core.engines.settings import CaptureSettings
from dice_core.media.footage import Footage
from dice_core.media.opening import open_footage
from dice_core.take import open_take

__all__ = ["capture_item", "figures_of", "take_path"]


def take_path(folder: Path, name: str, replaced: str) -> Path:
    """The take of an item, captured with a key of `REPLACED`."""
    return folder / "takes" / replaced.replace(",", "").replace(" ", "_") / f"{name}.dicetake"


def capture_item(name: str, *, folder: Path, replaced: str, engine: str = "open") -> None:
    """Capture an item with default settings, anew. engine : by its name; of the open one alone are stages replaced."""
    output = take_path(folder, name, replaced)
    shutil.rmtree(output, ignore_errors=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    truth = open_take(truth_path(folder, name))
    path = footage_path(folder, name)
    footage = open_footage(path, fps=truth.fps if path.is_dir() else None)
    settings, told = CaptureSettings(engine=engine), REPLACED[replaced]
    if not told:
        capture(footage, output, settings)
        return
    recipe = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))

    # From outside: the product has no engine that knows the truth.
    def make(footage: Footage, settings: CaptureSettings) -> TruthEngine:
        return TruthEngine(footage, settings, truth, recipe, told)

    with mock.patch.object(pipeline, "make_engine", make):
        capture(footage, output, settings)


def figures_of(folder: Path, name: str, replaced: str) -> dict[str, Any]:
    """The item's errors, and the factors that its recipe names."""
    figures = item_figures(open_take(take_path(folder, name, replaced)), open_take(truth_path(folder, name)))
    recipe = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return {"name": name, "recipe": recipe, **figures}
