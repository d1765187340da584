"""For scenarios: the windowed Blender as seen from beside it, with a mouse, a keyboard and a camera."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from drag import drop_files
from Xlib.display import Display

__all__ = [
    "FILES",
    "OUT",
    "READY",
    "click",
    "confirm",
    "cursor",
    "drop",
    "find_button",
    "find_default_button",
    "go_on_with_clock",
    "key",
    "move",
    "pause_clock",
    "pixels",
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
# How often the sidebar is scrolled for a button that is not in sight, and by how many notches of the wheel.
_SCROLLS, _NOTCHES = 4, 6
# Seconds at each place until Blender has drawn what the mouse is over: at first, and when nothing was found.
_PATIENCE = 0.08, 0.4
# Of Blender's dark theme: the button of a dialog that Enter presses.
_DEFAULT_BUTTON = (71, 114, 179)
# Pixels across that a button has at least.
_LEAST_BUTTON = 60
_PRESSES = 5  # of a dialog's button, until it closes
_HOVER = """
wm = bpy.context.window_manager; wm.clipboard = ""
if bpy.ops.ui.copy_python_command_button.poll():
    try: bpy.ops.ui.copy_python_command_button()
    except RuntimeError: pass
R = wm.clipboard
"""
_START_CLOCK = """
import time
takes = sum(entry.collection is not None for entry in bpy.context.scene.dice.takes)
clock = {"last": None, "gaps": [0.0], "imports": [0.0], "paused": False, "takes": takes, "shown": 0.0}
bpy.app.driver_namespace["clock"] = clock
def tick():
    now = time.perf_counter()
    takes = sum(entry.collection is not None for entry in bpy.context.scene.dice.takes)
    if takes != clock["takes"]:
        clock["shown"] = now + 1.0  # until then Blender draws what came into the scene for the first time
    if clock["last"] is not None and not clock["paused"]:
        clock["imports" if now < clock["shown"] else "gaps"].append(now - clock["last"])
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

    `import` is the longest during which a take came into the scene, and was drawn first, which counts by itself.
    """
    noted: dict[str, float] = run(_STOP_CLOCK)
    return noted


def move(x: float, y: float) -> None:
    """Put the mouse at a pixel, counted from the top left."""
    subprocess.run(["xdotool", "mousemove", str(int(x)), str(int(y))], check=True)


def drop(*paths: Path) -> None:
    """Drop files onto the middle of the 3D viewport, as out of a file manager. The mouse stays there."""
    left, bottom, width, height = run(
        "r = next(r for r in area.regions if r.type == 'WINDOW'); R = [r.x, r.y, r.width, r.height]"
    )
    place = left + width // 2, READY["window"][1] - bottom - height // 2
    move(*place)
    time.sleep(0.2)
    drop_files(list(paths), *place)


def key(name: str) -> None:
    """Press and release a key."""
    subprocess.run(["xdotool", "key", name], check=True)


def find_button(
    command: str, below: tuple[float, float] | None = None, columns: tuple[float, ...] = _COLUMNS
) -> tuple[float, float]:
    """Where in the sidebar the button of an operator is, found by hovering over it, and leaves the mouse there.

    below : another button's place, above which it is not; columns : shares of the sidebar's width to look at. The
    sidebar is scrolled down from its top where the button is not in sight. It is looked through again with more time at
    each place, because a window that draws a large scene on a busy machine answers late.
    """
    for patience in _PATIENCE:
        place = _look_for_button(command, below, columns, patience)
        if place is not None:
            return place
    raise LookupError(command)


def _look_for_button(
    command: str, below: tuple[float, float] | None, columns: tuple[float, ...], patience: float
) -> tuple[float, float] | None:
    x0, y0, width, height = run("R = [region.x, region.y, region.width, region.height]")
    top = READY["window"][1] - (y0 + height)  # Blender counts y from the bottom
    first = int(below[1] - top) if below else 20
    if below is None:
        _scroll(x0 + width * columns[0], top + first, "4", _SCROLLS * _NOTCHES)
    for _ in range(_SCROLLS):
        for share in columns:
            for down in range(first, height, _STEP):
                move(x0 + width * share, top + down)
                time.sleep(patience)
                if run(_HOVER).startswith(f"bpy.ops.{command}("):
                    return x0 + width * share, top + down
        first = 20
        _scroll(x0 + width * columns[0], top + first, "5", _NOTCHES)
    return None


def _scroll(x: float, y: float, button: str, notches: int) -> None:
    """Turn the wheel over a pixel: button 4 of X11 is up, 5 is down."""
    move(x, y)
    subprocess.run(["xdotool", "click", "--repeat", str(notches), "--delay", "20", button], check=True)
    time.sleep(0.5)


def confirm(before: np.ndarray) -> None:
    """Press the button that Enter would press, in a dialog that has opened since a picture was taken, until it closes.

    before : the window without the dialog, as `pixels` gives it. Raises LookupError where there is no such dialog.
    """
    find_default_button(before)
    for _ in range(_PRESSES):  # a window that is busy drawing does not hear every click
        time.sleep(0.5)
        press()
        time.sleep(2)
        if not _on_default_button(before):
            return
    raise LookupError("the dialog does not close")


def find_default_button(before: np.ndarray) -> None:
    """Put the mouse onto that button. Raises LookupError where there is none."""
    if not _on_default_button(before):
        raise LookupError("no dialog with a default button")


def _on_default_button(before: np.ndarray) -> bool:
    """Put the mouse onto that button; returns whether there is one."""
    blue = (pixels() == _DEFAULT_BUTTON).all(2) & ~(before == _DEFAULT_BUTTON).all(2)
    rows = np.flatnonzero(blue.sum(1) >= _LEAST_BUTTON)
    if not len(rows):
        return False
    # It is the lowest of what is blue: choices that are made in the dialog are above it.
    rows = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)[-1]
    middle = int(np.median(rows))
    move(float(np.median(np.flatnonzero(blue[middle]))), middle)
    return True


def click(command: str) -> tuple[float, float]:
    """Click the button of an operator with the mouse. Returns where it was."""
    place = find_button(command)
    press()
    return place


def press() -> None:
    """Click where the mouse is."""
    subprocess.run(["xdotool", "click", "1"], check=True)


def pixels() -> np.ndarray:
    """(height, width, 3) uint8: the whole window, without the mouse."""
    command = ["import", "-window", "root", "-depth", "8", "rgb:-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    width, height = READY["window"]
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


def cursor() -> np.ndarray:
    """(height, width, 4) uint8, BGRA: the mouse pointer as it is shown, which is in no picture of the window."""
    display = Display()
    try:
        display.xfixes_query_version()
        image = display.xfixes_get_cursor_image(display.screen().root)
        return np.array(image.cursor_image, np.uint32).view(np.uint8).reshape(image.height, image.width, 4)
    finally:
        display.close()


def screenshot(name: str) -> None:
    """Take a picture of the whole window into the output folder."""
    subprocess.run(["import", "-window", "root", str(OUT / name)], check=True)
