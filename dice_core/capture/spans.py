"""A long clip in spans that can be fitted at the same time, each in a process of its own, on whatever machine.

What is constant over the clip is found once (`plan_spans`). Each span then fits its frames into the blocks of the
unfinished take (`fit_span`). The capture itself, when it comes to that take, finds all blocks there, as after a kill,
and goes on with smoothing and contact, which need the frames in their order.

A span begins without the frame before it. It starts some seconds earlier, so that the tracker has found its face and
hands and the fit has settled by its first frame.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import islice, takewhile
from pathlib import Path

from dice_core.capture.blocks import block_file, in_blocks, load_last, save_block
from dice_core.capture.pipeline import block_frames, open_writer, prepare
from dice_core.engines.base import make_engine
from dice_core.engines.settings import CaptureSettings
from dice_core.media.footage import Footage
from dice_core.processors import shared_processors
from dice_core.take.format import load_arrays
from dice_core.take.lock import take_lock
from dice_core.take.removal import WORK_FOLDER

__all__ = ["SPAN_SECONDS", "fit_span", "plan_spans"]

SPAN_SECONDS = 60.0
"""Of the clip; shorter ones than two spans are captured in one piece. Set by hand: opening a clip and starting a
process take some seconds, and a span that is lost with its machine costs some minutes."""

LEAD_SECONDS = 2.0
"""Before a span's first frame. Set by hand: a face is found at once, a hand within ten frames."""


def plan_spans(
    footage: Footage,
    output: Path,
    settings: CaptureSettings,
    should_stop: Callable[[], bool],
    span_seconds: float = SPAN_SECONDS,
) -> list[tuple[int, int]]:
    """Begin the take of a clip and look at who is in it.

    Returns the first block and the one past the last of each span that has blocks to fit; [] where the clip is too
    short for spans, its engine has none, or all is fitted. Raises as `capture`, Stopped where that is asked for.
    """
    size = block_frames(float(footage.fps))
    count = -(-footage.count // size)
    length = max(1, round(span_seconds * footage.fps / size)) if footage.fps else count
    if settings.engine != "open" or count < 2 * length:
        return []
    with take_lock(output):
        engine = make_engine(footage, settings)
        writer = open_writer(footage, engine, output, settings)
        if writer.complete:
            return []
        prepare(engine, writer, footage, should_stop)
        work = writer.work_folder
    spans = [(first, min(first + length, count)) for first in range(0, count, length)]
    return [span for span in spans if not all(block_file(work, index).exists() for index in range(*span))]


def fit_span(
    footage: Footage,
    output: Path,
    settings: CaptureSettings,
    blocks: tuple[int, int],
    *,
    should_stop: Callable[[], bool],
) -> bool:
    """Fit the blocks of a span that are not there yet. Returns whether that is done, and not stopped before.

    blocks : the first and the one past the last; output : the take that `plan_spans` has begun. Raises InputError where
    the take or its footage cannot be read.
    """
    work = output / WORK_FOLDER
    size = block_frames(float(footage.fps))
    first = next((index for index in range(*blocks) if not block_file(work, index).exists()), None)
    if first is None:
        return True
    engine = make_engine(footage, settings)
    engine.prepare(load_arrays(work / "clip.npz"), should_stop)
    rows = first * size, min(blocks[1] * size, footage.count)
    if first > blocks[0]:
        begin, previous = rows[0], load_last(work, first - 1, engine.frame_table)
    else:
        begin, previous = max(0, rows[0] - round(LEAD_SECONDS * footage.fps)), None
    wanted, done = rows[1] - rows[0], 0
    with shared_processors(), closing(engine.fit(begin, previous)) as fitted:
        for _ in range(rows[0] - begin):
            next(fitted)
        frames = takewhile(lambda _: not should_stop(), islice(fitted, wanted))
        for index, block in enumerate(in_blocks(frames, size), first):
            done += len(block)
            if len(block) == size or done == wanted:
                save_block(work, index, block)
    return done == wanted
