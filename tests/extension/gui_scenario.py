"""The DICE tab in a windowed Blender: photographed empty, during a capture and after the import, clicked with a mouse.

`tools/blender_gui.sh dist/dice_blender-*-linux_x64.zip OUT tests/extension/gui_scenario.py CLIP`, as root. OUT gets the
pictures and `figures.json`; the exit status is 1 where a figure misses its bound.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from pathlib import Path

from gui import (
    FILES,
    OUT,
    click,
    confirm,
    find_button,
    go_on_with_clock,
    pause_clock,
    pixels,
    press,
    run,
    screenshot,
    start_clock,
    stop_clock,
    wait_until,
)

# A path that looks well in a picture.
FOOTAGE = Path("/tmp/footage")
MODULE = "bl_ext.user_default.dice_blender"
# Seconds: the longest time that the window may stand still during a capture, and in which a cancelled capture ends.
LONGEST_GAP, LONGEST_CANCEL = 0.1, 2.0

BUSY = f"from {MODULE}.jobs import runner; R = runner.queue.busy"
DONE = f"from {MODULE}.jobs import runner; c = runner.queue.current; R = c.done if c else -1"
# The clock has to stop before the import begins: the import is not the capture.
HOLD_IMPORT = "bpy.context.scene.dice.import_result = False"


def main() -> int:
    """Walk through the tab."""
    given = next(path for path in FILES.iterdir() if path.suffix == ".mp4")
    FOOTAGE.mkdir(exist_ok=True)
    clip = Path(shutil.copy(given, FOOTAGE))
    figures = {"blender": run("R = bpy.app.version_string")}
    screenshot("panel_empty.png")

    # What a drop onto the viewport runs, once the user has picked it from the menu of what a clip can become.
    run(f"bpy.ops.dice.open_footage('INVOKE_DEFAULT', directory={str(FOOTAGE)!r}, files=[dict(name={clip.name!r})])")
    figures["dropped"] = run("R = bpy.context.scene.dice.filepath")
    assert clip.name in figures["dropped"]
    time.sleep(0.5)
    screenshot("panel_footage.png")

    run(HOLD_IMPORT)
    find_button("dice.capture")
    start_clock()
    press()
    wait_until(BUSY, 10, 0.02)
    run("bpy.context.scene.dice.import_result = True")  # the capture that runs has its orders
    frames = run("R = bpy.context.scene.dice.footage_frames")
    wait_until(f"{DONE}; R = R < 0 or R >= {frames * 2 // 5}", 600, 0.3)
    pause_clock()  # the camera grabs the screen
    screenshot("panel_capture.png")
    go_on_with_clock()
    wait_until(f"{BUSY}; R = not R", 900, 0.5)
    figures["gap"] = stop_clock()
    take = run("e = bpy.context.scene.dice.takes[0]; R = [e.path, e.frames, e.tracked_head, len(e.touches)]")
    figures["take"] = take[1:]

    find_button("dice.reimport_take")
    start = time.monotonic()
    press()
    wait_until("R = bpy.context.scene.dice.takes[0].collection is not None", 60, 0.02)
    figures["import_seconds"] = round(time.monotonic() - start, 2)
    run("bpy.context.scene.frame_set(bpy.context.scene.dice.takes[0].touches[0].first_scene_frame + 8)")
    run(
        "view = area.spaces.active.region_3d\n"
        "view.view_perspective, view.view_camera_zoom, view.view_camera_offset = 'CAMERA', 10, (0.07, 0.0)"
    )
    time.sleep(1.5)
    screenshot("panel_result.png")

    figures["scrub_ms"] = scrub()
    figures["fbx_bytes"] = export_fbx()
    figures["takes_after_drop"] = drop_take(take[0])
    figures["cancel_seconds"], figures["frames_after_cancel"] = cancel()
    figures["imported_by_itself"], figures["after_undo"] = automatic_import()
    figures["undo"] = undo()
    german()
    preferences()
    figures["quit_seconds"] = quit_while_capturing()
    (OUT / "figures.json").write_text(json.dumps(figures, indent=1))
    sys.stdout.write(json.dumps(figures) + "\n")
    return int(figures["gap"]["longest"] > LONGEST_GAP or figures["cancel_seconds"] > LONGEST_CANCEL)


def cancel() -> tuple[float, int]:
    """Capture once more and cancel with the mouse.

    Returns seconds from the click to the worker's end, and the frames of the unfinished take.
    """
    capture_button = find_button("dice.capture")
    run("bpy.ops.dice.capture()")
    wait_until(f"{DONE}; R = R >= 3", 120)
    find_button("dice.cancel", below=capture_button, columns=(0.45,))
    press()
    start = time.monotonic()
    wait_until(f"{BUSY}; R = not R", 30, 0.02)
    seconds = round(time.monotonic() - start, 2)
    return seconds, run("e = bpy.context.scene.dice.takes[-1]; R = 0 if e.complete else e.frames")


def automatic_import() -> tuple[int, int]:
    """Capture a few frames, which are imported at the end. Returns the imports there are then, and after an undo."""
    run("s = bpy.context.scene.dice; s.use_range, s.frame_start, s.frame_end = True, 15, 24")
    run("bpy.ops.ed.undo_push(message='range')")
    click("dice.capture")
    wait_until(f"{BUSY}; R = not R and runner.queue.worker_pid is None", 120)
    time.sleep(1)
    count = "R = len([e for e in bpy.context.scene.dice.takes if e.collection])"
    imported = run(count)
    run("bpy.ops.ed.undo()")
    return imported, run(count)


def scrub() -> dict[str, float]:
    """Go through the timeline with the window drawn at every frame. Returns milliseconds a frame, mean and longest."""
    return run(
        "import time\n"
        "times = []\n"
        "for frame in range(1, 73):\n"
        "    start = time.perf_counter()\n"
        "    bpy.context.scene.frame_set(frame)\n"
        "    bpy.ops.wm.redraw_timer(type='DRAW_WIN_SWAP', iterations=1)\n"
        "    times.append(1000 * (time.perf_counter() - start))\n"
        "R = {'mean': round(sum(times) / len(times)), 'longest': round(max(times))}"
    )


def export_fbx() -> int:
    """What the FBX button runs once a file has been chosen. Returns the file's size in bytes."""
    path = FOOTAGE / "sample.fbx"
    run(f"bpy.ops.dice.export_fbx(filepath={str(path)!r}, preset='unity')")
    return path.stat().st_size


def drop_take(path: str) -> int:
    """Drop the take's folder onto the viewport, and replace the one that is there, as the dialog offers.

    Returns how many imports of takes there are then.
    """
    folder, _, name = path.rpartition("/")
    before = pixels()
    run(f"bpy.ops.wm.drop_import_file('INVOKE_DEFAULT', directory={folder + '/'!r}, files=[dict(name={name!r})])")
    time.sleep(1)
    confirm(before)
    return run("R = len([c for c in bpy.context.scene.collection.children if 'dice_take' in c])")


def undo() -> str:
    """Undo takes the last change of a setting back."""
    run("bpy.context.scene.dice.hands = 'left'; bpy.ops.ed.undo_push(message='hands')")
    run("bpy.context.scene.dice.hands = 'right'; bpy.ops.ed.undo_push(message='hands')")
    run("bpy.ops.ed.undo()")
    return run("R = bpy.context.scene.dice.hands")


def german() -> None:
    """The tab in German."""
    run("v = bpy.context.preferences.view; v.language = 'de_DE'; v.use_translate_interface = True")
    run("v = bpy.context.preferences.view; v.use_translate_tooltips = v.use_translate_new_dataname = True")
    time.sleep(1)
    screenshot("panel_german.png")
    run("bpy.context.preferences.view.language = 'en_US'")


def preferences() -> None:
    """The extension's preferences, in the window that the button of the tab opens."""
    run("bpy.ops.dice.open_preferences()")
    time.sleep(2)
    screenshot("preferences.png")
    run(
        "extra = bpy.context.window_manager.windows[-1]\n"
        "with bpy.context.temp_override(window=extra): bpy.ops.wm.window_close()"
    )


def quit_while_capturing() -> float:
    """Quit Blender during a capture. Returns seconds until the worker was gone."""
    run("bpy.ops.dice.capture()")
    worker = Path("/proc") / str(wait_until(f"from {MODULE}.jobs import runner; R = runner.queue.worker_pid", 30))
    assert worker.exists()
    start = time.monotonic()
    with contextlib.suppress(TimeoutError):  # a Blender that quits does not answer
        run("bpy.ops.wm.quit_blender()", 0.3)
    while worker.exists() and "zombie" not in (worker / "status").read_text():
        time.sleep(0.05)
        assert time.monotonic() - start < 10, "the worker outlived Blender"
    return round(time.monotonic() - start, 2)


if __name__ == "__main__":
    sys.exit(main())
