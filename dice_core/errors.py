"""The project's exceptions: each message is one sentence that tells a user what is wrong and what to do."""

from __future__ import annotations

__all__ = ["DiceError", "InputError", "MissingModelError", "ShapeError", "Stopped", "user_message"]


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


def user_message(error: BaseException) -> str:
    """One sentence about any exception: our own ones as they stand, others as a bug that should be reported."""
    if isinstance(error, DiceError):
        return str(error)
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return f"This is a bug ({reason}): report it together with the traceback in the log."
