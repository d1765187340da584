"""From what the user named to footage."""

from __future__ import annotations

from pathlib import Path

import cv2

from dice_core.errors import InputError
from dice_core.media.footage import Footage
from dice_core.media.headers import image_size
from dice_core.media.images import IMAGE_SUFFIXES, ImageFootage, list_images
from dice_core.media.video import VideoFootage

__all__ = ["open_footage"]

APPLE_SUFFIXES = frozenset({".heic", ".heif", ".avif"})
GLOB_CHARACTERS = frozenset("*?[")


def open_footage(source: str | Path, frames: tuple[int, int] | None = None) -> Footage:
    """Footage from an image, a folder or glob pattern of images of one size, or a video.

    frames : the frames A, ..., B - 1 of the source, counted from 0; all by default.
    Raises InputError, with a sentence for the user, for anything that cannot be used.
    """
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    path = Path(source).expanduser()
    if path.is_dir() or (not path.exists() and GLOB_CHARACTERS & set(str(path))):
        return ImageFootage(path, list_images(path), frames, single=False)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if not path.is_file():
        raise InputError(f"{path} is not a file: give an image, a folder of images or a video.")
    if path.suffix.lower() in APPLE_SUFFIXES:
        raise InputError(f"{path.name} is a {path.suffix[1:].upper()} picture, which cannot be read: save it as JPEG.")
    if path.suffix.lower() in IMAGE_SUFFIXES or _is_image(path):
        return ImageFootage(path, (path,), frames, single=True)
    return VideoFootage(path, frames)


def _is_image(path: Path) -> bool:
    try:
        return image_size(path) is not None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or 'unknown reason'}): check its permissions."
        ) from error
