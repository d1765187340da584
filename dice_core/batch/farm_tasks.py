"""What a worker of a cluster does: one clip, or one span of a long one, by `dice` commands in processes of their own.

These functions are called by name on machines that have the same version of this package, and see the same folders
under the same paths. A worker that dies takes its commands along: their standard input ends with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dice_core.batch.clips import Clip
from dice_core.batch.process import DiceProcess
from dice_core.batch.steps import ClipSteps, Further, complete_take
from dice_core.batch.table import Row
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import DiceError, Stopped
from dice_core.media.decoder import Decoder
from dice_core.media.footage import DEFAULT_FPS
from dice_core.media.formats import list_images
from dice_core.take.lock import HELD, wait_for_take
from dice_core.take.names import TAKE_ENDING

__all__ = ["STOP_FILE", "FarmJob", "begin_clip", "finish_clip", "fit_span"]

_log = logging.getLogger(__name__)

STOP_FILE = "stop"
"""In the scratch folder: whoever started the batch wants it to end."""

_LOOK = 0.5  # seconds between two looks at that file
_PATIENCE = 60.0
"""Seconds to wait for the capture of a worker that has died, which ends after its frame in hand. Set by hand: some for
slow disks, and some until a shared disk forgets a lock."""

_SHORT = 100.0
"""Seconds of a clip that is certainly captured in one piece, so that it need not be opened once more to be divided."""

Span = tuple[int, int]


@dataclass(frozen=True)
class FarmJob:
    """A batch as its workers see it: folder : where takes go; scratch : in it, for logs and unfinished files."""

    folder: Path
    scratch: Path
    settings: CaptureSettings
    further: Further

    @property
    def is_stopped(self) -> bool:
        """Whether the batch has ended or is to end."""
        return not self.scratch.is_dir() or (self.scratch / STOP_FILE).exists()


def begin_clip(job: FarmJob, clip: Clip, row: Row) -> Row | list[Span]:
    """See a clip through, or say in which spans it is to be fitted before that."""
    take = job.folder / (clip.name + TAKE_ENDING)
    if job.is_stopped:
        return row
    if complete_take(take, clip.source, job.settings) is None and _may_be_long(clip.source):
        wait_for_take(take, _PATIENCE)
        try:
            spans = _divide(job, clip, take)
        except Stopped:
            return row
        if spans:
            return spans
    return finish_clip(job, clip, row)


def fit_span(job: FarmJob, clip: Clip, span: Span) -> bool:
    """Fit the frames of a span of a clip. Returns whether that is done; where it is not, `finish_clip` does it."""
    if job.is_stopped:
        return False
    take = job.folder / (clip.name + TAKE_ENDING)
    log = job.scratch / f"{clip.name}.span-{span[0]}.log"
    arguments = _capture_arguments(job, clip, take, f"{span[0]}:{span[1]}")
    process = _watched(job, arguments, log, gently=True)
    for _ in process.events():
        pass
    return process.wait() == 0


def finish_clip(job: FarmJob, clip: Clip, row: Row) -> Row:
    """All that is left to do for a clip; whatever goes wrong is a sentence in the row."""
    if job.is_stopped:
        return row

    def start(arguments: Sequence[str], log: Path, *, gently: bool) -> DiceProcess:
        if job.is_stopped:
            raise Stopped
        return _watched(job, arguments, log, gently=gently)

    steps = ClipSteps(job.folder, job.scratch, job.settings, job.further, start)
    until = time.monotonic() + _PATIENCE
    while True:
        wait_for_take(job.folder / (clip.name + TAKE_ENDING), _PATIENCE)
        ended = steps.run(row, clip, lambda _share: None)
        # The capture of a worker that died while it began may have taken the take only after it was found free.
        if ended.state != "failed" or HELD not in ended.message or time.monotonic() > until:
            return ended
        _log.info("%s: held by another capture: trying again", clip.source)


def _divide(job: FarmJob, clip: Clip, take: Path) -> list[Span]:
    """The spans of a clip that have frames to fit; none where it is short, or where something is wrong with it."""
    log = job.scratch / f"{clip.name}.divide.log"
    process = _watched(job, _capture_arguments(job, clip, take, "plan"), log, gently=True)
    spans: list[Span] = []
    for event in process.events():
        if event["event"] == "spans":
            spans = [(int(first), int(last)) for first, last in event["spans"]]
    if process.wait() and process.was_stopped:
        raise Stopped
    return spans


def _capture_arguments(job: FarmJob, clip: Clip, take: Path, span: str) -> list[str]:
    settings = job.settings.to_arguments()
    return ["capture", clip.source, "-o", str(take), "--events", "--span", span, *settings]


def _watched(job: FarmJob, arguments: Sequence[str], log: Path, *, gently: bool) -> DiceProcess:
    """A command that is asked to end when the batch is."""
    process = DiceProcess(arguments, job.scratch, log)

    def watch() -> None:
        pause = threading.Event()
        while process.is_running:
            if job.is_stopped:
                process.stop(gently=gently)
                return
            pause.wait(_LOOK)

    threading.Thread(target=watch, name="stop", daemon=True).start()
    return process


def _may_be_long(source: str) -> bool:
    path = Path(source)
    try:
        if not path.is_file():
            return len(list_images(source)) > _SHORT * DEFAULT_FPS
        decoder = Decoder(path)
        try:
            return decoder.duration > _SHORT
        finally:
            decoder.close()
    except DiceError:
        return False  # the capture says what is wrong with it
