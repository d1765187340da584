"""The frames that are exported, chunk by chunk, so that a take of any length needs the memory of one chunk."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from dice_core.errors import InputError
from dice_core.take import Take

__all__ = ["frame_count", "selected_chunks"]


def selected_chunks(
    take: Take, keys: Collection[str], frames: tuple[int, int] | None
) -> Iterator[dict[str, np.ndarray]]:
    """Arrays of the frames in a range, in order; chunks outside it are not read.

    keys : arrays of the take besides "frame"; frames : A, B for the frames A to B - 1, counted as in the footage, None
    for all. Yields dictionaries of arrays with a row for each frame, never empty ones; in all of them is "time", the
    seconds at which frames are shown, as of `Take.times`.
    """
    wanted = {"frame", *keys, *(("time",) if take.has("time") else ())}
    for number, arrays in enumerate(take.chunks(["frame"])):
        within = _within(arrays["frame"], frames)
        if within.any():
            chosen = {key: values[within] for key, values in take.read_chunk(number, wanted).items()}
            if "time" not in chosen:
                chosen["time"] = chosen["frame"] / take.fps if take.fps else np.zeros(len(chosen["frame"]))
            yield chosen


def frame_count(take: Take, frames: tuple[int, int] | None) -> int:
    """How many frames of the take lie in a range. Raises InputError, with those that there are, where none does."""
    numbers = take.frames
    count = int(_within(numbers, frames).sum())
    if count:
        return count
    if not len(numbers):
        raise InputError(f"{take.path} has no frames to export: capture the footage again.")
    assert frames is not None
    raise InputError(
        f"{take.path} has no frames in {frames[0]}:{frames[1]}: "
        f"give A:B for the frames A to B - 1 within {numbers[0]}:{numbers[-1] + 1}."
    )


def _within(numbers: np.ndarray, frames: tuple[int, int] | None) -> np.ndarray:
    """(T,) bool: frames that lie in a range."""
    if frames is None:
        return np.ones(len(numbers), bool)
    return (numbers >= frames[0]) & (numbers < frames[1])
