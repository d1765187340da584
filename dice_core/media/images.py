"""Single images and image sequences."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dice_core.errors import InputError, Stopped
from dice_core.geometry.camera import square_size
from dice_core.media.animation import holds_several
from dice_core.media.focal_length import image_field_of_view
from dice_core.media.footage import DEFAULT_FPS, Footage, check_fps, check_size, never, select_range
from dice_core.media.formats import IMAGE_FORMATS, left_out
from dice_core.media.headers import image_orientation, image_size
from dice_core.media.heif import HeifError, read_heif
from dice_core.media.heif_boxes import is_heif
from dice_core.media.image_budget import check_image
from dice_core.media.orientation import swaps_sides
from dice_core.media.pixel_density import stored_pixel_aspect
from dice_core.media.source_files import SourceFiles

__all__ = ["ImageFootage", "hash_file", "left_out_warning", "measure", "read_image", "unreadable"]

MAX_FILE_BYTES = 750_000_000
"""The largest image file: 120 million pixels of 16 bits, uncompressed. It is in memory while it is decoded."""

HASHED_AT_ONCE = 1 << 20
"""Bytes between two looks at whether to stop: about a millisecond of hashing."""


NAMED_AT_MOST = 3
"""Files that a sentence names; set by hand."""


class ImageFootage(Footage):
    """One image, or several of one size in order."""

    def __init__(
        self,
        path: Path,
        files: tuple[Path, ...],
        frames: tuple[int, int] | None,
        *,
        single: bool,
        fps: float | None = None,
        should_stop: Callable[[], bool] = never,
    ) -> None:
        """path : what the user gave; files : all images of the source; fps : frames a second of a sequence.

        Raises InputError if they are of different sizes or no images, if the range lies outside, or for an `fps` of a
        single image; Stopped as soon as should_stop() says so.
        """
        if single and fps is not None:
            raise InputError(f"{path.name} is one picture, which has no frame rate: leave out --fps.")
        source_files = SourceFiles(files)
        size = measure(files[0])
        for file in files[1:]:
            if should_stop():
                raise Stopped
            other = measure(file)
            if other != size:
                raise InputError(
                    f"{file.name} is {other[0]} x {other[1]} pixels but {files[0].name} is {size[0]} x {size[1]}: "
                    "give images of one size, or capture unrelated pictures with --stills."
                )
        orientation = image_orientation(files[0])
        aspect = stored_pixel_aspect(files[0])
        square = square_size(*size, 1 / aspect if swaps_sides(orientation) else aspect)
        warnings = [] if single else list(left_out_warning(path))
        if square != size:
            check_size(*square, files[0].name)
            warnings.append(
                f"{files[0].name} says that its pixels are {aspect:.3g} times as wide as high, and is captured like "
                "that: where it looks wrong, save it without a density."
            )
        super().__init__(
            "image" if single else "sequence",
            path,
            source_files,
            size=square,
            source_size=size,
            fps=0.0 if single else check_fps(DEFAULT_FPS if fps is None else fps),
            frames=select_range(frames, len(files), path),
            orientation=orientation,
            field_of_view=image_field_of_view(files[0]) if square == size else None,
            warnings=tuple(warnings),
            should_stop=should_stop,
        )
        self._files = files

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_files": tuple(file.absolute() for file in self._files)}

    def _hash(self) -> str:
        """An image's own hash; a sequence's is the hash of the hashes of its images, in order."""
        if self.kind == "image":
            return hash_file(self._files[0], self._should_stop)
        hashes = [hash_file(file, self._should_stop) for file in self._files]
        return hashlib.sha256("".join(hashes).encode()).hexdigest()

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        start, stop = self.bounds(start, stop)
        return self._read_files(start, stop)

    def _read_files(self, start: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
        for index in range(start, stop):
            file = self._files[self.first_frame + index]
            image = read_image(file)
            if image.shape[1::-1] != self.source_size:
                raise InputError(f"{file.name} changed its size while it was being captured: start again.")
            if self.source_size != (self.width, self.height):
                image = cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
            yield index, image


def read_image(path: Path) -> np.ndarray:
    """An image, upright by its EXIF orientation, whatever its depth and channels; transparency is left out.

    Returns (height, width, 3) uint8 RGB. Raises InputError if it is missing, damaged, too small or too large.
    """
    size = measure(path)
    image = _read_heif(path) if _is_heif(path) else _read_common(path, size)
    if image is None or image.shape[1::-1] != size:
        raise InputError(f"{path.name} is damaged or of a kind that cannot be read: save it again as PNG or JPEG.")
    return image


def _is_heif(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(is_heif(file.read(32)))


def _read_heif(path: Path) -> np.ndarray:
    try:
        return read_heif(path)
    except (HeifError, ValueError, struct.error) as error:
        raise InputError(f"{path.name} cannot be read ({error}): save it as JPEG.") from error
    except OSError as error:
        raise InputError(unreadable(path, error)) from error


def _read_common(path: Path, size: tuple[int, int]) -> np.ndarray | None:
    """An image of OpenCV's formats, None if it is damaged; size : as of `measure`."""
    try:
        # cv2.imread cannot open non-ASCII paths on Windows.
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(unreadable(path, error)) from error
    try:
        check_image(content.data, size)
    except ValueError as error:
        raise InputError(f"{path.name} is damaged or too large ({error}): save it again as PNG or JPEG.") from None
    try:
        return cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None


def measure(path: Path) -> tuple[int, int]:
    """Width and height, pixels, of an image file without decoding it. Raises InputError as `read_image`."""
    try:
        size = image_size(path)
        length = path.stat().st_size
        several = holds_several(path)
    except OSError as error:
        raise InputError(unreadable(path, error)) from error
    if several:
        raise InputError(
            f"{path.name} holds several pictures: export them as a video, or as images one a file, and capture those."
        )
    if size is None:
        raise InputError(f"{path.name} is not an image that can be read: give {IMAGE_FORMATS}.")
    check_size(*size, path.name)
    if length > MAX_FILE_BYTES:
        raise InputError(f"{path.name} has {length / 1e9:.1f} GB, too much for one image: save it compressed.")
    return size


def hash_file(path: Path, should_stop: Callable[[], bool] = never) -> str:
    """sha256 of a file's content.

    should_stop : asked before every part. Raises Stopped when it says so, InputError if the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(HASHED_AT_ONCE):
                if should_stop():
                    raise Stopped
                digest.update(part)
    except OSError as error:
        raise InputError(unreadable(path, error)) from error
    return digest.hexdigest()


def left_out_warning(source: Path) -> tuple[str, ...]:
    """A sentence about what looks like footage in a folder or pattern but is left out; nothing where all is read."""
    names = [path.name for path in left_out(source)]
    if not names:
        return ()
    shown = ", ".join(names[:NAMED_AT_MOST]) + (
        f" and {len(names) - NAMED_AT_MOST} more" if names[NAMED_AT_MOST:] else ""
    )
    return (
        f"{shown} beside the images cannot be captured with them and {'is' if len(names) == 1 else 'are'} left out.",
    )


def unreadable(path: Path, error: OSError) -> str:
    """The sentence for a file that cannot be opened."""
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist: check the path."
    return f"{path} cannot be read ({error.strerror or 'unknown reason'}): check its permissions."
