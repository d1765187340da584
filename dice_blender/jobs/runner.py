"""The captures of this Blender: one queue, the timer that drives it, and what follows when one ends.

The timer is one of `bpy.app.timers` and no modal operator: it belongs to no window that could be closed, and while it
runs, Blender saves automatically and every other tool works.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import bpy
from bpy.app.handlers import persistent

from dice_core.errors import DiceError
from dice_core.take import open_take

from .. import saved_paths, take_list
from ..preferences import ADDON
from ..properties import settings_of
from ..scene.parts import import_id
from ..scene.skin import show_textures
from .bake_request import BakeRequest
from .queue import Capture, CaptureQueue, Request, State

__all__ = [
    "blocked_by",
    "close",
    "on_change",
    "queue",
    "register",
    "run_until_done",
    "unregister",
    "waiting_for_import",
    "wake",
]

# Seconds between two looks at the worker, between two notices of progress, and between two where nothing has changed
# but the time that is shown. Set by hand.
_TICK = 0.05
_NOTICE = 0.2
_NOTICE_ANYWAY = 1.0
# Seconds that a worker gets between two looks where Blender has no window and waits for the end.
_BACKGROUND_TICK = 0.02
# Jobs that read the scene from a thread of their own, by Blender's names.
_READING_JOBS: dict[Literal["RENDER", "OBJECT_BAKE"], str] = {"RENDER": "the render", "OBJECT_BAKE": "the bake"}

_log = logging.getLogger(ADDON)
_ended: list[Capture] = []
_noticed = 0.0
_known: object = None

queue = CaptureQueue(_ended.append)
on_change: list[Callable[[], None]] = []
"""Called when what the panel shows of the captures has changed, at most five times a second."""


def wake() -> None:
    """Start the timer that drives the queue, where it does not run."""
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=0.0, persistent=True)


def run_until_done() -> None:
    """Drive the queue to its end, for a Blender without a window, whose timers never run."""
    while queue.tick():
        time.sleep(_BACKGROUND_TICK)
    while _ended:
        _conclude(_ended.pop(0))


def close() -> None:
    """End the worker and forget what waits."""
    if queue.busy:
        _log.warning("captures ended because the file or Blender was closed")
    queue.close()
    _ended.clear()


def waiting_for_import() -> Capture | None:
    """The finished capture whose take cannot be imported yet because of what `blocked_by` names."""
    return _ended[0] if _ended else None


def blocked_by() -> str:
    """What must end before a timer may change the scene: a render, a bake or a running tool; "" where nothing does."""
    for job, name in _READING_JOBS.items():
        if bpy.app.is_job_running(job):
            return name
    tools = [tool for window in _windows() for tool in window.modal_operators]
    return str(tools[0].name) if tools else ""


def _tick() -> float | None:
    more = queue.tick()
    _tell_where_needed()
    if _ended and (_ended[0].state is State.FAILED or not blocked_by()):
        _conclude(_ended.pop(0))
    if more or _ended:
        return _TICK
    _tell()
    return None


def _tell_where_needed() -> None:
    """Tell of news at most five times a second: a redraw costs the interface more than the tick does."""
    global _known, _noticed
    now = time.monotonic()
    current = queue.current
    progress = None if current is None else (current.number, current.state, current.done, current.warning)
    news = (len(queue.captures), len(_ended), progress)
    if now - _noticed > _NOTICE and (news != _known or now - _noticed > _NOTICE_ANYWAY):
        _known, _noticed = news, now
        _tell()


def _tell() -> None:
    for listener in on_change:
        listener()


def _conclude(capture: Capture) -> None:
    """Put what a capture found into the scene that asked for it."""
    request = capture.request
    _log.info("%s: %s, %d frames", request.description()[0], capture.state.value, capture.done)
    if capture.state is State.FAILED:
        _log.error("%s", capture.report())
        return
    if isinstance(request, BakeRequest):
        if capture.state is State.DONE:
            _show_textures(capture, request)
        return
    if not (request.take / "take.json").exists():
        return
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == request.scene), _current_scene())
    try:
        if capture.state is State.DONE and request.keys:
            _import(scene, request)
        elif open_take(request.take).frames.size:
            take_list.add(scene, request.take)
            _push_undo("DICE Capture")
        _note_unsaved(scene, request.take)
    except (DiceError, RuntimeError) as error:
        # The take is on disk; what went wrong is shown where the capture was, and does not end the timer.
        queue.fail(capture, str(error))
        _log.exception("the take %s was not imported", request.take)
        _offer(scene, request.take)


def _offer(scene: bpy.types.Scene, take: Path) -> None:
    """List a take that was not imported, such as a long one in per-frame keys, so that it can be in other ones."""
    try:
        take_list.add(scene, take)
    except DiceError as error:
        _log.info("the take %s is not listed: %s", take, error)


def _show_textures(capture: Capture, request: BakeRequest) -> None:
    """Put baked pictures onto the import that asked for them, wherever it is by now."""
    wanted = [c for c in bpy.data.collections if request.owner and import_id(c) == request.owner]
    try:
        if not wanted:
            raise DiceError("The take was removed meanwhile, and its texture has nowhere to go: bake it again.")
        show_textures(wanted[0], request.folder)
    except (DiceError, RuntimeError) as error:
        queue.fail(capture, str(error))
        _log.exception("the textures in %s are not shown", request.folder)
        return
    _push_undo("DICE Bake Texture")


def _import(scene: bpy.types.Scene, request: Request) -> None:
    # Through the operator, so that the import is one step that can be undone.
    with bpy.context.temp_override(**_context_of(scene)):
        operators: Any = bpy.ops
        operators.dice.import_take("EXEC_DEFAULT", True, filepath=str(request.take), keys=request.keys)


def _note_unsaved(scene: bpy.types.Scene, take: Path) -> None:
    """Remember that a take went to the folder for files that are not saved: it moves when this one is."""
    if take.parent == saved_paths.unsaved_folder():
        for entry in settings_of(scene).takes:
            if Path(bpy.path.abspath(entry.path)) == take:
                entry.captured_unsaved = True


def _folders_in_use() -> list[Path]:
    return [capture.request.take for capture in (*queue.captures, *_ended)]


def _push_undo(message: str) -> None:
    if not bpy.app.background:
        with bpy.context.temp_override(**_context_of(_current_scene())):
            bpy.ops.ed.undo_push(message=message)


def _context_of(scene: bpy.types.Scene) -> dict[str, Any]:
    """A context, as for `temp_override`, in which operators act on a scene; with its window where it has one."""
    window = next((window for window in _windows() if window.scene == scene), None)
    if window is None:
        return {"scene": scene, "view_layer": scene.view_layers[0]}
    return {"window": window, "scene": scene, "view_layer": window.view_layer}


def _current_scene() -> bpy.types.Scene:
    assert bpy.context.scene is not None
    return bpy.context.scene


def _windows() -> list[bpy.types.Window]:
    assert bpy.context.window_manager is not None
    return list(bpy.context.window_manager.windows)


@persistent
def _file_closes(*_: object) -> None:
    close()


def register() -> None:
    """End the worker with the file that asked for it, and with a Blender that quits without disabling extensions."""
    bpy.app.handlers.load_pre.append(_file_closes)
    saved_paths.busy_folders.append(_folders_in_use)
    atexit.register(close)


def unregister() -> None:
    """End everything."""
    atexit.unregister(close)
    saved_paths.busy_folders.remove(_folders_in_use)
    if _file_closes in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(_file_closes)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    close()
