"""From the zip to a GLB in a windowed Blender, by mouse, every step filmed, first with a photo and then with a clip.

`tools/blender_gui.sh ZIP OUT tests/extension/gui_first_run.py CLIP PHOTO ZIP`, as root. OUT gets a picture of each step
and `first_run.json` with clicks, seconds and the longest time that the window stood still while capturing; the exit
status is 1 where a figure misses its bound.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from gui import FILES, OUT, READY, find_button, key, press, run, screenshot, start_clock, stop_clock, wait_until

MODULE = "bl_ext.user_default.dice_blender"
BUSY = f"from {MODULE}.jobs import runner; R = runner.queue.busy"
# A path that looks well in a picture.
FOLDER = Path("/tmp/footage")
MOST_CLICKS, LONGEST_GAP = 8, 0.1


class Film:
    """Pictures of the steps, numbered; clicks, with drops and keys among them."""

    def __init__(self, name: str) -> None:
        self.name, self.clicks, self.steps = name, 0, []

    def picture(self, step: str, pause: float = 0.6) -> None:
        time.sleep(pause)
        self.steps.append(step)
        screenshot(f"first_run_{self.name}_{len(self.steps):02d}_{step}.png")

    def press(self) -> None:
        press()
        self.clicks += 1


def main() -> int:
    """A photo in a Blender without the extension, then a clip in the same one."""
    package = next(path for path in FILES.iterdir() if path.suffix == ".zip")
    FOLDER.mkdir(exist_ok=True)
    photo = next(path for path in FILES.iterdir() if path.suffix in {".jpg", ".png", ".jpeg"})
    clip = next(path for path in FILES.iterdir() if path.suffix == ".mp4")
    figures = {"blender": READY["version"]}
    film = Film("photo")
    install(film, package)
    figures["photo"] = walk(film, Path(shutil.copy(photo, FOLDER)))
    run("bpy.ops.wm.read_homefile()")
    time.sleep(2)
    figures["clip"] = walk(Film("clip"), Path(shutil.copy(clip, FOLDER)))
    (OUT / "first_run.json").write_text(json.dumps(figures, indent=1))
    sys.stdout.write(json.dumps(figures) + "\n")
    bad = [f for f in (figures["photo"], figures["clip"]) if f["clicks"] > MOST_CLICKS or f["longest"] > LONGEST_GAP]
    return int(bool(bad))


def install(film: Film, package: Path) -> None:
    """Drop the zip onto the window, and answer its dialog with Enter."""
    run("bpy.ops.extensions.package_uninstall(repo_index=0, pkg_id='dice_blender')")
    run("import addon_utils; addon_utils.modules_refresh()")
    film.picture("blender")
    later(f"bpy.ops.extensions.package_install_files('INVOKE_DEFAULT', filepath={str(package)!r})")
    film.clicks += 1
    film.picture("zip_dropped", 2.0)
    key("Return")
    film.clicks += 1
    wait_until(f"import sys; R = {MODULE!r} in sys.modules and hasattr(bpy.types, 'DICE_PT_capture')", 120)
    film.picture("installed", 1.5)


def later(call: str) -> None:
    """Run what opens a dialog, from a timer, in the window's 3D viewport."""
    run(
        "def show():\n"
        "    w = bpy.context.window_manager.windows[0]\n"
        "    a = next(a for a in w.screen.areas if a.type == 'VIEW_3D')\n"
        "    r = next(r for r in a.regions if r.type == 'WINDOW')\n"
        f"    with bpy.context.temp_override(window=w, area=a, region=r): {call}\n"
        "bpy.app.timers.register(show, first_interval=0.1)"
    )


def walk(film: Film, footage: Path) -> dict[str, Any]:
    """From the footage to the GLB."""
    start = time.monotonic()
    run("area.spaces.active.show_region_ui = True; area.tag_redraw()")
    film.clicks += 1  # N
    time.sleep(0.5)
    run("region.active_panel_category = 'DICE'; area.tag_redraw()")
    film.clicks += 1  # the tab
    film.picture("tab")
    run(f"bpy.ops.dice.open_footage('INVOKE_DEFAULT', directory={str(FOLDER)!r}, files=[dict(name={footage.name!r})])")
    film.clicks += 1
    film.picture("footage")
    find_button("dice.capture")
    start_clock()
    film.press()
    wait_until(BUSY, 30, 0.02)
    capturing = time.monotonic()
    film.picture("capturing", 1.0)
    wait_until("R = any(e.collection for e in bpy.context.scene.dice.takes)", 900, 0.3)
    seconds = round(time.monotonic() - capturing, 1)
    gaps = stop_clock()
    film.picture("imported", 2.0)
    run(
        "e = bpy.context.scene.dice.takes[0]; bpy.context.scene.frame_set("
        "e.touches[0].first_scene_frame + 5 if len(e.touches) and e.frames > 1 else 1)"
    )
    film.picture("at_a_touch", 1.5)
    target = FOLDER / f"{footage.stem}.glb"
    later(f"bpy.ops.dice.export_glb('INVOKE_DEFAULT', filepath={str(target)!r})")
    film.clicks += 1
    film.picture("glb_dialog", 1.5)
    key("Return")
    film.clicks += 1
    for _ in range(600):
        if target.exists():
            break
        time.sleep(0.1)
    film.picture("exported", 2.0)
    size = target.stat().st_size
    return (
        {"clicks": film.clicks, "seconds": round(time.monotonic() - start), "capture_seconds": seconds}
        | gaps
        | {"glb_bytes": size}
    )


if __name__ == "__main__":
    sys.exit(main())
