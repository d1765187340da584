"""The scripts in examples/, run as a reader would run them."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from dice_core.sample import sample_clip, sample_truth
from dice_core.take import open_take

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, *arguments: Path, status: int = 0) -> str:
    """What an example prints; it must end with `status`."""
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=EXAMPLES.parent)
    assert ended.returncode == status, ended.stderr
    return ended.stdout


def test_every_example_is_tested_here() -> None:
    names = {file.name for file in EXAMPLES.glob("*.py")}
    assert names == {"read_take.py", "import_in_blender.py", "capture_folder.py"}


def test_read_take_says_what_the_take_holds() -> None:
    lines = run("read_take.py", sample_truth()).splitlines()
    take = open_take(sample_truth())
    assert lines[0] == f"{len(take.frames)} frames at {take.fps:g} frames a second"
    assert [line.split(":")[0] for line in lines[1 : 1 + len(take.meshes)]] == list(take.meshes)
    tracked = take.array("tracked_head") > 0
    vertices = take.array("head.vertices") + take.array("head.deformation")
    assert f"in {tracked.mean():.0%} of the frames, {vertices[tracked][..., 2].mean():.2f} m away" in lines[1]
    assert len(lines) == 1 + len(take.meshes) + len(take.events)
    assert take.events[0].region in lines[1 + len(take.meshes)]


def test_read_take_needs_numpy_alone() -> None:
    tree = ast.parse((EXAMPLES / "read_take.py").read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="needs the bpy package")
def test_import_in_blender_writes_scene_and_exports(tmp_path: Path) -> None:
    printed = run("import_in_blender.py", sample_truth(), tmp_path / "new folder")
    assert "head: the object 'Head' with " in printed
    written = tmp_path / "new folder"
    assert (written / "scene.blend").stat().st_size > 100_000
    assert (written / "scene.fbx").read_bytes().startswith(b"Kaydara FBX Binary")
    assert (written / "scene.glb").read_bytes().startswith(b"glTF")


def test_capture_folder_goes_through_all_clips(tmp_path: Path) -> None:
    clips, takes = tmp_path / "clips", tmp_path / "takes"
    clips.mkdir()
    for name, first in (("a.mp4", 0), ("b.MP4", 30)):
        _cut(clips / name, first, 4)
    (clips / "broken.mp4").write_bytes(b"no video")
    (clips / "notes.txt").write_text("not a clip", encoding="utf-8")
    lines = run("capture_folder.py", clips, takes, status=1).splitlines()
    assert [line.split(",")[0] for line in lines] == ["a.mp4: 4 frames", "b.MP4: 4 frames"]
    assert sorted(path.name for path in takes.iterdir()) == ["a.dicetake", "b.dicetake"]
    assert open_take(takes / "b.dicetake").complete
    before = (takes / "a.dicetake" / "take.json").stat().st_mtime_ns
    run("capture_folder.py", clips, takes, status=1)
    assert (takes / "a.dicetake" / "take.json").stat().st_mtime_ns == before, "a finished take is left alone"


def _cut(path: Path, first: int, count: int) -> None:
    """Frames first, ..., first + count - 1 of the sample as a clip of its own."""
    video = cv2.VideoCapture(str(sample_clip()))
    images: list[np.ndarray] = []
    while len(images) < first + count:
        there, image = video.read()
        assert there
        images.append(image)
    video.release()
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 24.0, (width, height))
    for image in images[first:]:
        writer.write(image)
    writer.release()
