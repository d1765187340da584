"""One life of the installed extension, in a Blender of its own: `python installed_session.py ZIP FOLDER [SAMPLE]`.

FOLDER gets the Blender profile and everything that is made; it holds `stub/` (the stub worker as dice_core),
`ready.dicetake` (a take to be handed out by it) and perhaps `long.dicetake` (300 frames). With SAMPLE (a clip), the
real worker captures it as well. Writes `report.json` into FOLDER: a name for each step, with figures where it ended
well and the traceback where it did not.
"""

# ruff: noqa: PT017 (no pytest in here)

from __future__ import annotations

import contextlib
import glob
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
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
    """Make a function a step; the order is that of the source."""
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
    captures, session = part("jobs.queue"), part("jobs.runner")
    request = captures.Request(
        footage=str(FOLDER / f"{habits}.png"),
        take=FOLDER / "takes" / f"{habits}.dicetake",
        scene=bpy.context.scene.session_uid,
    )
    return session.queue.submit(request, part("jobs.environment").python_of("open"))


def fresh() -> None:
    """An empty file; the extension stays."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


@step
def install() -> dict[str, Any]:
    state["before"] = (classes(), handlers(), set(sys.path))
    bpy.ops.extensions.package_install_files(filepath=str(ZIP), repo="user_default", enable_on_install=True)
    assert MODULE in bpy.context.preferences.addons, "installation failed"
    part("preferences").preferences().takes_folder = str(FOLDER / "takes")
    state["python_of"] = part("jobs.environment").python_of
    return {"blender": bpy.app.version_string, "python": sys.version.split()[0], "operators": sorted(dir(bpy.ops.dice))}


@step
def nothing_heavy_is_imported() -> None:
    assert "cv2" not in sys.modules
    assert "torch" not in sys.modules
    site = [path for path in sys.path if ".local" in path]
    assert site, "the wheels are on the path"
    assert not any((Path(path) / "numpy").exists() for path in site), "no numpy is bundled"
    first, *others = part("jobs.environment").python_of("open").folders
    assert ".local" in first, "the worker gets the bundled OpenCV, whatever else is installed"
    assert len(others) == 1, "and Blender's numpy"


@step
def tooltips_and_translations() -> dict[str, Any]:
    german = part("translations").GERMAN
    untold, untranslated = [], []
    for name in sorted(dir(bpy.types)):
        if not name.startswith("DICE_"):
            continue
        is_operator = "_OT_" in name
        operator = getattr(bpy.ops.dice, name.removeprefix("DICE_OT_"), None)
        rna = operator.get_rna_type() if is_operator else getattr(bpy.types, name).bl_rna
        words = [rna.name, rna.description] if is_operator else []
        if is_operator and not rna.description:
            untold.append(name)
        for prop in rna.properties:
            if prop.identifier in {"rna_type", "name"} or prop.is_hidden or prop.identifier.startswith("bl_"):
                continue
            own = prop.identifier in getattr(getattr(bpy.types, name), "__annotations__", {})
            shown = own and (is_operator or name in {"DICE_PG_settings", "DICE_preferences"}) and prop.name
            internal = prop.identifier.startswith("footage_") or prop.identifier in {"takes", "directory", "filepath"}
            if not shown or internal:
                continue
            words += [prop.name, prop.description]
            if not prop.description:
                untold.append(f"{name}.{prop.identifier}")
            if prop.type == "ENUM":
                words += [text for item in prop.enum_items for text in (item.name, item.description)]
        untranslated += [f"{name}: {text}" for text in words if text and text not in german]
    assert not untold, untold
    assert not untranslated, untranslated
    return {"german": len(german)}


@step
def sources_of_footage() -> None:
    fresh()
    footage, settings = part("jobs.footage"), bpy.context.scene.dice
    assert footage.problem(settings) == "Choose footage"
    folder = FOLDER / "shot [1]"
    folder.mkdir()
    for number in (8, 9, 10):
        image = bpy.data.images.new("made up", 40, 30)
        image.filepath_raw, image.file_format = str(folder / f"a_{number}.png"), "PNG"
        image.save()
    (folder / "notes.txt").write_text("not an image")
    names = [{"name": f"a_{number}.png"} for number in (8, 9, 10)]
    bpy.ops.dice.open_footage(directory=str(folder), files=names)
    assert settings.source == "SEQUENCE"
    assert (settings.footage_width, settings.footage_height, settings.footage_frames) == (40, 30, 3)
    assert len(glob.glob(footage.input_of(settings))) == 3, "the brackets of the folder are no pattern"
    assert footage.default_name(footage.input_of(settings)) == "a"
    assert (settings.frame_start, settings.frame_end) == (1, 3)
    settings.use_range, settings.frame_start, settings.frame_end = True, 2, 99
    assert footage.frame_range(settings) == (1, 3)
    settings.frame_end = 1
    assert "ends before" in footage.problem(settings)
    assert not bpy.ops.dice.capture.poll()
    settings.source = "CLIP"
    assert footage.problem(settings) == "Choose a movie clip"
    settings.clip = bpy.data.movieclips.load(str(folder / "a_8.png"))
    assert settings.clip.source == "SEQUENCE"
    assert len(glob.glob(footage.input_of(settings))) == 3
    settings.source, settings.filepath = "FILE", str(folder / "nowhere.mp4")
    assert footage.problem(settings) == "The footage is missing"
    settings.filepath = str(folder / "a_8.png")
    assert settings.footage_frames == 1
    assert not [clip for clip in bpy.data.movieclips if clip.users == 0], "looking leaves nothing behind"


@step
def capture_and_import() -> dict[str, Any]:
    fresh()
    use_stub("frames=5")
    assert bpy.ops.dice.capture() == {"FINISHED"}
    scene = bpy.context.scene
    assert len(scene.dice.takes) == 1
    entry = scene.dice.takes[0]
    assert entry.name == "frames=5"
    assert entry.complete
    assert len(entry.touches) >= 1
    return check_import(entry)


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


@step
def touches_are_jumped_to() -> None:
    scene = bpy.context.scene
    touch = scene.dice.takes[0].touches[0]
    bpy.ops.dice.jump_to_touch(index=0)
    assert scene.frame_current == touch.first_scene_frame
    assert scene.frame_current in {marker.frame for marker in scene.timeline_markers}


@step
def every_key_mode_again() -> None:
    scene = bpy.context.scene
    for keys in ("compact", "rigged", "per-frame"):
        assert bpy.ops.dice.reimport_take(keys=keys) == {"FINISHED"}
        entry = scene.dice.takes[0]
        assert entry.keys == keys
        assert len(scene.dice.takes) == 1
        heads = [item for item in bpy.data.objects if item.name.startswith("Head") and item.type == "MESH"]
        assert len(heads) == 1, "the earlier import is gone"
    assert len([action for action in bpy.data.actions if action.users == 0]) == 0


@step
def import_twice_and_elsewhere() -> None:
    scene, take = bpy.context.scene, str(FOLDER / "ready.dicetake")
    assert bpy.ops.dice.import_take(filepath=take) == {"FINISHED"}
    assert bpy.ops.dice.import_take(filepath=take + "/take.json", keys="compact") == {"FINISHED"}
    assert len([item for item in scene.objects if item.type == "CAMERA"]) == 3, "both imports and the first one"
    assert len(scene.dice.takes) == 2
    fresh()
    scene = bpy.context.scene
    bpy.ops.object.empty_add()
    scene.render.fps, scene.frame_start, scene.frame_end = 60, 101, 110
    assert bpy.ops.dice.import_take(filepath=take, use_start=True, start_frame=201, retime=True) == {"FINISHED"}
    entry = scene.dice.takes[0]
    bpy.ops.dice.jump_to_touch(index=0)
    assert scene.frame_current in {marker.frame for marker in scene.timeline_markers}
    assert entry.touches[0].first_scene_frame > 201
    assert scene.render.fps == 60
    check_import(entry)


@step
def import_of_300_frames() -> dict[str, Any]:
    if not (FOLDER / "long.dicetake").exists():
        return {"skipped": True}
    seconds = {}
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)  # then the clock shows others' work, and is only reported
    for keys, most in (("per-frame", 10), ("compact", 3), ("rigged", 3)):
        fresh()
        start = time.monotonic()
        assert bpy.ops.dice.import_take(filepath=str(FOLDER / "long.dicetake"), keys=keys) == {"FINISHED"}
        seconds[keys] = round(time.monotonic() - start, 2)
        assert busy or seconds[keys] < most, seconds
        assert bpy.context.scene.dice.takes[0].frames == 300
    return seconds | {"busy": busy}


@step
def not_a_take() -> None:
    (FOLDER / "empty.dicetake").mkdir(exist_ok=True)
    for path in (FOLDER / "empty.dicetake", FOLDER / "nowhere.dicetake"):
        try:
            bpy.ops.dice.import_take(filepath=str(path))
        except RuntimeError as error:
            assert "take" in str(error)
            assert "Traceback" not in str(error)
        else:
            raise AssertionError(path)


@step
def export_files() -> dict[str, int]:
    fresh()
    bpy.ops.dice.import_take(filepath=str(FOLDER / "ready.dicetake"), keys="rigged")
    sizes = {}
    for preset in ("unity", "unreal", "generic"):
        path = FOLDER / f"{preset}.fbx"
        assert bpy.ops.dice.export_fbx(filepath=str(path), preset=preset) == {"FINISHED"}
        sizes[path.name] = path.stat().st_size
    path = FOLDER / "all.glb"
    assert bpy.ops.dice.export_glb(filepath=str(path)) == {"FINISHED"}
    sizes[path.name] = path.stat().st_size
    assert min(sizes.values()) > 10_000
    return sizes


@step
def cancel_keeps_frames() -> dict[str, float]:
    fresh()
    capture = submit("frames=1000,pause=0.05")
    drive(lambda: capture.done >= 3)
    start = time.monotonic()
    assert bpy.ops.dice.cancel() == {"FINISHED"}
    drive(lambda: capture.state.over)
    seconds = time.monotonic() - start
    assert seconds < 2
    part("jobs.runner").run_until_done()
    entry = bpy.context.scene.dice.takes[0]
    assert entry.collection is None, "a cancelled capture is offered, not imported"
    assert bpy.ops.dice.reimport_take(keys="per-frame") == {"FINISHED"}
    check_import(entry)
    return {"seconds": seconds}


@step
def kill_9_shows_and_the_next_works() -> dict[str, str]:
    fresh()
    use_stub("frames=6,die")
    try:
        bpy.ops.dice.capture()
    except RuntimeError as error:
        assert "killed" in str(error)
    else:
        raise AssertionError("no error")
    failed = part("jobs.runner").queue.captures[0]
    assert bpy.ops.dice.copy_report(number=failed.number) == {"FINISHED"}
    bpy.ops.dice.cancel(number=failed.number)
    assert not part("jobs.runner").queue.captures
    assert not children(), "no zombie"
    use_stub("frames=4")
    assert bpy.ops.dice.capture() == {"FINISHED"}
    assert len(bpy.context.scene.dice.takes) == 1
    return {"error": failed.error}


@step
def takes_are_never_overwritten() -> None:
    use_stub("frames=4")
    assert bpy.ops.dice.capture() == {"FINISHED"}
    names = [entry.name for entry in bpy.context.scene.dice.takes]
    assert names == ["frames=4", "frames=4.002"]


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
    path = Path(settings.takes[1].path)
    before = len(bpy.data.objects)
    assert bpy.ops.dice.remove_take(delete_folder=True) == {"FINISHED"}
    assert not path.exists()
    assert len(settings.takes) == 1
    assert len(bpy.data.objects) < before
    assert settings.takes[0].collection is not None
    kept = Path(settings.takes[0].path)
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


@step
def check_of_the_network_engine() -> dict[str, Any]:
    environment, check = part("jobs.environment"), part("jobs.engine_check")
    chosen = part("preferences").preferences()
    part("jobs.environment").python_of = state["python_of"]
    try:
        bpy.ops.dice.check_engine()
    except RuntimeError as error:
        assert "choose one" in str(error)
    else:
        raise AssertionError("there is no Python yet")
    chosen.dice_python = str(FOLDER / "nowhere" / "python")
    try:
        environment.python_of("dice")
    except part("jobs.worker").WorkerError as error:
        assert "There is no Python at" in str(error)
    chosen.dice_python = sys.executable
    assert bpy.ops.dice.check_engine() == {"FINISHED"}
    lines = check.findings().lines
    assert lines[0][0], lines
    assert any("MANO_RIGHT.pkl is missing" in text and "https://" in text for _good, text in lines), lines
    chosen.dice_python = "/bin/false"
    assert bpy.ops.dice.check_engine() == {"FINISHED"}
    assert not check.findings().lines[0][0]
    assert not children()
    return {"lines": [text for _good, text in lines][:6]}


@step
def settings_of_the_network_engine() -> dict[str, Any]:
    """They reach the worker, and an unfinished take is gone on with where they are the same."""
    fresh()
    use_stub("frames=4")
    environment, queue, requests = part("jobs.environment"), part("jobs.runner").queue, []
    scene, chosen = bpy.context.scene, part("preferences").preferences()
    chosen.device, chosen.precision, chosen.presence_gate = "cpu", "half", False
    scene.dice.engine, scene.dice.refine_contact, scene.dice.import_result = "dice", True, False
    submit = queue.submit
    queue.submit = lambda request, python: requests.append(request) or submit(request, python)
    try:
        assert bpy.ops.dice.capture() == {"FINISHED"}
        scene.dice.engine = "open"
        assert bpy.ops.dice.capture() == {"FINISHED"}
    finally:
        del queue.submit
    request, without = requests
    given = ["--contact", "solver", "--device", "cpu", "--precision", "half", "--gate", "off"]
    assert request.arguments()[-len(given) - 1 :] == [*given, "--events"]
    assert not set(given) & set(without.arguments()), "the built-in engine has none of them"
    about = json.loads((request.take / "take.json").read_text())
    settings = {"device": "cpu", "contact": "solver", "precision": "half (bfloat16)", "gate": False}
    about["engine"] |= {"name": "dice", "settings": settings | {"hands": "auto", "fov": None}}
    about["source"] |= {"path": request.footage, "first_frame": 0, "frame_count": 1}
    (request.take / "take.json").write_text(json.dumps(about | {"complete": False}))
    assert environment.take_path(request, 1, ()) == request.take
    gated = replace(request, options=(*request.options[:-1], "on"))
    assert environment.take_path(gated, 1, ()) != request.take
    chosen.device = chosen.precision = "auto"
    chosen.presence_gate = True
    return {"options": given}


@step
def real_capture() -> dict[str, Any]:
    if SAMPLE is None:
        return {"skipped": True}
    fresh()
    part("jobs.environment").python_of = state["python_of"]
    bpy.ops.dice.open_footage(filepath=str(SAMPLE))
    settings = bpy.context.scene.dice
    assert settings.footage_frames >= 60
    start = time.monotonic()
    assert bpy.ops.dice.capture() == {"FINISHED"}
    seconds = time.monotonic() - start
    entry = settings.takes[0]
    assert entry.frames == settings.footage_frames
    assert entry.tracked_head > 0.95
    assert len(entry.touches) >= 1
    return check_import(entry) | {"frames": entry.frames, "seconds": round(seconds, 1)}


@step
def disable() -> None:
    capture = submit("frames=1000,pause=0.05,deaf")
    drive(lambda: capture.done >= 1)
    bpy.ops.preferences.addon_disable(module=MODULE)
    left = classes() - state["before"][0]
    assert not left, left
    assert handlers() == state["before"][1]
    assert not hasattr(bpy.types.Scene, "dice")
    for kind in ("TOPBAR_MT_file_import", "TOPBAR_MT_file_export", "STATUSBAR_HT_header"):
        assert not drawn(kind), kind
    assert not children()
    assert not dir(bpy.ops.dice)


@step
def enable_again_and_uninstall() -> None:
    bpy.ops.preferences.addon_enable(module=MODULE)
    assert hasattr(bpy.types.Scene, "dice")
    bpy.ops.extensions.package_uninstall(repo_index=_repository(), pkg_id="dice_blender")
    assert MODULE not in bpy.context.preferences.addons
    assert not hasattr(bpy.types.Scene, "dice")
    assert not classes() - state["before"][0]
    profile = FOLDER / "profile" / "extensions"
    assert not (profile / "user_default" / "dice_blender").exists()
    assert not list(profile.glob(".local/lib/python*/site-packages/cv2*"))
    assert not list(profile.glob(".local/lib/python*/site-packages/dice_core*"))


def _repository() -> int:
    names = [repository.module for repository in bpy.context.preferences.extensions.repos]
    return names.index("user_default")


state: dict[str, Any] = {}


def main() -> None:
    """Run the steps; a step that fails does not keep the next ones from being tried."""
    report: dict[str, Any] = {}
    for function in STEPS:
        try:
            report[function.__name__] = {"passed": True, "figures": function()}
        except Exception:
            report[function.__name__] = {"passed": False, "traceback": traceback.format_exc()}
    (FOLDER / "report.json").write_text(json.dumps(report, default=repr))
    sys.stdout.flush()
    os._exit(0)  # Blender 4.2 crashes in its own clean-up after an export of glTF


if __name__ == "__main__":
    main()
