"""Files that reach the disk whole or not at all."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

__all__ = ["replace_file"]

_log = logging.getLogger(__name__)

ATTEMPTS = 8
"""Tries of one rename; with `FIRST_PAUSE` doubling between them they last 1.3 s. Set by hand."""

FIRST_PAUSE = 0.01
"""Seconds before the second try. Set by hand."""


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
