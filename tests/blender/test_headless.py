"""`dice blend`'s other half: a child process that makes the files, or says in one sentence why it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

from dice_core import blender_process
from dice_core.blender_process import blender_command, make_blend
from dice_core.errors import DiceError, InputError
from dice_core.take import Take

from .surfaces import worst_distance


def test_a_take_becomes_files(take: Take, tmp_path: Path) -> None:
    warnings: list[str] = []
    done = make_blend(
        take.path,
        tmp_path / "out" / "take.blend",
        fbx=tmp_path / "take.fbx",
        preset="unity",
        glb=tmp_path / "take.glb",
        on_warning=warnings.append,
    )
    assert done["blend"] == str(tmp_path / "out" / "take.blend")
    assert done["meshes"]["head"] == {"keys": 30, "error_mm": 0.0}
    assert done["meshes"]["hand_right"]["keys"] == 23
    assert any("nowhere.mp4" in warning for warning in warnings)
    assert (tmp_path / "take.fbx").read_bytes().startswith(b"Kaydara FBX Binary")
    assert (tmp_path / "take.glb").read_bytes().startswith(b"glTF")
    bpy.ops.wm.open_mainfile(filepath=done["blend"])
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end, scene.camera.name) == (1, 30, "DICE Camera")
    assert worst_distance(take, "head", bpy.data.objects["Head"], 1) < 0.01
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def test_what_is_not_a_take_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a take"):
        make_blend(tmp_path, tmp_path / "x.blend")
    assert not (tmp_path / "x.blend").exists()


@pytest.mark.parametrize(
    ("options", "known"),
    [({"keys": "all"}, "per-frame, compact, rigged"), ({"preset": "maya"}, "unity, unreal, godot, generic")],
    ids=["keys", "preset"],
)
def test_an_unknown_name_is_bad_input(take: Take, tmp_path: Path, options: dict[str, str], known: str) -> None:
    with pytest.raises(InputError, match=f"choose one of {known}"):
        make_blend(take.path, tmp_path / "x.blend", **options)
    assert not (tmp_path / "x.blend").exists()


def test_an_output_that_cannot_be_written_is_bad_input(take: Take, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        make_blend(take.path, tmp_path / "file" / "x.blend")


def test_an_existing_file_is_not_emptied_by_a_failure(take: Take, tmp_path: Path) -> None:
    (tmp_path / "x.fbx").write_bytes(b"precious")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        make_blend(take.path, tmp_path / "x.blend", fbx=tmp_path / "x.fbx", glb=tmp_path / "file" / "x.glb")
    assert (tmp_path / "x.fbx").read_bytes() == b"precious"


def test_without_any_blender_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blender_process.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(blender_process.shutil, "which", lambda _: None)
    with pytest.raises(DiceError, match="put Blender"):
        blender_command()


def test_a_blender_program_is_used_where_bpy_is_missing(
    take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in `blender` that understands the options we pass, as the program's manual has them."""
    program = tmp_path / "blender"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "assert sys.argv[1:3] == ['--background', '--factory-startup'], sys.argv\n"
        "expression = sys.argv[sys.argv.index('--python-expr') + 1]\n"
        "sys.path = [p for p in sys.path if 'site-packages' in p or 'python3' in p or p.endswith('.zip')]\n"
        "exec(expression)\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(blender_process.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    done = make_blend(take.path, tmp_path / "x.blend", keys="compact")
    assert done["keys"] == "compact"
    assert (tmp_path / "x.blend").stat().st_size > 10_000


def test_the_scene_package_needs_no_registration() -> None:
    code = "import dice_blender.scene, dice_blender.export, bpy; assert not hasattr(bpy.types.Scene, 'dice')"
    root = Path(blender_process.__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd="/")
