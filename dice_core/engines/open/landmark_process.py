"""The process that finds the landmarks of a clip, beside the fit (`landmark_worker` is what runs in it).

A capture starts it before its own modules are loaded, because it has as many to load, and networks besides. This module
loads nothing that takes time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dice_core.own_process import OwnProcess, is_worth_a_process, processor_count

__all__ = ["landmark_process", "started_ahead"]

_log = logging.getLogger(__name__)

_ahead: list[OwnProcess] = []  # the one that was started ahead and that nobody has taken


@contextmanager
def started_ahead() -> Iterator[None]:
    """A process for the first clip that is captured meanwhile, started now, where there is a second processor for it;
    one that nobody has taken in the end is ended."""
    if processor_count() > 1:
        with suppress(OSError):  # it is tried again when it is needed
            _ahead.append(_start())
    try:
        yield
    finally:
        while _ahead:
            _ahead.pop().close()


def landmark_process(frames: int) -> OwnProcess | None:
    """A process for a clip of so many frames: the one that was started ahead, or a new one; None where none is worth
    its start, or can be started. Whoever has it closes it."""
    if _ahead:
        return _ahead.pop()
    if not is_worth_a_process(frames):
        return None
    try:
        return _start()
    except OSError as error:
        _log.info("landmarks are found in this process, because another could not be started: %s", error)
        return None


def _start() -> OwnProcess:
    return OwnProcess("dice_core.engines.open.landmark_worker", "finds faces and hands")
