"""One capture a take: a lock that ends with the process that holds it, however that ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dice_core.errors import InputError
from dice_core.file_lock import lock_file, release_file

__all__ = ["HELD", "LOCK_FILE", "take_lock", "wait_for_take"]

LOCK_FILE = "capture.lock"
HELD = "is being captured into at this moment"
"""In the sentence for a take that another capture holds."""

_PAUSE = 0.2  # seconds between two looks at whether a take is free


@contextmanager
def take_lock(take: Path) -> Iterator[None]:
    """Hold the take at a path for this process, whether it is there yet or not.

    Raises InputError where another capture holds the take, or where the folder cannot be made.
    """
    file = take / LOCK_FILE
    created = not take.exists()
    if take.exists() and not take.is_dir():
        yield  # whoever writes the take says what is wrong with its path
        return
    try:
        take.mkdir(parents=True, exist_ok=True)
        descriptor = lock_file(file)
    except BlockingIOError as error:
        raise InputError(f"{take} {HELD}: wait for that capture, or choose another output with -o.") from error
    except OSError as error:
        raise InputError(
            f"{take} cannot be written to ({error.strerror or error}): choose another output folder."
        ) from error
    try:
        yield
    finally:
        release_file(file, descriptor)
        if created:
            with contextlib.suppress(OSError):
                take.rmdir()  # only an empty folder can be


def wait_for_take(take: Path, seconds: float) -> None:
    """Wait until nobody captures into a take, at most so long; whoever captures next says what is wrong with it."""
    deadline = time.monotonic() + seconds
    while take.is_dir():
        try:
            with take_lock(take):
                return
        except InputError:
            if time.monotonic() > deadline:
                return
            time.sleep(_PAUSE)
