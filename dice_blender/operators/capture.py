"""Starting and cancelling captures, and the report of one that failed."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import IntProperty
from bpy.types import Operator

from dice_core.engines.registry import ENGINES
from dice_core.engines.settings import CaptureSettings

from .. import footage
from ..jobs import environment, runner
from ..jobs.queue import Capture, Request
from ..jobs.worker import WorkerError
from ..preferences import ADDON, preferences
from ..properties import DICE_PG_settings, settings_of
from ..saved_paths import takes_folder

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]

_log = logging.getLogger(ADDON)


class DICE_OT_capture(Operator):
    """Recover the head, the hands and their contact from the footage. Blender stays usable meanwhile"""

    bl_idname = "dice.capture"
    bl_label = "Capture"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        problem = footage.problem(settings_of(context.scene))
        if problem:
            cls.poll_message_set(problem)
        return not problem

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        settings = settings_of(context.scene)
        footage.refresh(settings)
        problem = footage.problem(settings)
        if problem:
            self.report({"ERROR"}, _t(problem))
            return {"CANCELLED"}
        chosen = footage.input_of(settings)
        try:
            python = environment.python_of(settings.engine)
            waiting = [capture.request.take for capture in runner.queue.captures if not capture.state.over]
            request = Request(
                footage=chosen,
                take=takes_folder() / (footage.default_name(chosen) + environment.TAKE_ENDING),
                settings=_capture_settings(settings),
                frames=footage.frame_range(settings),
                scene=context.scene.session_uid,
                keys=settings.keys if settings.import_result else "",
            )
            request = replace(request, take=environment.take_path(request, waiting))
            request.take.parent.mkdir(parents=True, exist_ok=True)
        except WorkerError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        except OSError as error:
            self.report({"ERROR"}, _t("The folder for takes cannot be made: {}").format(error))
            return {"CANCELLED"}
        capture = runner.queue.submit(request, python)
        _log.info("capture %d of %s into %s", capture.number, request.footage, request.take)
        if bpy.app.background:
            runner.run_until_done()
            if capture.error:
                self.report({"ERROR"}, capture.error)
                return {"CANCELLED"}
        else:
            runner.wake()
        return {"FINISHED"}


def _capture_settings(settings: DICE_PG_settings) -> CaptureSettings:
    """What the panel and the preferences say, as far as the engine uses it."""
    chosen = preferences()
    given = {
        "hands": settings.hands,
        "fov": round(math.degrees(settings.fov), 2) if settings.use_fov else None,
        "head": settings.head,
        "neutral": footage.neutral_frame(settings),
        "device": chosen.device,
        "precision": chosen.precision,
        "gate": chosen.presence_gate,
        "contact": "solver" if settings.refine_contact else "network",
    }
    used = ENGINES[settings.engine].uses
    return CaptureSettings(settings.engine, **{name: value for name, value in given.items() if name in used})


class _ByNumber:
    """An operator on one capture of the queue; 0 is the one that runs."""

    number: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def _capture(self) -> Capture | None:
        return runner.queue.find(self.number) if self.number else runner.queue.current


class DICE_OT_cancel(_ByNumber, Operator):
    """Stop this capture. The frames that are finished stay on disk, and capturing again resumes after them"""

    bl_idname = "dice.cancel"
    bl_label = "Cancel Capture"

    def execute(self, _context: bpy.types.Context) -> set[OperatorReturnItems]:
        capture = self._capture()
        if capture is None:
            return {"CANCELLED"}
        runner.queue.cancel(capture)
        return {"FINISHED"}


class DICE_OT_copy_report(_ByNumber, Operator):
    """Copy the error, the settings and the last lines of the worker process to the clipboard"""

    bl_idname = "dice.copy_report"
    bl_label = "Copy Report"

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        capture = self._capture()
        if capture is None:
            return {"CANCELLED"}
        context.window_manager.clipboard = capture.report()
        self.report({"INFO"}, _t("The report is on the clipboard"))
        return {"FINISHED"}


_CLASSES = (DICE_OT_capture, DICE_OT_cancel, DICE_OT_copy_report)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
