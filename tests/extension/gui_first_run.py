"""From the zip to a GLB in a windowed Blender, by mouse, every step filmed, first with a photo and then with a clip.

`BGUI_FRESH=1 tools/blender_gui.sh ZIP OUT tests/extension/gui_first_run.py CLIP PHOTO`, as root. Zip and footage are
dropped onto the window as out of a file manager. OUT gets a picture of each step and `first_run.json` with clicks,
seconds and the longest time that the window stood still while capturing; the exit status is 1 where a figure misses its
bound.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from gui import (
    FILES,
    OUT,
    READY,
    cursor,
    drop,
    find_button,
    find_default_button,
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

MODULE = "bl_ext.user_default.dice_blender"
BUSY = f"from {MODULE}.jobs import runner; R = runner.queue.busy"
INSTALLED = "R = hasattr(bpy.types, 'DICE_PT_capture')"
IMPORTED = "R = any(e.collection for e in bpy.context.scene.dice.takes)"
# A path that looks well in a picture.
FOLDER = Path("/tmp/footage")
# Where takes of an unsaved file go, and what is exported, unless the user says otherwise.
TAKES = Path.home() / "DICE Takes"
MOST_CLICKS = 8
# Seconds: the longest time that the window may stand still during a capture, and for an import with compact keys.
LONGEST_GAP, LONGEST_IMPORT = 0.1, 3.0


class Film:
    """Pictures of the steps, numbered; and the clicks, a drop being one of them."""

    def __init__(self, name: str) -> None:
        self.name, self.clicks, self.steps = name, 0, 0

    def picture(self, step: str, pause: float = 0.6) -> None:
        time.sleep(pause)
        self.steps += 1
        screenshot(f"first_run_{self.name}_{self.steps:02d}_{step}.png")

    def press(self) -> None:
        press()
        self.clicks += 1

    def drop(self, path: Path) -> None:
        drop(path)
        self.clicks += 1

    def confirm(self, before: np.ndarray, step: str) -> None:
        """Film a dialog, and press its default button. before : the window without it."""
        self.picture(step, 1.5)
        find_default_button(before)
        time.sleep(0.3)
        self.press()


def main() -> int:
    """A photo in a Blender without the extension, then a clip in the same one."""
    package = next(path for path in FILES.iterdir() if path.suffix == ".zip")
    FOLDER.mkdir(exist_ok=True)
    photo = next(path for path in FILES.iterdir() if path.suffix in {".jpg", ".png", ".jpeg"})
    clip = next(path for path in FILES.iterdir() if path.suffix == ".mp4")
    film = Film("photo")
    install(film, package)
    figures = {"blender": READY["version"], "photo": walk(film, Path(shutil.copy(photo, FOLDER)))}
    note(figures)
    run("bpy.ops.wm.read_homefile()")
    time.sleep(2)
    film = Film("clip")
    film.clicks = 2  # what the installation took
    figures["clip"] = walk(film, Path(shutil.copy(clip, FOLDER)))
    note(figures)
    figures["compact"] = import_again(film, "compact")
    note(figures)
    sys.stdout.write(json.dumps(figures) + "\n")
    bad = [f for f in (figures["photo"], figures["clip"]) if f["clicks"] > MOST_CLICKS or f["longest"] > LONGEST_GAP]
    again = figures["compact"]
    return int(bool(bad) or again["seconds"] > LONGEST_IMPORT or again["pointers"] < 2)


def note(figures: dict[str, Any]) -> None:
    """Write what is known so far."""
    (OUT / "first_run.json").write_text(json.dumps(figures, indent=1))


def install(film: Film, package: Path) -> None:
    """Drop the zip onto the window, and agree."""
    film.picture("blender")
    before = pixels()
    film.drop(package)
    film.confirm(before, "zip_dropped")
    wait_until(INSTALLED, 120)
    film.picture("installed", 1.5)


def walk(film: Film, footage: Path) -> dict[str, Any]:
    """From the footage to the GLB."""
    start = time.monotonic()
    film.drop(footage)
    film.picture("footage_dropped", 1.0)
    film.press()  # DICE Footage: Blender puts the menu's last choice under the mouse
    film.picture("footage", 1.5)
    find_button("dice.capture")
    start_clock()
    film.press()
    wait_until(BUSY, 30, 0.02)
    capturing = time.monotonic()
    time.sleep(3.0)
    pause_clock()  # the camera grabs the screen
    film.picture("capturing", 0)
    go_on_with_clock()
    wait_until(IMPORTED, 900, 0.3)
    seconds = round(time.monotonic() - capturing, 1)
    gaps = stop_clock()
    film.picture("imported", 2.0)
    find_button("dice.export_glb", columns=(0.8,))
    film.picture("export", 0.3)
    before = pixels()
    film.press()
    film.confirm(before, "glb_dialog")
    target = TAKES / f"{footage.stem}.glb"
    wait_until(f"import os; R = os.path.isfile({str(target)!r})", 60)
    film.picture("exported", 2.0)
    figures = {"clicks": film.clicks, "seconds": round(time.monotonic() - start), "capture_seconds": seconds}
    return figures | gaps | {"glb_bytes": target.stat().st_size}


def import_again(film: Film, keys: str) -> dict[str, Any]:
    """Import the take again with other keys by the button, looking at the mouse pointer, which counts meanwhile."""
    run(f"bpy.context.scene.dice.keys = {keys!r}")
    find_button("dice.reimport_take")
    seen: list[bytes] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            image = cursor()
            if image.tobytes() not in seen:
                seen.append(image.tobytes())
                np.save(OUT / f"pointer_{len(seen):02d}.npy", image)
            time.sleep(0.03)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    start = time.monotonic()
    press()
    wait_until(f"R = bpy.context.scene.dice.takes[0].keys == {keys!r}", 60, 0.02)
    seconds = round(time.monotonic() - start, 2)
    done.set()
    watcher.join()
    film.picture("imported_again", 1.0)
    return {"seconds": seconds, "pointers": len(seen)}


if __name__ == "__main__":
    sys.exit(main())
