"""What a saved file keeps, undo, and the end of a file."""

from __future__ import annotations

from pathlib import Path

import bpy
from harness import FOLDER, children, drive, fresh, part, step, submit


@step
def settings_are_saved_in_the_file() -> None:
    settings = bpy.context.scene.dice
    settings.hands, settings.keys, settings.preset, settings.use_fov = "left", "rigged", "unreal", True
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "saved.blend"))
    fresh()
    assert bpy.context.scene.dice.hands == "auto"
    bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "saved.blend"))
    settings = bpy.context.scene.dice
    assert (settings.hands, settings.keys, settings.preset, settings.use_fov) == ("left", "rigged", "unreal", True)
    assert [entry.name for entry in settings.takes] == ["frames=4", "frames=4.002"]
    assert settings.takes[0].collection is not None


@step
def delete_a_take() -> None:
    settings = bpy.context.scene.dice
    settings.active_take = 1
    path = Path(bpy.path.abspath(settings.takes[1].path))
    before = len(bpy.data.objects)
    assert bpy.ops.dice.remove_take(delete_folder=True) == {"FINISHED"}
    assert not path.exists()
    assert len(settings.takes) == 1
    assert len(bpy.data.objects) < before
    assert settings.takes[0].collection is not None
    kept = Path(bpy.path.abspath(settings.takes[0].path))
    assert bpy.ops.dice.remove_take() == {"FINISHED"}
    assert (kept / "take.json").exists(), "the folder goes only on request"


@step
def undo_of_an_import() -> None:
    fresh()
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.dice.import_take("EXEC_DEFAULT", True, filepath=str(FOLDER / "ready.dicetake"))
    assert len(bpy.context.scene.dice.takes) == 1
    bpy.ops.ed.undo()
    assert len(bpy.context.scene.dice.takes) == 0
    assert not [item for item in bpy.data.objects if item.type == "MESH"]
    bpy.ops.ed.redo()
    assert bpy.context.scene.dice.takes[0].collection is not None


@step
def closing_the_file_ends_the_worker() -> None:
    capture = submit("frames=1000,pause=0.05,deaf")
    drive(lambda: capture.done >= 1)
    pid = part("jobs.runner").queue.worker_pid
    assert pid in children()
    fresh()
    assert not children()
    assert not part("jobs.runner").queue.captures
