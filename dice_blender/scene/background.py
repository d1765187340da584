"""The footage behind the camera, in step with the take."""

from __future__ import annotations

import re
from pathlib import Path

import bpy

from dice_core.errors import InputError
from dice_core.take import Take
from dice_core.take.source_path import source_images, source_path

from .object_data import camera_of
from .timing import Timing

__all__ = ["add_background"]

_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def add_background(camera: bpy.types.Object, take: Take, timing: Timing, path: str | Path | None = None) -> str | None:
    """Show the take's footage behind what the camera sees.

    path : the footage, where it has moved since the capture.
    Returns None, or a sentence about why there is no (moving) background.
    """
    source = take.info["source"]
    files = _files(source["path"] if path is None else str(path), take)
    if not files:
        return f"The footage {path or source['path']} is not there, so the camera has no background."
    # The take counts from the first frame that was captured, the files from the first there is.
    first = int(source["first_frame"]) + int(take.frames[0])
    kind = source["kind"]
    still = len(files) == 1 and kind != "video"
    file = files[0] if kind == "video" or still else files[min(first, len(files) - 1)]
    try:
        image = bpy.data.images.load(str(file), check_existing=True)
    except RuntimeError:
        return f"Blender cannot read the footage {file}, so the camera has no background."
    background = camera_of(camera).background_images.new()
    background.image = image
    background.alpha = 1.0
    background.frame_method = "STRETCH"
    camera_of(camera).show_background_images = True
    if still:
        return None
    if timing.step != 1.0:
        return "The footage plays at its own frame rate, so behind a retimed take it is left at one frame."
    user = background.image_user
    user.use_auto_refresh = True
    user.frame_start = round(timing.start)
    if kind == "video":
        image.source = "MOVIE"
        user.frame_duration = max(1, int(source["frame_count"]))
        # Blender's first frame of a movie is 1, ours is 0.
        user.frame_offset = first
        return None
    numbers = [_number(name) for name in files]
    if numbers[0] is None or numbers != list(range(numbers[0], numbers[0] + len(files))):
        return "The images of the footage are not numbered one after the other, so the background is its first frame."
    image.source = "SEQUENCE"
    user.frame_duration = len(files)
    user.frame_offset = numbers[0] + first - 1
    return None


def _files(path: str, take: Take) -> tuple[Path, ...]:
    """The footage's files in the order of its frames: where the take says, or else beside the take."""
    name, kind = Path(path).name, take.info["source"]["kind"]
    for given, folder in ((path, None), (path, take.path), (path, take.path.parent), (name, take.path.parent)):
        try:
            files = source_images(given, folder) if kind == "sequence" else (source_path(given, kind, folder),)
        except InputError:
            continue
        if files:
            return tuple(file.resolve() for file in files)
    return ()


def _number(path: Path) -> int | None:
    """The last number in a file's name, which is what Blender counts a sequence by."""
    found = _NUMBER.search(path.stem)
    return int(found.group(1)) if found else None
