"""`dice texture`: head and hands painted with their footage."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time

from dice_core.cli.progress import progress_bar
from dice_core.cli.stopping import stop_requests
from dice_core.errors import user_message
from dice_core.events import EventWriter
from dice_core.take import MESH_TITLES, open_take

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Whatever ends it without a result is an error event, too."""
    events = EventWriter(sys.stdout if options.events else None)
    try:
        return _run(options, events)
    except BrokenPipeError:
        raise
    except Exception as error:
        with contextlib.suppress(BrokenPipeError):  # nobody reads the events any more; the error itself is raised
            events.error(user_message(error))
        raise


def _run(options: argparse.Namespace, events: EventWriter) -> int:
    from dice_core.texture import bake_textures

    take = open_take(options.take)
    begun = time.monotonic()
    with stop_requests(watch_input=options.events) as stop, progress_bar("textures") as bar:

        def show(done: int, total: int) -> None:
            bar(done, total)
            seconds = max(time.monotonic() - begun, 1e-6)
            events.frame(done=done, total=total, fps=done / seconds, eta=seconds / done * (total - done))

        baked = bake_textures(
            take,
            options.output,
            size=options.size,
            footage=options.footage,
            progress=show,
            should_stop=stop.is_set,
        )
    folder = str(options.output)
    count = len(baked.files)
    events.done(take=folder, frames=count, tracked=baked.coverage, touches=0, cancelled=False, unfinished="")
    if not options.events:
        for name, file in baked.files.items():
            print(f"{file}: {MESH_TITLES[name]}, {baked.coverage[name]:.0%} of it from the footage")
    return 0
