"""The project's exceptions: each message is one sentence that tells a user what is wrong and what to do."""

from __future__ import annotations

__all__ = ["DiceError", "InputError", "MissingModelError", "ShapeError", "Stopped"]


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


class Stopped(DiceError):  # noqa: N818 (no fault of anybody's)
    """The user asked to stop before there was anything to keep."""

    exit_status = 130
