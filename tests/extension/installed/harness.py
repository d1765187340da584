"""What the steps of the session share: the folder, the installed extension's modules, the stub worker."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ZIP, FOLDER = Path(sys.argv[1]), Path(sys.argv[2])
SAMPLE = Path(sys.argv[3]) if len(sys.argv) > 3 else None
os.environ["BLENDER_USER_RESOURCES"] = str(FOLDER / "profile")  # Blender reads it when it is imported
os.environ["DICE_DATA"] = str(FOLDER / "data")  # no licensed files, whatever the user has
os.environ["DICE_STUB_TAKE"] = str(FOLDER / "ready.dicetake")

import bpy  # noqa: E402

MODULE = "bl_ext.user_default.dice_blender"
STEPS: list[Callable[[], dict[str, Any] | None]] = []
KINDS = ("Operator", "Panel", "UIList", "PropertyGroup", "AddonPreferences", "FileHandler", "Menu", "Header")


def step(function: Callable[[], dict[str, Any] | None]) -> Callable[[], dict[str, Any] | None]:
    """Make a function a step; the order is that of the source, and of `order.MODULES`."""
    STEPS.append(function)
    return function


def part(name: str) -> Any:
    """A module of the installed extension."""
    return sys.modules[f"{MODULE}.{name}"]


def classes() -> set[str]:
    """Names of all classes that are registered with Blender from Python."""
    found: set[str] = set()
    for kind in KINDS:
        found |= {cls.__name__ for cls in getattr(bpy.types, kind).__subclasses__() if hasattr(cls, "bl_rna")}
    return {name for name in found if "DICE" in name or "dice" in name} & set(dir(bpy.types)) | {
        name for name in dir(bpy.types) if name.startswith("DICE_")
    }


def handlers() -> list[str]:
    """Handlers of ours."""
    lists = [getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers) if not name.startswith("_")]
    return [str(item) for entry in lists if isinstance(entry, list) for item in entry if "dice" in str(item.__module__)]


def drawn(kind: str) -> list[str]:
    """Functions of ours that draw in one of Blender's own menus or headers."""
    draws = getattr(getattr(bpy.types, kind), "_dyn_ui_initialize", lambda: [])()
    return [str(item) for item in draws if "dice" in str(item.__module__)]


def children() -> list[int]:
    """Processes that we have started and that are there, zombies included."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(stat.parent.name))
    return found


def use_stub(habits: str) -> None:
    """Have the stub behave so in the next capture, of a real photo so that the footage is there."""
    footage = FOLDER / f"{habits}.png"
    if not footage.exists():
        image = bpy.data.images.new("made up", 64, 48)
        image.filepath_raw, image.file_format = str(footage), "PNG"
        image.save()
        bpy.data.images.remove(image)
    worker = part("jobs.worker")
    part("jobs.environment").python_of = lambda _engine: worker.Python(sys.executable, (str(FOLDER / "stub"),))
    bpy.ops.dice.open_footage(filepath=str(footage))


def drive(until: Callable[[], bool]) -> None:
    """Tick the queue as Blender's timer would."""
    queue, end = part("jobs.runner").queue, time.monotonic() + 60
    while not until():
        queue.tick()
        assert time.monotonic() < end
        time.sleep(0.01)


def submit(habits: str) -> Any:
    """Start a capture without waiting for its end, as in a Blender with a window."""
    use_stub(habits)
    captures, runner = part("jobs.queue"), part("jobs.runner")
    request = captures.Request(
        footage=str(FOLDER / f"{habits}.png"),
        take=FOLDER / "takes" / f"{habits}.dicetake",
        scene=bpy.context.scene.session_uid,
    )
    return runner.queue.submit(request, part("jobs.environment").python_of("open"))


def fresh() -> None:
    """An empty file; the extension stays."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def check_import(entry: Any) -> dict[str, Any]:
    """What an import has to have made."""
    scene, objects = bpy.context.scene, list(entry.collection.all_objects)
    meshes = [item for item in objects if item.type == "MESH"]
    assert {item.name.split(".")[0] for item in meshes} >= {"Head", "Hand"}
    for item in meshes:
        assert item.data.shape_keys.animation_data.action is not None
    groups = {group.name for item in meshes for group in item.vertex_groups}
    assert "contact" in groups
    assert any(name.startswith("contact.") for name in groups)
    assert any(item.type == "CAMERA" for item in objects)
    assert len(scene.timeline_markers) >= 2
    keys = {item.name: len(item.data.shape_keys.key_blocks) - 1 for item in meshes}
    return {"keys": keys, "markers": len(scene.timeline_markers), "groups": len(groups)}


state: dict[str, Any] = {}
