"""Progress of a capture as JSON lines: the words between the worker process and whoever watches it."""

from __future__ import annotations

import json
from typing import Any, TextIO

__all__ = ["LONGEST_LINE", "EventWriter", "parse_event"]

EVENT_NAMES = ("started", "frame", "warning", "error", "done", "spans")

LONGEST_LINE = 1 << 16
"""Characters of a line that can be an event; the longest, an error with two long paths in it, has some thousand."""

_DEEPEST = 4
"""Levels of objects and lists in an event; the deepest, `done`, has two."""

_LARGEST_NUMBER = 1e15
"""Numbers of frames and seconds beyond this are nonsense, and integers as large are still exact as floats."""


class EventWriter:
    """Writes one JSON object a line, flushed at once; does nothing where no stream is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def started(self, *, input: str, take: str, frames: int, fps: float, resumed: int) -> None:
        """A capture of `frames` frames begins, `resumed` of which an earlier run has finished."""
        self._write("started", input=input, take=take, frames=frames, fps=fps, resumed=resumed)

    def frame(self, *, done: int, total: int, fps: float, eta: float) -> None:
        """`done` of `total` frames are finished, at `fps` frames a second, with `eta` seconds to go."""
        self._write("frame", done=done, total=total, fps=round(fps, 2), eta=round(eta, 1))

    def warning(self, message: str) -> None:
        """Something the user should know that does not stop the capture."""
        self._write("warning", message=message)

    def error(self, message: str) -> None:
        """The capture ends without a result, for the reason in `message`."""
        self._write("error", message=message)

    def done(
        self, *, take: str, frames: int, tracked: dict[str, float], touches: int, cancelled: bool, unfinished: str = ""
    ) -> None:
        """The capture ends with a take; `tracked` is the share of frames in which each mesh is there.

        unfinished : why the take cannot be trusted although nobody has cancelled the capture; "" where it can.
        """
        self._write(
            "done",
            take=take,
            frames=frames,
            tracked=tracked,
            touches=touches,
            cancelled=cancelled,
            unfinished=unfinished,
        )

    def spans(self, spans: list[tuple[int, int]]) -> None:
        """A long clip has been divided into spans of blocks, from the first up to the one before the second."""
        self._write("spans", spans=spans)

    def _write(self, event: str, **values: Any) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps({"event": event, **values}) + "\n")
            self._stream.flush()


def parse_event(line: str) -> dict[str, Any] | None:
    """The event in a line of a worker's output, or None where the line is something else.

    An event is an object of a known name, a few levels deep, whose numbers are finite. What its values are is for the
    reader to check.
    """
    if len(line) > LONGEST_LINE or not line.lstrip().startswith("{"):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    known = isinstance(event, dict) and isinstance(event.get("event"), str) and event["event"] in EVENT_NAMES
    return event if known and _is_plain(event, _DEEPEST) else None


def _is_plain(value: Any, levels: int) -> bool:
    """Whether a value has no more than so many levels, and no number that is infinite or out of all proportion."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(_is_plain(part, levels - 1) for part in parts)
    # NaN is not within anything either.
    return not isinstance(value, int | float) or -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER
