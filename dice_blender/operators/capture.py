"""Starting, cancelling and clearing up after captures."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

import logging
import math
from dataclasses import replace

import bpy
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import IntProperty
from bpy.types import Operator

from ..jobs import environment, footage, runner
from ..jobs.queue import Request
from ..jobs.worker import WorkerError
from ..preferences import preferences

__all__ = ["register", "unregister"]

_log = logging.getLogger(__package__.rpartition(".")[0])


class DICE_OT_capture(Operator):
    """Recover the head, the hands and their contact from the footage. Blender stays usable meanwhile"""

    bl_idname = "dice.capture"
    bl_label = "Capture"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        problem = footage.problem(context.scene.dice)
        if problem:
            cls.poll_message_set(problem)
        return not problem

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.dice
        chosen = footage.input_of(settings)
        try:
            python = environment.python_of(settings.engine)
            waiting = [capture.request.take for capture in runner.queue.captures if not capture.state.over]
            request = Request(
                footage=chosen,
                take=environment.takes_folder() / (footage.default_name(chosen) + environment.TAKE_ENDING),
                engine=settings.engine,
                hands=settings.hands,
                frames=footage.frame_range(settings),
                scene=context.scene.session_uid,
                keys=settings.keys if settings.import_result else "",
                fov=round(math.degrees(settings.fov), 2) if settings.use_fov else None,
                options=_network_options(settings) if settings.engine == "dice" else (),
            )
            request = replace(request, take=environment.take_path(request, settings.footage_frames, waiting))
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


def _network_options(settings: bpy.types.PropertyGroup) -> tuple[str, ...]:
    """Arguments for the DICE network: what the panel and the preferences say."""
    chosen = preferences()
    contact = "solver" if settings.refine_contact else "network"
    gate = "on" if chosen.presence_gate else "off"
    return ("--contact", contact, "--device", chosen.device, "--precision", chosen.precision, "--gate", gate)


class _ByNumber:
    """An operator on one capture of the queue; 0 is the one that runs."""

    number: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def _capture(self):
        return runner.queue.find(self.number) if self.number else runner.queue.current


class DICE_OT_cancel(_ByNumber, Operator):
    """Stop this capture. The frames that are finished stay on disk, and capturing again goes on after them"""

    bl_idname = "dice.cancel"
    bl_label = "Cancel Capture"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        capture = self._capture()
        if capture is None:
            return {"CANCELLED"}
        runner.queue.cancel(capture)
        return {"FINISHED"}


class DICE_OT_copy_report(_ByNumber, Operator):
    """Copy the error, the settings and the last lines of the worker process to the clipboard"""

    bl_idname = "dice.copy_report"
    bl_label = "Copy Report"

    def execute(self, context: bpy.types.Context) -> set[str]:
        capture = self._capture()
        if capture is None:
            return {"CANCELLED"}
        context.window_manager.clipboard = capture.report()
        self.report({"INFO"}, _t("The report is on the clipboard"))
        return {"FINISHED"}


_CLASSES = (DICE_OT_capture, DICE_OT_cancel, DICE_OT_copy_report)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
