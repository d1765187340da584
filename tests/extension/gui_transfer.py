"""A take onto a character in a windowed Blender, with the mouse: how many clicks it takes, and whether Blender goes on.

`tools/blender_gui.sh dist/dice_blender-*-linux_x64.zip OUT tests/extension/gui_transfer.py CHARACTER.blend TAKE`, as
root. CHARACTER has one armature. OUT gets the pictures and `figures.json`; the exit status is 1 where a figure misses
its bound.
"""

from __future__ import annotations

import json
import sys
import time

from gui import FILES, OUT, click, find_button, press, run, screenshot, wait_until

# The most clicks from an imported take to an animated character, and the longest time that the window may stand still
# while the worker solves (seconds).
MOST_CLICKS, LONGEST_GAP = 4, 0.5
CLOCK = """
import time
clock = bpy.app.driver_namespace["clock"] = {"last": None, "gaps": []}
def tick():
    now = time.perf_counter()
    if clock["last"] is not None:
        clock["gaps"].append(now - clock["last"])
    clock["last"] = now
    return 0.01
bpy.app.driver_namespace["tick"] = tick
bpy.app.timers.register(tick)
"""
OPEN_PANEL = """
from bl_ext.user_default.dice_blender.ui import character_panel
character_panel.unregister()
character_panel.DICE_PT_character.bl_options = set()
character_panel.register()
"""
RESULT = """
bpy.app.timers.unregister(bpy.app.driver_namespace["tick"])
R = sorted(bpy.app.driver_namespace["clock"]["gaps"])[-1]
"""
JOB = "from bl_ext.user_default.dice_blender.jobs import transfer_job; job = transfer_job.current()"


def main() -> int:
    """Exit status."""
    blend = next(FILES.glob("*.blend"))
    take = next(FILES.glob("*.dicetake"))
    run(f"bpy.ops.wm.open_mainfile(filepath={str(blend)!r}, load_ui=False)", 120)
    time.sleep(1)
    run(f"bpy.ops.dice.import_take(filepath={str(take)!r}, keys='rigged')", 120)
    time.sleep(1)
    # The first click opens the panel and the second takes hold of the character, where a mouse finds both by looking.
    run(OPEN_PANEL)
    run("for item in bpy.context.view_layer.objects: item.select_set(item.name.startswith('Armature'))")
    clicks = 2
    time.sleep(1)
    screenshot("character_empty.png")
    click("dice.find_character")
    clicks += 1
    wait_until("R = bpy.context.scene.dice_character.armature is not None", 60)
    screenshot("character_found.png")
    find_button("dice.transfer")
    run(CLOCK)
    begun = time.monotonic()
    press()
    clicks += 1
    wait_until(f"{JOB}; R = job is not None and job.total > 0", 120)
    screenshot("character_running.png")
    wait_until(f"{JOB}; R = job is None or not job.running", 600)
    figures = {"clicks": clicks, "seconds": round(time.monotonic() - begun, 1), "longest_gap": run(RESULT)}
    time.sleep(1)
    figures["action"] = run(
        "a = bpy.context.scene.dice_character.armature\n"
        "R = a.animation_data.action.name if a.animation_data and a.animation_data.action else ''"
    )
    run("bpy.context.scene.frame_set(34)")
    time.sleep(1)
    screenshot("character_done.png")
    run("bpy.ops.ed.undo()")
    figures["after_undo"] = run(
        "a = bpy.context.scene.dice_character.armature\n"
        "R = bool(a and a.animation_data and a.animation_data.action)"
    )
    (OUT / "figures.json").write_text(json.dumps(figures, indent=1))
    sys.stdout.write(json.dumps(figures) + "\n")
    return int(clicks > MOST_CLICKS or figures["longest_gap"] > LONGEST_GAP or not figures["action"])


if __name__ == "__main__":
    sys.exit(main())
