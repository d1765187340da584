"""One capture a take: the second is told so, and a process that was killed is in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dice_core.cli import main
from dice_core.errors import InputError
from dice_core.take.lock import LOCK_FILE, take_lock
from tests.core.command_line import sentence
from tests.core.footage_files import picture, save

HOLDER = "import sys\nfrom pathlib import Path\nfrom dice_core.take.lock import take_lock\n" + (
    "with take_lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
)


def hold(take: Path) -> subprocess.Popen[str]:
    """Another process that holds a take until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(take)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_capture_into_a_take_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "a.png", picture(64, 64))
    process = hold(tmp_path / "a.dicetake")
    assert main(["capture", str(tmp_path / "a.png"), "-o", str(tmp_path / "a.dicetake")]) == 2
    assert "captured into at this moment" in sentence(capsys.readouterr().err)
    process.communicate()
    assert main(["capture", str(tmp_path / "a.png"), "-o", str(tmp_path / "a.dicetake")]) == 0
    assert not (tmp_path / "a.dicetake" / LOCK_FILE).exists()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    process = hold(tmp_path / "take")
    with pytest.raises(InputError, match="at this moment"), take_lock(tmp_path / "take"):
        pass
    process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    process.communicate()
    assert (tmp_path / "take" / LOCK_FILE).exists()
    with take_lock(tmp_path / "take"):
        pass
    assert not (tmp_path / "take" / LOCK_FILE).exists()


def test_a_folder_that_was_made_for_nothing_is_gone(tmp_path: Path) -> None:
    with take_lock(tmp_path / "take"):
        assert (tmp_path / "take").is_dir()
    assert not (tmp_path / "take").exists()
    (tmp_path / "mine").mkdir()
    with take_lock(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine").is_dir()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are POSIX here")
def test_a_lock_is_not_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "take").mkdir()
    os.symlink(tmp_path / "made", tmp_path / "take" / LOCK_FILE)
    with pytest.raises(InputError, match="cannot be written"), take_lock(tmp_path / "take"):
        pass
    assert not (tmp_path / "made").exists()
