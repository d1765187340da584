"""The transfer of this Blender: one worker that solves, the timer that watches it, and the operator that applies it.

Like captures, it belongs to no window: Blender stays usable while it runs.
"""

from __future__ import annotations

import atexit
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..preferences import ADDON
from .environment import python_of
from .runner import blocked_by, on_change
from .worker import Worker

__all__ = ["Transfer", "cancel", "close", "current", "register", "run_until_done", "start", "unregister"]

# Seconds between two looks at the worker, and between two where Blender has no window. Set by hand, as for captures.
_TICK, _BACKGROUND_TICK = 0.1, 0.02

_log = logging.getLogger(ADDON)


@dataclass(eq=False)
class Transfer:
    """take : its name; folder : of the take; motion : file of the result; scene : session id of the scene that asked.

    done of total steps are finished, with eta seconds to go; error : why it ended without a result, or "".
    """

    take: str
    folder: Path
    motion: Path
    scene: int
    done: int = 0
    total: int = 0
    eta: float = 0.0
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    worker: Worker | None = None

    @property
    def running(self) -> bool:
        """Whether its worker is there, or what it found is not applied yet."""
        return self.worker is not None

    @property
    def fraction(self) -> float:
        """Share that is finished, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    def note(self, event: dict[str, Any]) -> None:
        """Note what the worker says."""
        match event["event"]:
            case "frame":
                self.done, self.total = int(event.get("done", 0)), int(event.get("total", 0))
                self.eta = max(0.0, float(event.get("eta", 0)))
            case "warning":
                self.warnings.append(str(event.get("message", ""))[:2000])
            case "error":
                self.error = str(event.get("message", ""))[:2000]


_current: Transfer | None = None
_place: tempfile.TemporaryDirectory[str] | None = None


def current() -> Transfer | None:
    """The transfer that runs, or that has failed and was not dismissed."""
    return _current


def start(scene: bpy.types.Scene, take: Path, name: str, options: list[str], write: Callable[[Path], None]) -> Transfer:
    """Begin to solve.

    take : folder; name : of the take; options : of the solver's command; write : writes the character into a file.
    Raises WorkerError where the worker cannot be started, and what `write` raises.
    """
    global _current, _place  # noqa: PLW0603
    close()
    _place = tempfile.TemporaryDirectory(prefix="dice-transfer-", ignore_cleanup_errors=True)
    folder = Path(_place.name)
    write(folder / "character.npz")
    _current = Transfer(name, take, folder / "motion.npz", scene.session_uid)
    arguments = ["transfer-solve", str(folder / "character.npz"), str(take), "-o", str(_current.motion), "--events"]
    _current.worker = Worker(python_of("open").command("dice_core", [*arguments, *options]), folder)
    _log.info("transfer of %s", take)
    return _current


def wake() -> None:
    """Start the timer that watches the worker, where it does not run."""
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=0.0, persistent=True)


def run_until_done() -> None:
    """Watch the worker to its end, for a Blender without a window, whose timers never run."""
    while _tick() is not None:
        time.sleep(_BACKGROUND_TICK)


def cancel() -> None:
    """Ask a running transfer to stop, forget one that has failed."""
    global _current  # noqa: PLW0603
    if _current is not None and _current.worker is not None:
        _current.worker.stop()
    else:
        _current = None


def close() -> None:
    """End the worker and forget everything."""
    global _current, _place  # noqa: PLW0603
    if _current is not None and _current.worker is not None:
        _current.worker.end()
        _current.worker.release()
    _current = None
    if _place is not None:
        _place.cleanup()
        _place = None


def _tick() -> float | None:
    job = _current
    if job is None or job.worker is None:
        return None
    ended = not job.worker.running
    for event in job.worker.poll():
        job.note(event)
    _tell()
    if not (ended and job.worker.drained) or blocked_by():
        return _TICK
    _conclude(job, job.worker)
    _tell()
    return None


def _conclude(job: Transfer, worker: Worker) -> None:
    global _current  # noqa: PLW0603
    worker.release()
    job.worker = None
    if worker.stopping:
        _current = None
        return
    if job.error or worker.exit_status != 0 or not job.motion.exists():
        job.error = job.error or "The worker process ended without a result: its log says why."
        _log.error("transfer of %s: %s\n%s", job.take, job.error, "\n".join(worker.last_lines()))
        return
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == job.scene), bpy.context.scene)
    try:
        # Through the operator, so that the result is one step that can be undone.
        with bpy.context.temp_override(**_context_of(scene)):
            operators: Any = bpy.ops
            operators.dice.apply_transfer("EXEC_DEFAULT", True, motion=str(job.motion), take=str(job.folder))
        _current = None
    except RuntimeError as error:
        job.error = str(error).strip().removeprefix("Error: ")


def _context_of(scene: Any) -> dict[str, Any]:
    """A context in which operators act on a scene, with its window where it has one."""
    manager = bpy.context.window_manager
    assert manager is not None
    window = next((window for window in manager.windows if window.scene == scene), None)
    if window is None:
        return {"scene": scene, "view_layer": scene.view_layers[0]}
    return {"window": window, "scene": scene, "view_layer": window.view_layer}


def _tell() -> None:
    for listener in on_change:
        listener()


@persistent
def _file_closes(*_: object) -> None:
    close()


def register() -> None:
    """End the worker with the file that asked for it, and with Blender."""
    bpy.app.handlers.load_pre.append(_file_closes)
    atexit.register(close)


def unregister() -> None:
    """End everything."""
    atexit.unregister(close)
    if _file_closes in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(_file_closes)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    close()
