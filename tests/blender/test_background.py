"""The footage behind the camera: which file, and in step."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest

from dice_blender.scene import import_take
from dice_core.media.formats import list_images
from dice_core.take import Take, open_take

from .synthetic_take import Recipe, write_synthetic_take


def _write_image(path: Path, size: tuple[int, int] = (32, 24)) -> None:
    image = bpy.data.images.new("footage", *size)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def _take_of(folder: Path, footage: str, kind: str, first_frame: int = 0) -> Take:
    take = write_synthetic_take(folder / "a.dicetake", Recipe(frames=6, rings=8, enters=1, absent_from=9), footage)
    info = json.loads((take.path / "take.json").read_text())
    info["source"] |= {"kind": kind, "first_frame": first_frame, "path": footage}
    (take.path / "take.json").write_text(json.dumps(info))
    return open_take(take.path)


def _shown(camera: bpy.types.Object, frame: int) -> int:
    """Number of the file (or movie frame, from 1) that Blender shows at a scene frame, as its manual defines it."""
    user = camera.data.background_images[0].image_user
    return min(max(frame - user.frame_start + 1, 1), user.frame_duration) + user.frame_offset


def test_a_numbered_sequence_runs_with_the_take(scene: bpy.types.Scene, tmp_path: Path) -> None:
    images = tmp_path / "shots"
    images.mkdir()
    for number in range(12, 24):
        _write_image(images / f"shot_{number:04d}.png")
    imported = import_take(_take_of(tmp_path, str(images), "sequence", first_frame=3), start_frame=50)
    background = imported.camera.data.background_images[0]
    assert background.image.source == "SEQUENCE"
    assert Path(background.image.filepath).name == "shot_0015.png"
    assert [_shown(imported.camera, frame) for frame in (50, 51, 55)] == [15, 16, 20]
    assert imported.camera.data.show_background_images
    assert not imported.warnings


def test_unnumbered_images_stand_still_and_say_so(scene: bpy.types.Scene, tmp_path: Path) -> None:
    images = tmp_path / "shots"
    images.mkdir()
    for name in ("a1", "b1", "c7"):
        _write_image(images / f"{name}.png")
    imported = import_take(_take_of(tmp_path, str(images / "*.png"), "sequence"))
    assert imported.camera.data.background_images[0].image.source == "FILE"
    assert any("not numbered" in warning for warning in imported.warnings)


def test_the_order_is_that_of_the_capture(scene: bpy.types.Scene, tmp_path: Path) -> None:
    """Frame N of the take is frame N of the background, whatever the images are called."""
    images = tmp_path / "shots"
    images.mkdir()
    for name in ("a10", "a9", "A2", "a02", "b", "7", "ä1", "_3", "a-1", "a1b"):
        _write_image(images / f"{name}.png")
    order = [file.name for file in list_images(images)]
    for first, name in enumerate(order):
        take = _take_of(tmp_path / name, str(images), "sequence", first_frame=first)
        image = import_take(take).camera.data.background_images[0].image
        assert Path(image.filepath).name == name


def test_a_still_beside_the_take_is_found(scene: bpy.types.Scene, tmp_path: Path) -> None:
    _write_image(tmp_path / "photo.png")
    imported = import_take(_take_of(tmp_path, "/gone/photo.png", "image"))
    assert Path(imported.camera.data.background_images[0].image.filepath) == tmp_path / "photo.png"
    assert not imported.warnings


def test_a_movie_starts_at_the_takes_first_frame(scene: bpy.types.Scene, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    movie = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(movie), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 48))
    for _ in range(30):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    imported = import_take(_take_of(tmp_path, str(movie), "video", first_frame=4))
    assert imported.camera.data.background_images[0].image.source == "MOVIE"
    assert _shown(imported.camera, scene.frame_start) == 5
    assert _shown(imported.camera, scene.frame_start + 5) == 10


def test_missing_footage_is_no_obstacle(scene: bpy.types.Scene, take: Take) -> None:
    imported = import_take(take)
    assert not imported.camera.data.background_images
    assert any("nowhere.mp4" in warning for warning in imported.warnings)


def test_footage_that_moved_can_be_named(scene: bpy.types.Scene, take: Take, tmp_path: Path) -> None:
    _write_image(tmp_path / "x.png")
    imported = import_take(take, footage=tmp_path / "x.png")
    assert Path(imported.camera.data.background_images[0].image.filepath).name == "x.png"
