"""The takes of a scene: listed when they are captured or imported, imported, played at another time, and removed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from dice_core.errors import DiceError
from dice_core.take import MESH_NAMES, Take, open_take
from dice_core.take.identity import capture_digest
from dice_core.take.reliability import hands_reliability

from .properties import DICE_PG_take, settings_of
from .saved_paths import find_take_folder, stored_path, take_folder
from .scene import ImportedTake, import_take, imported_takes
from .scene.camera import pixel_aspect
from .scene.dents import set_dent_strength
from .scene.markers import add_markers
from .scene.parts import (
    ID_PROPERTY,
    KEYS_PROPERTY,
    PLACE_PROPERTY,
    TAKE_PROPERTY,
    import_id,
    new_import_id,
    read_timing,
)
from .scene.removal import remove_import

__all__ = [
    "active",
    "add",
    "adopt",
    "collection_of",
    "earlier_import",
    "folder_of",
    "import_and_register",
    "remove",
    "unlisted",
]

_log = logging.getLogger(__package__)

_MOST_UNSURE = 500  # unsure stretches that are listed: nobody clicks through more


def active(scene: bpy.types.Scene) -> DICE_PG_take | None:
    """The take that is selected in the list."""
    settings = settings_of(scene)
    if 0 <= settings.active_take < len(settings.takes):
        return settings.takes[settings.active_take]
    return None


def add(scene: bpy.types.Scene, path: Path) -> DICE_PG_take:
    """List a take, or read anew one that is listed, and select it.

    Raises InputError where the folder is no take or a damaged one; the list is then as it was.
    """
    take = open_take(path)
    shares = _tracked_shares(take)
    entry = next(iter(_entries_of(scene, take.path)), None) or settings_of(scene).takes.add()
    return _fill(scene, entry, take, shares)


def earlier_import(scene: bpy.types.Scene, path: Path) -> bpy.types.Collection | None:
    """What is in the scene of the take in a folder, that of the selected entry before others; None where nothing is."""
    listed = [entry for entry in _entries_of(scene, path) if collection_of(entry) is not None]
    chosen = active(scene)
    if chosen is not None and any(entry == chosen for entry in listed):
        return collection_of(chosen)
    if listed:
        return collection_of(listed[-1])
    return next((c for c in unlisted(scene) if _same_folder(str(c[TAKE_PROPERTY]), path)), None)


def import_and_register(
    scene: bpy.types.Scene,
    take: Take,
    keys: str,
    start: int | None,
    retime: bool = False,
    replace: bpy.types.Collection | None = None,
    nla: bool = False,
) -> ImportedTake:
    """Import a take and list it, with the scene frames of its touches.

    keys : a name of `KEY_MODES`; start : scene frame of the first frame, None for the scene's own; retime : keep the
    footage's speed; replace : the earlier import that becomes this one, None for one beside those that there are;
    nla : have it play from NLA tracks.
    Raises InputError as `import_take`; the file is then as it was.
    """
    shares = _tracked_shares(take)  # before anything is in the scene: a damaged take cannot be listed
    with _progress_at_cursor() as on_progress:
        imported = import_take(
            take,
            keys=keys,
            scene=scene,
            start_frame=start,
            retime=retime,
            replace=replace,
            nla=nla,
            on_progress=on_progress,
        )
    entry = next((entry for entry in settings_of(scene).takes if entry.collection == imported.collection), None)
    if entry is None:
        waiting = [entry for entry in _entries_of(scene, take.path) if collection_of(entry) is None]
        entry = waiting[0] if waiting else settings_of(scene).takes.add()
    entry.collection = imported.collection
    _fill(scene, entry, take, shares)
    imported.collection[TAKE_PROPERTY] = entry.path
    entry.keys = keys
    entry.notes.clear()
    for note in imported.notes:
        entry.notes.add().name = note
    if entry.dents != 1.0:
        set_dent_strength(imported.collection, entry.dents, take)
    _log.info("imported %s with %s keys", take.path, keys)
    return imported


@contextmanager
def _progress_at_cursor() -> Iterator[Callable[[float], None]]:
    """Blender's own counter beside the mouse: it is drawn while an operator keeps everything else waiting."""
    manager = bpy.context.window_manager
    assert manager is not None
    manager.progress_begin(0, 100)
    try:
        yield lambda share: manager.progress_update(100 * share)
    finally:
        manager.progress_end()


def adopt(scene: bpy.types.Scene) -> int:
    """List the imported takes of a scene that are not listed, such as those appended from another file; how many."""
    found = unlisted(scene)
    for collection in found:
        entry = settings_of(scene).takes.add()
        entry.name, entry.path, entry.collection = collection.name, str(collection[TAKE_PROPERTY]), collection
        entry.keys = str(collection.get(KEYS_PROPERTY, ""))
        folder = find_take_folder(entry.path, scene)
        if folder is None:
            folder = find_take_folder(str(collection.get(PLACE_PROPERTY, "")), scene)
        try:
            if folder is not None:
                take = open_take(folder)
                _fill(scene, entry, take, _tracked_shares(take))
        except DiceError as error:
            entry.notes.add().name = str(error)
        entry.collection = collection
        entry.place_touches()
        collection[TAKE_PROPERTY] = entry.path
        # Of another import's id it may be a copy; markers do not come with a collection.
        collection[ID_PROPERTY] = new_import_id()
        timing = read_timing(collection)
        if timing is not None:
            add_markers(scene, entry.marked_touches(), timing, import_id(collection))
    if found:
        settings_of(scene).active_take = len(settings_of(scene).takes) - 1
    return len(found)


def unlisted(scene: bpy.types.Scene) -> list[bpy.types.Collection]:
    """The imported takes of a scene that its list does not have."""
    listed = [entry.collection for entry in settings_of(scene).takes]
    return [collection for collection in imported_takes(scene) if collection not in listed]


def collection_of(entry: DICE_PG_take) -> bpy.types.Collection | None:
    """The collection that a take was imported into, None where it has been deleted since."""
    collection = entry.collection
    return collection if collection is not None and collection.users > 0 else None


def folder_of(scene: bpy.types.Scene, entry: DICE_PG_take) -> Path:
    """The folder of a take, wherever it is by now. Raises InputError where it is nowhere."""
    return take_folder(entry.path, scene)


def remove(scene: bpy.types.Scene, entry: DICE_PG_take) -> None:
    """Take a take out of the list and, with all that was made of it, out of the file; on disk it stays."""
    settings = settings_of(scene)
    collection = collection_of(entry)
    index = next(i for i, other in enumerate(settings.takes) if other == entry)
    if collection is not None:
        remove_import(collection)
    settings.takes.remove(index)
    settings.active_take = max(0, min(settings.active_take, len(settings.takes) - 1))


def _fill(scene: bpy.types.Scene, entry: DICE_PG_take, take: Take, shares: dict[str, float]) -> DICE_PG_take:
    """Write what a take says of itself into its entry, and select it."""
    settings = settings_of(scene)
    entry.name, entry.path = take.name, stored_path(take.path.absolute())
    entry.capture = capture_digest(take.info)
    entry.frames, entry.fps, entry.complete = len(take.frames), take.fps, take.complete
    source = take.info["source"]
    entry.width, entry.height, entry.kind = int(source["width"]), int(source["height"]), str(source["kind"])
    if take.info["camera"] is not None:
        entry.aspect = pixel_aspect(take.camera)
    for mesh, share in shares.items():
        setattr(entry, f"tracked_{mesh}", share)
    entry.touches.clear()
    for event in take.events:
        touch = entry.touches.add()
        touch.name = event.region
        touch.region, touch.hand, touch.mesh = event.region, event.hand, event.mesh
        touch.first_frame, touch.last_frame = event.first_frame, event.last_frame
        touch.peak_depth_mm = event.peak_depth_mm
    entry.unsure.clear()
    for first, last, hand in _unsure(take):
        stretch = entry.unsure.add()
        stretch.name = stretch.hand = hand
        stretch.first_frame, stretch.last_frame = first, last
    settings.active_take = next(i for i, other in enumerate(settings.takes) if other == entry)
    entry.place_touches()
    return entry


def _unsure(take: Take) -> list[tuple[int, int, str]]:
    """First and last frame of each stretch in which a hand is unsure, in order of time."""
    told = hands_reliability(take).items()
    spans = [(*span, mesh) for mesh, hand in told if hand is not None for span in hand.spans]
    return sorted(spans)[:_MOST_UNSURE]


def _entries_of(scene: bpy.types.Scene, path: Path) -> list[DICE_PG_take]:
    """The entries of a take's folder."""
    return [entry for entry in settings_of(scene).takes if _same_folder(entry.path, path)]


def _same_folder(stored: str, path: Path) -> bool:
    return os.path.normpath(bpy.path.abspath(stored)) == os.path.normpath(path.absolute())


def _tracked_shares(take: Take) -> dict[str, float]:
    """Share of the frames in which each mesh is tracked, -1 where the take does not have it."""
    there = [mesh for mesh in take.info["meshes"] if len(take.frames)]
    return dict.fromkeys(MESH_NAMES, -1.0) | {mesh: float((take.array(f"tracked_{mesh}") > 0).mean()) for mesh in there}
