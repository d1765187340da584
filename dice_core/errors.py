"""The project's exceptions: each message is one sentence that tells a user what is wrong and what to do."""

from __future__ import annotations

import errno
import os

__all__ = ["DiceError", "InputError", "MissingModelError", "ShapeError", "Stopped", "is_of_the_system", "user_message"]

_OF_THE_SYSTEM = {
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ENOSPC: "make room there, or choose another place",
    errno.EDQUOT: "make room there, or choose another place",
    errno.EROFS: "choose another place",
    errno.EACCES: "check the permissions there, or choose another place",
    errno.EPERM: "check the permissions there, or choose another place",
    errno.EIO: "check the drive",
}
"""Errors that come from the machine and not from the program, and what to do."""

_SHOWN_NAME = 60
"""Characters of a file's name that a sentence shows; set by hand."""


class DiceError(Exception):
    """A failure that is reported to the user as it stands.

    `exit_status` is the status that the command line ends with.
    """

    exit_status = 1


class InputError(DiceError):
    """What the user gave cannot be used: a path, a range, a setting."""

    exit_status = 2


class MissingModelError(InputError):
    """A model file that the user has to provide is missing or damaged."""


class ShapeError(DiceError, ValueError):
    """An array does not have the shape that a function documents."""


class Stopped(DiceError):  # noqa: N818 (a request that was met, not an error)
    """The user asked to stop at a point where there is no result yet."""

    exit_status = 130  # 128 + SIGINT, as shells report a command that Ctrl-C ended

    def __init__(self) -> None:
        super().__init__("Stopped on request while the footage was being read: give the same command to start again.")


def is_of_the_system(error: BaseException) -> bool:
    """Whether an exception says that the machine refuses something, such as a name that its disk does not allow."""
    return isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM


def user_message(error: BaseException) -> str:
    """One sentence about any exception: our own ones as they stand, the system's with what to do, others as a bug that
    should be reported."""
    if isinstance(error, DiceError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
        parts = os.fsdecode(error.filename).split(os.sep) if isinstance(error.filename, str | bytes) else ["The output"]
        name = max(parts, key=len) if error.errno == errno.ENAMETOOLONG else parts[-1]
        shown = name if len(name) <= _SHOWN_NAME else f"{name[:_SHOWN_NAME]}..."
        reason = (error.strerror or "unknown reason").lower()
        return f"{shown} cannot be used ({reason}): {_OF_THE_SYSTEM[error.errno]}."
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return f"This is a bug ({reason}): report it together with the traceback in the log."
