"""One batch a folder: a lock that lasts as long as the batch or one of its captures, however they end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dice_core.errors import InputError
from dice_core.file_lock import lock_file, release_file

__all__ = ["folder_lock"]

_LOCK_FILE = ".batch.lock"

_PATIENCE = 20.0
"""Seconds to wait for the captures of a batch that was killed: they end after the frame in hand, a second at most; the
rest is for slow disks. Set by hand."""

_PAUSE = 0.1  # seconds between two tries


@contextmanager
def folder_lock(folder: Path, on_wait: Callable[[str], None]) -> Iterator[tuple[int, ...]]:
    """Hold a folder for this batch.

    Yields the descriptors that its captures have to inherit: they hold the folder, too, so that after the death of this
    process the next batch waits for their end. on_wait is given a sentence where that happens.
    Raises InputError where another batch works in the folder, or where it cannot be written to.
    """
    deadline, told = time.monotonic() + _PATIENCE, False
    while True:
        try:
            descriptor = lock_file(folder / _LOCK_FILE)
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise InputError(
                    f"Another batch is writing into {folder}: wait for its end, or choose another output with -o."
                ) from error
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{folder} cannot be written to ({reason}): choose another output folder.") from error
        if not told:
            told = True
            on_wait(f"waiting for a batch that still works in {folder}")
        time.sleep(_PAUSE)
    try:
        yield () if sys.platform == "win32" else (descriptor,)
    finally:
        release_file(folder / _LOCK_FILE, descriptor)
