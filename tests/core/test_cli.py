"""The `dice` command given what it cannot use: one sentence, exit status 2, nothing on disk lost."""

from __future__ import annotations

import io
import json
import resource
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dice_core.cli import main
from dice_core.cli.stopping import stop_requests
from dice_core.errors import InputError, Stopped
from dice_core.media.footage import Footage
from dice_core.media.opening import open_footage
from dice_core.sample import sample_clip, sample_truth
from dice_core.take import open_take
from tests.core.synthetic_bodies import HAND_RADIUS, HEAD_RADIUS, sphere_take

MEMORY = 1_500_000_000
"""Bytes that refusing a picture of 400 million pixels may take; the program by itself takes a third of it."""


def image(path: Path, width: int = 64, height: int = 48) -> Path:
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


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


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def sentence(text: str) -> str:
    """The only line of an error, without its beginning."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("dice: ")
    assert lines[0].endswith(".")
    assert "Traceback" not in text
    return lines[0]


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


@pytest.mark.parametrize(
    "arguments",
    [["info"], ["metrics"], ["preview", "-o", "out.png"], ["blend", "-o", "out.blend"]],
    ids=lambda arguments: arguments[0],
)
def test_what_is_no_take_is_said_by_every_command(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command, *rest = arguments
    assert main([command, str(tmp_path / "nowhere.dicetake"), *rest]) == 2
    sentence(capsys.readouterr().err)
    assert content(tmp_path) == {}


def test_a_take_without_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "begun.dicetake"
    folder.mkdir()
    info = json.loads((sample_truth() / "take.json").read_text(encoding="utf-8"))
    info |= {"camera": None, "meshes": [], "chunks": [], "events": [], "complete": False}
    (folder / "take.json").write_text(json.dumps(info))
    assert main(["metrics", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 0
    assert main(["info", str(folder)]) == 2
    assert "no frames yet" in sentence(capsys.readouterr().err)


@pytest.mark.parametrize("command", ["info", "metrics"])
def test_json_of_one_take_and_of_a_folder(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    moved = np.array([[0.2, 0, 0.6], [0.13, 0, 0.6], [0.12, 0, 0.6]])
    take = sphere_take(tmp_path / "touch.dicetake", moved)
    assert main([command, str(take.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 3
    assert main([command, str(tmp_path), "--json"]) == 0
    assert "takes" in json.loads(capsys.readouterr().out)


def test_a_take_has_no_error_against_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take = sphere_take(tmp_path / "touch.dicetake", np.array([[0.13, 0, 0.6], [0.12, 0, 0.6]]))
    assert main(["metrics", str(take.path), "--truth", str(take.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pve_mm"] == pytest.approx(0, abs=1e-6)


def test_a_preview_does_not_overwrite_the_footage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    assert main(["capture", "a.png", "-o", "a.dicetake"]) == 0
    source = json.loads((tmp_path / "a.dicetake" / "take.json").read_text(encoding="utf-8"))["source"]["path"]
    assert Path(source) == tmp_path / "a.png"
    capsys.readouterr()
    assert main(["preview", "a.dicetake", "-o", "a.png"]) == 2
    assert "footage itself" in sentence(capsys.readouterr().err)
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize("arguments", [[], ["capture"], ["capture", "a.mp4", "--frames", "5"], ["unknown"]])
def test_wrong_usage_ends_with_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: dice" in capsys.readouterr().err


def fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError("by\nchance")


def test_unexpected_failures_leave_a_traceback_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dice_core.cli.capturing.open_footage", fail)
    assert main(["capture", "a.mp4"]) == 1
    shown = capsys.readouterr()
    *traceback, last = shown.err.strip().splitlines()
    assert "Traceback (most recent call last):" in traceback
    assert any("in fail" in line for line in traceback)
    assert sentence(last) == (
        "dice: This is a bug (ZeroDivisionError: by chance): report it together with the traceback in the log."
    )
    assert shown.out == ""
    with pytest.raises(ZeroDivisionError):
        main(["capture", "a.mp4", "--debug"])


def test_unexpected_failures_are_error_events_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dice_core.cli.capturing.open_footage", fail)
    assert main(["capture", "a.mp4", "--events"]) == 1
    shown = capsys.readouterr()
    (event,) = [json.loads(line) for line in shown.out.splitlines()]
    assert event["event"] == "error"
    assert shown.err.strip().splitlines()[-1] == f"dice: {event['message']}"
    assert "Traceback" in shown.err


def test_settings_that_cannot_be_are_an_error_event_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise InputError("Hands cannot be so: use two.")

    monkeypatch.setattr("dice_core.cli.capturing.CaptureSettings", refuse)
    assert main(["capture", "a.mp4", "--events"]) == 2
    assert json.loads(capsys.readouterr().out) == {"event": "error", "message": "Hands cannot be so: use two."}


def test_a_closed_pipe_does_not_hide_a_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("dice_core.cli.capturing.open_footage", fail)
    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["capture", "a.mp4", "--events"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "levels"), [([], set()), (["-v"], {"INFO"}), (["-vv"], {"INFO", "DEBUG"})])
def test_the_log_is_on_standard_error_as_far_as_it_is_asked_for(
    tmp_path: Path, options: list[str], levels: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "grey.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    assert main(["capture", str(video), "-o", str(tmp_path / "a.dicetake"), *options]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert {line.split()[2] for line in lines} == levels
    if levels:
        assert any("opened" in line and "25 fps" in line for line in lines)


def test_requests_to_stop() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_requests(watch_input=False) as stop:
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)  # Blender repeats it
        assert stop.is_set()
    with stop_requests(watch_input=False) as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def long_clip(path: Path) -> Path:
    """A clip that takes many seconds to go through: pieces of a transport stream can be joined as they are."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (1920, 1080))
    for level in range(12):
        writer.write(np.full((1080, 1920, 3), 100 + level, np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes() * 300)
    return path


def started(*command: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *command], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read standard error up to a line that holds some words."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return
    raise AssertionError("".join(lines))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
def test_ctrl_c_ends_the_scan_of_a_long_clip(tmp_path: Path) -> None:
    out = tmp_path / "out.dicetake"
    clip = long_clip(tmp_path / "long.ts")
    process = started("-m", "dice_core", "capture", str(clip), "-o", str(out), "--events", "-vv")
    wait_for(process, "counting the frames")
    time.sleep(0.3)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    shown, errors = process.communicate()
    assert time.monotonic() - begun < 2
    assert process.returncode == 130
    (event,) = [json.loads(line) for line in shown.splitlines()]
    assert event["event"] == "error"
    assert errors.splitlines()[-1] == f"dice: {event['message']}"
    assert "Stopped on request" in sentence(errors.splitlines()[-1])
    assert not out.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
def test_a_second_ctrl_c_ends_what_does_not_heed_the_first(tmp_path: Path) -> None:
    script = (
        "import sys, time\nimport dice_core.cli.capturing as capturing\nfrom dice_core.cli import main\n"
        "def busy(*_, **__):\n    print('busy', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
        "capturing.capture = busy\nsys.exit(main(sys.argv[1:]))\n"
    )
    process = started("-c", script, "capture", str(image(tmp_path / "a.png")), "-o", str(tmp_path / "out.dicetake"))
    wait_for(process, "busy")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first one only asks"
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - begun < 2
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_a_stop_between_stills_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    for name in "abc":
        image(folder / f"{name}.png")
    opened: list[str] = []

    def open_or_stop(source: str, *rest: Any, **options: Any) -> Footage:
        opened.append(Path(source).name)
        if len(opened) == 2:
            signal.raise_signal(signal.SIGTERM)
            raise Stopped
        return open_footage(source, *rest, **options)

    monkeypatch.setattr("dice_core.cli.capturing.open_footage", open_or_stop)
    assert main(["capture", str(folder), "--stills", "-o", str(tmp_path / "takes")]) == 0
    assert [path.name for path in (tmp_path / "takes").iterdir()] == ["a.dicetake"]
    assert opened == ["a.png", "b.png"]
    assert capsys.readouterr().err == ""


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


def test_info_says_what_is_in_a_take_without_measuring_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dice_core.cli.reporting.measure", fail)
    reach = HEAD_RADIUS + HAND_RADIUS
    take = sphere_take(tmp_path / "touch.dicetake", np.full((4, 3), reach), tracked=np.array([1, 2, 0, 0]))
    for chunk in take.info["chunks"]:
        file = take.path / chunk["file"]
        with np.load(file) as arrays:
            light = {key: arrays[key] for key in arrays.files if key == "frame" or key.startswith("tracked_")}
        np.savez(file, **light)
    assert main(["info", str(take.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["frames"], found["complete"], found["source"]["fps"]) == (4, True, 30.0)
    assert found["metrics"] == {
        "frames": 4,
        "tracked": {"head": 1.0, "hand_right": 0.5},
        "touches": take.info["events"],
    }
    assert main(["info", str(take.path)]) == 0
    shown = capsys.readouterr().out
    assert "4 frames (complete), 320 x 240, 30 fps" in shown
    assert "head in 100%, right hand in 50%" in shown
    assert "right hand on cheek.R, frames 0 to 3" in shown


@pytest.mark.skipif(find_spec("bpy") is None, reason="needs bpy")
@pytest.mark.parametrize(
    ("option", "known"), [("--keys", ("per-frame", "compact", "rigged")), ("--preset", ("generic", "unity", "unreal"))]
)
def test_an_unknown_way_to_export_is_answered_with_the_known_ones(
    tmp_path: Path, option: str, known: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    take = sphere_take(tmp_path / "a.dicetake", np.array([[0.13, 0, 0.6]]))
    assert main(["blend", str(take.path), "-o", str(tmp_path / "x.blend"), option, "sideways"]) == 2
    said = sentence(capsys.readouterr().err)
    assert "sideways" in said
    for name in known:
        assert name in said
    assert not (tmp_path / "x.blend").exists()


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
