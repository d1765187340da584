"""What a user sees after an import, and what the tab says of the take and its scene."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import bpy
import pytest

from dice_blender.scene.parts import parts_in
from tests.blender.synthetic_take import UNSURE_FRAMES, Recipe, write_synthetic_take


@pytest.fixture
def take(tmp_path: Path) -> Path:
    write_synthetic_take(tmp_path / "touch.dicetake", Recipe(frames=12, rings=8, fps=24.0, enters=0, absent_from=20))
    return tmp_path / "touch.dicetake"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    folder = tmp_path / "photo.dicetake"
    write_synthetic_take(folder, Recipe(frames=1, rings=8, enters=0, fps=0.0))
    info = json.loads((folder / "take.json").read_text())
    info["source"]["kind"] = "image"
    (folder / "take.json").write_text(json.dumps(info))
    return folder


def texts(*panels: str) -> list[str]:
    """What the panels say."""
    said = []
    for name in panels:
        panel, layout = getattr(bpy.types, name), MagicMock()
        if hasattr(panel, "poll") and not panel.poll(bpy.context):
            continue
        panel.draw(SimpleNamespace(layout=layout), bpy.context)
        said += [call.kwargs["text"] for call in layout.mock_calls if "text" in call.kwargs]
        said += [call.args[0] for call in layout.mock_calls if call[0].endswith("operator")]
    return said


def views() -> list[Any]:
    window = bpy.context.window_manager.windows[0]
    return [area.spaces.active for area in window.screen.areas if area.type == "VIEW_3D"]


def test_footage_that_is_dropped_opens_the_sidebar_with_what_comes_next(extension: Any, tmp_path: Path) -> None:
    (tmp_path / "face.png").touch()
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    area.spaces.active.show_region_ui = False
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.dice.open_footage("INVOKE_DEFAULT", directory=str(tmp_path), files=[{"name": "face.png"}])
    assert area.spaces.active.show_region_ui


def test_the_view_looks_through_the_takes_camera(extension: Any, take: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take))
    camera = parts_in(bpy.context.scene.dice.takes[0].collection)["camera"]
    assert views()[0].region_3d.view_perspective == "CAMERA"
    assert bpy.context.scene.camera == camera
    assert {item.name for item in bpy.context.selected_objects} == {"Head", "Hand.R"}
    assert bpy.context.view_layer.objects.active.name == "Head"


def test_the_scenes_own_camera_stays(extension: Any, take: Path) -> None:
    mine = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    bpy.context.scene.collection.objects.link(mine)
    bpy.context.scene.camera = mine
    bpy.ops.dice.import_take(filepath=str(take))
    assert bpy.context.scene.camera == mine
    assert views()[0].use_local_camera
    assert views()[0].camera.name == "DICE Camera"


def test_looking_through_is_a_choice(extension: Any, take: Path) -> None:
    before = views()[0].region_3d.view_perspective
    bpy.context.scene.dice.look_through = False
    bpy.ops.dice.import_take(filepath=str(take))
    assert views()[0].region_3d.view_perspective == before
    assert bpy.ops.dice.look_through() == {"FINISHED"}
    assert views()[0].region_3d.view_perspective == "CAMERA"


def test_a_photo_is_one_picture(extension: Any, take: Path, photo: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(photo))
    assert "1 picture" in texts("DICE_PT_result")
    assert not [text for text in texts("DICE_PT_result") if "1 frames" in str(text)]
    bpy.ops.dice.import_take(filepath=str(take))
    assert any("12 frames" in str(text) for text in texts("DICE_PT_result"))


def test_the_face_rests_where_the_timeline_stands(extension: Any, take: Path) -> None:
    scene = bpy.context.scene
    assert not bpy.ops.dice.rest_here.poll()
    bpy.ops.dice.import_take(filepath=str(take))
    entry = scene.dice.takes[0]
    for start, speed, shown, frame in ((1, 1.0, 5, 5), (101, 1.0, 105, 5), (1, 0.5, 9, 5)):
        entry.start, entry.speed = start, speed
        scene.frame_set(shown)
        assert bpy.ops.dice.rest_here() == {"FINISHED"}
        assert (scene.dice.use_neutral, scene.dice.neutral) == (True, frame)
    bpy.data.objects.remove(parts_in(entry.collection)["head"])
    with pytest.raises(RuntimeError, match="import it again"):
        bpy.ops.dice.rest_here()


def test_what_differs_is_said_until_it_does_not(extension: Any, take: Path) -> None:
    scene = bpy.context.scene
    bpy.ops.object.empty_add()
    scene.render.fps, scene.frame_start, scene.frame_end = 60, 101, 105
    scene.unit_settings.scale_length = 0.01
    bpy.ops.dice.import_take(filepath=str(take))
    assert (scene.render.fps, scene.frame_start, scene.frame_end, scene.render.resolution_x) == (60, 101, 105, 1920)
    buttons = {
        "rate": "Set the Scene's Frame Rate",
        "range": "Extend the Scene's Range",
        "size": "Set the Scene's Resolution",
        "units": "Scale the Take to the Scene",
    }
    for kind, text in buttons.items():
        assert text in texts("DICE_PT_result")
        bpy.ops.dice.match_scene(kind=kind)
        assert text not in texts("DICE_PT_result")
    assert scene.render.fps == 24
    assert (scene.frame_start, scene.frame_end) == (101, 112)
    assert (scene.render.resolution_x, scene.render.resolution_y) == (640, 480)
    scene.render.fps = 30
    assert buttons["rate"] in texts("DICE_PT_result"), "whenever it differs"
    bpy.context.scene.dice.takes[0].speed = 1.0
    assert buttons["rate"] not in texts("DICE_PT_result"), "at the footage's own speed nothing is wrong"


def test_missing_footage_is_said_in_the_panel(extension: Any, take: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take))
    assert any("nowhere.mp4" in str(text) for text in texts("DICE_PT_result")) or any(
        "is not there" in note.name for note in bpy.context.scene.dice.takes[0].notes
    )


def test_a_click_on_a_touch_goes_there(extension: Any, take: Path) -> None:
    scene = bpy.context.scene
    bpy.ops.dice.import_take(filepath=str(take), use_start=True, start_frame=51)
    entry = scene.dice.takes[0]
    entry.active_touch = 0
    assert scene.frame_current == entry.touches[0].first_scene_frame > 51
    entry.start = 201
    scene.frame_set(1)
    bpy.ops.dice.jump_to_touch(index=0)
    assert scene.frame_current == entry.touches[0].first_scene_frame > 201
    assert "Place (Hand)" in texts("DICE_PT_touches")
    assert "Take" in texts("DICE_PT_result")


def test_a_click_on_an_unsure_stretch_goes_there(extension: Any, take: Path) -> None:
    scene = bpy.context.scene
    bpy.ops.dice.import_take(filepath=str(take), use_start=True, start_frame=51)
    entry = scene.dice.takes[0]
    (stretch,) = entry.unsure
    assert (stretch.hand, stretch.last_frame - stretch.first_frame + 1) == ("hand_right", UNSURE_FRAMES)
    scene.frame_set(1)
    entry.active_unsure = 0
    assert scene.frame_current == stretch.first_scene_frame == 51
    entry.start = 201
    assert (stretch.first_scene_frame, stretch.last_scene_frame) == (201, 200 + UNSURE_FRAMES)
    shown = texts("DICE_PT_unsure")
    assert "look from the side" in " ".join(map(str, shown))
    assert "Frames" in shown


def test_only_this_take(extension: Any, take: Path, photo: Path) -> None:
    scene, layers = bpy.context.scene, bpy.context.view_layer.layer_collection.children
    bpy.ops.dice.import_take(filepath=str(photo))
    bpy.ops.dice.import_take(filepath=str(take))
    assert "Show All Takes" not in texts("DICE_PT_view")
    bpy.ops.dice.show_only()
    assert (layers["photo"].exclude, layers["touch"].exclude) == (True, False)
    assert scene.camera == parts_in(bpy.data.collections["touch"])["camera"]
    assert "Show All Takes" in texts("DICE_PT_view")
    scene.dice.active_take = 0
    bpy.ops.dice.show_only()
    assert (layers["photo"].exclude, layers["touch"].exclude) == (False, True)
    bpy.ops.dice.show_only(everything=True)
    assert not layers["photo"].exclude
    assert not layers["touch"].exclude


def test_contact_is_shown_by_a_switch(extension: Any, take: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="compact")
    entry = bpy.context.scene.dice.takes[0]
    assert not entry.show_contact
    entry.show_contact = True
    assert {item["show_contact"] for item in bpy.data.objects if item.type == "MESH"} == {1.0}
    bpy.ops.dice.reimport_take(keys="rigged")
    assert entry.show_contact
    entry.show_contact = False
    assert {item["show_contact"] for item in bpy.data.objects if item.type == "MESH"} == {0.0}


def test_numbers_move_the_take(extension: Any, take: Path) -> None:
    scene = bpy.context.scene
    scene.render.fps = 60
    bpy.ops.dice.import_take(filepath=str(take), retime=True, use_start=True, start_frame=11)
    entry = scene.dice.takes[0]
    assert (entry.start, round(entry.speed, 4)) == (11, 1.0)
    entry.speed = 2.5
    assert list(entry.collection["dice_range"]) == [11, 22]
    assert entry.collection["dice_step"] == 1.0, "one to one, exactly"
    entry.trim_first = 4
    entry.trim_last = 6
    assert list(entry.collection["dice_range"]) == [14, 16]
    entry.trim_first = 9
    assert (entry.trim_first, entry.trim_last) == (9, 9)
    entry.trim_last = 99
    assert entry.trim_last == 12


def test_a_collection_from_another_file_joins_the_list(extension: Any, take: Path, tmp_path: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="rigged")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "a.blend")) as (_, into):
        into.collections = ["touch"]
    scene = bpy.context.scene
    scene.collection.children.link(bpy.data.collections["touch"])
    assert bpy.ops.dice.export_fbx.poll()
    assert "dice.adopt_takes" in texts("DICE_PT_result")
    bpy.ops.dice.adopt_takes()
    entry = scene.dice.takes[0]
    assert (entry.collection.name, entry.keys, entry.frames) == ("touch", "rigged", 12)
    assert not bpy.ops.dice.adopt_takes.poll() or bpy.ops.dice.adopt_takes() == {"CANCELLED"}
    bpy.ops.dice.remove_take()
    assert not [item for item in bpy.data.objects if item.type == "MESH"]


def test_an_appended_copy_of_a_take_that_is_here_is_its_own(extension: Any, take: Path, tmp_path: Path) -> None:
    bpy.ops.dice.import_take(filepath=str(take), keys="rigged")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "b.blend"))  # Blender does not append a file to itself
    scene = bpy.context.scene
    with bpy.data.libraries.load(str(tmp_path / "a.blend")) as (_, into):
        into.collections = ["touch"]
    scene.collection.children.link(into.collections[0])
    bpy.ops.dice.adopt_takes()
    assert len(scene.dice.takes) == 2
    bpy.ops.dice.remove_take()
    assert len(scene.timeline_markers) == 2, "those of the take that stays"
