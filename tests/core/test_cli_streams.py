"""Names and outputs that the machine does not take: the work is done, or one sentence says why not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dice_core.cli import main
from dice_core.errors import user_message
from dice_core.take import open_take
from tests.core.command_line import image, sentence

DICE = [sys.executable, "-m", "dice_core"]
posix = pytest.mark.skipif(os.name == "nt", reason="shells of Windows close no streams")


def run(*command: str | Path, encoding: str = "cp1252", shell: str = "") -> subprocess.CompletedProcess[bytes]:
    arguments = [*DICE, *map(str, command)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    if shell:
        arguments = ["sh", "-c", f'exec "$0" "$@" {shell}', *arguments]
    return subprocess.run(arguments, capture_output=True, env=environment, check=False)


def test_names_that_the_terminal_cannot_print(tmp_path: Path) -> None:
    footage = image(tmp_path / "a.png").rename(tmp_path / "\uc5bc\uad74.png")
    take = tmp_path / "\uc5bc\uad74.dicetake"
    drawn = tmp_path / "\uc5bc\uad74 2.png"
    for command in (["capture", footage, "-o", take], ["info", take], ["preview", take, "-o", drawn]):
        done = run(*command)
        assert done.returncode == 0, done.stderr
        assert b"\\uc5bc\\uad74" in done.stdout
    missing = run("info", tmp_path / "\u00fc\uc5bc.dicetake")
    assert missing.returncode == 2
    assert b"\xfc\\uc5bc" in missing.stderr, "what the encoding has is written as it is"


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_cost_nothing(tmp_path: Path, closed: str) -> None:
    take = tmp_path / "a.dicetake"
    assert run("capture", image(tmp_path / "a.png"), "-o", take, shell=closed).returncode == 0
    assert open_take(take).complete
    assert run("info", take, shell=closed).returncode == 0
    assert open_take(take).complete, "nothing was printed into the files of the take"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full at once")
def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    take = tmp_path / "a.dicetake"
    assert main(["capture", str(image(tmp_path / "a.png")), "-o", str(take)]) == 0
    done = run("info", take, "--json", shell=">/dev/full")
    assert done.returncode == 2
    assert sentence(done.stderr.decode()).endswith(
        "(no space left on device): make room there, or choose another place."
    )


def test_long_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that the disk allows are enough, however long what is made of them would be called."""
    monkeypatch.chdir(tmp_path)
    for name in (f"{'a' * 240}x.png", f"{'a' * 240}y.png", f"{chr(0xC5BC) * 80}.png"):
        image(Path("i.png")).rename(name)
        assert main(["capture", name]) == 0
    takes = sorted(Path().glob("*.dicetake"))
    assert len(takes) == 3
    assert len({take.name[:150] for take in takes}) == 2, "the two that begin alike have takes of their own"
    output = Path(f"{'p' * 245}.png")
    assert main(["preview", str(takes[0]), "-o", str(output)]) == 0
    assert main(["preview", str(takes[0]), "-o", str(output.with_suffix(".mp4"))]) == 0
    capsys.readouterr()
    for command in (
        ["capture", "b" * 300],
        ["capture", "i.png", "-o", "b" * 300],
        ["info", "b" * 300],
        ["preview", str(takes[0]), "-o", "b" * 300 + ".png"],
    ):
        image(Path("i.png"))
        assert main(command) == 2
        assert sentence(capsys.readouterr().err) == (
            f"dice: {'b' * 60}... cannot be used (file name too long): use a shorter name."
        )


def test_stills_of_long_names_have_takes_of_their_own(tmp_path: Path) -> None:
    for end in "xy":
        image(tmp_path / "i.png").rename(tmp_path / f"{'a' * 240}{end}.png")
    assert main(["capture", str(tmp_path), "--stills", "-o", str(tmp_path / "takes")]) == 0
    assert len(list((tmp_path / "takes").iterdir())) == 2


def test_errors_of_the_system_are_no_bugs() -> None:
    assert user_message(PermissionError(13, "Permission denied", "/a/b.npz")) == (
        "b.npz cannot be used (permission denied): check the permissions there, or choose another place."
    )
    assert "This is a bug" in user_message(ConnectionResetError(104, "reset"))


def test_a_broken_library_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "other" / "cv2").mkdir(parents=True)
    (tmp_path / "other" / "cv2" / "__init__.py").write_text("")
    (tmp_path / "av").mkdir()
    (tmp_path / "av" / "__init__.py").write_text("raise ImportError('DLL load failed:\\n no such procedure')")
    for folder, message in (
        (tmp_path / "other", "OpenCV is broken"),
        (tmp_path, "av cannot be loaded (DLL load failed: no"),
    ):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
        done = subprocess.run([*DICE, "models"], capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 1
        assert message in sentence(done.stderr)


def test_what_a_mac_prints_while_libraries_load_is_hidden() -> None:
    code = (
        "import os, sys; sys.platform = 'darwin'; from dice_core.quiet_loading import quiet_loading\n"
        "with quiet_loading():\n    os.write(2, b'hidden')\nos.write(2, b'shown')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b"shown"
