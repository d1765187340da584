"""The footage of a take, opened again, and whether it still is what was captured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dice_core.errors import InputError
from dice_core.media.footage import Footage, never
from dice_core.media.opening import open_footage
from dice_core.take.reader import Take
from dice_core.take.source_path import source_path

__all__ = ["open_recorded"]


def open_recorded(
    take: Take, place: str | Path | None = None, should_stop: Callable[[], bool] = never
) -> tuple[Footage, str]:
    """The footage that a take was captured from, and a sentence where it is another file than then, "" where not.

    place : where it is, if not where the take says; should_stop : asked while it is gone through.
    A file may be another one and yet show the same, such as one that was encoded again. Raises InputError where there
    is none, or one of another size, and Stopped.
    """
    source = take.info["source"]
    path = source["path"] if place is None else str(place)
    footage = open_footage(source_path(path, source["kind"]), should_stop=should_stop)
    try:
        if footage.source_size != (source["width"], source["height"]):
            raise InputError(f"{path} is not of the size that was captured: give the footage of this take.")
        if footage.sha256 == source["sha256"]:
            return footage, ""
    except BaseException:
        footage.close()
        raise
    return footage, f"{path} is not the file that was captured: what it shows may be something else."
