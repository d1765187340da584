"""The captures of this Blender: one queue, the timer that drives it, and what follows when one ends.

The timer is one of `bpy.app.timers` and no modal operator: it belongs to no window that could be closed, and while it
runs, Blender saves automatically and every other tool works.
"""

from __future__ import annotations

import atexit
import logging
import time

import bpy

from dice_core.errors import DiceError
from dice_core.take import open_take

from ..scene import take_list
from ..ui.redraw import redraw_progress, window_of
from .queue import Capture, CaptureQueue, State

__all__ = ["close", "queue", "register", "run_until_done", "unregister", "wake"]

# Seconds between two looks at the worker, between two redraws of progress, and between two where nothing has changed
# but the time that is shown.
_TICK = 0.05
_REDRAW = 0.2
_REDRAW_ANYWAY = 1.0
# Seconds that a worker gets between two looks where Blender has no window and waits for the end.
_BACKGROUND_TICK = 0.02

_log = logging.getLogger(__package__.rpartition(".")[0])
_ended: list[Capture] = []
_redrawn = 0.0
_shown: object = None

queue = CaptureQueue(_ended.append)


def wake() -> None:
    """See to it that the queue is driven."""
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


def _tick() -> float | None:
    more = queue.tick()
    _redraw_where_needed()
    if _ended:
        _conclude(_ended.pop(0))
    if more or _ended:
        return _TICK
    redraw_progress()
    return None


def _redraw_where_needed() -> None:
    """Redraw at most five times a second, and only for news: a redraw costs the interface more than the tick does."""
    global _shown, _redrawn
    now = time.monotonic()
    current = queue.current
    news = (len(queue.captures), current and (current.number, current.state, current.done, current.warning))
    if now - _redrawn > _REDRAW and (news != _shown or now - _redrawn > _REDRAW_ANYWAY):
        _shown, _redrawn = news, now
        redraw_progress()


def _conclude(capture: Capture) -> None:
    """Put what a capture found into the scene that asked for it."""
    request = capture.request
    _log.info("capture of %s: %s, %d frames", request.footage, capture.state.value, capture.done)
    if capture.state is State.FAILED:
        _log.error("%s", capture.report())
        return
    if not (request.take / "take.json").exists():
        return
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == request.scene), bpy.context.scene)
    try:
        if capture.state is State.DONE and request.keys:
            _import(scene, capture)
        elif open_take(request.take).frames.size:
            take_list.add(scene, request.take)
            _push_undo("DICE Capture")
    except (DiceError, RuntimeError) as error:
        # The take is on disk; what went wrong is shown where the capture was, and does not end the timer.
        queue.fail(capture, str(error))
        _log.exception("the take %s was not imported", request.take)


def _import(scene: bpy.types.Scene, capture: Capture) -> None:
    # Through the operator, so that the import is one step that can be undone.
    request = capture.request
    with bpy.context.temp_override(**window_of(scene)):
        bpy.ops.dice.import_take("EXEC_DEFAULT", True, filepath=str(request.take), keys=request.keys)


def _push_undo(message: str) -> None:
    if not bpy.app.background:
        with bpy.context.temp_override(**window_of(bpy.context.scene)):
            bpy.ops.ed.undo_push(message=message)


def register() -> None:
    """A Blender that quits without disabling its extensions ends the worker all the same."""
    atexit.register(close)


def unregister() -> None:
    """End everything."""
    atexit.unregister(close)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    close()
