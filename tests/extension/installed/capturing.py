"""From footage to an imported take, with the stub as the worker."""

from __future__ import annotations

import glob
from typing import Any

import bpy
from harness import FOLDER, check_import, fresh, part, step, use_stub


@step
def sources_of_footage() -> None:
    fresh()
    footage, settings = part("footage"), bpy.context.scene.dice
    assert footage.problem(settings) == "Choose footage"
    folder = FOLDER / "shot [1]"
    folder.mkdir()
    for number in (8, 9, 10):
        image = bpy.data.images.new("made up", 40, 30)
        image.filepath_raw, image.file_format = str(folder / f"a_{number}.png"), "PNG"
        image.save()
    (folder / "notes.txt").write_text("not an image")
    names = [{"name": f"a_{number}.png"} for number in (8, 9, 10)]
    bpy.ops.dice.open_footage(directory=str(folder), files=names)
    assert settings.source == "SEQUENCE"
    assert (settings.footage_width, settings.footage_height, settings.footage_frames) == (40, 30, 3)
    assert len(glob.glob(footage.input_of(settings))) == 3, "the brackets of the folder are no pattern"
    assert footage.default_name(footage.input_of(settings)) == "a"
    assert (settings.frame_start, settings.frame_end) == (1, 3)
    settings.use_range, settings.frame_start, settings.frame_end = True, 2, 99
    assert footage.frame_range(settings) == (1, 3)
    settings.frame_end = 1
    assert "ends before" in footage.problem(settings)
    assert not bpy.ops.dice.capture.poll()
    settings.source = "CLIP"
    assert footage.problem(settings) == "Choose a movie clip"
    settings.clip = bpy.data.movieclips.load(str(folder / "a_8.png"))
    assert settings.clip.source == "SEQUENCE"
    assert len(glob.glob(footage.input_of(settings))) == 3
    settings.source, settings.filepath = "FILE", str(folder / "nowhere.mp4")
    assert footage.problem(settings) == "The footage is missing"
    settings.filepath = str(folder / "a_8.png")
    assert settings.footage_frames == 1
    assert not [clip for clip in bpy.data.movieclips if clip.users == 0], "looking leaves nothing behind"


@step
def capture_and_import() -> dict[str, Any]:
    fresh()
    use_stub("frames=5")
    assert bpy.ops.dice.capture() == {"FINISHED"}
    scene = bpy.context.scene
    assert len(scene.dice.takes) == 1
    entry = scene.dice.takes[0]
    assert entry.name == "frames=5"
    assert entry.complete
    assert len(entry.touches) >= 1
    return check_import(entry)


@step
def touches_are_jumped_to() -> None:
    scene = bpy.context.scene
    touch = scene.dice.takes[0].touches[0]
    bpy.ops.dice.jump_to_touch(index=0)
    assert scene.frame_current == touch.first_scene_frame
    assert scene.frame_current in {marker.frame for marker in scene.timeline_markers}
