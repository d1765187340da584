"""The files that footage is read from, and whether they are still those that were opened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["SourceFiles"]

_Signs = tuple[int, int, int, int] | None


class SourceFiles:
    """Files with their size, times and place on the disk as they are now.

    A program that writes to a file changes its times; the one of its last change cannot be set back.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._signs = {file: _signs(file) for file in files}

    def missing(self) -> Path | None:
        """A file that was there and is no longer, None where all are."""
        return next((file for file, signs in self._signs.items() if signs is not None and _signs(file) is None), None)

    def look_changed(self) -> bool:
        """Whether a file may have been written to or replaced; it may hold the same nevertheless."""
        return any(_signs(file) != signs for file, signs in self._signs.items())


def _signs(file: Path) -> _Signs:
    """What differs after a change; None where the file is not there or cannot be reached."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
