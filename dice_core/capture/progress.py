"""How far a capture is, told to whoever watches it."""

from __future__ import annotations

import time
from collections.abc import Callable

from dice_core.events import EventWriter

__all__ = ["Progress"]

_STAGES = 2  # every frame counts once when it is fitted and once when it is in the take


class Progress:
    """Counts frames and reports them with the speed of this run.

    total : frames of the footage; on_progress : called with finished and total frames.
    """

    def __init__(self, total: int, events: EventWriter, on_progress: Callable[[int, int], None] | None) -> None:
        self._total = total
        self._events = events
        self._on_progress = on_progress
        self._begun = time.monotonic()
        self._fitted = self._written = self._resumed = 0

    def resume(self, fitted: int, written: int) -> None:
        """Frames that an earlier run has fitted and written."""
        self._fitted, self._written, self._resumed = fitted, written, written

    def fitted(self, frames: int) -> None:
        """More frames are fitted."""
        self._fitted += frames
        self._report()

    def written(self, frames: int) -> None:
        """More frames are in the take."""
        self._written += frames
        self._report()

    def _report(self) -> None:
        done = (self._fitted + self._written) / _STAGES
        elapsed = max(time.monotonic() - self._begun, 1e-6)
        speed = max(done - self._resumed, 0.0) / elapsed
        eta = (self._total - done) / speed if speed > 0 else 0.0
        self._events.frame(done=int(done), total=self._total, fps=speed, eta=eta)
        if self._on_progress is not None:
            self._on_progress(int(done), self._total)
