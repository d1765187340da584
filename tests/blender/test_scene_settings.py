"""Takes coming into scenes of all kinds: new, in use, at another rate, twice, into a collection."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from dice_blender.scene import import_take, imported_takes
from dice_core.errors import InputError
from dice_core.take import Take

from .surfaces import captured, evaluated, worst_distance
from .synthetic_take import Recipe, write_synthetic_take


def _in_use(scene: bpy.types.Scene) -> None:
    """A scene in which somebody has worked."""
    scene.collection.objects.link(bpy.data.objects.new("Mine", None))
    scene.render.fps, scene.render.fps_base = 24, 1.0
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    scene.frame_start, scene.frame_end = 10, 20


def test_a_new_scene_becomes_the_takes(scene: bpy.types.Scene, take: Take) -> None:
    import_take(take)
    assert (scene.render.fps, round(scene.render.fps_base, 4)) == (30, 1.001)
    assert (scene.frame_start, scene.frame_end) == (1, 30)
    assert (scene.render.resolution_x, scene.render.resolution_y) == (640, 480)


def test_blenders_own_new_file_counts_as_new(take: Take) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = bpy.context.scene
    imported = import_take(take)
    assert scene.camera == imported.camera
    assert scene.render.resolution_x == 640
    assert scene.objects["Cube"].hide_render


def test_a_scene_in_use_keeps_its_settings_and_says_what_differs(scene: bpy.types.Scene, take: Take) -> None:
    _in_use(scene)
    imported = import_take(take)
    assert (scene.render.fps, scene.render.resolution_x) == (24, 1920)
    assert (scene.frame_start, scene.frame_end) == (10, 20)
    assert (imported.frame_start, imported.frame_end) == (10, 39)
    text = " ".join(imported.warnings)
    assert "640 x 480" in text
    assert "29.97" in text
    assert "from frame 10 to 39" in text
    assert worst_distance(take, "head", imported.objects["head"], 10) < 0.01


@pytest.mark.parametrize("retime", [False, True])
def test_a_photo_has_no_speed_to_keep(scene: bpy.types.Scene, tmp_path: Path, retime: bool) -> None:
    photo = write_synthetic_take(tmp_path / "photo.dicetake", Recipe(frames=1, rings=8, enters=0, fps=0.0))
    scene.render.fps = 30
    import_take(photo, retime=retime)
    assert scene.render.fps == 30, "an empty scene keeps its own rate"
    _in_use(scene)
    imported = import_take(photo, retime=retime)
    assert scene.render.fps == 24
    assert not any("frames a second" in warning for warning in imported.warnings)
    assert (imported.frame_start, imported.frame_end) == (10, 10)


@pytest.mark.parametrize("keys", ["per-frame", "compact", "rigged"])
def test_retiming_keeps_the_speed(scene: bpy.types.Scene, take: Take, keys: str) -> None:
    _in_use(scene)
    scene.render.fps = 60
    item = import_take(take, keys=keys, retime=True, start_frame=100).objects["head"]
    surfaces = captured(take, "head")
    for index in (0, 7, 20):
        frame = 100 + index * 60 / 29.97
        scene.frame_set(int(frame), subframe=frame - int(frame))
        assert abs(evaluated(item) - surfaces[index]).max() < 2e-4


def test_importing_twice_gives_two_independent_takes(scene: bpy.types.Scene, take: Take) -> None:
    first = import_take(take)
    second = import_take(take, keys="rigged", start_frame=200)
    assert first.collection != second.collection
    assert {c.name for c in imported_takes(scene)} == {first.collection.name, second.collection.name}
    assert worst_distance(take, "head", first.objects["head"], 1) < 0.01
    assert worst_distance(take, "head", second.objects["head"], 200) < 0.2
    assert len(scene.timeline_markers) == 4
    import_take(take)
    assert len(scene.timeline_markers) == 6, "each import has its own"


def test_into_a_collection_that_is_in_no_scene_yet(scene: bpy.types.Scene, take: Take) -> None:
    shelf = bpy.data.collections.new("Shelf")
    imported = import_take(take, collection=shelf)
    assert imported.collection.name in shelf.children
    assert shelf.name in scene.collection.children
    imported.collection.name = "Renamed"
    assert [c.name for c in imported_takes(scene)] == ["Renamed"]


def test_a_collection_of_another_file_is_refused(scene: bpy.types.Scene, take: Take, tmp_path: Path) -> None:
    library = tmp_path / "library.blend"
    bpy.data.collections.new("Shared").use_fake_user = True
    bpy.data.libraries.write(str(library), {bpy.data.collections["Shared"]})
    bpy.data.collections.remove(bpy.data.collections["Shared"])
    with bpy.data.libraries.load(str(library), link=True) as (_, into):
        into.collections = ["Shared"]
    with pytest.raises(InputError, match="another file"):
        import_take(take, collection=into.collections[0])


def test_the_edit_mode_of_the_user_is_left_alone(scene: bpy.types.Scene, take: Take) -> None:
    bpy.ops.mesh.primitive_cube_add()
    mine = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    import_take(take, keys="rigged")
    assert bpy.context.view_layer.objects.active == mine
    assert mine.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")
