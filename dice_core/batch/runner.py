"""The clips of a batch, some at a time, each step in a process of its own."""

from __future__ import annotations

import contextlib
import logging
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from dice_core.batch.clips import Clip, existing_takes, name_clips
from dice_core.batch.farm import run_on_cluster
from dice_core.batch.farm_tasks import FarmJob
from dice_core.batch.lock import folder_lock
from dice_core.batch.process import DiceProcess
from dice_core.batch.steps import ClipSteps, Further, is_current
from dice_core.batch.table import Row, read_rows, write_rows
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError, Stopped
from dice_core.take.names import TAKE_ENDING

__all__ = ["BatchResult", "Further", "run_batch"]

_log = logging.getLogger(__name__)

_TICK = 0.2  # seconds between two looks at how far the clips are
_SCRATCH = ".batch-"


@dataclass(frozen=True)
class BatchResult:
    """How a batch ended: a row for each clip, in order."""

    rows: list[Row]

    @property
    def stopped(self) -> bool:
        """Whether it ended before all clips were seen through."""
        return any(row.state in ("waiting", "stopped") for row in self.rows)

    @property
    def failed(self) -> int:
        """How many clips failed."""
        return sum(row.state == "failed" for row in self.rows)


def run_batch(
    sources: Sequence[str],
    folder: Path,
    settings: CaptureSettings,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    further: Further = Further(),  # noqa: B008 (it is frozen)
    stop: threading.Event | None = None,
    on_progress: Callable[[float, str], None] | None = None,
    on_warning: Callable[[str], None] = _log.warning,
) -> BatchResult:
    """Capture clips into takes in a folder, and make of each take what `further` says.

    sources : absolute paths or patterns, as of `find_sources`; jobs : how many at a time; scheduler : address of a Dask
    scheduler, whose workers do the work in place of processes here, as many at a time as there are; stop : once it is
    set, running captures end after the frame in hand and no other begins; on_progress : given the number of clips that
    are done, with the finished parts of those that run, and a word about them.
    What is complete is left alone, and what an earlier run has begun is continued. The table in the folder is
    rewritten after each clip. A KeyboardInterrupt ends all processes at once and is raised again.
    Raises InputError where the folder cannot be written to, another batch works in it, or no scheduler answers.
    """
    stop = threading.Event() if stop is None else stop
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror or error}): choose another.") from error
    folder = folder.absolute()
    with folder_lock(folder, on_wait=on_warning) as inherited, _scratch(folder) as scratch:
        takes = existing_takes(folder)
        clips = name_clips(sources, takes, is_same=lambda take, source: is_current(take, source, settings))
        known = read_rows(folder)
        rows = [_row(clip, known.get(clip.source)) for clip in clips]
        if scheduler is not None:
            job = FarmJob(folder, scratch, settings, further)
            run_on_cluster(scheduler, job, clips, rows, stop, lambda: write_rows(folder, rows), on_progress or _ignore)
            return BatchResult(rows)
        pool = _Pool(scratch, inherited, stop)
        steps = ClipSteps(folder, scratch, settings, further, pool.start)
        pool.run(clips, rows, jobs, steps, lambda: write_rows(folder, rows), on_progress or _ignore)
        return BatchResult(rows)


class _Pool:
    """Threads that each see one clip through, and the processes that they have started."""

    def __init__(self, scratch: Path, inherited: Sequence[int], stop: threading.Event) -> None:
        self._scratch, self._inherited, self._stop = scratch, inherited, stop
        self._lock = threading.Lock()
        self._running: list[tuple[DiceProcess, bool]] = []
        self._shares: dict[int, float] = {}

    def start(self, arguments: Sequence[str], log: Path, *, gently: bool) -> DiceProcess:
        """Start a command; see `steps.Start`."""
        with self._lock:
            if self._stop.is_set():
                raise Stopped
            # The next batch waits for captures that outlive this one; other commands write to this one's scratch.
            process = DiceProcess(arguments, self._scratch, log, self._inherited if gently else ())
            self._running = [(other, kind) for other, kind in self._running if other.is_running]
            self._running.append((process, gently))
        return process

    def run(
        self,
        clips: Sequence[Clip],
        rows: list[Row],
        jobs: int,
        steps: ClipSteps,
        save: Callable[[], None],
        on_progress: Callable[[float, str], None],
    ) -> None:
        """See all clips through; each one's row is replaced as it ends, and the table saved."""
        save()
        with ThreadPoolExecutor(jobs, thread_name_prefix="clip") as threads:
            futures = {
                threads.submit(self._see_through, place, rows[place], clip, steps): place
                for place, clip in enumerate(clips)
            }
            try:
                self._watch(futures, rows, save, on_progress)
            except BaseException:
                self._stop.set()
                with self._lock:
                    for process, _ in self._running:
                        process.kill()
                raise

    def _watch(
        self,
        futures: dict[Future[Row], int],
        rows: list[Row],
        save: Callable[[], None],
        on_progress: Callable[[float, str], None],
    ) -> None:
        waiting = set(futures)
        while waiting:
            ended, waiting = wait(waiting, _TICK, FIRST_COMPLETED)
            for future in ended:
                place = futures[future]
                rows[place] = future.result()
                self._shares[place] = 1.0
                _log.info("%s: %s %s", rows[place].clip, rows[place].state, rows[place].message)
            if ended:
                save()
            if self._stop.is_set():
                with self._lock:
                    for process, gently in self._running:
                        process.stop(gently=gently)
            failed = sum(row.state == "failed" for row in rows)
            on_progress(sum(self._shares.copy().values()), f"{failed} failed" if failed else "")

    def _see_through(self, place: int, row: Row, clip: Clip, steps: ClipSteps) -> Row:
        """In a thread: all steps of a clip."""
        if self._stop.is_set():
            return row

        def progress(share: float) -> None:
            self._shares[place] = share

        return steps.run(row, clip, progress)


def _row(clip: Clip, known: Row | None) -> Row:
    """A row to begin with, which keeps what an earlier run has found out."""
    row = Row(clip.source, clip.name + TAKE_ENDING)
    return row if known is None or known.take != row.take else replace(known, state="waiting", message="")


def _ignore(_done: float, _words: str) -> None:
    pass


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for logs and unfinished files; those that killed batches have left are deleted."""
    for old in folder.glob(f"{_SCRATCH}*"):
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=folder))
        scratch.chmod(stat.S_IMODE(folder.stat().st_mode))  # a cluster's workers may be of another user
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror or error}): choose another.") from error
    try:
        yield scratch
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(scratch)
