"""Textures from footage: asked of the worker, which has its place in the queue of captures."""

# ruff: noqa: N801 (Blender's names and class attributes)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.types import Operator

from dice_core.errors import DiceError, InputError
from dice_core.media.formats import is_pattern
from dice_core.take import Take, open_take

from .. import take_list
from ..jobs import environment, runner
from ..jobs.bake_request import BakeRequest
from ..jobs.worker import WorkerError
from ..scene.parts import import_id
from ..scene.pictures import find_footage

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

__all__ = ["register", "unregister"]

_FOLDER = "textures"


class DICE_OT_bake_texture(Operator):
    """Paint head and hands with the best frames of the footage. Exports carry the pictures along"""

    bl_idname = "dice.bake_texture"
    bl_label = "Bake Texture"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        entry = take_list.active(context.scene)
        return entry is not None and take_list.collection_of(entry) is not None

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        entry = take_list.active(context.scene)
        collection = take_list.collection_of(entry)
        try:
            take = open_take(take_list.folder_of(context.scene, entry))
            request = BakeRequest(
                take=take.path.absolute(),
                folder=take.path.absolute() / _FOLDER,
                footage=_footage(take),
                scene=context.scene.session_uid,
                owner=import_id(collection),
            )
            waiting = [capture.request for capture in runner.queue.captures if not capture.state.over]
            if request in waiting:
                raise InputError("The texture of this take is being baked already: wait for it, or cancel it.")
            python = environment.python_of("open")
        except (DiceError, WorkerError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        baking = runner.queue.submit(request, python)
        if bpy.app.background:
            runner.run_until_done()
            if baking.error:
                self.report({"ERROR"}, baking.error)
                return {"CANCELLED"}
        else:
            runner.wake()
        return {"FINISHED"}


def _footage(take: Take) -> str:
    """Where the worker finds the footage. Raises InputError where it is nowhere."""
    files = find_footage(take)
    if not files:
        source = take.info["source"]["path"]
        raise InputError(f"The footage {source} is not there to take a texture from: put it back, or beside the take.")
    if take.info["source"]["kind"] != "sequence":
        return str(files[0])
    # The pattern in the name that the take has says which of a folder's pictures belong to it.
    named = Path(take.info["source"]["path"])
    return str(files[0].parent / named.name if is_pattern(named.name) else files[0].parent)


_CLASSES = (DICE_OT_bake_texture,)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
