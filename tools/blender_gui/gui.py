"""For scenarios: the windowed Blender as seen from beside it, with a mouse, a keyboard and a camera."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

__all__ = [
    "FILES",
    "OUT",
    "READY",
    "click",
    "find_button",
    "go_on_with_clock",
    "key",
    "move",
    "pause_clock",
    "press",
    "run",
    "screenshot",
    "start_clock",
    "stop_clock",
    "wait_until",
]

JOB = Path(os.environ["JOB"])
FILES, OUT = JOB / "files", JOB / "out"
READY: dict[str, Any] = json.loads((JOB / "ready.json").read_text())
# Pixels between two looks for a button, and the columns of the sidebar that are looked at (shares of its width).
_STEP = 9
_COLUMNS = (0.45, 0.2, 0.8, 0.93)
_HOVER = """
wm = bpy.context.window_manager; wm.clipboard = ""
if bpy.ops.ui.copy_python_command_button.poll():
    try: bpy.ops.ui.copy_python_command_button()
    except RuntimeError: pass
R = wm.clipboard
"""
_START_CLOCK = """
import time
clock = bpy.app.driver_namespace["clock"] = {"last": None, "gaps": [0.0], "imports": [0.0], "paused": False, "takes": 0}
def tick():
    now = time.perf_counter()
    takes = sum(entry.collection is not None for entry in bpy.context.scene.dice.takes)
    if clock["last"] is not None and not clock["paused"]:
        clock["gaps" if takes == clock["takes"] else "imports"].append(now - clock["last"])
    clock["last"], clock["takes"] = now, takes
    return 0.01
bpy.app.driver_namespace["tick"] = tick
bpy.app.timers.register(tick)
"""
_STOP_CLOCK = """
bpy.app.timers.unregister(bpy.app.driver_namespace["tick"])
gaps = sorted(bpy.app.driver_namespace["clock"]["gaps"])
imports = bpy.app.driver_namespace["clock"]["imports"]
R = {"longest": gaps[-1], "p99": gaps[int(len(gaps) * 0.99)], "ticks": len(gaps), "import": max(imports)}
"""


def run(source: str, timeout: float = 60) -> Any:
    """Run Python in Blender, with `bpy`, `window`, `area`, `region`; what it assigns to `R` is returned."""
    answer = JOB / "answer.json"
    answer.unlink(missing_ok=True)
    temporary = JOB / "cmd.tmp"
    temporary.write_text(source)
    temporary.replace(JOB / "cmd.py")
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if answer.exists():
            said = json.loads(answer.read_text())
            if "error" in said:
                raise RuntimeError(said["error"])
            return said["value"]
        time.sleep(0.01)
    raise TimeoutError(source)


def wait_until(source: str, timeout: float = 300, pause: float = 0.2) -> Any:
    """Run Python in Blender again and again until `R` is true."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = run(source)
        if value:
            return value
        time.sleep(pause)
    raise TimeoutError(source)


def start_clock() -> None:
    """Have a timer in Blender's window note how long it waits from call to call: as long as the window stands still."""
    run(_START_CLOCK)


def pause_clock() -> None:
    """What comes now does not count."""
    run("bpy.app.driver_namespace['clock']['paused'] = True")


def go_on_with_clock() -> None:
    """What comes now counts again."""
    run("bpy.app.driver_namespace['clock'].update(paused=False, last=None)")


def stop_clock() -> dict[str, float]:
    """Seconds between two calls of the timer: the longest and the 99th percentile; and how many there were.

    `import` is the longest during which a take came into the scene, which counts by itself.
    """
    noted: dict[str, float] = run(_STOP_CLOCK)
    return noted


def move(x: float, y: float) -> None:
    """Put the mouse at a pixel, counted from the top left."""
    subprocess.run(["xdotool", "mousemove", str(int(x)), str(int(y))], check=True)


def key(name: str) -> None:
    """Press and release a key."""
    subprocess.run(["xdotool", "key", name], check=True)


def find_button(command: str, below: tuple[float, float] | None = None) -> tuple[float, float]:
    """Where in the sidebar the button of an operator is, found by hovering over it, and leaves the mouse there.

    below : another button's place, above which it is not.
    """
    x0, y0, width, height = run("R = [region.x, region.y, region.width, region.height]")
    top = READY["window"][1] - (y0 + height)  # Blender counts y from the bottom
    first = int(below[1] - top) if below else 20
    for share in _COLUMNS:
        for down in range(first, height, _STEP):
            move(x0 + width * share, top + down)
            time.sleep(0.08)
            if run(_HOVER).startswith(f"bpy.ops.{command}("):
                return x0 + width * share, top + down
    raise LookupError(command)


def click(command: str) -> tuple[float, float]:
    """Click the button of an operator with the mouse. Returns where it was."""
    place = find_button(command)
    press()
    return place


def press() -> None:
    """Click where the mouse is."""
    subprocess.run(["xdotool", "click", "1"], check=True)


def screenshot(name: str) -> None:
    """Take a picture of the whole window into the output folder."""
    subprocess.run(["import", "-window", "root", str(OUT / name)], check=True)
