"""The footage's files as Blender can play them: found, upright, and numbered one after the other.

Blender ignores how a photo says it is to be turned, and plays an image sequence by the numbers in its names. Where
that would show something else than the capture saw, upright or numbered copies go into the take's own folder.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from dice_core.errors import InputError
from dice_core.media.headers import image_orientation
from dice_core.media.mp4_header import read_movie_header
from dice_core.media.orientation import UPRIGHT, turn_upright
from dice_core.storage import is_real_folder
from dice_core.take import Take
from dice_core.take.source_path import source_images, source_path

from .found_files import find_moved

__all__ = ["Pictures", "find_footage", "frame_seconds", "playable"]

_COPIES = "pictures"
# Of 100, set by hand: a picture that is looked at in the viewport, not processed further.
_QUALITY = 92
_NUMBER = re.compile(r"(\d+)(?=\D*$)")


@dataclass(frozen=True)
class Pictures:
    """What Blender is to load.

    file : the first picture, or the movie. numbers : (T,) int, what Blender counts each frame of the take by, None for
    a movie or a single picture.
    """

    file: Path
    numbers: np.ndarray | None = None


def find_footage(take: Take, path: str | Path | None = None) -> tuple[Path, ...]:
    """The files of a take's footage in the order of its frames, () where they are nowhere.

    path : where they are, if not where the take says; they are looked for there, beside the take and the .blend.
    """
    given, kind = str(take.info["source"]["path"] if path is None else path), take.info["source"]["kind"]
    anchors = [take.path, take.path.parent]
    if bpy.data.filepath:
        anchors.append(Path(bpy.data.filepath).parent)
    found = find_moved(given, [anchor.absolute() for anchor in anchors], lambda place: bool(_files(place, kind)))
    return () if found is None else tuple(file.resolve() for file in _files(found, kind))


def _files(place: Path, kind: str) -> tuple[Path, ...]:
    """The footage at a place, () where there is none, or nothing that a stranger's take may have opened."""
    if place.suffix == ".dicetake":
        return ()
    try:
        return source_images(str(place)) if kind == "sequence" else (source_path(str(place), kind),)
    except InputError:
        return ()


def frame_seconds(take: Take, files: Sequence[Path]) -> np.ndarray | None:
    """(T,) seconds at which each frame of a take is shown, None where its frame rate says it all.

    files : of the footage, whose header is asked where the take does not say.
    """
    if take.has("time"):
        return np.asarray(take.array("time"), np.float64)
    if take.info["source"]["kind"] != "video" or not files:
        return None
    header = read_movie_header(files[0])
    if header is None or header.even or take.frames[-1] >= header.frames:
        return None
    return header.seconds[take.frames]


def playable(take: Take, files: Sequence[Path]) -> Pictures:
    """The take's pictures as Blender plays them, copied into the take's folder where they have to be.

    files : of the footage, not a movie. Raises OSError where a copy cannot be written.
    """
    frames = np.minimum(np.asarray(take.frames, np.int64), len(files) - 1)
    chosen = [files[index] for index in frames]
    turned = [image_orientation(file) for file in chosen]
    upright = all(orientation == UPRIGHT for orientation in turned)
    if upright and len(files) == 1:
        return Pictures(files[0])
    numbers = [_number(file) for file in chosen]
    if upright and _follows_pattern(chosen, numbers):
        return Pictures(chosen[0], np.array(numbers, np.int64))
    folder = take.path / _COPIES
    folder.mkdir(exist_ok=True)
    if not is_real_folder(folder):
        raise FileExistsError(errno.EEXIST, "a link stands in its place", str(folder))
    copies = []
    for index, file, orientation in zip(frames.tolist(), chosen, turned, strict=True):
        # One picture keeps its name; Blender plays several by the number at the end of theirs.
        stem = file.stem if len(files) == 1 else f"picture_{index + 1:06d}"
        copies.append(_copy(file, folder / stem, orientation))
    if len(files) == 1:
        return Pictures(copies[0])
    return Pictures(copies[0], frames + 1)


def _follows_pattern(files: Sequence[Path], numbers: Sequence[int | None]) -> bool:
    """Whether Blender finds every file by putting its number into the first one's name."""
    match = _NUMBER.search(files[0].stem)
    if match is None:
        return False
    before, after, digits = files[0].stem[: match.start()], files[0].stem[match.end() :], len(match.group(1))
    return all(
        number is not None
        and file.parent == files[0].parent
        and file.name == f"{before}{number:0{digits}d}{after}{files[0].suffix}"
        for file, number in zip(files, numbers, strict=True)
    )


def _number(path: Path) -> int | None:
    """The last number in a file's name, which is what Blender counts a sequence by."""
    found = _NUMBER.search(path.stem)
    return int(found.group(1)) if found else None


def _copy(file: Path, target: Path, orientation: int) -> Path:
    """A copy that stands upright: the file itself, linked where the disk can, where it does already."""
    if orientation == UPRIGHT:
        target = target.with_name(target.name + file.suffix.lower())
        if not _is_there(target):
            try:
                os.link(file, target)
            except OSError:
                with file.open("rb") as source, target.open("xb") as copy:  # x: never through a link
                    shutil.copyfileobj(source, copy)
        return target
    target = target.with_name(target.name + ".jpg")
    if not _is_there(target):
        _write_upright(file, target, orientation)
    return target


def _is_there(target: Path) -> bool:
    """Whether a copy was made before. Raises OSError where a stranger's take has a link or a device in its place."""
    if not os.path.lexists(target):
        return False
    if target.is_symlink() or not target.is_file():
        raise FileExistsError(errno.EEXIST, "what stands in its place is no plain file", str(target))
    return True


def _write_upright(file: Path, target: Path, orientation: int) -> None:
    image: Any = bpy.data.images.load(str(file), check_existing=False)
    try:
        width, height = image.size[:]
        values = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(values)
        # Blender's first row is the lowest.
        turned = turn_upright(values.reshape(height, width, 4)[::-1], orientation)[::-1]
    finally:
        bpy.data.images.remove(image)
    size = turned.shape[1::-1]
    copy: Any = bpy.data.images.new("upright", size[0], size[1], alpha=False)
    try:
        copy.pixels.foreach_set(np.ascontiguousarray(turned).ravel())
        copy.file_format = "JPEG"
        copy.save(filepath=str(target), quality=_QUALITY)
    except RuntimeError as error:
        raise OSError(str(error).strip()) from error
    finally:
        bpy.data.images.remove(copy)
