"""Where takes and footage are, before and after a file is saved, saved elsewhere, moved, or opened on a new system."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import bpy
import pytest

from dice_blender import saved_paths
from dice_blender.scene.found_files import find_moved
from tests.blender.synthetic_take import Recipe, write_synthetic_take


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new("made up", 32, 24)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def make_take(folder: Path, footage: Path | str) -> Path:
    write_synthetic_take(folder, Recipe(frames=3, rings=8, enters=0, width=32, height=24), str(footage))
    info = json.loads((folder / "take.json").read_text())
    info["source"] |= {"kind": "image" if str(footage).endswith(".png") else "sequence"}
    (folder / "take.json").write_text(json.dumps(info))
    return folder


@pytest.fixture
def project(extension: Any, tmp_path: Path) -> Path:
    """A saved project with its footage and an imported take in folders of their own."""
    folder = tmp_path / "old" / "project"
    write_image(folder / "footage" / "photo.png")
    take = make_take(folder / "takes" / "photo.dicetake", folder / "footage" / "photo.png")
    bpy.context.scene.dice.filepath = str(folder / "footage" / "photo.png")
    bpy.ops.dice.import_take(filepath=str(take), keys="compact")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    return folder


def entry() -> Any:
    return bpy.context.scene.dice.takes[0]


def picture() -> Path:
    camera = next(item for item in bpy.data.objects if item.type == "CAMERA")
    return Path(bpy.path.abspath(camera.data.background_images[0].image.filepath))


def everything_is_there() -> None:
    assert (Path(bpy.path.abspath(entry().path)) / "take.json").exists(), entry().path
    assert picture().exists()
    assert Path(bpy.path.abspath(bpy.context.scene.dice.filepath)).exists()
    assert bpy.ops.dice.reimport_take(keys="rigged") == {"FINISHED"}
    assert not entry().notes


def test_a_saved_file_has_relative_paths(project: Path) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(project / "shot.blend"))
    assert entry().path == "//takes/photo.dicetake"
    assert entry().collection["dice_take"] == "//takes/photo.dicetake"
    assert bpy.context.scene.dice.filepath == "//footage/photo.png"
    camera = next(item for item in bpy.data.objects if item.type == "CAMERA")
    assert camera.data.background_images[0].image.filepath == "//footage/photo.png"
    everything_is_there()


def test_a_project_that_moved_is_found_again(project: Path, tmp_path: Path) -> None:
    moved = tmp_path / "new" / "place"
    moved.parent.mkdir()
    shutil.move(project, moved)
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    everything_is_there()
    assert picture() == moved / "footage" / "photo.png"


def test_a_file_that_is_saved_elsewhere_keeps_its_takes(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other" / "deep").mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other" / "deep" / "b.blend"))
    everything_is_there()
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "other" / "deep" / "b.blend"))
    everything_is_there()


def test_saving_a_copy_changes_nothing_in_the_open_file(project: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    before = (entry().path, bpy.context.scene.dice.filepath)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "copies" / "c.blend"), copy=True)
    assert (entry().path, bpy.context.scene.dice.filepath) == before
    everything_is_there()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "copies" / "c.blend"))
    everything_is_there()


def test_a_file_from_windows_is_found_again(project: Path, tmp_path: Path) -> None:
    """Absolute paths of a drive, and relative ones with backslashes."""
    info = json.loads((project / "takes" / "photo.dicetake" / "take.json").read_text())
    info["source"]["path"] = "C:\\Users\\Ann\\project\\footage\\photo.png"
    (project / "takes" / "photo.dicetake" / "take.json").write_text(json.dumps(info))
    for take, footage in (
        ("C:\\Users\\Ann\\project\\takes\\photo.dicetake", "C:\\Users\\Ann\\project\\footage\\photo.png"),
        ("//takes\\photo.dicetake", "//footage\\photo.png"),
        ("\\\\server\\share\\project\\takes\\photo.dicetake", "\\\\server\\share\\project\\footage\\photo.png"),
    ):
        handlers = (saved_paths._before_save, saved_paths._after_save)
        bpy.app.handlers.save_pre.remove(handlers[0])
        bpy.app.handlers.save_post.remove(handlers[1])
        entry().path = take
        saved_paths.footage.repath(bpy.context.scene.dice, footage)
        camera = next(item for item in bpy.data.objects if item.type == "CAMERA")
        camera.data.background_images[0].image.filepath_raw = footage
        bpy.ops.wm.save_mainfile()
        bpy.app.handlers.save_pre.append(handlers[0])
        bpy.app.handlers.save_post.append(handlers[1])
        bpy.ops.wm.open_mainfile(filepath=str(project / "shot.blend"))
        everything_is_there()


def test_takes_of_an_unsaved_file_move_beside_it(
    extension: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = tmp_path / "Documents"
    monkeypatch.setattr(saved_paths, "_documents", lambda: documents)
    assert saved_paths.takes_folder() == documents / "DICE Takes"
    write_image(tmp_path / "footage" / "photo.png")
    mine = make_take(documents / "DICE Takes" / "mine.dicetake", tmp_path / "footage" / "photo.png")
    other = make_take(documents / "DICE Takes" / "other.dicetake", tmp_path / "footage" / "photo.png")
    (tmp_path / "project" / "takes" / "mine.dicetake").mkdir(parents=True)  # in the way
    bpy.ops.dice.import_take(filepath=str(mine), keys="compact")
    entry().captured_unsaved = True
    bpy.context.scene.dice.filepath = str(tmp_path / "footage" / "photo.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project" / "shot.blend"))
    assert not mine.exists()
    assert other.exists(), "of another file"
    assert entry().path == "//takes/mine.002.dicetake"
    assert not entry().captured_unsaved
    everything_is_there()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "project" / "shot.blend"))
    assert entry().path == "//takes/mine.002.dicetake"
    everything_is_there()
    assert saved_paths.takes_folder() == tmp_path / "project" / "takes"


def test_a_file_that_cannot_be_saved_loses_nothing(
    extension: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_paths, "_documents", lambda: tmp_path / "Documents")
    write_image(tmp_path / "footage" / "photo.png")
    mine = make_take(tmp_path / "Documents" / "DICE Takes" / "mine.dicetake", tmp_path / "footage" / "photo.png")
    bpy.ops.dice.import_take(filepath=str(mine), keys="compact")
    entry().captured_unsaved = True
    bpy.context.scene.dice.filepath = str(tmp_path / "footage" / "photo.png")
    with pytest.raises(RuntimeError):
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "nowhere" / "deep" / "shot.blend"))
    everything_is_there()


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("C:\\a\\b\\takes\\x.dicetake", "takes/x.dicetake"),
        ("/home/ann/b/takes/x.dicetake", "takes/x.dicetake"),
        ("takes\\x.dicetake", "takes/x.dicetake"),
        ("../elsewhere/x.dicetake", "x.dicetake"),
        ("C:\\a\\clip.mp4", None),
    ],
)
def test_what_moved_is_found_by_the_end_of_its_path(tmp_path: Path, stored: str, expected: str | None) -> None:
    (tmp_path / "takes" / "x.dicetake").mkdir(parents=True)
    (tmp_path / "x.dicetake").mkdir()
    found = find_moved(stored, [tmp_path])
    assert found == (None if expected is None else tmp_path / expected)
