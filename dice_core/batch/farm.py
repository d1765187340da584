"""The clips of a batch on a cluster of Dask workers, which do what `farm_tasks` says.

Dask gives a task whose worker dies to another one, and ends one that has killed several. `distributed` is imported
here alone, and only where a scheduler is named.
"""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from dice_core.batch.clips import Clip
from dice_core.batch.farm_tasks import STOP_FILE, FarmJob, Span, begin_clip, finish_clip, fit_span
from dice_core.batch.table import Row
from dice_core.errors import DiceError, InputError, user_message

__all__ = ["run_on_cluster"]

_log = logging.getLogger(__name__)

_TICK = 0.5  # seconds between two looks at how far the clips are
_PATIENCE = "15s"
"""For the scheduler to answer. Set by hand."""
_SHARE_OF_SPANS = 0.9
"""Of a long clip's progress: smoothing and contact come after. Set by hand."""


def run_on_cluster(
    address: str,
    job: FarmJob,
    clips: Sequence[Clip],
    rows: list[Row],
    stop: threading.Event,
    save: Callable[[], None],
    on_progress: Callable[[float, str], None],
) -> None:
    """See all clips through; each one's row is replaced as it ends, and the table saved.

    address : of the scheduler, such as "tcp://render-master:8786". Once `stop` is set, running captures end after the
    frame in hand and no other begins. Raises InputError where no scheduler answers there, DiceError without Dask.
    """
    save()
    client = _connected(address)
    try:
        _Run(client, job, clips, rows).watch(stop, save, on_progress)
    finally:
        with suppress(OSError):
            (job.scratch / STOP_FILE).touch()  # where it ends by an error, too
        client.close()


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise DiceError(
            "Dask is not installed: install the project's `farm` extra, or leave out --scheduler."
        ) from error
    try:
        return Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # distributed gives TypeError for some malformed addresses
        raise InputError(
            f"No Dask scheduler answers at {address}: start one with `dask scheduler`, and give the address it prints."
        ) from error


@dataclass
class _Spans:
    """A long clip on its way: how many spans it has, and how many are done."""

    total: int
    done: int = 0


@dataclass
class _Run:
    """The tasks of a batch. pending : what is not done, with the clip that it is for; ended : what is, in its order."""

    client: Any
    job: FarmJob
    clips: Sequence[Clip]
    rows: list[Row]
    pending: dict[Any, int] = field(default_factory=dict)
    spans: dict[int, _Spans] = field(default_factory=dict)
    ended: queue.Queue[Any] = field(default_factory=queue.Queue)
    seen_through: int = 0

    def watch(self, stop: threading.Event, save: Callable[[], None], on_progress: Callable[[float, str], None]) -> None:
        """Hand out the tasks until nothing is left to do."""
        for place, (clip, row) in enumerate(zip(self.clips, self.rows, strict=True)):
            self._submit(place, begin_clip, self.job, clip, row)
        while self.pending:
            with suppress(queue.Empty):
                self._take(self.ended.get(timeout=_TICK))
                save()
            if stop.is_set():
                (self.job.scratch / STOP_FILE).touch()
            failed = sum(row.state == "failed" for row in self.rows)
            shares = sum(_SHARE_OF_SPANS * spans.done / spans.total for spans in self.spans.values())
            on_progress(self.seen_through + shares, f"{failed} failed" if failed else "")

    def _submit(self, place: int, work: Callable[..., Any], *arguments: Any) -> None:
        # A name of its own, since Dask takes tasks of one name for one. Clips are begun in their order, and what a
        # clip needs to be finished comes before other clips.
        key = f"dice-{work.__name__}-{uuid.uuid4().hex}"
        priority = 0 if work is begin_clip else 1
        future = self.client.submit(work, *arguments, key=key, priority=priority, pure=False)
        self.pending[future] = place
        future.add_done_callback(self.ended.put)

    def _take(self, future: Any) -> None:
        """Go on from what a task has returned, or from its failure."""
        place = self.pending.pop(future)
        clip, row = self.clips[place], self.rows[place]
        try:
            outcome: Row | list[Span] | bool = future.result()
        except Exception as error:  # whatever ended a worker must not cost the other clips
            _log.info("%s: %r", clip.source, error)
            if place not in self.spans:
                self._end(place, replace(row, state="failed", message=_reason(error)))
                return
            outcome = False  # a span that could not be fitted: the capture itself says why
        if isinstance(outcome, Row):
            self._end(place, outcome)
        elif isinstance(outcome, list):
            self.spans[place] = _Spans(len(outcome))
            _log.info("%s: in %d spans", clip.source, len(outcome))
            for span in outcome:
                self._submit(place, fit_span, self.job, clip, span)
        else:
            spans = self.spans[place]
            spans.done += 1
            if spans.done == spans.total:
                self._submit(place, finish_clip, self.job, clip, row)

    def _end(self, place: int, row: Row) -> None:
        self.rows[place] = row
        self.spans.pop(place, None)
        self.seen_through += 1
        _log.info("%s: %s %s", row.clip, row.state, row.message)


def _reason(error: Exception) -> str:
    """The sentence for a task that has ended without a row."""
    if type(error).__name__ == "KilledWorker":
        return "Every worker that captured it has died, as they do where memory runs out: capture it by itself."
    if isinstance(error, ImportError):
        return f"A worker cannot run it ({error}): install this version of dice-core on every worker."
    return user_message(error)
