"""The export presets by name: adding one is one entry here, which panel, operators and `dice blend` all read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dice_core.errors import InputError

__all__ = [
    "DEFAULT_PRESET",
    "DEFAULT_RANGE",
    "FRAME_RANGES",
    "PRESETS",
    "FrameRange",
    "Preset",
    "preset_of",
    "range_of",
]

# Game engines and three.js skin on the GPU with four bones a vertex unless told otherwise.
_INFLUENCES = 4


@dataclass(frozen=True)
class Preset:
    """How a program wants its files.

    label, description : what the panel shows. scaling : Blender's `apply_scale_options` for FBX.
    engine : whether it wants one character on one skeleton with one root bone; influences : bones that may move a
    vertex.
    """

    label: str
    description: str
    scaling: Literal["FBX_SCALE_ALL", "FBX_SCALE_UNITS"]
    engine: bool = True
    influences: int = _INFLUENCES


PRESETS: dict[str, Preset] = {
    "unity": Preset(
        "Unity", "One skeleton, four bones a vertex, axes and scale as Unity reads them", "FBX_SCALE_UNITS"
    ),
    "unreal": Preset(
        "Unreal", "One skeleton with a single root bone, four bones a vertex, for Unreal Engine", "FBX_SCALE_ALL"
    ),
    "godot": Preset("Godot", "One skeleton, four bones a vertex, as Godot reads GLB and FBX", "FBX_SCALE_ALL"),
    "generic": Preset("Generic", "Head and hands by themselves, for other programs", "FBX_SCALE_ALL", engine=False),
}
"""Name on the command line and in saved files, in the order in which the panel lists them."""
DEFAULT_PRESET = "generic"


@dataclass(frozen=True)
class FrameRange:
    """Which frames are exported. label, description : what the dialog shows."""

    label: str
    description: str


FRAME_RANGES: dict[str, FrameRange] = {
    "keys": FrameRange("All Keys", "From the first to the last key of the take's objects"),
    "scene": FrameRange("Playback Range", "The scene's playback range, or its preview range where that is on"),
}
"""The choices of frames by name, in the order in which the dialog lists them."""
DEFAULT_RANGE = "keys"


def preset_of(name: str) -> Preset:
    """The preset of that name. Raises InputError, with the known names in its sentence, where there is none."""
    if name not in PRESETS:
        raise InputError(f"There is no export preset {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def range_of(name: str) -> str:
    """The name itself. Raises InputError, with the known names in its sentence, where there is no such range."""
    if name not in FRAME_RANGES:
        raise InputError(f"There is no frame range {name!r}: choose one of {', '.join(FRAME_RANGES)}.")
    return name
