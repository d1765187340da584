"""A take into a scene: the one function that brings all the parts together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import bpy
import numpy as np

from dice_core.errors import InputError
from dice_core.take import Take, open_take

from .background import add_background, fit_background
from .bodies import put_body
from .camera import build_camera, match_lens
from .keys import DEFAULT_KEYS, key_mode
from .keys.compact import COMPACT_LIMIT, COMPACT_TOLERANCE
from .keys.plan import MeshPlan
from .markers import Touch, add_markers, touches_of
from .motion import Motion, read_motion
from .nla import is_layer, move_strips, put_on_tracks
from .parts import (
    CAMERA,
    ID_PROPERTY,
    KEYS_PROPERTY,
    MESH_PROPERTY,
    ORIGIN,
    PART_PROPERTY,
    PLACE_PROPERTY,
    RANGE_PROPERTY,
    REDUCED_PROPERTY,
    TAKE_PROPERTY,
    import_id,
    imported_takes,
    new_import_id,
    parts_in,
    read_timing,
    rig_of,
    store_timing,
)
from .pictures import find_footage, frame_seconds
from .removal import remove_part
from .retiming import trim_curves
from .rollback import removed_on_failure
from .scene_settings import SceneSettings, adopt_settings, is_fresh, mismatches, scene_fps
from .timing import Timing, take_timing

__all__ = [
    "KEYS_PROPERTY",
    "MESH_PROPERTY",
    "RANGE_PROPERTY",
    "TAKE_PROPERTY",
    "ImportedTake",
    "import_take",
    "imported_takes",
]

ORIGIN_NAME = "DICE Origin"
# Shares of the work that are done when a take is read, and when its keys are planned. Set by hand.
_READ, _PLANNED = 0.15, 0.85
# More shape keys than this on a mesh are worth a warning: a head with as many takes about 55 MB. Set by hand.
_MANY_KEYS = 1000


@dataclass
class ImportedTake:
    """What an import has made.

    objects, armatures : mesh name ("head", "hand_left", "hand_right") to object.
    errors : mesh name to metres, the largest distance of any vertex in any frame from the take.
    notes : sentences for the user about the take itself; warnings : those, and others about the scene as it is now.
    """

    collection: bpy.types.Collection
    timing: Timing
    origin: bpy.types.Object
    camera: bpy.types.Object
    keys: str
    frame_start: int
    frame_end: int
    objects: dict[str, bpy.types.Object] = field(default_factory=dict)
    armatures: dict[str, bpy.types.Object] = field(default_factory=dict)
    key_counts: dict[str, int] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Planned:
    """All that is read and computed of a take before anything in the file is changed."""

    take: Take
    keys: str
    timing: Timing
    touches: list[Touch]
    bodies: list[tuple[Motion, MeshPlan]]
    files: tuple[Path, ...]
    seconds: np.ndarray | None


def import_take(
    take: Take | str | Path,
    *,
    keys: str = DEFAULT_KEYS,
    scene: bpy.types.Scene | None = None,
    collection: bpy.types.Collection | None = None,
    start_frame: int | None = None,
    retime: bool = False,
    footage: str | Path | None = None,
    replace: bpy.types.Collection | None = None,
    nla: bool = False,
    on_progress: Callable[[float], object] = lambda _share: None,
) -> ImportedTake:
    """Import a take into a scene, wholly or not at all.

    keys : a name of `KEY_MODES`.
    scene : the current one by default. One that nobody has worked in gets the take's frame rate, range and resolution;
        any other keeps its own, and the differences come back as warnings.
    collection : where the take's collection goes; the scene's by default.
    start_frame : scene frame of the take's first frame; the scene's first frame by default.
    retime : keep the footage's speed in a scene of another frame rate, with keys between frames.
    footage : where the footage is, if it has moved since the capture.
    replace : an earlier import, which becomes this one: what the user has done to its objects, and when it plays unless
        that is given here, stays.
    on_progress : is told which share of the work is done, 0 to 1.
    nla : have it play from NLA tracks named after the take, as an import that is replaced does if it did before.
    Raises InputError for an unknown key mode, an empty or damaged take, or a collection that cannot be changed; the
    file is then as it was.
    """
    key_mode(keys)
    take = take if isinstance(take, Take) else open_take(take)
    if not len(take.frames):
        raise InputError(f"The take {take.path} has no frames yet: resume its capture first.")
    scene = bpy.context.scene if scene is None else scene
    assert scene is not None
    parent = scene.collection if collection is None else collection
    _check_changeable(parent, replace)
    fresh = replace is None and is_fresh(scene)
    files = find_footage(take, footage)
    seconds = frame_seconds(take, files)
    timing = _timing(take, scene, start_frame, retime and not fresh, replace, seconds)
    nla = nla or (replace is not None and is_layer(replace))
    before = None if replace is None else read_timing(replace)
    with removed_on_failure():
        planned = _plan(take, keys, timing, files, seconds, on_progress)
        imported = _build(planned, replace)
        _layer(imported.collection, before, timing, nla)
        wanted = SceneSettings.of(take.camera, take.fps, timing.scene_range, timing.step)
    if replace is None:
        _link(imported.collection, parent, scene)
    if fresh:
        adopt_settings(scene, wanted, imported.camera)
    elif scene.camera is None:
        scene.camera = imported.camera
    fit_background(imported.camera, scene)
    trim_curves(imported.collection)
    add_markers(scene, planned.touches, timing, import_id(imported.collection))
    on_progress(1.0)
    imported.warnings = [*imported.notes, *map(str, mismatches(scene, wanted))]
    return imported


def _layer(collection: bpy.types.Collection, before: Timing | None, timing: Timing, nla: bool) -> None:
    """Have the NLA strips of an import follow its new timing, and all of it play from NLA tracks where wanted."""
    if before is not None:
        move_strips(collection, before, timing)
    if nla:
        put_on_tracks(collection)


def _link(collection: bpy.types.Collection, parent: bpy.types.Collection, scene: bpy.types.Scene) -> None:
    """Put a collection into another one, and that into the scene where it is not yet."""
    parent.children.link(collection)
    if parent is not scene.collection and parent not in scene.collection.children_recursive:
        scene.collection.children.link(parent)


def _check_changeable(parent: bpy.types.Collection, collection: bpy.types.Collection | None) -> None:
    """Raises InputError where the parent, or the import in `collection`, cannot be changed now."""
    if not parent.is_editable:
        raise InputError(f"The collection {parent.name} is linked from another file: choose one of this file.")
    if collection is None:
        return
    if not collection.is_editable:
        raise InputError(f"The collection {collection.name} is linked from another file: import a copy instead.")
    for item in parts_in(collection).values():
        if not item.is_editable:
            raise InputError(f"{item.name} is linked from another file: import a copy instead.")
        if item.mode != "OBJECT":
            raise InputError(f"{item.name} is being edited: go back to Object Mode first.")


def _timing(
    take: Take,
    scene: bpy.types.Scene,
    start: int | None,
    retime: bool,
    replace: bpy.types.Collection | None,
    seconds: np.ndarray | None,
) -> Timing:
    """When the take plays: as asked for, or as the import that is replaced, or from the scene's first frame on."""
    old = None if replace is None else read_timing(replace)
    step = 1.0 if old is None else old.step
    if retime and take.fps > 0:
        step = scene_fps(scene) / take.fps
    usual = float(scene.frame_start) if old is None else old.start
    timing = take_timing(take, usual if start is None else float(start), step, seconds)
    if old is not None and np.array_equal(old.frames, timing.frames):
        timing = timing.moved(trim=old.trim)
    return timing


def _plan(
    take: Take,
    keys: str,
    timing: Timing,
    files: tuple[Path, ...],
    seconds: np.ndarray | None,
    on_progress: Callable[[float], object],
) -> _Planned:
    mode = key_mode(keys)
    motions = [motion for name in take.meshes if (motion := read_motion(take, name)) is not None]
    mode.check(motions)
    on_progress(_READ)
    bodies = []
    for motion in motions:
        bodies.append((motion, mode.plan(motion, timing.times)))
        on_progress(_READ + (_PLANNED - _READ) * len(bodies) / len(motions))
    return _Planned(take, keys, timing, touches_of(take.events), bodies, files, seconds)


def _build(planned: _Planned, replace: bpy.types.Collection | None) -> ImportedTake:
    """The take's collection with everything in it: a new one in no scene yet, or the one that is replaced."""
    take, timing = planned.take, planned.timing
    collection = bpy.data.collections.new(take.name) if replace is None else replace
    old = parts_in(collection)
    collection[TAKE_PROPERTY] = str(take.path.absolute())
    collection[PLACE_PROPERTY] = collection[TAKE_PROPERTY]
    collection[KEYS_PROPERTY] = planned.keys
    if collection.get(REDUCED_PROPERTY):
        del collection[REDUCED_PROPERTY]
    if not collection.get(ID_PROPERTY):
        collection[ID_PROPERTY] = new_import_id()
    store_timing(collection, timing)
    origin = old.get(ORIGIN) or _new_origin(collection)
    camera = old.get(CAMERA)
    if camera is None:
        camera = build_camera(take.camera)
        camera.parent = origin
        camera[PART_PROPERTY] = CAMERA
        collection.objects.link(camera)
    match_lens(camera, take.camera)
    imported = ImportedTake(collection, timing, origin, camera, planned.keys, *timing.scene_range)
    missing = add_background(camera, take, timing, planned.files, planned.seconds)
    if missing:
        imported.notes.append(missing)
    if timing.uneven:
        imported.notes.append(
            "The frames of the footage are not evenly spaced: each is shown at its own time, where the take is keyed."
        )
    shown = {motion.mesh.name for motion, _ in planned.bodies}
    for part, item in old.items():
        if part not in (ORIGIN, CAMERA) and part.removesuffix(rig_of("")) not in shown:
            remove_part(item)
    for motion, plan in planned.bodies:
        body = put_body(collection, origin, old, motion, plan, timing.times)
        name = motion.mesh.name
        imported.objects[name] = body.mesh
        if body.armature is not None:
            imported.armatures[name] = body.armature
        imported.key_counts[name] = len(plan.keys)
        imported.errors[name] = plan.error
        if body.lost_keys:
            imported.notes.append(
                f"{body.mesh.name} has another mesh in this take, so your shape keys {', '.join(body.lost_keys)} are "
                "gone: undo, and import a copy, to keep them."
            )
        if plan.error > COMPACT_TOLERANCE:
            imported.notes.append(
                f"{body.mesh.name} is up to {plan.error * 1000:.2f} mm off with {len(plan.keys)} shape keys: "
                "use per-frame keys where that matters."
            )
    imported.notes += _remarks(imported)
    return imported


def _new_origin(collection: bpy.types.Collection) -> bpy.types.Object:
    origin = bpy.data.objects.new(ORIGIN_NAME, None)
    origin.empty_display_size = 0.1
    origin[PART_PROPERTY] = ORIGIN
    collection.objects.link(origin)
    return origin


def _remarks(imported: ImportedTake) -> list[str]:
    most = max(imported.key_counts.values(), default=0)
    if most > _MANY_KEYS:
        return [
            f"There are up to {most} shape keys on a mesh, which makes a heavy file: compact keys need at most "
            f"{COMPACT_LIMIT}."
        ]
    if not imported.objects:
        return ["The take shows neither a head nor a hand: only its camera was imported."]
    return []
