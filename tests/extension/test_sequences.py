"""Import, again, twice, rename, reduce, layer, delete and undo in any order: what is left is what one import makes."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from dice_blender.scene import animation
from dice_blender.scene.nla import is_layer
from dice_blender.scene.parts import parts_in
from dice_core.take import Take
from tests.blender.synthetic_take import Recipe, write_synthetic_take

MODES = ("per-frame", "compact", "rigged")
STEPS = ("import", "layered", "again", "copy", "rename", "layer", "reduce", "delete", "undo")
KINDS = ("objects", "meshes", "shape_keys", "actions", "materials", "cameras", "images", "armatures", "collections")


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """A few frames of a head and a hand, with their pictures."""
    folder = tmp_path_factory.mktemp("takes")
    (folder / "shots").mkdir()
    image = bpy.data.images.new("made up", 32, 24)
    image.filepath_raw, image.file_format = str(folder / "shots" / "shot_0001.png"), "PNG"
    image.save()
    bpy.data.images.remove(image)
    for number in range(2, 7):
        content = (folder / "shots" / "shot_0001.png").read_bytes()
        (folder / "shots" / f"shot_{number:04d}.png").write_bytes(content)
    recipe = Recipe(frames=6, rings=8, enters=1, absent_from=3, absent_to=4, width=32, height=24)
    return write_synthetic_take(folder / "touch.dicetake", recipe, str(folder / "shots"))


def plain(name: str) -> str:
    """A name without the number that Blender adds to the second of its kind, wherever it is."""
    return re.sub(r"\.\d{3}(?=$| )", "", name)


def curves_of(block: Any) -> list[Any]:
    data = getattr(block, "animation_data", None)
    if data is None or data.action is None:
        return []
    found = []
    for curve in animation.curves_of(block):
        points = np.array([point.co[:] for point in curve.keyframe_points]).round(5)
        found.append((curve.data_path, curve.array_index, points.tolist(), len(curve.modifiers)))
    return [plain(data.action.name), sorted(found, key=str)]


def state_of(collection: bpy.types.Collection) -> dict[str, Any]:
    """Everything about an import that matters to whoever goes on with it."""
    state: dict[str, Any] = {"custom": sorted(set(collection.keys()) - {"dice_import"})}
    for part, item in parts_in(collection).items():
        keys = getattr(item.data, "shape_keys", None)
        shapes = (
            [] if keys is None else [(k.name, np.array([p.co[:] for p in k.data]).round(6)) for k in keys.key_blocks]
        )
        state[part] = {
            "name": plain(item.name),
            "data": None if item.data is None else plain(item.data.name),
            "parent": item.parent and plain(item.parent.name),
            "modifiers": [(m.name, m.type, plain(m.object.name)) for m in item.modifiers],
            "groups": item.vertex_groups.keys(),
            "materials": [plain(slot.material.name) for slot in item.material_slots],
            "shapes": [(name, points.tolist()) for name, points in shapes],
            "curves": [curves_of(item), curves_of(keys), curves_of(item.data)],
            "rest": [item.rotation_mode, item.location[:] if not curves_of(item) else None, item.scale[:]],
            "properties": sorted(set(item.keys())),
        }
        if item.type == "CAMERA":
            user = item.data.background_images[0].image_user
            state[part]["background"] = (user.frame_start, user.frame_duration, user.frame_offset, user.use_cyclic)
    return state


def blocks() -> dict[str, list[str]]:
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in KINDS}


def orphans() -> list[str]:
    kinds = [getattr(bpy.data, kind) for kind in KINDS if kind != "collections"]
    return [block.name_full for kind in kinds for block in kind if block.users == 0]


def markers() -> list[tuple[str, int]]:
    return sorted((marker.name, marker.frame) for marker in bpy.context.scene.timeline_markers)


def fresh() -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def run(operator: str, **options: Any) -> None:
    """An operator as a user runs it: one step that can be undone."""
    getattr(bpy.ops.dice, operator)("EXEC_DEFAULT", True, **options)


@pytest.fixture(scope="module")
def single(take: Take) -> dict[str, tuple[Any, ...]]:
    """What one import makes, for each key mode."""
    import dice_blender

    addon = bpy.context.preferences.addons.new()
    addon.module = "dice_blender"
    dice_blender.register()
    made = {}
    for keys in MODES:
        fresh()
        run("import_take", filepath=str(take.path), keys=keys)
        made[keys] = (state_of(bpy.context.scene.dice.takes[0].collection), blocks(), markers())
    fresh()
    empty = blocks()
    dice_blender.unregister()
    bpy.context.preferences.addons.remove(addon)
    return made | {"empty": empty}


def perform(step: str, keys: str, take: Take, chance: random.Random) -> None:
    """One step of a sequence, on the selected take."""
    settings = bpy.context.scene.dice
    path = str(take.path)
    if step in {"import", "copy", "layered"}:
        existing = {"import": "REPLACE", "copy": "COPY"}.get(step) or chance.choice(["COPY", "REPLACE"])
        run("import_take", filepath=path, keys=keys, existing=existing, nla=step == "layered")
    elif step == "again":
        run("reimport_take", keys=keys)
    elif step == "delete":
        run("remove_take")
    elif step == "rename":
        collection = settings.takes[settings.active_take].collection
        if collection is not None:
            collection.name = "My Take"
            parts_in(collection)["head"].name = "Bob"
        bpy.ops.ed.undo_push(message="rename")
    elif step == "layer" and bpy.ops.dice.nla_layer.poll():
        run("nla_layer")
    elif step == "reduce" and bpy.ops.dice.reduce_keys.poll():
        run("reduce_keys", angle=0.05)
    elif step == "undo":
        bpy.ops.ed.undo()


@pytest.mark.parametrize("seed", range(100, 120))
def test_whatever_was_done_before_an_import_is_an_import(
    extension: Any, take: Take, single: dict[str, Any], seed: int
) -> None:
    chance = random.Random(seed)
    bpy.ops.ed.undo_push(message="start")
    history = []
    for _ in range(chance.randint(4, 9)):
        settings = bpy.context.scene.dice
        there = len(settings.takes)
        step = chance.choice(STEPS if there else ["import", "copy", "layered"])
        keys = chance.choice(MODES)
        history.append((step, keys))
        if there:
            settings.active_take = chance.randrange(there)
        perform(step, keys, take, chance)
        assert not orphans(), history
    keys = chance.choice(MODES)
    run("import_take", filepath=str(take.path), keys=keys)
    settings = bpy.context.scene.dice
    collection = settings.takes[settings.active_take].collection
    assert len(markers()) == 2 * len(settings.takes), history
    if is_layer(collection):
        run("nla_layer")
        assert not is_layer(collection)
    for part in ("head",):
        if parts_in(collection)[part].name.startswith("Bob"):
            item = parts_in(collection)[part]
            item.name = item.data.name
    made = state_of(collection)
    expected = single[keys][0]
    for part, value in expected.items():
        if isinstance(value, dict):
            for name in value:
                if name == "curves":  # the action keeps the name that it was made with
                    assert [c[1:] for c in made[part][name]] == [c[1:] for c in value[name]], (history, part)
                else:
                    assert made[part][name] == value[name], (history, part, name)
    assert set(made) == set(expected)
    while len(settings.takes):
        run("remove_take")
    assert blocks() == single["empty"], history
    assert not markers()
    run("import_take", filepath=str(take.path), keys=keys)
    assert blocks() == single[keys][1], history
    assert state_of(bpy.context.scene.dice.takes[0].collection) == expected, history
    assert markers() == single[keys][2]


@pytest.mark.parametrize("keys", MODES)
@pytest.mark.parametrize("again", MODES)
def test_what_the_user_has_changed_outlives_an_import(extension: Any, take: Take, keys: str, again: str) -> None:
    scene = bpy.context.scene
    run("import_take", filepath=str(take.path), keys=keys)
    entry = scene.dice.takes[0]
    collection, parts = entry.collection, parts_in(entry.collection)
    head, camera = parts["head"], parts["camera"]
    collection.name, collection.color_tag = "Shot 7", "COLOR_03"
    head.name, head.data.name = "Bob", "Bob's Face"
    head.modifiers.new("Smooth", "SUBSURF").levels = 2
    group = head.vertex_groups.new(name="mask")
    group.add([0, 1, 2], 0.5, "REPLACE")
    mine = bpy.data.materials.new("Mine")
    head.material_slots[0].material = mine
    head.data.attributes.new("paint", "FLOAT", "POINT")
    head.keyframe_insert('modifiers["Smooth"].show_viewport', frame=3)
    light = bpy.data.objects.new("Light", bpy.data.lights.new("Light", "SUN"))
    collection.objects.link(light)
    camera.name, camera.data.dof.use_dof, camera.data.lens = "Cam", True, 77.0
    parts["origin"].location.x = 2.0
    scene.camera = camera
    scene.timeline_markers[0].name = "ouch"
    scene.timeline_markers[1].frame += 2
    entry.start, entry.speed, entry.trim_last, entry.dents = 41, 0.5, 5, 1.5
    noted = markers(), entry.start, round(entry.speed, 5), entry.trim_last, list(collection["dice_range"])
    assert noted[1:4] == (41, 0.5, 5)
    run("reimport_take", keys=again)
    assert len(scene.dice.takes) == 1
    entry = scene.dice.takes[0]
    assert entry.collection == collection == bpy.data.collections["Shot 7"]
    assert (markers(), entry.start, round(entry.speed, 5), entry.trim_last, list(collection["dice_range"])) == noted
    assert parts_in(collection)["head"] == head
    assert (head.name, head.data.name, entry.keys) == ("Bob", "Bob's Face", again)
    assert head.modifiers["Smooth"].levels == 2
    assert [v.groups[0].weight for v in head.data.vertices[:1] if v.groups] == [0.5]
    assert head.vertex_groups["mask"].weight(2) == 0.5
    assert head.material_slots[0].material == mine
    assert "paint" in head.data.attributes
    paths = [curve.data_path for curve in animation.curves_of(head)]
    assert 'modifiers["Smooth"].show_viewport' in paths
    assert light.name in collection.objects
    assert (scene.camera, camera.data.dof.use_dof, camera.data.lens) == (camera, True, 77.0)
    assert parts_in(collection)["origin"].location.x == 2.0
    assert entry.dents == 1.5
    assert any(m.type == "ENVELOPE" for c in animation.curves_of(head.data.shape_keys) for m in c.modifiers)
    run("remove_take")
    assert light.name in scene.objects, "what the user has put there stays"
    assert not [item for item in scene.objects if item.type in {"MESH", "CAMERA"}]
    assert not markers()


def test_an_import_that_fails_changes_nothing(extension: Any, take: Take, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "touch.dicetake"
    shutil.copytree(take.path, copy)
    run("import_take", filepath=str(copy), keys="rigged")
    before = (state_of(bpy.context.scene.dice.takes[0].collection), blocks(), markers())
    for chunk in (copy / "chunks").iterdir():
        chunk.write_bytes(b"damaged")
    for keys in MODES:
        with pytest.raises(RuntimeError, match="cannot be read"):
            run("reimport_take", keys=keys)
    shutil.rmtree(copy)
    with pytest.raises(RuntimeError, match="folder is gone"):
        run("reimport_take", keys="compact")
    assert (state_of(bpy.context.scene.dice.takes[0].collection), blocks(), markers()) == before


def test_a_head_in_edit_mode_is_left_alone(extension: Any, take: Take) -> None:
    run("import_take", filepath=str(take.path), keys="compact")
    head = bpy.data.objects["Head"]
    bpy.context.view_layer.objects.active = head
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Object Mode"):
        run("reimport_take", keys="rigged")
    bpy.ops.object.mode_set(mode="OBJECT")
    run("reimport_take", keys="rigged")
