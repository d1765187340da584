"""What stands in an exported file besides motion: names, influences, colours, the character's place, the camera."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import bpy
import numpy as np
import pytest

from dice_blender.export import PRESETS, export_alembic, export_fbx, export_glb, export_usd
from dice_blender.export.names import FileNames, plain_name
from dice_blender.scene import import_take
from dice_core.take import Take

from .glb_reader import Glb
from .surfaces import captured, evaluated
from .synthetic_take import Recipe, write_synthetic_take

_MODES = ["per-frame", "compact", "rigged"]


def _fbx_names(path: Path, kind: str) -> list[str]:
    """Names of the objects of a kind ("Model", "Material", "AnimStack", "Geometry") in a binary FBX."""
    pattern = rb"S(....)([^\x00]*)\x00\x01" + kind.encode()
    found = re.findall(pattern, path.read_bytes(), re.DOTALL)
    size = len(kind) + 2
    return [name.decode() for length, name in found if struct.unpack("<I", length)[0] == len(name) + size]


def _fbx_diffuse(path: Path) -> dict[str, list[float]]:
    """Diffuse colour by material, as it stands in the file."""
    content = path.read_bytes()
    colours = {}
    for match in re.finditer(rb"S....([^\x00]+)\x00\x01Material", content, re.DOTALL):
        start = content.index(b"DiffuseColor", match.end())
        start = content.index(b"D", start + len(b"DiffuseColor"))
        values = [struct.unpack_from("<d", content, start + 9 * k + 1)[0] for k in range(3)]
        colours[match[1].decode()] = values
    return colours


def _all_names(path: Path) -> list[str]:
    if path.suffix == ".fbx":
        return [*_fbx_names(path, "Model"), *_fbx_names(path, "Material"), *_fbx_names(path, "AnimStack")]
    document = Glb(path).document
    return [entry["name"] for kind in ("nodes", "meshes", "materials", "animations") for entry in document[kind]]


@pytest.mark.parametrize("suffix", [".fbx", ".glb"])
@pytest.mark.parametrize("keys", _MODES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_name_in_a_file_is_its_own(
    scene: bpy.types.Scene, two_hands: Take, tmp_path: Path, preset: str, keys: str, suffix: str
) -> None:
    export = export_fbx if suffix == ".fbx" else export_glb
    export(import_take(two_hands, keys=keys).collection, tmp_path / f"a{suffix}", preset=preset)
    names = [name.casefold() for name in _all_names(tmp_path / f"a{suffix}")]
    assert sorted(n for n in set(names) if names.count(n) > 1) == []
    assert {"head", "hand.l", "hand.r"} <= set(names)


@pytest.mark.parametrize("suffix", [".fbx", ".glb"])
@pytest.mark.parametrize("preset", ["unity", "generic"])
def test_the_tenth_import_has_the_names_of_the_first(
    scene: bpy.types.Scene, two_hands: Take, tmp_path: Path, preset: str, suffix: str
) -> None:
    export = export_fbx if suffix == ".fbx" else export_glb
    first = import_take(two_hands, keys="rigged")
    export(first.collection, tmp_path / f"first{suffix}", preset=preset)
    wanted = _all_names(tmp_path / f"first{suffix}")
    for _ in range(3):
        last = import_take(two_hands, keys="rigged")
    assert last.objects["head"].name != "Head"
    before = sorted(block.name for kind in (bpy.data.objects, bpy.data.meshes, bpy.data.materials) for block in kind)
    export(last.collection, tmp_path / f"last{suffix}", preset=preset)
    assert _all_names(tmp_path / f"last{suffix}") == wanted
    assert not [name for name in wanted if plain_name(name) != name]
    after = sorted(block.name for kind in (bpy.data.objects, bpy.data.meshes, bpy.data.materials) for block in kind)
    assert after == before


def test_names_of_the_user_are_kept(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    imported = import_take(small_take, keys="rigged")
    imported.collection.name = "Scene 7"
    imported.objects["head"].name = "Größe Head_bone"
    imported.objects["hand_right"].name = "Root"
    export_fbx(imported.collection, tmp_path / "a.fbx", preset="unreal")
    names = _fbx_names(tmp_path / "a.fbx", "Model")
    assert {"Größe Head_bone", "Root", "Größe Head_bone_bone", "root_2"} <= set(names)
    assert _fbx_names(tmp_path / "a.fbx", "AnimStack") == ["Scene 7"]


def test_two_takes_in_a_scene_do_not_change_each_others_names(
    scene: bpy.types.Scene, small_take: Take, two_hands: Take, tmp_path: Path
) -> None:
    export_glb(import_take(two_hands, keys="rigged").collection, tmp_path / "alone.glb", preset="godot")
    import_take(small_take, keys="compact")
    again = import_take(two_hands, keys="rigged")
    export_glb(again.collection, tmp_path / "beside.glb", preset="godot")
    assert _all_names(tmp_path / "alone.glb") == _all_names(tmp_path / "beside.glb")


def test_names_that_readers_take_for_each_other_are_told_apart() -> None:
    names = FileNames()
    assert [names.unused(n) for n in ("Head", "head", "Hand.L", "Hand_L", "HandL", "Head.004")] == [
        "Head",
        "head_2",
        "Hand.L",
        "Hand_L_2",
        "HandL_3",
        "Head_3",
    ]


def test_at_most_four_bones_move_a_vertex_and_the_error_is_told(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path
) -> None:
    imported = import_take(small_take, keys="rigged")
    hand = imported.objects["hand_right"]
    for weight, bone in enumerate(("index-1", "middle-1", "ring-1", "little-1", "thumb-1")):
        hand.vertex_groups[bone].add(range(0, len(hand.data.vertices), 3), 0.2 + 0.05 * weight, "REPLACE")
    assert len(hand.data.vertices[0].groups) > 4
    for preset in PRESETS:
        report = export_glb(imported.collection, tmp_path / f"{preset}.glb", preset=preset)
        glb = Glb(tmp_path / f"{preset}.glb")
        assert glb.influences("Hand.R") <= 4
        weights = np.concatenate(glb.attribute("Hand.R", "WEIGHTS_0"))
        assert np.allclose(weights.sum(axis=1), 1.0, atol=1e-5)
        assert report.influence_error > 1e-3
        (sentence,) = [warning for warning in report.warnings if "4 bones" in warning]
        assert f"{report.influence_error * 1000:.2f} mm" in sentence
        assert max(report.errors.values()) < 0.5e-3


def _srgb(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def test_colours_arrive_as_they_are_seen(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    """glTF's colours are linear, and those of FBX are read as sRGB."""
    imported = import_take(small_take, keys="compact")
    material = imported.objects["head"].data.materials[0]
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    # Changed in the shader only, behind the mix that shows contact.
    shader.inputs["Base Color"].default_value = (0.1, 0.4, 0.02, 1.0)
    export_glb(imported.collection, tmp_path / "a.glb")
    export_fbx(imported.collection, tmp_path / "a.fbx", preset="unity")
    document = Glb(tmp_path / "a.glb").document
    linear = {m["name"]: m["pbrMetallicRoughness"]["baseColorFactor"][:3] for m in document["materials"]}
    assert linear["Head Skin"] == pytest.approx([0.1, 0.4, 0.02], abs=1e-5)
    encoded = _fbx_diffuse(tmp_path / "a.fbx")
    assert encoded["Head Skin"] == pytest.approx([_srgb(c) for c in (0.1, 0.4, 0.02)], abs=1e-4)
    assert shader.inputs["Base Color"].default_value[:] == pytest.approx((0.1, 0.4, 0.02, 1.0))


@pytest.mark.parametrize("domain", ["POINT", "CORNER"])
@pytest.mark.parametrize("kind", ["FLOAT_COLOR", "BYTE_COLOR"])
def test_vertex_colours_arrive_as_they_are_seen(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path, kind: str, domain: str
) -> None:
    imported = import_take(small_take, keys="compact")
    head = imported.objects["head"]
    mesh = head.data
    unseen = mesh.color_attributes.new("Unseen", "FLOAT_COLOR", "POINT")
    unseen.data.foreach_set("color", np.tile([1.0, 0, 1, 1], len(unseen.data)).astype(np.float32))
    paint = mesh.color_attributes.new("Paint", kind, domain)
    paint.data.foreach_set("color", np.tile([0.2, 0.5, 0.05, 1], len(paint.data)).astype(np.float32))
    tree = mesh.materials[0].node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    node = tree.nodes.new("ShaderNodeVertexColor")
    node.layer_name = "Paint"
    tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    export_glb(imported.collection, tmp_path / "a.glb")
    glb = Glb(tmp_path / "a.glb")
    colours = np.concatenate(glb.attribute("Head", "COLOR_0"))[:, :3]
    assert np.allclose(colours, [0.2, 0.5, 0.05], atol=0.01)
    assert not glb.attribute("Head", "COLOR_1")
    assert not glb.attribute("Hand.R", "COLOR_0")
    export_fbx(imported.collection, tmp_path / "a.fbx", preset="unreal")
    # Readers multiply the vertices' colours with the material's.
    assert _fbx_diffuse(tmp_path / "a.fbx")["Head Skin"] == pytest.approx([1, 1, 1])
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    if bpy.app.version >= (4, 5):
        bpy.ops.wm.fbx_import(filepath=str(tmp_path / "a.fbx"))
    else:
        bpy.ops.import_scene.fbx(filepath=str(tmp_path / "a.fbx"))
    (read,) = bpy.data.objects["Head"].data.color_attributes
    values = np.empty(len(read.data) * 4, np.float32)
    read.data.foreach_get("color", values)
    assert np.allclose(values.reshape(-1, 4)[:, :3], [0.2, 0.5, 0.05], atol=0.01)
    assert not len(bpy.data.objects["Hand.R"].data.color_attributes)


def test_the_character_can_stand_at_the_origin(scene: bpy.types.Scene, small_take: Take, tmp_path: Path) -> None:
    imported = import_take(small_take, keys="rigged")
    export_glb(imported.collection, tmp_path / "there.glb", preset="unity")
    export_glb(imported.collection, tmp_path / "origin.glb", preset="unity", at_origin=True)
    there, origin = Glb(tmp_path / "there.glb"), Glb(tmp_path / "origin.glb")
    head = origin.surface("Head", 0.0)
    assert head[:, 2].min() == pytest.approx(0.0, abs=1e-4)
    assert (head.min(axis=0) + head.max(axis=0))[:2] == pytest.approx([0, 0], abs=2e-4)
    moved = origin.surface("Hand.R", 0.5) - there.surface("Hand.R", 0.5)
    assert np.ptp(moved, axis=0).max() < 1e-4
    assert np.allclose(moved[0], head[0] - there.surface("Head", 0.0)[0], atol=1e-4)


def _imported_by_blender(path: Path) -> None:
    """A file in an empty scene, whose unit is a metre, at its first frame."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    elif path.suffix == ".abc":
        bpy.ops.wm.alembic_import(filepath=str(path), as_background_job=False)
    elif path.suffix == ".usdc":
        bpy.ops.wm.usd_import(filepath=str(path))
    elif bpy.app.version >= (4, 5):
        bpy.ops.wm.fbx_import(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path))
    bpy.context.scene.frame_set(1 if path.suffix == ".fbx" else 0)


@pytest.mark.parametrize("suffix", [".fbx", ".glb", ".usdc", ".abc"])
def test_a_file_is_in_metres_whatever_the_scene_is_in(
    scene: bpy.types.Scene, small_take: Take, tmp_path: Path, suffix: str
) -> None:
    scene.unit_settings.scale_length = 0.01
    imported = import_take(small_take, keys="rigged")
    imported.origin.scale = (100, 100, 100)
    path = tmp_path / f"take{suffix}"
    write = {".fbx": export_fbx, ".glb": export_glb, ".usdc": export_usd, ".abc": export_alembic}[suffix]
    report = write(imported.collection, path)
    assert max(report.errors.values()) < 2.5e-4
    _imported_by_blender(path)
    (head,) = [item for item in bpy.data.objects if item.type == "MESH" and "Head" in item.name]
    assert np.allclose(np.ptp(evaluated(head), axis=0), np.ptp(captured(small_take, "head")[0], axis=0), atol=5e-4)


@pytest.mark.parametrize("export", [export_fbx, export_glb])
def test_the_camera_comes_along_or_not(scene: bpy.types.Scene, small_take: Take, tmp_path: Path, export) -> None:  # type: ignore[no-untyped-def]
    imported = import_take(small_take, keys="compact")
    imported.origin.location = (1, 2, 3)
    path = tmp_path / ("a.fbx" if export is export_fbx else "a.glb")
    export(imported.collection, path)
    assert not [name for name in _all_names(path) if "Camera" in name]
    export(imported.collection, path, camera=True)
    assert [name for name in _all_names(path) if name == "DICE Camera"]
    bpy.context.view_layer.update()
    wanted, angle = np.array(imported.camera.matrix_world), imported.camera.data.angle
    _imported_by_blender(path)
    (camera,) = [item for item in bpy.data.objects if item.type == "CAMERA"]
    assert np.allclose(np.array(camera.matrix_world), wanted, atol=2e-3)
    if export is export_glb:
        lens = Glb(path).document["cameras"][0]["perspective"]
        seen = 2 * np.arctan(np.tan(lens["yfov"] / 2) * lens["aspectRatio"])
    else:
        seen = camera.data.angle
    assert seen == pytest.approx(angle, abs=0.01)


@pytest.fixture(scope="module")
def two_hands(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """A short take of a head and both hands."""
    folder = tmp_path_factory.mktemp("takes") / "both.dicetake"
    return write_synthetic_take(folder, Recipe(frames=6, rings=8, enters=1, absent_from=0, absent_to=0, two_hands=True))
