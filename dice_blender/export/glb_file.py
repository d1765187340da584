"""Changes to a GLB that Blender's exporter has no option for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["rewrite_animation"]

_HEADER, _CHUNK_HEADER = 12, 8
_WIDTHS = {"SCALAR": 1, "VEC3": 3}
# Scales that differ by less are the same, and there are as many as a body that only comes and goes has.
_SCALE_DIGITS, _IN_AND_OUT_OF_SIGHT = 5, 2


def rewrite_animation(path: Path, time_factor: float, shrinking: set[str]) -> None:
    """Stretch the animation of a GLB in time, and have what is out of sight vanish at once.

    time_factor : new seconds for each old one. shrinking : nodes that shrink where they are out of sight: their
    scale jumps from key to key, unless it changes besides, so that nothing grows in between.
    Raises OSError where the file cannot be written again.
    """
    content = bytearray(path.read_bytes())
    length = int.from_bytes(content[_HEADER : _HEADER + 4], "little")
    document: dict[str, Any] = json.loads(content[_HEADER + _CHUNK_HEADER :][:length])
    binary = content[_HEADER + _CHUNK_HEADER + length :]
    animations = document.get("animations", [])
    times = {sampler["input"] for animation in animations for sampler in animation["samplers"]}
    for index in times if time_factor != 1.0 else ():
        _scale(document, binary, index, time_factor)
    for animation in animations:
        for channel in animation["channels"]:
            target = channel["target"]
            sampler = animation["samplers"][channel["sampler"]]
            if target["path"] == "scale" and document["nodes"][target["node"]]["name"] in shrinking:
                scales = _floats(document, binary, sampler["output"]).reshape(-1, 3)
                if len(np.unique(scales.round(_SCALE_DIGITS), axis=0)) <= _IN_AND_OUT_OF_SIGHT:
                    sampler["interpolation"] = "STEP"
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = _HEADER + _CHUNK_HEADER + len(text) + len(binary)
    header = b"glTF" + (2).to_bytes(4, "little") + total.to_bytes(4, "little")
    path.write_bytes(header + len(text).to_bytes(4, "little") + b"JSON" + text + bytes(binary))


def _scale(document: dict[str, Any], binary: bytearray, index: int, factor: float) -> None:
    """Multiply the numbers of an accessor. binary : the second chunk with its header."""
    values = (_floats(document, binary, index).astype(float) * factor).astype("<f4")
    start, end = _span(document, index)
    binary[start:end] = values.tobytes()
    accessor = document["accessors"][index]
    accessor["min"], accessor["max"] = [float(values.min())], [float(values.max())]


def _floats(document: dict[str, Any], binary: bytearray, index: int) -> np.ndarray:
    """The float32 numbers of an accessor, flat."""
    start, end = _span(document, index)
    return np.frombuffer(bytes(binary[start:end]), "<f4")


def _span(document: dict[str, Any], index: int) -> tuple[int, int]:
    """First and last byte of an accessor of float32 numbers in the second chunk."""
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    start = _CHUNK_HEADER + view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    return start, start + 4 * accessor["count"] * _WIDTHS[accessor["type"]]
