"""The Blender halves of `dice transfer`: a character's file is read, and a solved motion saved and exported with it."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest

from dice_blender import transfer_headless
from dice_blender.character.objects import find_objects
from dice_core.take import Take
from dice_core.transfer.files import read_character, write_motion

from .small_character import make_character
from .synthetic_motion import FRAMES, own_turns, synthetic_motion
from .synthetic_take import Recipe, write_synthetic_take

pytestmark = pytest.mark.usefixtures("scene")


def said(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"event"')]


def saved(folder: Path, suffix: str) -> Path:
    """A character as a file of some kind."""
    make_character("mixamorig:")
    path = folder / f"hero{suffix}"
    if suffix == ".blend":
        bpy.ops.wm.save_as_mainfile(filepath=str(path))
    elif suffix == ".fbx":
        bpy.ops.export_scene.fbx(filepath=str(path), add_leaf_bones=False, use_mesh_modifiers=False)
    else:
        bpy.ops.export_scene.gltf(filepath=str(path), export_apply=False)
    return path


@pytest.mark.parametrize("suffix", [".blend", ".fbx", ".glb"])
def test_there_and_back(tmp_path: Path, small_take: Take, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    path, take = saved(tmp_path, suffix), str(small_take.path)
    npz, motion_file, out = tmp_path / "hero.npz", tmp_path / "motion.npz", tmp_path / "out.blend"
    assert transfer_headless.main(["read", str(path), "--take", take, "-o", str(npz)]) == 0
    event = said(capsys)[-1]
    assert (event["event"], event["bones"], event["expressions"]) == ("done", 40, 4)
    character = read_character(npz)
    assert character.vertices[:, 2].max() == pytest.approx(1.75, abs=0.01)
    motion = synthetic_motion(character)
    write_motion(motion_file, motion)
    fbx = tmp_path / "out.fbx"
    command = ["apply", str(path), str(motion_file), "--take", take, "-o", str(out), "--fbx", str(fbx)]
    assert transfer_headless.main(command) == 0
    assert fbx.stat().st_size > 10_000
    assert said(capsys)[-1]["lost"] == {}
    bpy.ops.wm.open_mainfile(filepath=str(out))
    scene = bpy.context.scene
    armature = find_objects(scene).armature
    scene.frame_set(round(scene.frame_start + (FRAMES - 1) * scene.render.fps / scene.render.fps_base / small_take.fps))
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    turns, index = own_turns(character), character.bone_names.index(character.roles["hand.L"])
    wanted = (turns["hand.L"][-1] @ character.bone_matrices[index])[:3, 3]
    there = np.array(posed.matrix_world @ posed.pose.bones[character.roles["hand.L"]].head)
    np.testing.assert_allclose(there, wanted, atol=1e-4)


def test_a_take_of_less_than_a_frame_a_second_keeps_its_rate(tmp_path: Path) -> None:
    take = write_synthetic_take(tmp_path / "slow.dicetake", Recipe(rings=10, fps=0.4))
    path, npz, motion = saved(tmp_path, ".glb"), tmp_path / "hero.npz", tmp_path / "motion.npz"
    assert transfer_headless.main(["read", str(path), "--take", str(take.path), "-o", str(npz)]) == 0
    write_motion(motion, synthetic_motion(read_character(npz)))
    out = tmp_path / "out.blend"
    assert transfer_headless.main(["apply", str(path), str(motion), "--take", str(take.path), "-o", str(out)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    scene = bpy.context.scene
    assert scene.render.fps / scene.render.fps_base == pytest.approx(0.4)
    assert scene.frame_end == scene.frame_start + FRAMES - 1


def test_names_and_a_map_choose_what_is_meant(tmp_path: Path, small_take: Take) -> None:
    make_character(name="Other")
    armature, body = make_character(name="Hero")
    armature.data.bones["LeftHandIndex1"].name = "Zeige"
    path = tmp_path / "two.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    mapping = tmp_path / "map.json"
    bones = {"head": "Head", "hand.L": "LeftHand", "index.1.L": "Zeige"}
    mapping.write_text(json.dumps({"format": "dice-character-map", "version": 1, "bones": bones, "expressions": []}))
    npz = tmp_path / "hero.npz"
    command = ["read", str(path), "--take", str(small_take.path), "-o", str(npz), "--map", str(mapping)]
    assert transfer_headless.main([*command, "--armature", "Hero", "--head", "Hero Body"]) == 0
    assert read_character(npz).roles == bones
    assert body is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--armature", "Nobody"], "no object Nobody"),
        (["--armature", "Hero Body"], "is no armature"),
        (["--head", "Hero"], "is no mesh"),
        (["--head", "Cube"], "not moved by"),
        (["--map", "missing.json"], "cannot be read"),
        (["--arms", "ik"], "no IK controls"),
    ],
)
def test_wrong_names_are_refused_in_one_sentence(
    tmp_path: Path, small_take: Take, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_character()
    mesh = bpy.data.meshes.new("Cube")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [[0, 1, 2]])
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Cube", mesh))
    path = tmp_path / "hero.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    before = path.read_bytes()
    extra = ["--armature", "Hero"] if "--armature" not in options else []
    command = ["read", str(path), "--take", str(small_take.path), "-o", str(tmp_path / "x.npz"), *extra, *options]
    assert transfer_headless.main(command) == 2
    message = said(capsys)[-1]["message"]
    assert words in message
    assert message.count(". ") == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["missing.blend", "hero.obj", "damaged.blend", "damaged.glb"])
def test_files_that_are_no_characters(
    tmp_path: Path, small_take: Take, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if name != "missing.blend":
        path.write_bytes(b"nothing that Blender knows")
    command = ["read", str(path), "--take", str(small_take.path), "-o", str(tmp_path / "x.npz")]
    assert transfer_headless.main(command) == 2
    assert name in said(capsys)[-1]["message"]


def test_an_armature_without_hands(tmp_path: Path, small_take: Take, capsys: pytest.CaptureFixture[str]) -> None:
    armature, _ = make_character()
    for bone in armature.data.bones:
        if "Hand" in bone.name or "Arm" in bone.name:
            bone.name = f"x{bone.name[::-1]}"
    armature.data.bones["xdnaHtfeL"].use_deform = False
    from dice_blender.scene.armature import editing

    bpy.context.scene.collection.objects.unlink(armature)
    with editing(armature):
        for bone in [b for b in armature.data.edit_bones if b.name.startswith("x")]:
            armature.data.edit_bones.remove(bone)
    bpy.context.scene.collection.objects.link(armature)
    path = tmp_path / "hero.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    command = ["read", str(path), "--take", str(small_take.path), "-o", str(tmp_path / "x.npz")]
    assert transfer_headless.main(command) == 2
    assert "No hand was found on Hero" in said(capsys)[-1]["message"]
