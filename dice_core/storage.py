"""Files that reach the disk whole or not at all, and files that are opened as what they seem to be."""

from __future__ import annotations

import logging
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO

__all__ = ["create_fresh", "is_real_folder", "open_plain", "replace_file"]

_log = logging.getLogger(__name__)

ATTEMPTS = 8
"""Tries of one rename; with `FIRST_PAUSE` doubling between them they last 1.3 s. Set by hand."""

FIRST_PAUSE = 0.01
"""Seconds before the second try. Set by hand."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a named pipe would wait for its other end
_MOUNT_POINT = 0xA0000003  # Windows' tag of a junction: a link that counts as a folder


def replace_file(temporary: Path, path: Path) -> None:
    """Rename a finished temporary file to `path`, over what is there: a reader sees the old file or the new one.

    On Windows a virus scanner or an indexer that has the target open makes the rename fail for a moment with
    PermissionError, so that is tried again for about a second. Raises OSError as `os.replace` where it lasts.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            os.replace(temporary, path)
        except PermissionError as error:
            _log.info("%s is in use (%s): trying again", path, error.strerror)
            time.sleep(FIRST_PAUSE * 2**attempt)
        else:
            return
    os.replace(temporary, path)


def create_fresh(path: Path) -> BinaryIO:
    """A new file to write to. What lay under the name is deleted first, and a link is never followed.

    Raises OSError where it cannot be made, FileExistsError where somebody makes one at the same moment.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY, 0o666)
    return os.fdopen(descriptor, "w+b")


def open_plain(path: Path) -> BinaryIO:
    """An existing file, opened for reading if it is a plain one: no link, pipe, device or folder.

    Raises OSError where it is missing or something else.
    """
    if path.is_symlink():
        raise OSError(None, "it is a link", str(path))
    stream = os.fdopen(os.open(path, os.O_RDONLY | _NO_LINK | _NO_WAIT | _BINARY), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(None, "it is not a plain file", str(path))
    return stream


def is_real_folder(path: Path) -> bool:
    """Whether something is a folder, and not a link to one."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and getattr(found, "st_reparse_tag", 0) != _MOUNT_POINT
