"""`dice texture`: head and hands painted with their footage."""

from __future__ import annotations

import argparse
from functools import partial

from dice_core.cli.event_stream import run_with_events, say_warning, step_reporter
from dice_core.cli.progress import progress_bar
from dice_core.cli.stopping import stop_requests
from dice_core.events import EventWriter
from dice_core.take import MESH_TITLES, open_take

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Whatever ends it without a result is an error event, too."""
    return run_with_events(options, _run)


def _run(options: argparse.Namespace, events: EventWriter) -> int:
    from dice_core.texture import bake_textures

    take = open_take(options.take)
    with stop_requests(watch_input=options.events) as stop, progress_bar("textures") as bar:
        baked = bake_textures(
            take,
            options.output,
            size=options.size,
            footage=options.footage,
            progress=step_reporter(events, bar),
            on_warning=partial(say_warning, events),
            should_stop=stop.is_set,
        )
    folder = str(options.output)
    count = len(baked.files)
    events.done(take=folder, frames=count, tracked=baked.coverage, touches=0, cancelled=False, unfinished="")
    if not options.events:
        for name, file in baked.files.items():
            print(f"{file}: {MESH_TITLES[name]}, {baked.coverage[name]:.0%} of it from the footage")
    return 0
