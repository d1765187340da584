"""Single images and image sequences."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from dice_core.errors import InputError
from dice_core.media.footage import DEFAULT_FPS, Footage, check_size, select_range
from dice_core.media.headers import FORMATS, image_size

__all__ = ["IMAGE_SUFFIXES", "ImageFootage", "hash_file", "list_images", "measure", "natural_key", "read_image"]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})

MAX_FILE_BYTES = 750_000_000
"""The largest image file: 120 million pixels of 16 bits, uncompressed. It is in memory while it is decoded."""


class ImageFootage(Footage):
    """One image, or several of one size in order."""

    def __init__(self, path: Path, files: tuple[Path, ...], frames: tuple[int, int] | None, *, single: bool) -> None:
        """path : what the user gave; files : all images of the source.

        Raises InputError if they are of different sizes or no images, or if the range lies outside.
        """
        size = measure(files[0])
        for file in files[1:]:
            other = measure(file)
            if other != size:
                raise InputError(
                    f"{file.name} is {other[0]} x {other[1]} pixels but {files[0].name} is {size[0]} x {size[1]}: "
                    "give images of one size, or capture unrelated pictures with --stills."
                )
        super().__init__(
            "image" if single else "sequence",
            path,
            size=size,
            fps=DEFAULT_FPS,
            frames=select_range(frames, len(files), path),
        )
        self._files = files

    def _hash(self) -> str:
        """An image's own hash; a sequence's is the hash of the hashes of its images, in order."""
        if self.kind == "image":
            return hash_file(self._files[0])
        return hashlib.sha256("".join(hash_file(file) for file in self._files).encode()).hexdigest()

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
        start, stop = self.bounds(start, stop)
        return self._read_files(start, stop)

    def _read_files(self, start: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
        for index in range(start, stop):
            file = self._files[self.first_frame + index]
            image = read_image(file)
            if image.shape[1::-1] != (self.width, self.height):
                raise InputError(f"{file.name} changed its size while it was being captured: start again.")
            yield index, image


def read_image(path: Path) -> np.ndarray:
    """An image, upright by its EXIF orientation, whatever its depth and channels; transparency is left out.

    Returns (height, width, 3) uint8 RGB. Raises InputError if it is missing, damaged, too small or too large.
    """
    size = measure(path)
    try:
        # cv2.imread cannot open non-ASCII paths on Windows.
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(_unreadable(path, error)) from error
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        image = None
    if image is None or image.shape[1::-1] != size:
        raise InputError(f"{path.name} is damaged or of a kind that cannot be read: save it again as PNG or JPEG.")
    return image


def measure(path: Path) -> tuple[int, int]:
    """Width and height, pixels, of an image file without decoding it. Raises InputError as `read_image`."""
    try:
        size = image_size(path)
        length = path.stat().st_size
    except OSError as error:
        raise InputError(_unreadable(path, error)) from error
    if size is None:
        raise InputError(f"{path.name} is not an image that can be read: give {FORMATS}.")
    check_size(*size, path.name)
    if length > MAX_FILE_BYTES:
        raise InputError(f"{path.name} has {length / 1e9:.1f} GB, too much for one image: save it compressed.")
    return size


def list_images(source: str | Path) -> tuple[Path, ...]:
    """Images of a folder or a glob pattern, in natural order; a single image is a list of one.

    Hidden files and files of other kinds are left out. Raises InputError if there are none.
    """
    path = Path(source)
    if path.is_dir():
        candidates = list(path.iterdir())
    elif path.exists():
        return (path,)
    else:
        candidates = [Path(name) for name in glob.glob(str(source), recursive=True)]
    images = [
        file
        for file in candidates
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") and file.is_file()
    ]
    if not images:
        where = f"The folder {path} holds" if path.is_dir() else f"{path} matches"
        raise InputError(f"{where} no images: give {FORMATS} files.")
    return tuple(sorted(images, key=lambda file: [natural_key(part) for part in file.parts]))


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorting key under which frame2 comes before frame10."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part] + [(-1, 0, name)]


def hash_file(path: Path) -> str:
    """sha256 of a file's content. Raises InputError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(_unreadable(path, error)) from error


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist: check the path."
    return f"{path} cannot be read ({error.strerror or 'unknown reason'}): check its permissions."
