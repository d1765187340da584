"""`dice batch --scheduler` on a cluster of processes on this machine, one of which is killed in the middle."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest

import dice_core.capture.spans as spanning
from dice_core.batch import farm_tasks
from dice_core.batch.clips import Clip
from dice_core.batch.steps import Further
from dice_core.batch.table import Row
from dice_core.capture import capture
from dice_core.capture.spans import fit_span, plan_spans
from dice_core.cli import main
from dice_core.engines.settings import CaptureSettings
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip
from dice_core.take import open_take
from dice_core.take.lock import take_lock
from dice_core.take.removal import WORK_FOLDER
from tests.core.test_batch import BAD, GOOD, PATIENCE, children_of, shoot, states, wait_until

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
__all__ = ["shoot"]  # a fixture

WORKERS = 3
SPAN_DIFFERENCE = 0.5e-3  # metres of any vertex; with two seconds of lead 0.12 mm have been seen of the head


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Address of a scheduler, and the processes of its workers."""
    folder = tmp_path_factory.mktemp("cluster")
    address = f"tcp://127.0.0.1:{_free_port()}"
    processes = []

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", f"distributed.cli.dask_{name.split(maxsplit=1)[0]}", *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        processes.append(process)
        return process

    start("scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard")
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
    workers = [start(f"worker {number}", address, *options) for number in range(WORKERS)]
    try:
        yield address, workers
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_worker_that_is_killed_costs_no_clip(
    shoot: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, workers = cluster
    out = tmp_path / "takes"
    command = [sys.executable, "-m", "dice_core", "batch", str(shoot), "-o", str(out), "--scheduler", address]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    try:
        kept = wait_until(out, 1)
        times = {name: (out / name / "take.json").stat().st_mtime_ns for name in kept}
        victim = next(worker for worker in workers if _captures(worker.pid))
        victim.kill()
        output, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 1, errors
    found = states(out)
    # A worker may be killed between the end of a capture and the word of it: then the next one finds the take there.
    assert {name for name, state in found.items() if state in ("done", "there")} == GOOD, output
    assert {name for name, state in found.items() if state == "failed"} == BAD
    assert "letter.png is not an image that can be read" in output
    assert all(open_take(out / f"{Path(name).stem}.dicetake").complete for name in GOOD)
    for name, modified in times.items():
        assert (out / name / "take.json").stat().st_mtime_ns == modified, "captured a second time"
    assert not list(out.glob(".batch-*"))
    assert not children_of(out)


def _captures(pid: int) -> bool:
    """Whether a worker has a capture running."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status = (process / "status").read_text()
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if re.search(rf"^PPid:\t{pid}$", status, re.M) and b"capture" in words:
            return True
    return False


def test_ctrl_c_ends_the_captures_of_the_workers(
    shoot: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    out = tmp_path / "takes"
    command = [sys.executable, "-m", "dice_core", "batch", str(shoot), "-o", str(out), "--scheduler", cluster[0]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while not children_of(out) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "the same command continues from here" in output
    assert not children_of(out)


def test_a_long_clip_is_fitted_in_spans(cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path) -> None:
    """At one frame a second, so that two minutes are few frames."""
    (tmp_path / "shoot").mkdir()
    size = 64, 48
    writer = cv2.VideoWriter(str(tmp_path / "shoot" / "long.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 1.0, size)
    for number in range(130):
        writer.write(np.full((*size[::-1], 3), number, np.uint8))
    writer.release()
    out = tmp_path / "takes"
    command = [sys.executable, "-m", "dice_core", "batch", str(tmp_path / "shoot"), "-o", str(out), "-v"]
    done = subprocess.run([*command, "--scheduler", cluster[0]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "long.avi: in 3 spans" in done.stderr
    take = open_take(out / "long.dicetake")
    assert take.complete
    assert take.frames.tolist() == list(range(130))
    assert not (take.path / WORK_FOLDER).exists()


def test_a_take_that_a_dying_capture_grabs_first_is_captured_after_it(
    shoot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    job = farm_tasks.FarmJob(tmp_path, scratch, CaptureSettings(), Further())
    take, waits = tmp_path / "clip 0.dicetake", [farm_tasks.wait_for_take]
    held = ExitStack()

    def looked_too_early(path: Path, seconds: float) -> None:
        if len(waits) > 1:
            held.close()
            waits[0](path, seconds)
            return
        waits.append(waits[0])
        held.enter_context(take_lock(take))  # just after the look

    monkeypatch.setattr(farm_tasks, "wait_for_take", looked_too_early)
    clip = Clip(str(shoot / "clip 0.mp4"), "clip 0")
    with held:
        row = farm_tasks.finish_clip(job, clip, Row(clip.source, take.name))
    assert row.state == "done", row.message
    assert open_take(take).complete


def test_no_scheduler_is_one_sentence(
    shoot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dice_core.batch.farm._PATIENCE", "1s")
    address = f"tcp://127.0.0.1:{_free_port()}"
    assert main(["batch", str(shoot), "-o", str(tmp_path / "takes"), "--scheduler", address]) == 2
    assert "No Dask scheduler answers" in capsys.readouterr().err


def test_a_clip_in_spans_is_the_clip_in_one_piece(tmp_path: Path) -> None:
    """The tracker of a span begins two seconds before it, and has settled by then but for a little."""
    settings = CaptureSettings()
    whole, divided = tmp_path / "whole.dicetake", tmp_path / "divided.dicetake"
    with open_footage(sample_clip()) as footage:
        capture(footage, whole, settings)
    with open_footage(sample_clip()) as footage:
        spans = plan_spans(footage, divided, settings, lambda: False, span_seconds=1.0)
        assert len(spans) == 3
        assert not open_take(divided).complete
    for span in reversed(spans):
        with open_footage(sample_clip()) as footage:
            assert fit_span(footage, divided, settings, span, should_stop=lambda: False)
    with open_footage(sample_clip()) as footage:
        assert plan_spans(footage, divided, settings, lambda: False, span_seconds=1.0) == []
        assert fit_span(footage, divided, settings, spans[1], should_stop=lambda: True), "all of it is there"
        blocks = [file.stat().st_mtime_ns for file in sorted((divided / WORK_FOLDER).glob("block-*"))]
        seen: list[list[int]] = []

        def progress(_done: int, _total: int) -> None:
            seen.append([file.stat().st_mtime_ns for file in sorted((divided / WORK_FOLDER).glob("block-*"))])

        capture(footage, divided, settings, on_progress=progress)
    assert seen[0] == blocks, "nothing is fitted again"
    one, other = open_take(whole), open_take(divided)
    assert other.complete
    assert one.events == other.events
    for key in ("head.vertices", "hand_right.vertices"):
        assert np.abs(one.array(key) - other.array(key)).max() < SPAN_DIFFERENCE, key


def test_a_span_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spanning, "block_frames", lambda fps: 6)
    take = tmp_path / "a.dicetake"
    settings, asked = CaptureSettings(), [0]

    def stop_soon() -> bool:
        asked[0] += 1
        return asked[0] > 9

    with open_footage(sample_clip()) as footage:
        spans = plan_spans(footage, take, settings, lambda: False, span_seconds=1.0)
    with open_footage(sample_clip()) as footage:
        assert not fit_span(footage, take, settings, spans[0], should_stop=stop_soon)
        begun = {file.name for file in (take / WORK_FOLDER).glob("block-*")}
        assert begun == {"block-000000.npz"}
        assert fit_span(footage, take, settings, spans[0], should_stop=lambda: False)
    assert {file.name for file in (take / WORK_FOLDER).glob("block-*")} == {f"block-{k:06d}.npz" for k in range(4)}
