"""The footage that a scene's settings name: its path for the worker, and what Blender knows of it.

What is known is noted in the settings when they change, when a file is opened and when the user asks, so that drawing
the panel and asking whether a capture is possible never go to the disk.
"""

from __future__ import annotations

import glob
import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from dice_core.errors import InputError
from dice_core.media.formats import IMAGE_SUFFIXES, list_images
from dice_core.media.mp4_header import read_movie_header

__all__ = [
    "FootageSettings",
    "default_name",
    "frame_range",
    "input_of",
    "is_chosen",
    "neutral_frame",
    "problem",
    "refresh",
    "repath",
]

SOURCES = (
    ("FILE", "File", "A photo or a movie from disk"),
    ("SEQUENCE", "Sequence", "The images of a folder, one a frame, in the order of their numbers"),
    ("CLIP", "Clip", "A movie clip that is open in this file"),
)


_repathing: list[bool] = []
# Blender keeps a number with fractions with this relative precision.
_FLOAT32 = 1e-6


def _footage_changed(settings: FootageSettings, _context: bpy.types.Context) -> None:
    if not _repathing:
        refresh(settings)
        _reset_range(settings)
        settings.use_neutral, settings.neutral = False, 1


def repath(settings: FootageSettings, path: str) -> None:
    """Name the same footage by another path; what is known of it, and the frame range, stays."""
    _repathing.append(True)
    try:
        settings.filepath = path
    finally:
        _repathing.pop()


class FootageSettings:
    """The part of a scene's settings that names the footage."""

    source: EnumProperty(
        name="Source", description="Where the footage comes from", items=SOURCES, update=_footage_changed
    )
    filepath: StringProperty(
        name="Footage",
        description="The photo, movie, or one image of the sequence. One person, one camera, one shot",
        subtype="FILE_PATH",
        update=_footage_changed,
    )
    clip: PointerProperty(
        name="Movie Clip",
        description="The movie clip to capture",
        type=bpy.types.MovieClip,
        update=_footage_changed,
    )
    use_range: BoolProperty(name="Frame Range", description="Capture a part of the footage instead of all of it")
    frame_start: IntProperty(name="Start", description="First frame to capture, counted from 1", default=1, min=1)
    frame_end: IntProperty(name="End", description="Last frame to capture, counted from 1", default=250, min=1)
    use_neutral: BoolProperty(
        name="Resting Face",
        description="Measure expressions from a frame in which the face rests, so that brows that lie low are no frown",
    )
    neutral: IntProperty(name="Frame", description="Frame in which the face rests, counted from 1", default=1, min=1)

    # What is known of the footage, written by `refresh`. Size in pixels, frames a second (0 for images), number of
    # frames; zeros where nothing is known.
    footage_found: BoolProperty()
    footage_width: IntProperty()
    footage_height: IntProperty()
    footage_fps: FloatProperty()
    footage_frames: IntProperty()
    footage_uneven: BoolProperty()


def is_chosen(settings: FootageSettings) -> bool:
    """Whether the settings name footage, which may be missing."""
    if settings.source == "CLIP":
        return settings.clip is not None and bool(settings.clip.filepath)
    return bool(settings.filepath)


def problem(settings: FootageSettings) -> str:
    """Why the footage cannot be captured, as far as is known since the last `refresh`; "" where nothing is wrong."""
    if settings.source == "CLIP" and settings.clip is None:
        return "Choose a movie clip"
    if not is_chosen(settings):
        return "Choose footage"
    if not settings.footage_found:
        return "The footage is missing"
    if settings.use_range and settings.frame_end < settings.frame_start:
        return "The frame range ends before it starts"
    if settings.use_range and 0 < settings.footage_frames < settings.frame_start:
        return "The frame range starts after the footage"
    rest, (start, end) = neutral_frame(settings), frame_range(settings) or (0, settings.footage_frames)
    if rest is not None and not start <= rest < end:
        return "The frame of the resting face is none of those to capture"
    return ""


def refresh(settings: FootageSettings) -> None:
    """Look at the footage on disk and note what is known of it; a frame range that no longer fits is reset."""
    facts = _look(settings)
    for name, value in vars(facts).items():
        # Blender draws its whole window anew, 3D view included, for every setting that is written, changed or not.
        if not math.isclose(getattr(settings, f"footage_{name}"), value, rel_tol=_FLOAT32):
            setattr(settings, f"footage_{name}", value)
    if settings.frame_end > settings.footage_frames:
        _reset_range(settings)


def input_of(settings: FootageSettings) -> str:
    """What the worker is told to capture: a path or a glob, "" where nothing is chosen yet."""
    if not is_chosen(settings):
        return ""
    if settings.source == "CLIP":
        clip = settings.clip
        path = Path(bpy.path.abspath(clip.filepath, library=clip.library)).absolute()
        return sequence_glob(path) if clip.source == "SEQUENCE" else str(path)
    # Absolute beyond Blender's own "//", since the worker runs in a folder of its own.
    path = Path(bpy.path.abspath(settings.filepath)).absolute()
    return sequence_glob(path) if settings.source == "SEQUENCE" else str(path)


def sequence_glob(path: Path) -> str:
    """The sequence that an image belongs to: images of the same name but for the number at its end.

    A folder stands for all the images in it.
    """
    numbered = re.fullmatch(r"(.*?)\d+", path.stem)
    if path.is_dir() or numbered is None:
        return str(path)
    folder, prefix = glob.escape(str(path.parent)), glob.escape(numbered[1])
    return str(Path(folder) / f"{prefix}[0-9]*{path.suffix}")


def frame_range(settings: FootageSettings) -> tuple[int, int] | None:
    """First frame and one past the last, counted from 0, or None for all."""
    if not settings.use_range:
        return None
    end = settings.frame_end
    if settings.footage_frames:
        end = min(end, settings.footage_frames)
    return settings.frame_start - 1, end


def neutral_frame(settings: FootageSettings) -> int | None:
    """The frame in which the face rests, counted from 0, or None where none is named, or the footage is a photo."""
    return settings.neutral - 1 if settings.use_neutral and settings.footage_frames > 1 else None


def default_name(chosen: str) -> str:
    """The name of a take of this footage."""
    path = Path(chosen)
    name = re.sub(r"\[0-9\]\*$", "", path.stem).strip(" ._-")
    return name or path.parent.name or "capture"


@dataclass(frozen=True)
class _Facts:
    """What can be said of footage without decoding it; fields as in `FootageSettings`."""

    found: bool = False
    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int = 0
    uneven: bool = False


def _look(settings: FootageSettings) -> _Facts:
    chosen = input_of(settings)
    if not chosen:
        return _Facts()
    path = Path(chosen)
    if settings.source == "CLIP" and settings.clip.source == "MOVIE":
        return _with_header(_clip_facts(settings.clip), path) if path.exists() else _Facts()
    if settings.source == "FILE" and path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES:
        return _with_header(_file_facts(path), path)
    try:
        files = list_images(path)
    except InputError:
        return _Facts(found=path.exists())
    if settings.source == "CLIP":
        return _clip_facts(settings.clip)
    first = _file_facts(files[0])
    return _Facts(True, first.width, first.height, 0.0, len(files)) if first.width else first


def _file_facts(path: Path) -> _Facts:
    """What Blender reads from the head of a file."""
    try:
        status = path.stat()
    except OSError:
        return _Facts()
    return _read_head(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _read_head(path: Path, _modified: int, _size: int) -> _Facts:
    """As `_file_facts`, of a file as it was modified last; the clip is gone again afterwards.

    Remembered, because Blender draws its whole window anew for a clip that comes and goes.
    """
    try:
        clip = bpy.data.movieclips.load(str(path), check_existing=False)
    except RuntimeError:
        return _Facts(found=True)
    try:
        return _clip_facts(clip)
    finally:
        bpy.data.movieclips.remove(clip)


def _with_header(facts: _Facts, path: Path) -> _Facts:
    """The count of frames by the movie's own header: Blender's follows from the length and a mean rate."""
    if not facts.frames or path.suffix.lower() in IMAGE_SUFFIXES:
        return facts
    try:
        header = read_movie_header(path)
    except OSError:
        return facts
    if header is None:
        return facts
    return replace(facts, fps=facts.fps if header.even else header.fps, frames=header.frames, uneven=not header.even)


def _clip_facts(clip: bpy.types.MovieClip) -> _Facts:
    # What it cannot read, Blender opens as 256 x 256 pixels with no frames.
    if not clip.frame_duration:
        return _Facts(found=True)
    size: Any = clip.size
    return _Facts(True, size[0], size[1], clip.fps, clip.frame_duration)


def _reset_range(settings: FootageSettings) -> None:
    if settings.footage_frames:
        settings.frame_start, settings.frame_end = 1, settings.footage_frames
