"""The `dice` command about takes: info, metrics, preview and blend."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from dice_core.cli import main
from dice_core.sample import sample_truth
from tests.core.command_line import content, fail, image, sentence
from tests.core.synthetic_bodies import HAND_RADIUS, HEAD_RADIUS, sphere_take


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
        "reliability": {"hand_right": None},
    }
    assert main(["info", str(take.path)]) == 0
    shown = capsys.readouterr().out
    assert "4 frames (complete), 320 x 240, 30 fps" in shown
    assert "head in 100%, right hand in 50%" in shown
    assert "right hand on cheek.R, frames 0 to 3" in shown


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ({"head": "open", "neutral": None}, "degrees"),
        ({"head": "open", "neutral": 0}, "degrees, face at rest in frame 0"),
        ({"head": "ict", "neutral": 12}, "degrees, head ict, face at rest in frame 12"),
    ],
)
def test_info_says_what_the_meshes_were_measured_from(
    tmp_path: Path, settings: dict[str, object], end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    take = sphere_take(tmp_path / "touch.dicetake", np.full((1, 3), HEAD_RADIUS + HAND_RADIUS))
    info = json.loads((take.path / "take.json").read_text(encoding="utf-8"))
    info["engine"]["settings"] = settings
    (take.path / "take.json").write_text(json.dumps(info))
    assert main(["info", str(take.path)]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(end)


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
    "outputs",
    [
        ["-o", "x.txt"],
        ["-o", "x.fbx", "--fbx", "x.fbx"],
        ["-o", "x.blend", "--fbx", "x.glb"],
        ["-o", "x.blend", "--glb", "x"],
    ],
)
@pytest.mark.parametrize("command", [["blend"], ["transfer", "--onto", "hero.blend"]])
def test_files_of_another_ending_are_refused_before_anything_is_written(
    command: list[str],
    outputs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hero.blend").write_bytes(b"BLENDER")
    take = sphere_take(tmp_path / "a.dicetake", np.zeros((2, 3)))
    assert main([command[0], str(take.path), *command[1:], *outputs]) == 2
    assert "give a file that does" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dicetake", "hero.blend"]
