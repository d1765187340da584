"""Commands whose work is told as events: for Blender, which runs them as processes of its own."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable

from dice_core.errors import user_message
from dice_core.events import EventWriter

__all__ = ["run_with_events", "say_warning", "step_reporter"]


def run_with_events(options: argparse.Namespace, run: Callable[[argparse.Namespace, EventWriter], int]) -> int:
    """Run a command; returns its exit status. Whatever ends it without a result is an error event, too."""
    events = EventWriter(sys.stdout if options.events else None)
    try:
        return run(options, events)
    except BrokenPipeError:
        raise
    except Exception as error:
        with contextlib.suppress(BrokenPipeError):  # nobody reads the events any more; the error itself is raised
            events.error(user_message(error))
        raise


def say_warning(events: EventWriter, sentence: str) -> None:
    """Tell of what the result lacks, as an event and to whoever reads the command's errors."""
    events.warning(sentence)
    print(f"dice: {sentence}", file=sys.stderr)


def step_reporter(events: EventWriter, bar: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """What tells finished steps of all of them to a bar and as events, with the speed since now."""
    begun = time.monotonic()

    def report(done: int, total: int) -> None:
        bar(done, total)
        seconds = max(time.monotonic() - begun, 1e-6)
        events.frame(done=done, total=total, fps=done / seconds, eta=seconds * (total - done) / max(done, 1))

    return report
