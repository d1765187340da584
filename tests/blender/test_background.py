"""The footage behind the camera: which file, and in step."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import bpy
import numpy as np
import pytest

from dice_blender.scene import background, import_take
from dice_core.media.formats import natural_key
from dice_core.media.orientation import turn_upright
from dice_core.take import Take, open_take
from dice_core.take.format import load_arrays, write_arrays

from .surfaces import worst_distance
from .synthetic_take import Recipe, write_synthetic_take


def _write_image(path: Path, size: tuple[int, int] = (32, 24), grey: float = 0.0) -> None:
    image = bpy.data.images.new("footage", *size)
    image.generated_color = (grey, grey, grey, 1.0)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def _take_of(
    folder: Path,
    footage: str,
    kind: str,
    first_frame: int = 0,
    frames: int = 6,
    size: tuple[int, int] = (640, 480),
    places: list[float] | None = None,
) -> Take:
    """places : frames of 29.97 a second at which each frame is shown, in uneven footage."""
    recipe = Recipe(frames, rings=8, enters=0, absent_from=9, first_frame=first_frame, width=size[0], height=size[1])
    take = write_synthetic_take(folder / "a.dicetake", recipe, footage)
    info = json.loads((take.path / "take.json").read_text())
    info["source"] |= {"kind": kind, "first_frame": first_frame, "path": footage}
    (take.path / "take.json").write_text(json.dumps(info))
    done = 0
    for chunk in info["chunks"] if places is not None else ():
        arrays = load_arrays(take.path / chunk["file"])
        count = len(arrays["frame"])
        arrays["time"] = np.array(places[done : done + count]) / 29.97
        write_arrays(take.path / chunk["file"], arrays)
        done += count
    return open_take(take.path)


def _grey(camera: bpy.types.Object, frame: int) -> float:
    """Grey of the file that Blender shows behind a camera at a scene frame: the name that it makes for the number."""
    bpy.context.scene.frame_set(frame)
    user, image = camera.data.background_images[0].image_user, camera.data.background_images[0].image
    number = frame - user.frame_start + 1
    number = (number - 1) % user.frame_duration + 1 if user.use_cyclic else number
    assert 1 <= number <= user.frame_duration, "Blender shows nothing outside"
    path = Path(bpy.path.abspath(image.filepath))
    before, digits, after = re.fullmatch(r"(.*?)(\d+)(\D*)", path.name).groups()
    shown = path.with_name(f"{before}{number + user.frame_offset:0{len(digits)}d}{after}")
    loaded = bpy.data.images.load(str(shown), check_existing=False)
    value = loaded.pixels[0]
    bpy.data.images.remove(loaded)
    return value


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


@pytest.mark.parametrize(
    "names",
    [
        [f"shot_{number}.png" for number in range(1001, 1013)],
        [f"shot_{number}.png" for number in range(1, 13)],
        [f"shot_{number:03d}.png" for number in (1, 2, 3, 5, 8, 9, 10, 20, 21, 22, 30, 31)],
        [f"shot_{number}.png" for number in (8, 9, 10, 12, 13, 14, 98, 99, 100, 101, 102, 103)],
        ["a10.png", "a9.png", "A2.png", "a02.png", "b.png", "7.png", "_3.png", "a-1.png", "a1b.png", "c1.png", "d.png"],
        [f"a_{number}_v2.png" for number in range(5, 17)],
    ],
    ids=["1001", "unpadded", "gaps", "gaps and widths", "any names", "two numbers"],
)
@pytest.mark.parametrize("first", [0, 3])
def test_picture_n_is_behind_frame_n(scene: bpy.types.Scene, tmp_path: Path, names: list[str], first: int) -> None:
    """Each picture has a grey of its own: it is what is behind the frame that was captured from it."""
    images = tmp_path / "shots"
    images.mkdir()
    ordered = sorted(names, key=natural_key)
    for index, name in enumerate(ordered):
        _write_image(images / name, grey=(index + 1) / 20)
    imported = import_take(_take_of(tmp_path, str(images), "sequence", first_frame=first), start_frame=50)
    assert not imported.notes
    for index in range(6):
        assert _grey(imported.camera, 50 + index) == pytest.approx((first + index + 1) / 20, abs=0.01)


@pytest.mark.parametrize("rate", [60.0, 12.0, 30.0])
def test_a_retimed_take_keeps_its_pictures(scene: bpy.types.Scene, tmp_path: Path, rate: float) -> None:
    images = tmp_path / "shots"
    images.mkdir()
    for number in range(6):
        _write_image(images / f"shot_{number:04d}.png", grey=(number + 1) / 20)
    scene.render.fps = int(rate)
    imported = import_take(_take_of(tmp_path, str(images), "sequence"), start_frame=50, retime=True)
    assert imported.timing.step == pytest.approx(rate / 29.97)
    for frame in range(50, 50 + int(6 * rate / 29.97)):
        due = int((frame - 50 + 2e-3) * 29.97 / rate)
        assert _grey(imported.camera, frame) == pytest.approx((due + 1) / 20, abs=0.01)


@pytest.mark.parametrize("trap", ["folder", "file"])
def test_copies_go_through_no_link(scene: bpy.types.Scene, tmp_path: Path, trap: str) -> None:
    """A take from a stranger whose folder for copies, or a file in it, is a link to somewhere else."""
    images, elsewhere = tmp_path / "shots", tmp_path / "elsewhere"
    images.mkdir()
    elsewhere.mkdir()
    for name in "abcdef":  # without numbers, so that numbered copies are needed
        _write_image(images / f"{name}.png", grey=0.5)
    take = _take_of(tmp_path, str(images), "sequence")
    if trap == "folder":
        (take.path / "pictures").symlink_to(elsewhere)
    else:
        (take.path / "pictures").mkdir()
        (take.path / "pictures" / "picture_000001.png").symlink_to(elsewhere / "a.png")
    imported = import_take(take)
    assert any("cannot be copied" in note for note in imported.notes)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("count", [1, 3])
def test_turned_photos_stand_upright(scene: bpy.types.Scene, tmp_path: Path, orientation: int, count: int) -> None:
    """By the orientation in each file, as OpenCV reads them for the capture."""
    cv2 = pytest.importorskip("cv2")
    images = tmp_path / "shots"
    images.mkdir()
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:24, :32], stored[24:, :32], stored[:24, 32:] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    content = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    content = content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]
    for number in range(count):
        (images / f"photo_{number:02d}.jpg").write_bytes(content)
    path = images / "photo_00.jpg" if count == 1 else images
    seen = cv2.imread(str(images / "photo_00.jpg"))[:, :, ::-1]
    take = _take_of(tmp_path, str(path), "image" if count == 1 else "sequence", frames=count, size=seen.shape[1::-1])
    imported = import_take(take)
    assert not imported.notes
    image = imported.camera.data.background_images[0].image
    if count > 1:
        assert image.source == "SEQUENCE"
        image.source = "FILE"
    assert tuple(image.size) == seen.shape[1::-1]
    shown = np.array(image.pixels).reshape(*seen.shape[:2], 4)[::-1, :, :3] * 255
    assert np.abs(shown - seen).mean() < 4


def test_what_is_turned_in_drawing_stands_upright_too() -> None:
    """Where Blender itself does not turn a movie: flips first, then the turn, clockwise, as its manual has them."""
    for orientation in range(1, 9):
        stored = np.arange(12).reshape(3, 4)
        rotation, flip_x, flip_y, _ = background._turn(orientation, 4 / 3)
        drawn = np.rot90(stored[:: -1 if flip_y else 1, :: -1 if flip_x else 1], -round(rotation / (np.pi / 2)))
        assert np.array_equal(drawn, turn_upright(stored, orientation)), orientation


@pytest.mark.parametrize(("render", "method"), [((1280, 480), "CROP"), ((640, 640), "FIT"), ((1280, 960), "STRETCH")])
def test_the_picture_covers_what_the_camera_saw(
    scene: bpy.types.Scene, tmp_path: Path, render: tuple[int, int], method: str
) -> None:
    """In a render of other proportions its width is the frame's, as the angle of view is along the longer side."""
    _write_image(tmp_path / "photo.png", (640, 480))
    scene.render.resolution_x, scene.render.resolution_y = render
    imported = import_take(_take_of(tmp_path, str(tmp_path / "photo.png"), "image", frames=1))
    assert imported.camera.data.background_images[0].frame_method == method


def test_uneven_footage_plays_at_its_own_times(scene: bpy.types.Scene, tmp_path: Path) -> None:
    images = tmp_path / "shots"
    images.mkdir()
    for number in range(6):
        _write_image(images / f"shot_{number:04d}.png", grey=(number + 1) / 20)
    take = _take_of(tmp_path, str(images), "sequence", places=[0, 1, 2, 8, 9, 12])
    imported = import_take(take, start_frame=1)
    assert [_grey(imported.camera, frame) for frame in (1, 3, 8, 9, 10, 12, 13)] == pytest.approx(
        [0.05, 0.15, 0.15, 0.20, 0.25, 0.25, 0.30], abs=0.01
    )
    assert imported.frame_end == 13
    assert any("evenly" in note for note in imported.notes)
    assert worst_distance(take, "head", imported.objects["head"], 1, places=[0, 1, 2, 8, 9, 12]) < 0.01


def test_two_takes_of_one_footage_have_backgrounds_of_their_own(scene: bpy.types.Scene, tmp_path: Path) -> None:
    images = tmp_path / "shots"
    images.mkdir()
    for number in range(12):
        _write_image(images / f"shot_{number:04d}.png", grey=(number + 1) / 20)
    first = import_take(_take_of(tmp_path / "a", str(images), "sequence"), start_frame=1)
    second = import_take(_take_of(tmp_path / "b", str(images), "sequence", first_frame=6), start_frame=101)
    assert _grey(first.camera, 3) == pytest.approx(0.15, abs=0.01)
    assert _grey(second.camera, 103) == pytest.approx(0.45, abs=0.01)


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
