"""One capture a take: a lock that ends with the process that holds it, however that ends."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dice_core.errors import InputError

__all__ = ["LOCK_FILE", "take_lock"]

_log = logging.getLogger(__name__)

LOCK_FILE = "capture.lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)

_ATTEMPTS = 20
"""Tries to lock a file that its last holder deletes at that moment; two are enough unless many captures race."""


@contextmanager
def take_lock(take: Path) -> Iterator[None]:
    """Hold the take at a path for this process, whether it is there yet or not.

    The system locks an open file in the take's folder, and lets go of it when the process ends; the file itself says
    nothing, so that one which a kill has left behind is in nobody's way.
    Raises InputError where another capture holds the take, or where the folder cannot be made.
    """
    file = take / LOCK_FILE
    created = not take.exists()
    if take.exists() and not take.is_dir():
        yield  # whoever writes the take says what is wrong with its path
        return
    try:
        take.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(file)
    except BlockingIOError as error:
        raise InputError(
            f"{take} is being captured into at this moment: wait for that capture, or choose another output with -o."
        ) from error
    except OSError as error:
        raise InputError(
            f"{take} cannot be written to ({error.strerror or error}): choose another output folder."
        ) from error
    try:
        yield
    finally:
        _release(file, descriptor)
        if created:
            with contextlib.suppress(OSError):
                take.rmdir()  # only an empty folder can be


def _locked(file: Path) -> int:
    """Descriptor of the lock file, locked. Raises BlockingIOError where another process has it."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    for _ in range(_ATTEMPTS):
        descriptor = os.open(file, flags, 0o666)
        try:
            _lock(descriptor)
            # Whoever held it may have deleted it between our opening and our locking: then it locks nothing.
            if os.path.exists(file) and os.path.samestat(os.fstat(descriptor), os.stat(file)):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise BlockingIOError


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

    def _release(file: Path, descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        os.close(descriptor)
        with contextlib.suppress(OSError):  # somebody else may have it open by now
            file.unlink()

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _log.warning("this file system knows no locks: nothing keeps a second capture from the same take")

    def _release(file: Path, descriptor: int) -> None:
        with contextlib.suppress(OSError):
            file.unlink()  # while it is locked, so that nobody can lock it meanwhile
        os.close(descriptor)
