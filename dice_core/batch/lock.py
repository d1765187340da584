"""One batch a folder: a lock that lasts as long as the batch or one of its captures, however they end."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dice_core.errors import InputError

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
            descriptor = _locked(folder / _LOCK_FILE)
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
        _release(folder / _LOCK_FILE, descriptor)


def _locked(file: Path) -> int:
    """Descriptor of the lock file, locked. Raises BlockingIOError where somebody else has it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        _lock(descriptor)
        # Whoever held it may have deleted it between our opening and our locking: then it locks nothing.
        if not os.path.exists(file) or not os.path.samestat(os.fstat(descriptor), os.stat(file)):
            raise BlockingIOError
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

    def _release(file: Path, descriptor: int) -> None:
        os.close(descriptor)
        with contextlib.suppress(OSError):  # somebody else may have it open by now
            file.unlink()

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            return  # this file system knows no locks: nothing can be kept from it

    def _release(file: Path, descriptor: int) -> None:
        with contextlib.suppress(OSError):
            file.unlink()  # while it is locked, so that nobody can lock it meanwhile
        os.close(descriptor)
