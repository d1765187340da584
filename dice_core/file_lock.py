"""Locks on files that end with the process that holds them, however that ends.

The system locks an open file and lets go of it when the last process that has it open ends. The file itself says
nothing, so that one which a kill has left behind is in nobody's way.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
from pathlib import Path

__all__ = ["lock_file", "release_file"]

_log = logging.getLogger(__name__)

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)

_ATTEMPTS = 20
"""Tries to lock a file that its last holder deletes at that moment; two are enough unless many race."""


def lock_file(file: Path) -> int:
    """Descriptor of a file, made where it is missing, locked.

    Raises BlockingIOError where another process has it, OSError where it cannot be made. Where the file system knows no
    locks, a warning is logged and nothing is kept from the file.
    """
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

    def release_file(file: Path, descriptor: int) -> None:
        """Unlock and delete a file."""
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
            _log.warning("this file system knows no locks: nothing keeps a second process from the same folder")

    def release_file(file: Path, descriptor: int) -> None:
        """Unlock and delete a file."""
        with contextlib.suppress(OSError):
            file.unlink()  # while it is locked, so that nobody can lock it meanwhile
        os.close(descriptor)
