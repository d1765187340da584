"""Making a set: pictures and clips in a folder, the truth take and the recipe of each beside it.

OUT/still_000.jpg with still_000.truth.dicetake and still_000.json; OUT/clip_000/ with its frames, and the same two.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from accuracy.animation import Animation, animate
from accuracy.performance import Performance
from accuracy.pictures import Studio
from accuracy.recipe import Recipe, draw_recipe
from dice_core.media.opening import open_footage
from dice_core.take import Source, TakeWriter

__all__ = ["footage_path", "item_names", "make_item", "recipes", "truth_path"]

JPEG_QUALITY = 97
"""Of the files; the look of a camera's own compression is part of the picture already."""

CLIP_FRAMES = 24
CHUNK_FRAMES = 24
ENGINE = {"name": "rendered", "settings": {}, "models": {}}

Render = Callable[[Animation], Callable[[int], np.ndarray]]
"""From an animation to what renders one of its frames as (h, w, 3) uint8 RGB."""


def recipes(seed: int, stills: int, clips: int) -> list[Recipe]:
    """What a set of a seed holds."""
    pictures = [draw_recipe(seed, index, "still") for index in range(stills)]
    return pictures + [draw_recipe(seed, index, "clip", CLIP_FRAMES) for index in range(clips)]


def make_item(folder: Path, recipe: Recipe, renderer: str) -> None:
    """Render a still or clip with its truth into the folder; renderer : "rasterizer" or "cycles"."""
    animation = animate(Performance(recipe))
    render = _renderer(renderer)(animation)
    if recipe.kind == "still":
        footage = folder / f"{recipe.name}.jpg"
        _save(footage, render(0))
    else:
        footage = folder / recipe.name
        shutil.rmtree(footage, ignore_errors=True)
        footage.mkdir(parents=True)
        for frame in range(recipe.frames):
            _save(footage / f"{frame:04d}.jpg", render(frame))
    _write_truth(truth_path(folder, recipe.name), footage, animation)
    # Last: an item without it is unfinished.
    description = {**recipe.to_json(), "renderer": renderer}
    (folder / f"{recipe.name}.json").write_text(json.dumps(description, indent=1), encoding="utf-8")


def item_names(folder: Path) -> list[str]:
    """The finished items of a set, in order: stills, then clips."""
    names = [path.stem for path in folder.glob("*.json") if (folder / f"{path.stem}.truth.dicetake").is_dir()]
    return sorted(names, key=lambda name: (name.startswith("clip"), name))


def truth_path(folder: Path, name: str) -> Path:
    """The truth take of an item."""
    return folder / f"{name}.truth.dicetake"


def footage_path(folder: Path, name: str) -> Path:
    """The picture, or the folder of frames, of an item."""
    return folder / name if (folder / name).is_dir() else folder / f"{name}.jpg"


def _renderer(name: str) -> Render:
    if name == "cycles":
        from accuracy.cycles import CyclesStudio

        return lambda animation: CyclesStudio(animation).render
    return lambda animation: Studio(animation).render


def _save(path: Path, picture: np.ndarray) -> None:
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def _checksum(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _write_truth(path: Path, footage: Path, animation: Animation) -> None:
    recipe, camera = animation.performance.recipe, animation.performance.camera
    opened = open_footage(footage, fps=recipe.fps if footage.is_dir() else None)
    files = sorted(footage.iterdir()) if footage.is_dir() else [footage]
    source = Source(
        footage.name, opened.kind, camera.width, camera.height, recipe.fps, 0, recipe.frames, _checksum(files)
    )
    shutil.rmtree(path, ignore_errors=True)
    writer = TakeWriter(path, source, ENGINE)
    writer.set_camera(camera)
    for mesh in animation.meshes.values():
        writer.add_mesh(mesh)
    numbered = {"frame": np.arange(recipe.frames, dtype=np.int32)} | animation.arrays
    for start in range(0, recipe.frames, CHUNK_FRAMES):
        writer.write_chunk({key: value[start : start + CHUNK_FRAMES] for key, value in numbered.items()})
    writer.set_events(animation.events)
    writer.finish(complete=True)
