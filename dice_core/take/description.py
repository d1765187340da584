"""take.json from a stranger: read with bounds, and checked against what a take may say of itself."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Collection, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from dice_core.errors import InputError
from dice_core.storage import open_plain
from dice_core.take.format import FORMAT, MESH_NAMES, VERSION, chunk_name

__all__ = ["read_description"]

_LARGEST = 16_000_000
"""Bytes: 200,000 chunks take 13 million, which are 18 hours."""

_MOST_FRAMES = 20_000_000
"""Frames of a take: 11 hours at 480 a second."""
_MOST_CHUNK_FRAMES = 100_000
_MOST_EVENTS = 100_000
_DEEPEST = 8
"""Levels of lists and objects in settings and requests, which have two."""
_FASTEST = 480.0
"""Frames a second, as in footage."""
_LARGEST_SIDE = 65_535
"""Pixels: what an image format can say. Frames of more than `_MOST_PIXELS` are no footage either."""
_MOST_PIXELS = 120_000_000
_LONGEST_PATH = 32_767  # characters, Windows' limit
_MOST_SQUEEZED = 10.0  # width of a pixel in heights, or heights in widths: more than footage may have
_KINDS = ("image", "sequence", "video")
_HANDS = ("hand_left", "hand_right")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_description(folder: Path) -> dict[str, Any]:
    """The contents of a take's take.json, checked.

    Keys that no take has are left as they are, and nothing looks at them.
    Raises InputError where there is none, one of a newer version, or one that no capture could have written.
    """
    file = folder / "take.json"
    try:
        with open_plain(file) as stream:
            text = stream.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST // 1_000_000} MB")
        info = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{folder} is not a take: give a folder that `dice capture` made.") from error
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{file} cannot be read ({reason}): capture the footage again.") from error
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise InputError(f"{file} does not describe a take: give a folder that `dice capture` made.")
    if info.get("version") != VERSION:
        version = str(info.get("version"))[:20]
        raise InputError(f"{folder} is a take of version {version}: update DICE for Blender to read it.")
    try:
        _check(info)
    except ValueError as error:
        raise InputError(f"{file} cannot be read ({error}): capture the footage again.") from None
    return info


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds the number {name}")


def _check(info: dict[str, Any]) -> None:
    source = _object(info.get("source"), "source")
    end = _check_source(source)
    engine = _object(info.get("engine"), "engine")
    _text(engine.get("name"), "engine.name")
    for name in ("settings", "models"):
        _plain(_object(engine.get(name), f"engine.{name}"), f"engine.{name}")
    _plain(info.get("request"), "request")
    if not isinstance(info.get("complete"), bool):
        raise ValueError("complete is not true or false")
    if info.get("camera") is not None:
        _check_camera(_object(info["camera"], "camera"))
    elif info.get("chunks") or "camera" not in info:
        raise ValueError("camera is missing")
    meshes = _list(info.get("meshes"), "meshes", len(MESH_NAMES))
    for name in meshes:
        _one_of(name, MESH_NAMES, "meshes")
    if len(set(meshes)) < len(meshes):
        raise ValueError("meshes names one twice")
    _check_chunks(_list(info.get("chunks"), "chunks", _MOST_FRAMES), end, source["frame_count"])
    for event in _list(info.get("events"), "events", _MOST_EVENTS):
        _check_event(_object(event, "events"), end)


def _check_source(source: dict[str, Any]) -> int:
    """Returns the number that follows those of all frames, however they are counted."""
    _check_path(source.get("path"))
    _one_of(source.get("kind"), _KINDS, "source.kind")
    width = _integer(source.get("width"), 1, _LARGEST_SIDE, "source.width")
    height = _integer(source.get("height"), 1, _LARGEST_SIDE, "source.height")
    if width * height > _MOST_PIXELS:
        raise ValueError(f"source is {width} x {height} pixels")
    _number(source.get("fps"), 0.0, _FASTEST, "source.fps")
    first = _integer(source.get("first_frame"), 0, _MOST_FRAMES, "source.first_frame")
    count = _integer(source.get("frame_count"), 0, _MOST_FRAMES, "source.frame_count")
    if not isinstance(source.get("sha256"), str) or not _SHA256.fullmatch(source["sha256"]):
        raise ValueError("source.sha256 is not a checksum")
    _integer(source.get("orientation", 1), 1, 8, "source.orientation")
    return first + count


def _check_path(path: Any) -> None:
    if not isinstance(path, str) or not 0 < len(path) <= _LONGEST_PATH or "\0" in path:
        raise ValueError("source.path is not a path")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise ValueError("source.path is not a path") from None


def _check_camera(camera: dict[str, Any]) -> None:
    for name in ("fx", "fy"):
        _number(camera.get(name), 1e-3, 1e7, f"camera.{name}")
    if not 1 / _MOST_SQUEEZED <= camera["fx"] / camera["fy"] <= _MOST_SQUEEZED:
        raise ValueError("camera.fx and camera.fy are too different for pixels of a camera")
    for name in ("cx", "cy"):
        _number(camera.get(name), -1e7, 1e7, f"camera.{name}")


def _check_chunks(chunks: list[Any], end: int, count: int) -> None:
    spans = []
    for number, chunk in enumerate(chunks):
        what = f"chunks[{number}]"
        entry = _object(chunk, what)
        first = _integer(entry.get("first_frame"), 0, end, f"{what}.first_frame")
        frames = _integer(entry.get("frames"), 1, min(count, _MOST_CHUNK_FRAMES), f"{what}.frames")
        if entry.get("file") != chunk_name(first):
            raise ValueError(f"{what}.file is not {chunk_name(first)}")
        if not isinstance(entry.get("provisional", False), bool):
            raise ValueError(f"{what}.provisional is not true or false")
        spans.append((first, frames))
    if any(first + frames > following for (first, frames), (following, _) in pairwise(spans)):
        raise ValueError("chunks overlap")
    if sum(frames for _, frames in spans) > count:
        raise ValueError("chunks have more frames than the footage")


def _check_event(event: dict[str, Any], end: int) -> None:
    _one_of(event.get("mesh"), MESH_NAMES, "events.mesh")
    _one_of(event.get("hand"), _HANDS, "events.hand")
    _text(event.get("region"), "events.region")
    first = _integer(event.get("first_frame"), 0, end, "events.first_frame")
    _integer(event.get("last_frame"), first, end, "events.last_frame")
    _number(event.get("peak_depth_mm"), -1e6, 1e6, "events.peak_depth_mm")


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object")
    return value


def _list(value: Any, what: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"{what} is not a list, or longer than {most}")
    return value


def _integer(value: Any, low: int, high: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{what} is not a whole number from {low} to {high}")
    return value


def _number(value: Any, low: float, high: float, what: str) -> None:
    # NaN is refused, since it is not within anything.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{what} is not a number from {low:g} to {high:g}")


def _text(value: Any, what: str) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= 63 or not value.isprintable():
        raise ValueError(f"{what} is not a name")


def _one_of(value: Any, known: Collection[str], what: str) -> None:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{what} is none of {', '.join(known)}")


def _plain(value: Any, what: str) -> None:
    """Raises ValueError for what is too deep to be walked through, or holds infinite numbers."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            raise ValueError(f"{what} holds an infinite number")
        level = [part for item in level for part in _parts(item)]
        if not level:
            return
    raise ValueError(f"{what} is too deep")


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
