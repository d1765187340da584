"""`dice capture --span`: how `dice batch --scheduler` has a long clip fitted on several machines."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from dice_core.capture.spans import fit_span, plan_spans
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import Stopped
from dice_core.events import EventWriter
from dice_core.media.opening import open_footage

__all__ = ["run"]


def run(
    options: argparse.Namespace, settings: CaptureSettings, output: Path, events: EventWriter, stop: threading.Event
) -> int:
    """Divide a clip (`--span plan`), which ends with an event, or fit the blocks A to B - 1 of it (`--span A:B`).

    Returns the exit status, that of a stopped command where it was stopped.
    """
    with open_footage(options.input, should_stop=stop.is_set) as footage:
        if options.span is None:
            events.spans(plan_spans(footage, output, settings, stop.is_set))
            return 0
        done = fit_span(footage, output, settings, options.span, should_stop=stop.is_set)
    return 0 if done else Stopped.exit_status
