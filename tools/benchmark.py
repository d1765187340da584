"""How fast a capture is, and where its time goes: `python tools/benchmark.py [INPUT] [--repeat N]`.

Captures the bundled sample (or other footage) into a temporary folder and prints frames a second of the whole capture
and the milliseconds a frame of every stage. The stages are timed from outside: the product knows nothing of it.
Decoding and the landmark networks run in a thread of their own, so that the stages add up to more than the whole.
Frames are post-processed in this process here, where a capture otherwise has another for it, so that it can be timed.

--processor-time measures the stages by the time that a processor works on them, with all libraries held to one thread:
what a machine that has other work to do can be compared by. --peer PYTHON also runs MediaPipe's own loop over the same
clip, in turns with captures in new processes; PYTHON is that of an environment with `mediapipe==0.10.21`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dice_core.cli  # first, because it says how many threads numpy may use

# isort: split
import cv2

import dice_core.capture.blocks
import dice_core.engines.open.engine
import dice_core.own_process
from dice_core.capture import capture
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.engines.open.engine import OpenEngine
from dice_core.engines.open.frame_fit import FrameFitter
from dice_core.engines.open.postprocess import Postprocessor
from dice_core.engines.settings import CaptureSettings
from dice_core.fitting.hand_fit import HandFitter
from dice_core.fitting.hand_head_refinement import HandHeadRefiner
from dice_core.fitting.head_fit import HeadFitter
from dice_core.landmarks import LandmarkTracker
from dice_core.media.footage import Footage
from dice_core.media.opening import open_footage
from dice_core.media.video import VideoFootage
from dice_core.sample import sample_clip
from dice_core.take import TakeWriter, open_take

STAGES = (
    "opening the footage",
    "survey of the person",
    "preparing the bodies",
    "decoding",
    "landmarks",
    "head fit",
    "hand fit",
    "refinement",
    "smoothing and posing",
    "soft tissue",
    "writing",
)


class Stopwatch:
    """Seconds that each stage takes by itself: what it calls of other stages counts there."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """clock : seconds, of this thread's own or of the wall."""
        self._clock = clock
        self.seconds: dict[str, float] = defaultdict(float)
        self._threads = threading.local()

    def measure(self, stage: str, work: Callable[[], Any]) -> Any:
        """Do some work and note how long it takes."""
        inner: list[float] = self._threads.__dict__.setdefault("inner", [])
        inner.append(0.0)
        begun = self._clock()
        try:
            return work()
        finally:
            whole = self._clock() - begun
            self.seconds[stage] += whole - inner.pop()
            if inner:
                inner[-1] += whole

    def watch(self, owner: Any, name: str, stage: str) -> None:
        """Have every call of a function or method measured."""
        original = getattr(owner, name)

        @wraps(original)
        def watched(*arguments: Any, **named: Any) -> Any:
            return self.measure(stage, lambda: original(*arguments, **named))

        setattr(owner, name, watched)

    def watch_frames(self, footage: Footage, stage: str) -> None:
        """Have the decoding of every frame measured; a video's takes place in a thread of its own."""
        if isinstance(footage, VideoFootage):
            self.watch(footage, "_read", stage)
            return
        original = footage.frames
        end = object()

        def frames(start: int = 0, stop: int | None = None) -> Iterator[Any]:
            source = original(start, stop)
            while (item := self.measure(stage, lambda: next(source, end))) is not end:
                yield item

        footage.frames = frames  # type: ignore[method-assign]


def watch_stages(watch: Stopwatch) -> None:
    """Put the stopwatch around the stages of a capture, all of which stay in this process."""
    dice_core.own_process.processor_count = lambda: 1
    for name in ("survey", "sample_landmarks"):
        watch.watch(dice_core.engines.open.engine, name, "survey of the person")
    watch.watch(OpenEngine, "prepare", "preparing the bodies")
    for method in ("track", "detect"):
        watch.watch(LandmarkTracker, method, "landmarks")
    watch.watch(HeadFitter, "fit", "head fit")
    watch.watch(HandFitter, "fit", "hand fit")
    watch.watch(FrameFitter, "_view", "refinement")
    watch.watch(HandHeadRefiner, "refine", "refinement")
    watch.watch(Postprocessor, "chunk", "smoothing and posing")
    watch.watch(SoftTissue, "solve", "soft tissue")
    for method in ("write_chunk", "add_mesh", "finish"):
        watch.watch(TakeWriter, method, "writing")
    watch.watch(dice_core.capture.blocks, "write_arrays", "writing")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", nargs="?", default=str(sample_clip()), help="footage; the bundled sample by default")
    parser.add_argument("--repeat", type=int, default=1, help="captures; the fastest counts")
    parser.add_argument("--processor-time", action="store_true", help="of every stage, with one thread for each")
    parser.add_argument(
        "--peer", metavar="PYTHON", help="compare with MediaPipe's Hands and FaceMesh, run by this Python"
    )
    options = parser.parse_args()
    if options.peer:
        compare_with_peer(options.input, options.peer, options.repeat)
        return
    if options.processor_time:
        cv2.setNumThreads(1)
    watch = Stopwatch(time.thread_time if options.processor_time else time.perf_counter)
    watch_stages(watch)
    best: tuple[float, int, dict[str, float]] | None = None
    print(f"load before: {_load()}")
    for _ in range(options.repeat):
        watch.seconds.clear()
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            footage = watch.measure("opening the footage", lambda: open_footage(options.input))
            watch.watch_frames(footage, "decoding")
            result = capture(footage, Path(folder) / "benchmark.dicetake", CaptureSettings())
            seconds = time.perf_counter() - begun
        if best is None or seconds < best[0]:
            best = seconds, result.frames, dict(watch.seconds)
    assert best is not None, "--repeat is at least 1"
    seconds, frames, stages = best
    print(f"load after:  {_load()}\n")
    print(f"{frames} frames in {seconds:.2f} s: {frames / seconds:.1f} frames a second\n")
    print(f"{'stage':<22}{'ms a frame':>12}{'s in all':>10}")
    for stage in STAGES:
        print(f"{stage:<22}{1000 * stages.get(stage, 0.0) / frames:>12.1f}{stages.get(stage, 0.0):>10.2f}")


def compare_with_peer(source: str, python: str, rounds: int) -> None:
    """Time whole processes in turns: a capture, and MediaPipe's loop over the same frames."""
    loop = str(Path(__file__).with_name("mediapipe_loop.py"))
    ours, theirs = [], []
    print(f"load before: {_load()}")
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            take = Path(folder) / "a.dicetake"
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-m", "dice_core", "capture", source, "-o", str(take)], check=True)
            seconds = time.perf_counter() - begun
            ours.append(len(open_take(take).frames) / seconds)
        begun = time.perf_counter()
        said = subprocess.run([python, loop, source], check=True, capture_output=True, text=True).stdout
        theirs.append(int(said.split()[-1]) / (time.perf_counter() - begun))
    print(f"load after:  {_load()}\n")
    print(f"{'frames a second':<34}{'median':>8}{'all':>6}")
    for name, values in (("dice capture, a whole take", ours), ("MediaPipe Hands and FaceMesh", theirs)):
        print(f"{name:<34}{statistics.median(values):>8.1f}  {', '.join(f'{value:.1f}' for value in values)}")
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(f"{'ratio, pair by pair':<34}{statistics.median(ratios):>8.2f}  {', '.join(f'{r:.2f}' for r in ratios)}")


def _load() -> str:
    cores = dice_core.own_process.processor_count()
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return f"{loads} (1, 5, 15 minutes) on {cores} cores"


if __name__ == "__main__":
    main()
