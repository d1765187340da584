"""The built zip, installed and used in the Blender at hand: its whole life, from installation to removal."""

from __future__ import annotations

import ast
import importlib.util
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build_addon
from dice_core.take import Source, TakeWriter, open_take
from tests.blender.synthetic_take import write_synthetic_take
from tests.extension.installed.order import MODULES

HERE = Path(__file__).parent
SESSION = HERE / "installed"
SAMPLES = sorted((build_addon.ROOT / "dice_core" / "sample").glob("*.mp4"))
# Seconds: a Blender's life with some small imports, and the capture of the sample on two cores.
PATIENCE = 600

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="needs the bpy package"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def repeat_take(source: Path, target: Path, frames: int) -> None:
    """Write a take of `frames` frames that plays another one back and forth."""
    take = open_take(source)
    arrays = list(take.chunks())
    joined = {key: np.concatenate([chunk[key] for chunk in arrays]) for key in arrays[0]}
    count = len(take.frames)
    order = np.resize(np.concatenate([np.arange(count), np.arange(count)[::-1]]), frames)
    footage = Source(**take.info["source"] | {"path": str(source.with_name("sample.mp4")), "frame_count": frames})
    writer = TakeWriter(target, footage, take.info["engine"])
    writer.set_camera(take.camera)
    for mesh in take.meshes.values():
        writer.add_mesh(mesh)
    for first in range(0, frames, 32):
        rows = order[first : first + 32]
        chunk = {key: value[rows] for key, value in joined.items()}
        chunk["frame"] = np.arange(first, first + len(rows), dtype=np.int32)
        writer.write_chunk(chunk)
    writer.set_events(take.events)
    writer.finish(complete=True)


def steps() -> list[str]:
    """Names of the steps, read from the session's modules without running them."""
    trees = [ast.parse((SESSION / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [node.name for node in functions if any(getattr(mark, "id", "") == "step" for mark in node.decorator_list)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the session says of each step."""
    folder = tmp_path_factory.mktemp("installed")
    wheels = build_addon.LOCK.parent
    name = "linux-x64" if platform.machine() == "x86_64" else ""
    if not name:
        pytest.skip("there is no zip for this machine")
    try:
        offline = all((wheels / pin.file).exists() for pin in build_addon.read_lock() if pin.platform in {name, "any"})
        (zip_file,) = build_addon.build([name], wheels, folder, offline=offline and build_addon.can_build_offline())
    except build_addon.BuildError as error:
        pytest.fail(str(error))
    stub = folder / "stub" / "dice_core"
    stub.mkdir(parents=True)
    (stub / "__init__.py").touch()
    shutil.copy(HERE / "stub_worker.py", stub / "__main__.py")
    write_synthetic_take(folder / "ready.dicetake")
    for clip in SAMPLES[:1]:
        repeat_take(clip.with_name(f"{clip.stem}_truth.dicetake"), folder / "long.dicetake", 300)
    run = subprocess.run(
        [sys.executable, str(SESSION), str(zip_file), str(folder), *map(str, SAMPLES[:1])],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    answer = folder / "report.json"
    assert answer.exists(), run.stdout[-2000:] + run.stderr[-2000:]
    return json.loads(answer.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", steps())
def test_step(report: dict[str, Any], name: str) -> None:
    result = report[name]
    assert result["passed"], result.get("traceback")
    if result["figures"]:
        sys.stdout.write(f"{name}: {json.dumps(result['figures'])}\n")
        if result["figures"].get("skipped"):
            pytest.skip("the sample clip is not there")
