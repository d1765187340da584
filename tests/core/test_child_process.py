"""No code from folders: modules that lie where the user works, or beside the footage, are never run."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dice_blender.jobs.worker import Python, Worker
from dice_core.child_process import child_environment, own_python_command
from tests.core.footage_files import picture, save

NAMES = ("json", "numpy", "re", "cv2", "sitecustomize", "usercustomize", "queue", "dice_core", "dice_blender")
PROJECT = Path(__file__).parents[2]
PATHS = ["", os.pathsep, f".{os.pathsep}"]


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder with modules that leave a file behind when they are run."""
    folder = tmp_path / "footage"
    folder.mkdir()
    for name in NAMES:
        code = f"open({str(tmp_path / 'executed')!r}, 'w').write({name!r})\nraise ImportError('hijacked')\n"
        (folder / f"{name}.py").write_text(code)
    save(folder / "a.png", picture(64, 64))
    return folder


def nothing_ran(trap: Path) -> bool:
    return not (trap.parent / "executed").exists()


def test_the_trap_works(trap: Path) -> None:
    subprocess.run([sys.executable, "-c", "import json"], cwd=trap, capture_output=True, check=False)
    assert not nothing_ran(trap)


@pytest.mark.parametrize("python_path", PATHS)
def test_our_own_python(trap: Path, monkeypatch: pytest.MonkeyPatch, python_path: str) -> None:
    monkeypatch.chdir(trap)
    monkeypatch.setenv("PYTHONPATH", python_path)
    monkeypatch.syspath_prepend(str(trap))
    command = own_python_command("dice_core", ["info", str(trap)])
    done = subprocess.run(command, cwd=trap, env=child_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "holds no take" in done.stderr
    assert nothing_ran(trap)


@pytest.mark.parametrize("python_path", PATHS)
@pytest.mark.parametrize("isolated", [True, False])
def test_blenders_worker(trap: Path, monkeypatch: pytest.MonkeyPatch, python_path: str, isolated: bool) -> None:
    """The worker of either engine; the one for another Python has to find that Python's packages by itself."""
    monkeypatch.chdir(trap)
    monkeypatch.setenv("PYTHONPATH", python_path)
    python = Python(sys.executable, (str(PROJECT),), isolated=isolated)
    worker = Worker(python.command("dice_core", ["info", str(trap)]), trap.parent / "job")
    worker._process.wait(30)
    assert worker.exit_status == 2, worker.last_lines()
    assert "holds no take" in worker.last_lines()[-1]
    assert nothing_ran(trap)


@pytest.mark.parametrize("python_path", PATHS)
def test_the_probe_of_another_python(trap: Path, monkeypatch: pytest.MonkeyPatch, python_path: str) -> None:
    monkeypatch.chdir(trap)
    monkeypatch.setenv("PYTHONPATH", python_path)
    probe = PROJECT / "dice_blender" / "jobs" / "probe.py"
    worker = Worker([sys.executable, str(probe), str(PROJECT)], trap.parent / "job")
    worker._process.wait(60)
    assert '"numpy"' in worker.output()
    assert '"error": ""' in worker.output(), worker.output()
    assert nothing_ran(trap)


@pytest.mark.parametrize("python_path", [None, os.pathsep])
def test_the_command_itself(trap: Path, monkeypatch: pytest.MonkeyPatch, python_path: str | None) -> None:
    """What Python itself imports before our first line is out of our hands: `sitecustomize` and its like."""
    for name in ("sitecustomize", "usercustomize", "re", "dice_core"):
        (trap / f"{name}.py").unlink()
    if python_path is not None:
        monkeypatch.setenv("PYTHONPATH", python_path)
    code = "import sys; from dice_core.cli import main; sys.exit(main())"  # as the `dice` program has it
    boot = f"import sys; sys.path.append({str(PROJECT)!r}); {code}"
    done = subprocess.run(
        [sys.executable, "-c", boot, "info", "."], cwd=trap, capture_output=True, text=True, check=False
    )
    assert "holds no take" in done.stderr, done.stderr
    assert nothing_ran(trap)


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="needs bpy")
def test_dice_blend(trap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dice_core.blender_process import make_blend
    from dice_core.errors import InputError

    monkeypatch.chdir(trap)
    monkeypatch.setenv("PYTHONPATH", os.pathsep)
    with pytest.raises(InputError, match="is not a take"):
        make_blend("nothing.dicetake", "x.blend")
    assert nothing_ran(trap)
