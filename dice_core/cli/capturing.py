"""`dice capture`: footage in, take out, with progress for a person or for a program."""

from __future__ import annotations

import argparse
import os
import signal
import stat
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from dice_core.capture import CaptureResult, capture
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import DiceError, InputError
from dice_core.events import EventWriter
from dice_core.media import list_images, open_footage

__all__ = ["capture_with_progress", "run"]

_ENDING = ".dicetake"


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    events = EventWriter(sys.stdout if options.events else None)
    settings = CaptureSettings.from_options(options)
    try:
        with _stop_requests(watch_input=options.events) as stop:
            if options.stills:
                return _stills(options, settings, events, stop)
            result = capture_with_progress(
                options.input, _output(options), settings, events=events, frames=options.frames, stop=stop
            )
            if not options.events:
                _summary(result)
            return 0
    except DiceError as error:
        events.error(str(error))
        raise


def capture_with_progress(
    source: str,
    output: Path,
    settings: CaptureSettings,
    *,
    events: EventWriter | None = None,
    frames: tuple[int, int] | None = None,
    stop: threading.Event | None = None,
) -> CaptureResult:
    """Capture with a bar on standard error where that is a terminal, and warnings there."""
    footage = open_footage(source, frames)
    with tqdm(total=footage.count, unit="frame", disable=not sys.stderr.isatty(), leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(done - bar.n)

        return capture(
            footage,
            output,
            settings,
            frames=frames,
            events=events,
            on_progress=progress,
            should_stop=(lambda: False) if stop is None else stop.is_set,
        )


def _stills(
    options: argparse.Namespace, settings: CaptureSettings, events: EventWriter, stop: threading.Event
) -> int:
    if options.frames is not None:
        raise InputError("--frames is for clips: leave it out with --stills.")
    source = Path(options.input).expanduser()
    images = [source] if source.is_file() else list(list_images(source))
    folder = options.output or Path(f"{source.resolve().name}-takes")
    status = 0
    for image, name in zip(images, _take_names(images), strict=True):
        if stop.is_set():
            break
        try:
            result = capture_with_progress(
                str(image), folder / f"{name}{_ENDING}", settings, events=events, stop=stop
            )
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
    return [image.stem if stems[image.stem.casefold()] == 1 else image.name for image in images]


def _output(options: argparse.Namespace) -> Path:
    if options.output is not None:
        return Path(options.output)
    # Resolved, because a folder may be named by dots alone.
    name = Path(options.input).expanduser().resolve().name or "capture"
    stem = Path(name).stem if not any(character in name for character in "*?[") else "sequence"
    return Path(stem + _ENDING)


def _summary(result: CaptureResult) -> None:
    names = {"head": "head", "hand_left": "left hand", "hand_right": "right hand"}
    shares = ", ".join(f"{names[name]} in {share:.0%}" for name, share in result.tracked.items()) or "nothing found"
    print(f"{result.take}: {result.frames} frames, {shares}, {len(result.touches)} touches")
    for warning in result.warnings:
        print(f"  note: {warning}")
    if result.cancelled:
        print("  stopped early: the same command goes on from here")


@contextmanager
def _stop_requests(*, watch_input: bool) -> Iterator[threading.Event]:
    """An event that SIGTERM, Ctrl-C, or (for a program that started us) the end of standard input sets."""
    stop = threading.Event()

    def request(_signal: int, _frame: object) -> None:
        stop.set()

    main_thread = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if main_thread else ()
    before = {number: signal.signal(number, request) for number in signals}
    if watch_input and (pipe := _input_pipe()) is not None:
        threading.Thread(target=_wait_for_end, args=(pipe, stop), name="standard input", daemon=True).start()
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _input_pipe() -> int | None:
    """Descriptor of standard input where another program holds its other end, else None."""
    try:
        descriptor = sys.stdin.fileno()
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (AttributeError, OSError, ValueError):  # closed, or replaced by something that is no file
        return None


def _wait_for_end(descriptor: int, stop: threading.Event) -> None:
    # os.read and not sys.stdin, whose lock would keep the interpreter from ending.
    while os.read(descriptor, 4096):
        pass
    stop.set()
