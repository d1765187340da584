"""A take onto a character in a windowed Blender, with the mouse: how many clicks it takes, and whether Blender goes on.

`BGUI_SIZE=1600x2000 tools/blender_gui.sh dist/dice_blender-*-linux_x64.zip OUT tests/extension/gui_transfer.py
CHARACTER.blend TAKE`, as root. CHARACTER has one armature; the window is tall, so that nothing has to be scrolled. OUT
gets the pictures and `figures.json`; the exit status is 1 where a figure misses its bound.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time

from gui import FILES, OUT, READY, find_button, move, press, run, screenshot, wait_until

# The most clicks from an imported take to an animated character, and the longest time that the window may stand still
# while the worker solves (seconds).
MOST_CLICKS, LONGEST_GAP = 4, 0.5
# Pixels from the upper edge of a panel's last button to the next panel's title, where the closed panel Character is.
# On its right a title is dragged, on its left it is clicked: pixels from the sidebar's edge.
NEXT_HEADER, HEADER_LEFT = 40, 70
# Pixels from the top of the window above which the panel Export is not, and seconds that a window without a graphics
# card needs to see what is below the mouse.
EXPORTS, PAUSE = 1000, 0.25
TRIES = 3
LOOKS = 30
CLOCK = """
import time
clock = bpy.app.driver_namespace["clock"] = {"last": None, "gaps": []}
def tick():
    now = time.perf_counter()
    if clock["last"] is not None:
        clock["gaps"].append((now - clock["last"], job_done()))
    clock["last"] = now
    return 0.01
def job_done():
    from bl_ext.user_default.dice_blender.jobs import transfer_job
    job = transfer_job.current()
    return 0.0 if job is None else job.fraction
bpy.app.driver_namespace["tick"] = tick
bpy.app.timers.register(tick)
"""
# Before anything runs the character is read and written for the worker, after it the result is applied; both are one
# step of the window's, and are told apart from the solving between them.
RESULT = """
bpy.app.timers.unregister(bpy.app.driver_namespace["tick"])
gaps = bpy.app.driver_namespace["clock"]["gaps"]
solving = [gap for gap, done in gaps if 0 < done < 1]
R = {"solving": max(solving), "whole": max(gap for gap, _ in gaps), "ticks": len(gaps)}
"""
JOB = "from bl_ext.user_default.dice_blender.jobs import transfer_job; job = transfer_job.current()"
ARMATURE = "a = bpy.data.objects['Armature']"
REDRAW = "\nfor part in window.screen.areas: part.tag_redraw()"
SHOW_FACE = """
from mathutils import Quaternion
c = bpy.context.scene.dice_character
view = area.spaces.active.region_3d
bpy.context.scene.frame_set(34)
shown = c.head.evaluated_get(bpy.context.evaluated_depsgraph_get())
points = [shown.matrix_world @ v.co for v in shown.data.vertices]
top = max(p.z for p in points)
face = [p for p in points if p.z > top - 0.3]
view.view_perspective = "PERSP"
view.view_location = sum(face, face[0] * 0) / len(face)
view.view_rotation = Quaternion((0.78, 0.62, -0.07, -0.06)).normalized()
view.view_distance = 0.9
"""


class Clicks:
    """The mouse, and how often it was pressed."""

    def __init__(self) -> None:
        self.count = 0

    def here(self) -> None:
        """Press where the mouse is."""
        press()
        self.count += 1
        time.sleep(2)

    def at(self, place: tuple[float, float]) -> None:
        """Press at a pixel."""
        move(place[0] - 4, place[1] - 4)
        time.sleep(4 * PAUSE)
        move(*place)
        time.sleep(4 * PAUSE)
        self.here()


def main() -> int:
    """Exit status."""
    blend = next(FILES.glob("*.blend"))
    take = next(FILES.glob("*.dicetake"))
    run(f"bpy.ops.wm.open_mainfile(filepath={str(blend)!r}, load_ui=False)", 120)
    time.sleep(1)
    run(f"bpy.ops.dice.import_take(filepath={str(take)!r}, keys='rigged')", 120)
    # Without a graphics card, smooth edges are what the window spends its time on.
    run("bpy.context.preferences.system.viewport_aa = 'OFF'; bpy.context.scene.frame_set(34)")
    time.sleep(2)
    clicks = Clicks()
    _, y = _found("dice.export_usd", (0, EXPORTS))
    header = run("R = region.x") + HEADER_LEFT, y + NEXT_HEADER
    armature = _place_of_change(
        f"{ARMATURE}; a.name = 'Different'",
        "bpy.data.objects['Different'].name = 'Armature'",
        "a = next(a for a in window.screen.areas if a.type == 'OUTLINER'); R = [a.x, a.y, a.width, a.height]",
    )
    screenshot("character_before.png")
    clicks.at(armature)
    wait_until("R = bpy.context.view_layer.objects.active.name == 'Armature'", 60)
    clicks.at(header)
    screenshot("character_selected.png")
    _found("dice.find_character", header)
    clicks.here()
    wait_until("R = bpy.context.scene.dice_character.armature is not None", 60)
    time.sleep(1)
    screenshot("character_found.png")
    _found("dice.transfer", header)
    run(CLOCK)
    begun = time.monotonic()
    clicks.here()
    wait_until(f"{JOB}; R = job is not None and job.fraction > 0.5", 300)
    screenshot("character_running.png")
    wait_until(f"{JOB}; R = job is None or not job.running", 600)
    figures = {"clicks": clicks.count, "seconds": round(time.monotonic() - begun, 1), "longest_gap": run(RESULT)}
    time.sleep(1)
    screenshot("character_done.png")
    figures["action"] = run(
        "a = bpy.context.scene.dice_character.armature\n"
        "R = a.animation_data.action.name if a.animation_data and a.animation_data.action else ''"
    )
    run(SHOW_FACE)
    time.sleep(2)
    screenshot("character_face.png")
    run("bpy.ops.ed.undo()")
    figures["after_undo"] = run(
        "a = bpy.context.scene.dice_character.armature\nR = bool(a and a.animation_data and a.animation_data.action)"
    )
    (OUT / "figures.json").write_text(json.dumps(figures, indent=1))
    sys.stdout.write(json.dumps(figures) + "\n")
    slow = figures["longest_gap"]["solving"] > LONGEST_GAP
    return int(clicks.count > MOST_CLICKS or slow or not figures["action"] or figures["after_undo"])


def _found(command: str, below: tuple[float, float]) -> tuple[float, float]:
    """Where the button of an operator is. A window that is behind with its drawing is looked at again."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(LookupError):
            return find_button(command, below=below)
    return find_button(command, below=below)


def _place_of_change(there: str, back: str, part: str) -> tuple[float, float]:
    """Where the window changes with some text in it, as an artist finds the text by reading it.

    there, back : Python that changes the text, and changes it back; part : Python that sets R to x, y, width and height
    of what is looked at, in pixels from the bottom left.
    """
    move(READY["window"][0] / 4, READY["window"][1] - 8)
    x, y, width, height = run(part)
    top = READY["window"][1] - y - height
    pictures = [str(OUT / name) for name in ("text_there.png", "text_gone.png")]
    time.sleep(1)
    screenshot("text_there.png")
    run(there + REDRAW)
    crop = ["-crop", f"{width}x{height}+{x}+{top}", "+repage"]
    command = ["convert", *pictures, *crop, "-compose", "difference", "-composite", "-threshold", "10%"]
    for _ in range(LOOKS):
        time.sleep(1)
        screenshot("text_gone.png")
        said = subprocess.run([*command, "-format", "%@", "info:"], check=True, capture_output=True, text=True).stdout
        size, left, down = said.split("+")
        wide, high = (int(number) for number in size.split("x"))
        if wide:
            run(back + REDRAW)
            time.sleep(1)
            return x + int(left) + wide / 2, top + int(down) + high / 2
    raise LookupError(there)


if __name__ == "__main__":
    sys.exit(main())
