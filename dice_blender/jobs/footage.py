"""The footage that a scene's settings name: its path for the worker, and what Blender knows of it."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

__all__ = ["IMAGE_TYPES", "MOVIE_TYPES", "Facts", "default_name", "frame_range", "input_of", "problem", "refresh"]

IMAGE_TYPES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MOVIE_TYPES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"})


@dataclass(frozen=True)
class Facts:
    """Size in pixels, frames a second (0 for a photo), number of frames; zeros where nothing is known."""

    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int = 0


def input_of(settings: Any) -> str:
    """What the worker is told to capture: a path or a glob, "" where nothing is chosen yet."""
    if settings.source == "CLIP":
        clip = settings.clip
        if clip is None or not clip.filepath:
            return ""
        path = Path(bpy.path.abspath(clip.filepath, library=clip.library)).absolute()
        return sequence_glob(path) if clip.source == "SEQUENCE" else str(path)
    if not settings.filepath:
        return ""
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


def problem(settings: Any) -> str:
    """Why the footage cannot be captured, "" where nothing is wrong."""
    if settings.source == "CLIP" and settings.clip is None:
        return "Choose a movie clip"
    chosen = input_of(settings)
    if not chosen:
        return "Choose footage"
    if not _exists(chosen):
        return "The footage is missing"
    if settings.use_range and settings.frame_end < settings.frame_start:
        return "The frame range ends before it starts"
    if settings.use_range and 0 < settings.footage_frames < settings.frame_start:
        return "The frame range starts after the footage"
    return ""


def frame_range(settings: Any) -> tuple[int, int] | None:
    """First frame and one past the last, counted from 0, or None for all."""
    if not settings.use_range:
        return None
    end = settings.frame_end
    if settings.footage_frames:
        end = min(end, settings.footage_frames)
    return settings.frame_start - 1, end


def default_name(chosen: str) -> str:
    """The name of a take of this footage."""
    path = Path(chosen)
    name = re.sub(r"\[0-9\]\*$", "", path.stem).strip(" ._-")
    return name or path.parent.name or "capture"


def refresh(settings: Any) -> None:
    """Look at the footage again and note what is known of it; the frame range follows its length."""
    facts = _facts(settings)
    settings.footage_width, settings.footage_height = facts.width, facts.height
    settings.footage_fps, settings.footage_frames = facts.fps, facts.frames
    if facts.frames:
        settings.frame_start, settings.frame_end = 1, facts.frames


def _exists(chosen: str) -> bool:
    return Path(chosen).exists() or next(glob.iglob(chosen), None) is not None


def _facts(settings: Any) -> Facts:
    if settings.source == "CLIP":
        return _clip_facts(settings.clip) if settings.clip else Facts()
    chosen = input_of(settings)
    if not chosen or not _exists(chosen):
        return Facts()
    path = Path(chosen)
    if settings.source == "FILE" and path.suffix.lower() in MOVIE_TYPES:
        return _file_facts(path)
    files = _images(path)
    if not files:
        return Facts()
    size = _file_facts(files[0])
    return Facts(size.width, size.height, 0.0, len(files))


def _images(path: Path) -> list[Path]:
    """The images that a path, folder or glob stands for."""
    found = sorted(path.iterdir()) if path.is_dir() else [Path(name) for name in sorted(glob.glob(str(path)))]
    found = [path] if path.is_file() else found
    return [file for file in found if file.suffix.lower() in IMAGE_TYPES]


def _file_facts(path: Path) -> Facts:
    """What Blender reads from the head of a file; the clip is gone again afterwards."""
    try:
        clip = bpy.data.movieclips.load(str(path), check_existing=False)
    except RuntimeError:
        return Facts()
    try:
        return _clip_facts(clip)
    finally:
        bpy.data.movieclips.remove(clip)


def _clip_facts(clip: bpy.types.MovieClip) -> Facts:
    return Facts(clip.size[0], clip.size[1], clip.fps, clip.frame_duration)
