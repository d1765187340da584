"""Files that are not where a saved path says: the project moved, or came from another machine or system.

Nothing here imports bpy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

__all__ = ["find_moved", "parts_of_path"]

# How many of a path's last parts are looked for beside the project, and how many folders above it are looked in. Set by
# hand: a project has its footage a few folders below or beside its .blend.
_LONGEST_TAIL = 6
_LEVELS_UP = 3
_WINDOWS = re.compile(r"^[A-Za-z]:[\\/]|^\\\\|\\")


def parts_of_path(path: str) -> tuple[str, ...]:
    """The parts of a path of any system, without its drive or root."""
    pure: PurePath = PureWindowsPath(path) if _WINDOWS.search(path) else PurePosixPath(path)
    return tuple(part for part in pure.parts if part not in (pure.anchor, "..", "."))


def find_moved(path: str, anchors: Iterable[Path], there: Callable[[Path], bool] = Path.exists) -> Path | None:
    """Where a path is now, None where it is nowhere.

    path : as it was saved, absolute or not, with the separators of any system.
    anchors : folders that the project is in by now, the likeliest first; they and some folders above them are searched
    for as many of the path's last parts as fit, more before fewer. The file system is asked a few dozen times.
    there : says whether a candidate is what is looked for.
    """
    given = Path(path)
    if given.is_absolute() and there(given):
        return given
    parts = parts_of_path(path)
    if not parts:
        return None
    for folder in _folders(anchors):
        for count in range(min(len(parts), _LONGEST_TAIL), 0, -1):
            candidate = folder.joinpath(*parts[-count:])
            if there(candidate):
                return candidate
    return None


def _folders(anchors: Iterable[Path]) -> Iterator[Path]:
    """The anchors, then the folders above them, each once."""
    seen: set[Path] = set()
    chains = [[anchor, *anchor.parents][: _LEVELS_UP + 1] for anchor in anchors]
    for level in range(_LEVELS_UP + 1):
        for chain in chains:
            if level < len(chain) and chain[level] not in seen:
                seen.add(chain[level])
                yield chain[level]
