"""The footage that a take names, opened as what it says: a file, or the images of one folder.

A take from a stranger names any path. One that is opened must not make this machine search its disks, wait for a pipe,
read a device, or log on to another machine (which is what opening a Windows network path does).
"""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from fnmatch import fnmatch
from pathlib import Path

from dice_core.errors import InputError
from dice_core.media.formats import is_pattern, select_images

__all__ = ["on_another_machine", "source_images", "source_path"]

_NETWORK = re.compile(r"[\\/]{2}|[A-Za-z][A-Za-z0-9+.-]+:[\\/]")  # \\server\..., and scheme://
_MOST_IMAGES = 1_000_000
"""Files of a folder that are looked at: 11 hours at 24 frames a second."""
_ESCAPED = re.compile(r"\[([*?[])\]")  # as glob.escape writes a character that has a meaning


def on_another_machine(path: str) -> bool:
    """Whether a path would be opened over a network: `\\\\server\\share`, or an address with a scheme."""
    return _NETWORK.match(path) is not None


def source_path(path: str, kind: str, beside: Path | None = None) -> Path:
    """The footage of a take, as `open_footage` may be given it.

    path, kind : of the take's source. A sequence may be a folder, or a pattern for the names of one folder's files.
    beside : the folder that a relative path counts from, the current one by default.
    Raises InputError where there is nothing, or something else than plain files.
    """
    if "\0" in path or on_another_machine(path):
        raise InputError("The take names footage on another machine, which is not opened: copy it to this one.")
    found = Path(path) if beside is None else beside / path
    try:
        os.fsencode(found)
        if sys.platform == "win32" and found.is_reserved():
            raise InputError("The take names a device instead of footage: capture the footage again.")
        mode = found.stat().st_mode
    except FileNotFoundError:
        if kind == "sequence" and is_pattern(path) and _folder_of(found) is not None:
            return found
        raise InputError(f"{found} does not exist: check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise InputError(f"The take's footage cannot be opened ({reason}): check the path in take.json.") from None
    if stat.S_ISREG(mode) or (kind == "sequence" and stat.S_ISDIR(mode)):
        return found
    raise InputError(f"{found} is not footage but a folder, a pipe or a device: capture the footage again.")


def source_images(path: str, beside: Path | None = None) -> tuple[Path, ...]:
    """The images of a sequence that a take names, by its folder or by a pattern, in natural order.

    beside : as for `source_path`. Returns () where there are none. Raises InputError as `source_path`.
    """
    found = source_path(path, "sequence", beside)
    if found.is_file():
        return (found,)
    folder, pattern = (found, "*") if found.is_dir() else (_folder_of(found), found.name)
    names = []
    if folder is not None:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number == _MOST_IMAGES:
                    raise InputError(f"{folder} holds more than {_MOST_IMAGES} files: it is no image sequence.")
                names.append(entry.name)
    return select_images(folder / name for name in names if fnmatch(name, pattern)) if folder is not None else ()


def _folder_of(pattern: Path) -> Path | None:
    """The folder whose files a pattern is for, None where the pattern leads through more than one."""
    parent = str(pattern.parent)
    folder = _ESCAPED.sub(r"\1", parent)
    plain = Path(folder) if glob.escape(folder) == parent or not is_pattern(parent) else Path(parent)
    return plain if plain.is_dir() else None
