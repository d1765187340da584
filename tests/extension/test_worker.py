"""The worker process by itself: what its Python sees, and that it does not outlive Blender."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dice_blender.jobs.worker import Python, Worker, WorkerError, module_folders

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stub ends by POSIX signals")


def test_worker_ends_when_blender_is_killed(stub_python: Python, tmp_path: Path) -> None:
    watcher = (
        "import sys, time; from pathlib import Path; from dice_blender.jobs.worker import Worker\n"
        "worker = Worker(sys.argv[2:], Path(sys.argv[1])); print(worker.pid, flush=True); time.sleep(60)"
    )
    arguments = ["capture", "frames=1000,pause=0.02.mp4", "-o", str(tmp_path / "t.dicetake"), "--events"]
    command = stub_python.command("dice_core", arguments)
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", watcher, str(tmp_path), *command],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    pid = int(process.stdout.readline())
    while not list((tmp_path / "t.dicetake").glob("*.txt")):
        time.sleep(0.02)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the worker outlived Blender")


def test_isolated_python_sees_only_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "json.py").write_text("raise SystemExit('poisoned')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "poison"))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "probe_me.py").write_text("import json, sys; print(json.dumps(sys.argv))")
    python = Python(sys.executable, (str(tmp_path / "own"),))
    worker = Worker(python.command("probe_me", ["a b", "--c", "ä"]), tmp_path / "out")
    while worker.running:
        time.sleep(0.01)
    worker.release()
    assert worker.exit_status == 0, worker.last_lines()
    assert worker.output().strip() == '["probe_me", "a b", "--c", "\\u00e4"]' or '"a b"' in worker.output()


def test_packages_of_a_foreign_python_win(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "__init__.py").write_text("raise SystemExit('ours won')")
    (tmp_path / "probe_me.py").write_text("import json; print(json.dumps(1))")
    python = Python(sys.executable, (str(tmp_path),), isolated=False)
    worker = Worker(python.command("probe_me", []), tmp_path / "out")
    while worker.running:
        time.sleep(0.01)
    worker.release()
    assert worker.output().strip() == "1", worker.last_lines()


def test_missing_module_is_a_sentence() -> None:
    with pytest.raises(WorkerError, match="install the extension again"):
        module_folders(["no_such_module_anywhere"])
