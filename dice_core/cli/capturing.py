"""`dice capture`: footage in, take out, with progress for a person or for a program."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dice_core.capture import CaptureResult, capture
from dice_core.cli import spans
from dice_core.cli.event_stream import run_with_events, say_warning
from dice_core.cli.progress import progress_bar
from dice_core.cli.stopping import stop_requests
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError, Stopped
from dice_core.events import EventWriter
from dice_core.landmarks import loading_networks
from dice_core.media.formats import is_pattern, list_images
from dice_core.media.images import left_out_warning
from dice_core.media.opening import open_footage
from dice_core.take import MESH_TITLES
from dice_core.take.names import TAKE_ENDING, fitting_name

__all__ = ["capture_with_progress", "run"]

_log = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Whatever ends it without a result is an error event, too."""
    return run_with_events(options, _run)


def _run(options: argparse.Namespace, events: EventWriter) -> int:
    settings = CaptureSettings.from_options(options)
    with stop_requests(watch_input=options.events) as stop:
        if options.span is not False:
            return spans.run(options, settings, _output(options), events, stop)
        if options.stills:
            return _stills(options, settings, events, stop)
        result = capture_with_progress(
            options.input,
            _output(options),
            settings,
            events=events,
            frames=options.frames,
            fps=options.fps,
            stop=stop,
        )
        if not options.events:
            _summary(result)
        return 0


def capture_with_progress(
    source: str,
    output: Path,
    settings: CaptureSettings,
    *,
    events: EventWriter | None = None,
    frames: tuple[int, int] | None = None,
    fps: float | None = None,
    stop: threading.Event | None = None,
) -> CaptureResult:
    """Capture with a bar on standard error where that is a terminal, and warnings there.

    Raises Stopped where `stop` is set while the footage is opened, otherwise as `open_footage` and `capture`.
    """
    stop = threading.Event() if stop is None else stop
    with (
        loading_networks(),  # while the footage is opened and the engine imported
        open_footage(source, frames, fps=fps, should_stop=stop.is_set) as footage,
        progress_bar() as progress,
    ):
        progress(0, footage.count)
        _log.info("capturing into %s: %s", output, settings)
        return capture(
            footage,
            output,
            settings,
            frames=frames,
            events=events,
            on_progress=progress,
            should_stop=stop.is_set,
        )


def _stills(options: argparse.Namespace, settings: CaptureSettings, events: EventWriter, stop: threading.Event) -> int:
    for name in ("frames", "fps"):
        if getattr(options, name) is not None:
            raise InputError(f"--{name} is for clips: leave it out with --stills.")
    source = Path(os.path.expanduser(options.input))
    images = [source] if source.is_file() else list(list_images(source))
    folder = options.output or Path(f"{source.resolve().name}-takes")
    status = 0
    for sentence in left_out_warning(source):
        say_warning(events, sentence)
    for image, name in zip(images, _take_names(images), strict=True):
        if stop.is_set():
            break
        try:
            take = folder / f"{name}{TAKE_ENDING}"
            result = capture_with_progress(str(image), take, settings, events=events, stop=stop)
        except Stopped:
            break
        except InputError as error:
            # One bad picture must not cost the others; the status still says that something was wrong.
            events.error(str(error))
            print(f"dice: {error}", file=sys.stderr)
            status = error.exit_status
            continue
        if not options.events:
            _summary(result)
    return status


def _take_names(images: Sequence[Path]) -> list[str]:
    """The images' names without their endings, or with them where two would be the same."""
    stems = Counter(image.stem.casefold() for image in images)
    return [fitting_name(image.stem if stems[image.stem.casefold()] == 1 else image.name) for image in images]


def _output(options: argparse.Namespace) -> Path:
    if options.output is not None:
        return Path(options.output)
    # Resolved, because a folder may be named by dots alone.
    name = Path(os.path.expanduser(options.input)).resolve().name or "capture"
    stem = "sequence" if is_pattern(name) else Path(name).stem
    return Path(fitting_name(stem) + TAKE_ENDING)


def _summary(result: CaptureResult) -> None:
    found = ", ".join(f"{MESH_TITLES[name]} in {share:.0%}" for name, share in result.tracked.items())
    print(f"{result.take}: {result.frames} frames, {found or 'nothing found'}, {len(result.touches)} touches")
    for warning in result.warnings:
        print(f"  note: {warning}")
    if result.cancelled:
        print("  stopped early: the same command continues from here")
