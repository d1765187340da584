"""`dice transfer-solve`: the solver's half of a transfer, between the two files of `dice_core.transfer.files`.

For Blender's side, which starts it as a process of its own; it is not listed among the commands.
"""

from __future__ import annotations

import argparse

from dice_core.cli.event_stream import run_with_events, say_warning, step_reporter
from dice_core.cli.progress import progress_bar
from dice_core.cli.stopping import stop_requests
from dice_core.events import EventWriter
from dice_core.take import open_take
from dice_core.transfer.files import read_character, write_motion
from dice_core.transfer.settings import TransferSettings
from dice_core.transfer.solve import solve

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Whatever ends it without a result is an error event, too."""
    return run_with_events(options, _run)


def _run(options: argparse.Namespace, events: EventWriter) -> int:
    settings = TransferSettings(options.neck_share, options.dents, not options.no_contact, options.hands)
    take, character = open_take(options.take), read_character(options.character)
    frames = len(take.frames)
    events.started(input=str(options.character), take=str(options.take), frames=frames, fps=take.fps, resumed=0)
    with stop_requests(watch_input=options.events) as stop, progress_bar() as bar:
        report = step_reporter(events, bar)

        def progress(done: int, total: int) -> bool:
            report(done, total)
            return not stop.is_set()

        motion = solve(take, character, settings, progress)
    write_motion(options.output, motion)
    for sentence in motion.report["warnings"]:
        say_warning(events, sentence)
    events.done(
        take=str(options.output), frames=frames, tracked={}, touches=len(motion.touches), cancelled=False, unfinished=""
    )  # fmt: skip
    return 0
