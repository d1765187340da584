"""Progress of a capture as JSON lines: the words between the worker process and whoever watches it."""

from __future__ import annotations

import json
from typing import Any, TextIO

__all__ = ["EventWriter", "parse_event"]

EVENT_NAMES = ("started", "frame", "warning", "error", "done")


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

    def done(self, *, take: str, frames: int, tracked: dict[str, float], touches: int, cancelled: bool) -> None:
        """The capture ends with a take; `tracked` is the share of frames in which each mesh is there."""
        self._write("done", take=take, frames=frames, tracked=tracked, touches=touches, cancelled=cancelled)

    def _write(self, event: str, **values: Any) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps({"event": event, **values}) + "\n")
            self._stream.flush()


def parse_event(line: str) -> dict[str, Any] | None:
    """The event in a line of a worker's output, or None where the line is something else."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("event") in EVENT_NAMES else None
