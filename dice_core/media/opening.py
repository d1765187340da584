"""From what the user named to footage."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from dice_core.errors import InputError
from dice_core.media.animation import holds_several
from dice_core.media.footage import Footage, never
from dice_core.media.formats import IMAGE_SUFFIXES, is_pattern, list_images
from dice_core.media.headers import image_size
from dice_core.media.images import ImageFootage, unreadable
from dice_core.media.video import VideoFootage

__all__ = ["open_footage"]

_log = logging.getLogger(__name__)


def open_footage(
    source: str | Path,
    frames: tuple[int, int] | None = None,
    *,
    fps: float | None = None,
    should_stop: Callable[[], bool] = never,
) -> Footage:
    """Footage from an image, a folder or glob pattern of images of one size, or a video.

    frames : the frames A, ..., B - 1 of the source, counted from 0; all by default. fps : frames a second of an image
    sequence, 24 by default; a video says its own and a single image has none. should_stop : asked again and again while
    the source is gone through, here and when it is hashed.
    Raises InputError, with a sentence for the user, for anything that cannot be used, and Stopped once should_stop()
    says so.
    """
    begun = time.monotonic()
    footage = _open(Path(os.path.expanduser(source)), frames, fps, should_stop)
    _log.info(
        "opened %s: %s of %d frames, %d x %d pixels, %g fps, in %.2f s",
        footage.path,
        footage.kind,
        footage.count,
        footage.width,
        footage.height,
        footage.fps,
        time.monotonic() - begun,
    )
    return footage


def _open(path: Path, frames: tuple[int, int] | None, fps: float | None, should_stop: Callable[[], bool]) -> Footage:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    if path.is_dir() or (not path.exists() and is_pattern(path)):
        return ImageFootage(path, list_images(path), frames, single=False, fps=fps, should_stop=should_stop)
    if not path.exists():
        raise InputError(f"{path} does not exist: check the path.")
    if not path.is_file():
        raise InputError(f"{path} is not a file: give an image, a folder of images or a video.")
    if path.suffix.lower() in IMAGE_SUFFIXES or _is_image(path):
        return ImageFootage(path, (path,), frames, single=True, fps=fps, should_stop=should_stop)
    if fps is not None:
        raise InputError(f"{path.name} is a video, which says its frame rate itself: leave out --fps.")
    return VideoFootage(path, frames, should_stop)


def _is_image(path: Path) -> bool:
    try:
        return image_size(path) is not None or holds_several(path)
    except OSError as error:
        raise InputError(unreadable(path, error)) from error
