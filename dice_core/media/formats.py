"""Which files are footage, and in which order the images of a sequence come.

Standard library only: the worker and Blender's side go by the same rules.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from dice_core.errors import InputError

__all__ = [
    "IMAGE_FORMATS",
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "is_pattern",
    "left_out",
    "list_images",
    "natural_key",
    "select_images",
]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif"})
"""Endings, in lower case, of the images that folders and patterns are searched for."""

IMAGE_FORMATS = "PNG, JPEG, WebP, TIFF, BMP, HEIC or AVIF"
"""The same for messages."""

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".gif"})
"""Endings, in lower case, that file browsers offer as videos. Any other file is tried as a video, too."""

_RAW_SUFFIXES = frozenset({".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"})
UNREAD_SUFFIXES = _RAW_SUFFIXES | {".jp2", ".jxl", ".exr", ".hdr", ".psd", ".tga"}
"""Endings, in lower case, of pictures that cannot be read: where they are left out, that is said."""

_GLOB_CHARACTERS = frozenset("*?[")
_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorting key under which frame2 comes before frame10: the order of all image sequences.

    Runs of decimal digits, of any script, compare by their value and come before other text; text compares without
    regard to case. Names that differ in nothing else (a1 and a01, A and a) compare as plain strings, so that the order
    is the same on every file system.
    """
    parts = _DIGITS.split(name.casefold())
    # Digits and other text alternate, beginning with text, which may be empty.
    key = [(0, int(part), "") if place % 2 else (1, 0, part) for place, part in enumerate(parts) if part]
    return (*key, (-1, 0, name))


def select_images(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The images among some paths, in natural order; hidden files and files of other kinds are left out."""
    images = [
        path
        for path in paths
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    return tuple(sorted(images, key=lambda path: [natural_key(part) for part in path.parts]))


def left_out(source: str | Path) -> tuple[Path, ...]:
    """What looks like footage in a folder or among the matches of a pattern, but is none of its images."""
    path = Path(source)
    if path.is_dir():
        found: Iterable[Path] = path.iterdir()
    elif path.exists():
        return ()
    else:
        found = _matches(path)
    unread = UNREAD_SUFFIXES | VIDEO_SUFFIXES
    return tuple(sorted(other for other in found if other.suffix.lower() in unread and not other.name.startswith(".")))


def _matches(pattern: Path) -> list[Path]:
    """What a glob pattern stands for; a folder may bear a pattern's characters in its own name."""
    if pattern.parent.is_dir():
        pattern = Path(glob.escape(str(pattern.parent))) / pattern.name
    return [Path(name) for name in glob.glob(str(pattern), recursive=True)]


def is_pattern(source: str | Path) -> bool:
    """Whether something that does not exist as it stands may be a glob pattern."""
    return bool(_GLOB_CHARACTERS & set(str(source)))


def list_images(source: str | Path) -> tuple[Path, ...]:
    """Images of a folder or a glob pattern, as `select_images`; a single file is a list of one.

    Raises InputError if there are none.
    """
    path = Path(source)
    if path.is_dir():
        images = select_images(path.iterdir())
    elif path.exists():
        return (path,)
    else:
        images = select_images(_matches(path))
    if not images:
        where = f"The folder {path} holds" if path.is_dir() else f"{path} matches"
        raise InputError(f"{where} no images: give {IMAGE_FORMATS} files.")
    return images
