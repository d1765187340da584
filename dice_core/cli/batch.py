"""`dice batch`: a shoot of clips into takes, some at a time, with one bar and a table at the end."""

from __future__ import annotations

import argparse
import sys

from dice_core.batch import Further, find_sources, format_rows, run_batch, unread_in
from dice_core.blender_process import blender_command
from dice_core.cli.progress import clip_bar
from dice_core.cli.stopping import stop_requests
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import Stopped

__all__ = ["run"]

_FAILED = 1


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status: 1 where a clip failed, 130 where it was stopped before the end."""
    settings = CaptureSettings.from_options(options)
    further = Further(options.preview, options.blend, options.fbx, options.keys, options.preset)
    sources = find_sources(options.source)
    if unread := unread_in(options.source):
        print(f"dice: {', '.join(unread)}: left out, since such pictures cannot be read.", file=sys.stderr)
    if (further.blend or further.fbx) and options.scheduler is None:
        blender_command()  # that there is no Blender is said at once, and not after the captures
    with stop_requests(watch_input=False) as stop, clip_bar(len(sources)) as progress:
        result = run_batch(
            sources,
            options.output,
            settings,
            jobs=options.jobs,
            scheduler=options.scheduler,
            further=further,
            stop=stop,
            on_progress=progress,
            on_warning=lambda sentence: print(f"dice: {sentence}", file=sys.stderr),
        )
    print(format_rows(result.rows))
    if result.stopped:
        print("stopped early: the same command continues from here")
        return Stopped.exit_status
    return _FAILED if result.failed else 0
