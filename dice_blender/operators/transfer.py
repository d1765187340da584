"""Putting the selected take onto the character: solved by a worker, applied as one step that can be undone."""

# ruff: noqa: N801, RUF012 (Blender's names and class attributes)

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from bpy.app.translations import pgettext_rpt as _t
from bpy.props import StringProperty
from bpy.types import Operator

from dice_core.errors import DiceError, InputError
from dice_core.take import Take, open_take
from dice_core.transfer.files import Motion, read_motion, write_character
from dice_core.transfer.trimming import trimmed

from .. import take_list
from ..character.applying import apply_motion, check_ik
from ..character.landmarks import read_landmarks
from ..character.own_timing import own_timing
from ..character.reading import ReadCharacter, read_character
from ..character.take_source import source_of
from ..character_settings import character_of, read_map
from ..jobs import transfer_job
from ..jobs.worker import WorkerError
from ..preferences import ADDON
from ..scene.parts import read_timing
from .character import character_objects, show_character, source_of_entry

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]

_log = logging.getLogger(ADDON)


def _read(context: bpy.types.Context) -> ReadCharacter:
    """The character that the panel names. Raises InputError where there is none."""
    settings = character_of(context.scene)
    objects = character_objects(context)
    if settings.armature is None or not len(settings.bones):
        show_character(context, objects)
    return read_character(objects, read_map(settings), context.scene, read_landmarks(context.scene))


class DICE_OT_transfer(Operator):
    """Put the selected take onto the character, its touches kept. Blender stays usable meanwhile"""

    bl_idname = "dice.transfer"
    bl_label = "Transfer"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if take_list.active(context.scene) is None:
            cls.poll_message_set("Import a take first")
            return False
        job = transfer_job.current()
        return job is None or not job.running

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        settings, entry = character_of(context.scene), take_list.active(context.scene)
        options = ["--neck-share", f"{settings.neck_share:g}", "--dents", f"{settings.dents:g}"]
        options += ["--hands", settings.hands, *([] if settings.keep_contact else ["--no-contact"])]
        try:
            folder = take_list.folder_of(context.scene, entry)
            read = _read(context)
            if settings.arms == "IK":
                check_ik(read)
            name = source_of_entry(entry).name
            job = transfer_job.start(
                context.scene, folder, name, options, lambda path: write_character(path, read.character)
            )
        except (DiceError, WorkerError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not bpy.app.background:
            transfer_job.wake()
            return {"FINISHED"}
        transfer_job.run_until_done()
        if job.error:
            self.report({"ERROR"}, job.error)
            return {"CANCELLED"}
        return {"FINISHED"}


class DICE_OT_cancel_transfer(Operator):
    """Stop putting the take onto the character; nothing is changed then"""

    bl_idname = "dice.cancel_transfer"
    bl_label = "Cancel Transfer"

    def execute(self, _context: bpy.types.Context) -> set[OperatorReturnItems]:
        transfer_job.cancel()
        return {"FINISHED"}


class DICE_OT_apply_transfer(Operator):
    """Key the character as the worker has solved it"""

    bl_idname = "dice.apply_transfer"
    bl_label = "Transfer to Character"
    bl_options = {"INTERNAL", "UNDO"}

    motion: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    take: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        scene = context.scene
        try:
            take, motion = open_take(Path(self.take)), read_motion(Path(self.motion))
            motion, times = _played(scene, take, motion)
            nla, ik = character_of(scene).target == "NLA", character_of(scene).arms == "IK"
            applied = apply_motion(_read(context), motion, source_of(take), times, scene, nla=nla, ik=ik)
        except DiceError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for warning in [*motion.report.get("warnings", []), *applied.warnings]:
            self.report({"WARNING"}, str(warning))
        self.report({"INFO"}, _t("{} is on the character").format(applied.name))
        return {"FINISHED"}


def _played(scene: bpy.types.Scene, take: Take, motion: Motion) -> tuple[Motion, np.ndarray]:
    """What plays of a motion, and (T,) in which scene frames: as the take's import plays, or else all of it at its
    own speed, from the scene's first frame on."""
    collection = take_list.earlier_import(scene, take.path)
    imported = None if collection is None else read_timing(collection)
    timing = own_timing(take, scene) if imported is None else imported
    first, last = timing.frames[list(timing.played)].tolist()
    motion = trimmed(motion, first, last)
    if not len(motion.frame):
        raise InputError(f"The frames of {take.name} have changed since its import: import it again.")
    return motion, timing.scene_frames(motion.frame)


_CLASSES = (DICE_OT_transfer, DICE_OT_cancel_transfer, DICE_OT_apply_transfer)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)
