"""A take into a scene: the one function that brings all the parts together."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import bpy
import numpy as np

from dice_core.errors import InputError
from dice_core.take import Take, open_take

from .animation import CurveWriter
from .armature import bind_to_bones, build_armature, key_bones
from .background import add_background
from .camera import build_camera
from .contact import add_contact
from .keys import DEFAULT_KEYS, KeyMode, key_mode
from .keys.compact import COMPACT_LIMIT, COMPACT_TOLERANCE
from .markers import add_markers
from .materials import add_materials
from .meshes import add_shape_keys, build_mesh, key_visibility
from .motion import Motion, read_motion
from .rollback import removed_on_failure
from .scene_settings import SceneSettings, adapt_to_scene, apply_settings, is_fresh, scene_fps
from .timing import Timing

__all__ = ["ImportedTake", "import_take", "imported_takes"]

ORIGIN_NAME = "DICE Origin"
# Custom properties by which a take is found again, whatever its collection and objects are called by then.
TAKE_PROPERTY, KEYS_PROPERTY, MESH_PROPERTY = "dice_take", "dice_keys", "dice_mesh"
RANGE_PROPERTY = "dice_range"
# More shape keys than this on a mesh are worth a warning: a head with as many takes about 55 MB. Set by hand.
_MANY_KEYS = 1000


@dataclass
class ImportedTake:
    """What an import has made.

    objects, armatures : mesh name ("head", "hand_left", "hand_right") to object.
    errors : mesh name to metres, the largest distance of any vertex in any frame from the take.
    warnings : sentences for the user.
    """

    collection: bpy.types.Collection
    origin: bpy.types.Object
    camera: bpy.types.Object
    keys: str
    frame_start: int
    frame_end: int
    objects: dict[str, bpy.types.Object] = field(default_factory=dict)
    armatures: dict[str, bpy.types.Object] = field(default_factory=dict)
    key_counts: dict[str, int] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def import_take(
    take: Take | str | Path,
    *,
    keys: str = DEFAULT_KEYS,
    scene: bpy.types.Scene | None = None,
    collection: bpy.types.Collection | None = None,
    start_frame: int | None = None,
    retime: bool = False,
    footage: str | Path | None = None,
) -> ImportedTake:
    """Import a take into a scene, wholly or not at all.

    keys : a name of `KEY_MODES`.
    scene : the current one by default. One that nobody has worked in gets the take's frame rate, range and resolution;
        any other keeps its own, and the differences come back as warnings.
    collection : where the take's collection goes; the scene's by default.
    start_frame : scene frame of the take's first frame; the scene's first frame by default.
    retime : keep the footage's speed in a scene of another frame rate, with keys between frames.
    footage : where the footage is, if it has moved since the capture.
    Raises InputError for an unknown key mode, an empty or damaged take, or a collection that cannot be changed; the
    file is then as it was.
    """
    mode = key_mode(keys)
    take = take if isinstance(take, Take) else open_take(take)
    if not len(take.frames):
        raise InputError(f"The take {take.path} has no frames yet: resume its capture first.")
    scene = bpy.context.scene if scene is None else scene
    assert scene is not None
    parent = scene.collection if collection is None else collection
    if not parent.is_editable:
        raise InputError(f"The collection {parent.name} is linked from another file: choose one of this file.")
    fresh = is_fresh(scene)
    start = scene.frame_start if start_frame is None else start_frame
    step = scene_fps(scene) / take.fps if retime and take.fps > 0 and not fresh else 1.0
    timing = Timing(int(take.frames[0]), start, step)
    with removed_on_failure():
        events = take.events
        imported = _build(take, keys, mode, timing, footage)
        wanted = SceneSettings(take.camera, take.fps, imported.frame_start, imported.frame_end, retimed=step != 1.0)
    parent.children.link(imported.collection)
    if parent is not scene.collection and parent not in scene.collection.children_recursive:
        scene.collection.children.link(parent)
    if fresh:
        apply_settings(scene, wanted, imported.camera)
    else:
        imported.warnings += adapt_to_scene(scene, wanted, imported.camera)
    add_markers(scene, events, timing)
    return imported


def imported_takes(scene: bpy.types.Scene) -> list[bpy.types.Collection]:
    """The collections of a scene that hold imported takes."""
    return [collection for collection in scene.collection.children_recursive if collection.get(TAKE_PROPERTY)]


def _build(take: Take, keys: str, mode: KeyMode, timing: Timing, footage: str | Path | None) -> ImportedTake:
    """The take's collection with everything in it, in no scene yet."""
    times = timing.scene_frames(take.frames)
    collection = bpy.data.collections.new(take.name)
    collection[TAKE_PROPERTY] = str(take.path.resolve())
    collection[KEYS_PROPERTY] = keys
    origin = bpy.data.objects.new(ORIGIN_NAME, None)
    origin.empty_display_size = 0.1
    collection.objects.link(origin)
    camera = build_camera(take.camera)
    camera.parent = origin
    collection.objects.link(camera)
    imported = ImportedTake(
        collection, origin, camera, keys, frame_start=math.floor(times[0]), frame_end=math.ceil(times[-1])
    )
    collection[RANGE_PROPERTY] = [imported.frame_start, imported.frame_end]
    missing = add_background(camera, take, timing, footage)
    if missing:
        imported.warnings.append(missing)
    for name in take.meshes:
        motion = read_motion(take, name)
        if motion is not None:
            _add_body(imported, motion, mode, times)
    most = max(imported.key_counts.values(), default=0)
    if most > _MANY_KEYS:
        imported.warnings.append(
            f"There are up to {most} shape keys on a mesh, which makes a heavy file: compact keys need at most "
            f"{COMPACT_LIMIT}."
        )
    if not imported.objects:
        imported.warnings.append("The take shows neither a head nor a hand: only its camera was imported.")
    return imported


def _add_body(imported: ImportedTake, motion: Motion, mode: KeyMode, times: np.ndarray) -> None:
    name = motion.mesh.name
    plan = mode.plan(motion, times)
    data = build_mesh(motion.mesh, plan.basis, motion.object_name)
    item = bpy.data.objects.new(motion.object_name, data)
    imported.collection.objects.link(item)
    item.parent = imported.origin
    item[MESH_PROPERTY] = name
    item.location = plan.location.tolist()
    curves = CurveWriter(item, item.name)
    add_contact(item, motion, curves, times)
    add_materials(item, motion.mesh)
    if plan.motion is not None:
        item.rotation_mode = "QUATERNION"
        curves.write_vector("location", times, plan.motion.location, group="Transform")
        curves.write_vector("rotation_quaternion", times, plan.motion.quaternion, group="Transform")
    key_visibility(curves, times, motion.present)
    add_shape_keys(item, plan.basis, plan.keys)
    if plan.bones:
        armature = build_armature(motion.mesh, f"{motion.object_name} Rig")
        imported.collection.objects.link(armature)
        armature.parent = imported.origin
        bind_to_bones(item, armature, motion.mesh)
        key_bones(armature, motion, times)
        imported.armatures[name] = armature
    imported.objects[name] = item
    imported.key_counts[name] = len(plan.keys)
    imported.errors[name] = plan.error
    if plan.error > COMPACT_TOLERANCE:
        imported.warnings.append(
            f"{motion.object_name} is up to {plan.error * 1000:.2f} mm off with {len(plan.keys)} shape keys: "
            "use per-frame keys where that matters."
        )
