"""Where takes and footage are, as a saved file says it: relative to the file, and found again where things moved.

Takes that are captured before the file is saved go to a folder of the user's that removing the extension leaves alone;
when the file is saved, they move beside it.
"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from dice_core.errors import InputError

from . import footage
from .preferences import preferences
from .scene.background import background_image
from .scene.found_files import find_moved
from .scene.parts import CAMERA, PLACE_PROPERTY, TAKE_PROPERTY, parts_in

__all__ = [
    "find_take_folder",
    "register",
    "stored_path",
    "takes_folder",
    "unregister",
    "unsaved_folder",
]

_log = logging.getLogger(__package__)
_FOLDER_NAME = "DICE Takes"
_BESIDE = "takes"
# Windows' number for the user's documents, wherever they have been moved to.
_CSIDL_PERSONAL = 5

busy_folders: list[Any] = []
"""Functions that give the folders that captures are writing to, which cannot be moved."""


def unsaved_folder() -> Path:
    """Where takes go while the file is not saved: in the user's documents, or at home where there are none."""
    return _documents() / _FOLDER_NAME


def takes_folder() -> Path:
    """The folder from the preferences, or beside the saved file, or that for files that are not saved."""
    chosen = preferences().takes_folder
    if chosen:
        return Path(bpy.path.abspath(chosen)).absolute()
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / _BESIDE
    return unsaved_folder()


def stored_path(path: Path, blend: str | None = None) -> str:
    """A path as the file remembers it: relative to the .blend, absolute while that is unsaved or on another drive.

    blend : path of the .blend, the open one's by default.
    """
    blend = bpy.data.filepath if blend is None else blend
    if not blend:
        return str(path)
    try:
        relative = os.path.relpath(path, Path(blend).parent)
    except ValueError:
        return str(path)
    return "//" + relative.replace(os.sep, "/")


def take_folder(stored: str, scene: bpy.types.Scene) -> Path:
    """The folder of a take, wherever it is by now. Raises InputError where it is nowhere."""
    folder = find_take_folder(stored, scene)
    if folder is None:
        raise InputError(f"The take's folder is gone: {bpy.path.abspath(stored)}")
    return folder


def find_take_folder(stored: str, scene: bpy.types.Scene) -> Path | None:
    """The folder of a take, also where the project has moved or came from another system; None if it is nowhere."""
    given = Path(bpy.path.abspath(stored))
    if _is_take(given):
        return given
    anchors = [takes_folder()]
    if bpy.data.filepath:
        anchors = [Path(bpy.data.filepath).parent, *anchors]
    return find_moved(stored.removeprefix("//"), anchors, _is_take)


def _is_take(path: Path) -> bool:
    return (path / "take.json").is_file()


@functools.cache
def _documents() -> Path:
    """The user's folder for documents."""
    if sys.platform == "win32":
        import ctypes

        buffer = ctypes.create_unicode_buffer(1024)
        if ctypes.windll.shell32.SHGetFolderPathW(None, _CSIDL_PERSONAL, None, 0, buffer) == 0 and buffer.value:
            return Path(buffer.value)
    named = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "user-dirs.dirs"
    try:
        lines = named.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    for line in lines:
        name, _, value = line.partition("=")
        if name.strip() == "XDG_DOCUMENTS_DIR":
            folder = Path(value.strip().strip('"').replace("$HOME", str(Path.home())))
            if folder.is_dir():
                return folder
    documents = Path.home() / "Documents"
    return documents if documents.is_dir() else Path.home()


def _entries() -> Iterator[Any]:
    for scene in bpy.data.scenes:
        yield from scene.dice.takes  # type: ignore[attr-defined]


def _images() -> Iterator[bpy.types.Image]:
    """The pictures and movies behind the cameras of imported takes."""
    for collection in bpy.data.collections:
        if collection.get(TAKE_PROPERTY) and collection.library is None:
            camera = parts_in(collection).get(CAMERA)
            image = None if camera is None or camera.type != "CAMERA" else background_image(camera)
            if image is not None and image.library is None and image.packed_file is None:
                yield image


def _rewrite(before: str, after: str) -> None:
    """Have every path that we remember lead to the same place from another .blend.

    before, after : path of the .blend that the paths are relative to, and of the one that they will be; "" for none.
    """

    def moved(stored: str) -> str:
        if not stored:
            return stored
        if stored.startswith("//"):
            if not before:
                return stored
            stored = os.path.normpath(Path(before).parent / stored[2:])
        path = Path(stored)
        return stored_path(path, after) if path.is_absolute() else stored

    for entry in _entries():
        entry.path = moved(entry.path)
    for collection in bpy.data.collections:
        if collection.get(TAKE_PROPERTY) and collection.library is None:
            collection[TAKE_PROPERTY] = moved(str(collection[TAKE_PROPERTY]))
    for scene in bpy.data.scenes:
        settings: Any = scene.dice  # type: ignore[attr-defined]
        if settings.filepath:
            footage.repath(settings, moved(settings.filepath))
    if not before or not after:
        # Between two saved files Blender itself takes care of its pictures.
        for image in _images():
            image.filepath_raw = moved(image.filepath_raw)


def _move_unsaved(blend: str) -> None:
    """Move the takes of this file that were captured while it was not saved to where it is saved."""
    unsaved, target = unsaved_folder(), Path(blend).parent / _BESIDE
    if preferences().takes_folder or unsaved == target:
        return
    busy = {Path(folder) for folders in busy_folders for folder in folders()}
    for entry in _entries():
        folder = Path(bpy.path.abspath(entry.path))
        if not entry.captured_unsaved or folder.parent != unsaved or not _is_take(folder) or folder in busy:
            continue
        new = _free(target / folder.name)
        try:
            new.parent.mkdir(exist_ok=True)
            shutil.move(folder, new)
        except OSError:
            _log.exception("%s stays where it is", folder)
            continue
        entry.captured_unsaved = False
        _follow(str(folder), str(new))


def _follow(old: str, new: str) -> None:
    """Have everything that leads to or into a folder lead to where it has moved."""
    for entry in _entries():
        if bpy.path.abspath(entry.path) == old:
            entry.path = new
    for collection in bpy.data.collections:
        if bpy.path.abspath(str(collection.get(TAKE_PROPERTY, ""))) == old:
            collection[TAKE_PROPERTY] = collection[PLACE_PROPERTY] = new
    for image in _images():
        path = Path(bpy.path.abspath(image.filepath_raw))
        if path.is_relative_to(old):
            image.filepath_raw = str(Path(new) / path.relative_to(old))


def _free(path: Path) -> Path:
    """A folder of that name that is not there yet."""
    name, number = path.name.removesuffix(".dicetake"), 1
    while path.exists():
        number += 1
        path = path.with_name(f"{name}.{number:03d}.dicetake")
    return path


_saving_from: list[str] = []


@persistent
def _before_save(path: str = "", *_: object) -> None:
    if not path:  # the startup file
        return
    _saving_from[:] = [bpy.data.filepath]
    if not bpy.data.filepath:
        _move_unsaved(path)
    _rewrite(bpy.data.filepath, path)


@persistent
def _after_save(path: str = "", *_: object) -> None:
    """A copy was saved, or nothing: the open file is where it was, and so are its paths."""
    if not path or not _saving_from:
        return
    _saving_from.clear()
    if bpy.data.filepath != path:
        _rewrite(path, bpy.data.filepath)


@persistent
def _after_load(*_: object) -> None:
    """Find takes and footage again that are not where the file says."""
    for scene in bpy.data.scenes:
        for entry in scene.dice.takes:  # type: ignore[attr-defined]
            folder = find_take_folder(entry.path, scene)
            if folder is not None:
                entry.path = stored_path(folder)
                if entry.collection is not None and entry.collection.library is None:
                    entry.collection[TAKE_PROPERTY] = entry.path
                    entry.collection[PLACE_PROPERTY] = str(folder)
        settings: Any = scene.dice  # type: ignore[attr-defined]
        if settings.filepath and not Path(bpy.path.abspath(settings.filepath)).exists():
            found = _find_beside(settings.filepath)
            if found is not None:
                footage.repath(settings, stored_path(found))
    for image in _images():
        if not Path(bpy.path.abspath(image.filepath_raw)).exists():
            found = _find_beside(image.filepath_raw)
            if found is not None:
                image.filepath = stored_path(found)


def _find_beside(stored: str) -> Path | None:
    if not bpy.data.filepath:
        return None
    return find_moved(stored.removeprefix("//"), [Path(bpy.data.filepath).parent], Path.is_file)


_HANDLERS: tuple[tuple[Any, Any], ...] = (
    (bpy.app.handlers.save_pre, _before_save),
    (bpy.app.handlers.save_post, _after_save),
    (bpy.app.handlers.save_post_fail, _after_save),
    (bpy.app.handlers.load_post, _after_load),
)


def register() -> None:
    """Follow the file."""
    _documents()  # looked up now, so that drawing the panel does not
    for handlers, handler in _HANDLERS:
        handlers.append(handler)


def unregister() -> None:
    """Follow it no longer."""
    for handlers, handler in _HANDLERS:
        handlers.remove(handler)
