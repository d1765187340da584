"""Which files are images and movies, and in which order the images of a sequence come, as the worker has them."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from dice_core.errors import InputError

__all__ = ["IMAGE_SUFFIXES", "VIDEO_SUFFIXES", "list_images", "natural_key", "select_images"]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"})
_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorting key under which frame2 comes before frame10."""
    parts = _DIGITS.split(name.casefold())
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


def list_images(source: str | Path) -> tuple[Path, ...]:
    """Images of a folder or a glob pattern, as `select_images`; a single file is a list of one.

    Raises InputError if there are none.
    """
    path = Path(source)
    if path.is_file():
        return (path,)
    if path.is_dir():
        images = select_images(path.iterdir())
    else:
        images = select_images(Path(name) for name in glob.glob(str(source), recursive=True))
    if not images:
        raise InputError(f"{path} matches no images.")
    return images
