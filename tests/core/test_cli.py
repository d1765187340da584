"""The `dice` command given what it cannot use: one sentence, exit status 2, nothing on disk lost."""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.cli import main
from dice_core.cli.arguments import parser
from dice_core.sample import sample_clip
from dice_core.take import open_take
from tests.core.command_line import content, image, sentence

MEMORY = 1_500_000_000
"""Bytes that refusing a picture of 400 million pixels may take; the program by itself takes a third of it."""


def missing(folder: Path) -> list[str]:
    return [str(folder / "nowhere.mp4")]


def empty_folder(folder: Path) -> list[str]:
    (folder / "empty").mkdir()
    return [str(folder / "empty")]


def text_as_image(folder: Path) -> list[str]:
    (folder / "letter.png").write_text("Dear reader")
    return [str(folder / "letter.png")]


def text_as_video(folder: Path) -> list[str]:
    (folder / "letter.mp4").write_text("Dear reader")
    return [str(folder / "letter.mp4")]


def headless_video(folder: Path) -> list[str]:
    (folder / "cut.mp4").write_bytes(sample_clip().read_bytes()[:400])
    return [str(folder / "cut.mp4")]


def cut_image(folder: Path) -> list[str]:
    whole = image(folder / "whole.png", 400, 300).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return [str(folder / "cut.png")]


def one_pixel(folder: Path) -> list[str]:
    return [str(image(folder / "dot.png", 1, 1))]


def outside(folder: Path) -> list[str]:
    return [str(sample_clip()), "--frames", "50:999"]


def empty_range(folder: Path) -> list[str]:
    return [str(sample_clip()), "--frames", "9:9"]


def impossible_lens(folder: Path) -> list[str]:
    return [str(sample_clip()), "--fov", "400"]


def mixed_sizes(folder: Path) -> list[str]:
    (folder / "mixed").mkdir()
    image(folder / "mixed" / "a1.png")
    image(folder / "mixed" / "a2.png", 80, 60)
    return [str(folder / "mixed")]


def frames_of_stills(folder: Path) -> list[str]:
    (folder / "stills").mkdir()
    image(folder / "stills" / "a.png")
    return [str(folder / "stills"), "--stills", "--frames", "0:1"]


BAD = [
    missing,
    empty_folder,
    text_as_image,
    text_as_video,
    headless_video,
    cut_image,
    one_pixel,
    outside,
    empty_range,
    impossible_lens,
    mixed_sizes,
    frames_of_stills,
]


@pytest.mark.parametrize("bad", BAD, ids=lambda case: case.__name__)
def test_bad_input_is_one_sentence_and_leaves_everything(
    tmp_path: Path, bad: Callable[[Path], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = bad(tmp_path)
    out = tmp_path / "out.dicetake"
    before = content(tmp_path)
    assert main(["capture", *arguments, "-o", str(out)]) == 2
    sentence(capsys.readouterr().err)
    assert content(tmp_path) == before
    assert not out.exists()


@pytest.mark.parametrize("bad", [missing, text_as_image, outside], ids=lambda case: case.__name__)
def test_bad_input_is_an_error_event_too(
    tmp_path: Path, bad: Callable[[Path], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capture", *bad(tmp_path), "-o", str(tmp_path / "out.dicetake"), "--events"]) == 2
    shown = capsys.readouterr()
    (event,) = [json.loads(line) for line in shown.out.splitlines()]
    assert event["event"] == "error"
    assert sentence(shown.err) == f"dice: {event['message']}"


def test_a_take_of_other_footage_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.dicetake"
    assert main(["capture", str(image(tmp_path / "a.png")), "-o", str(out)]) == 0
    before = content(out)
    capsys.readouterr()
    other = tmp_path / "b.png"
    cv2.imwrite(str(other), np.full((48, 64, 3), 120, np.uint8))
    assert main(["capture", str(other), "-o", str(out)]) == 2
    assert "other footage or settings" in sentence(capsys.readouterr().err)
    assert main(["capture", str(tmp_path / "a.png"), "-o", str(out), "--fov", "70"]) == 2
    assert "other footage or settings" in sentence(capsys.readouterr().err)
    assert content(out) == before


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear reader")
    before = content(tmp_path / "mine")
    assert main(["capture", str(image(tmp_path / "a.png")), "-o", str(tmp_path / "mine")]) == 2
    sentence(capsys.readouterr().err)
    assert content(tmp_path / "mine") == before


def test_an_output_below_a_file_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["capture", str(image(tmp_path / "a.png")), "-o", str(tmp_path / "file" / "out.dicetake")]) == 2
    assert "cannot be written to" in sentence(capsys.readouterr().err)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_read_only_place_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Path("/proc/dice-test")
    if not place.parent.is_dir():
        pytest.skip("needs a place that even root cannot write to")
    assert main(["capture", str(image(tmp_path / "a.png")), "-o", str(place / "out.dicetake")]) == 2
    assert "cannot be written to" in sentence(capsys.readouterr().err)


def huge_png(path: Path, side: int = 20_000) -> Path:
    """A valid greyscale PNG of side x side pixels that takes little room."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    packer = zlib.compressobj(1)
    row = bytes(side + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
def test_a_huge_image_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    picture = huge_png(tmp_path / "huge.png")
    script = (
        "import resource, sys\n"
        "from dice_core.cli import main\n"
        "status = main(sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)\n"
        "raise SystemExit(status)\n"
    )
    command = [sys.executable, "-c", script, "capture", str(picture), "-o", str(tmp_path / "out.dicetake")]
    # A leak would end in an error of its own instead of in trouble for the machine.
    limit = (16 * MEMORY, 16 * MEMORY)
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )
    assert run.returncode == 2, run.stderr
    assert "20000 x 20000" in sentence(run.stderr)
    assert int(run.stdout.split()[-1]) < MEMORY
    assert not (tmp_path / "out.dicetake").exists()


def test_one_bad_still_does_not_cost_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    image(folder / "a.png")
    image(folder / "a.jpg")
    image(folder / "b.png", 80, 60)
    (folder / "c.png").write_text("Dear reader")
    assert main(["capture", str(folder), "--stills", "-o", str(tmp_path / "takes")]) == 2
    assert "c.png" in sentence(capsys.readouterr().err)
    names = sorted(path.name for path in (tmp_path / "takes").iterdir())
    assert names == ["a.jpg.dicetake", "a.png.dicetake", "b.dicetake"]


@pytest.mark.parametrize("arguments", [[], ["capture"], ["capture", "a.mp4", "--frames", "5"], ["unknown"]])
def test_wrong_usage_ends_with_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: dice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["a.png", "--fps", "30"], "no frame rate"),
        (["a.png", "--fps", "30", "--stills"], "--fps is for clips"),
        ([".", "--fps", "0"], "cannot have 0 frames a second"),
    ],
)
def test_a_frame_rate_where_there_is_none_is_refused(
    tmp_path: Path,
    options: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    image(tmp_path / "a.png")
    assert main(["capture", *options, "-o", "out.dicetake"]) == 2
    assert words in sentence(capsys.readouterr().err)


def test_a_still_has_no_frame_rate_and_a_sequence_the_given_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s").mkdir()
    for name in ("1.png", "2.png"):
        image(tmp_path / "s" / name)
    for arguments, rate, words in (
        ([str(image(tmp_path / "a.png"))], 0.0, "a still"),
        ([str(tmp_path / "s"), "--fps", "30"], 30.0, "30 fps"),
    ):
        out = tmp_path / f"{rate}.dicetake"
        assert main(["capture", *arguments, "-o", str(out), "--events"]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert events[0]["fps"] == rate
        assert open_take(out).fps == rate
        assert main(["info", str(out)]) == 0
        assert words in capsys.readouterr().out
        for name in ("out.png", "out.mp4"):
            assert main(["preview", str(out), "-o", str(tmp_path / name)]) == 0
        capsys.readouterr()


@pytest.mark.parametrize(
    ("given", "name"),
    [("clips/walk.mov", "walk.dicetake"), ("shots/", "shots.dicetake"), ("shots/*.png", "sequence.dicetake")],
)
def test_the_take_is_named_after_the_footage(
    given: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    outputs = []

    def note(source: str, output: Path, *_: object, **__: object) -> None:
        outputs.append(output)
        raise KeyboardInterrupt

    monkeypatch.setattr("dice_core.cli.capturing.capture_with_progress", note)
    assert main(["capture", given]) == 130
    monkeypatch.chdir(tmp_path)
    assert main(["capture", "."]) == 130
    assert [str(output) for output in outputs] == [name, f"{tmp_path.name}.dicetake"]


def test_every_command_has_a_function_to_run() -> None:
    """The parser names them, so that no module is loaded before its command runs."""
    commands = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    places = {name: sub.get_default("run").args[0] for name, sub in commands.choices.items()}
    assert places["capture"] == "capturing.run"
    for place in places.values():
        module, function = place.split(".")
        assert callable(getattr(importlib.import_module(f"dice_core.cli.{module}"), function)), place


def test_a_command_line_is_understood_without_what_the_commands_need() -> None:
    """Loading all of it takes longer than looking at a photo."""
    code = "import sys; import dice_core.cli.arguments as a; a.parser(); print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"cv2", "av", "tqdm"} & set(loaded)
    assert not [name for name in loaded if name.startswith(("dice_core.fitting", "dice_core.capture"))]
