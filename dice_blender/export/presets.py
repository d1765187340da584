"""The export presets by name: adding one is one entry here, which the panel, the operator and `dice blend` all read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from dice_core.errors import InputError

from .export_scene import ExportScene
from .sampling import BodyMotion
from .skeleton import one_skeleton, separate_bodies

__all__ = ["DEFAULT_PRESET", "PRESETS", "Preset", "preset_of"]


@dataclass(frozen=True)
class Preset:
    """How a program wants its FBX.

    label, description : what the panel shows. scaling : Blender's `apply_scale_options`; arrange : turns the bodies
    into what is written to the file.
    """

    label: str
    description: str
    scaling: Literal["FBX_SCALE_ALL", "FBX_SCALE_UNITS"]
    arrange: Callable[[ExportScene, Sequence[BodyMotion]], None]


PRESETS: dict[str, Preset] = {
    "unity": Preset("Unity", "Axes, scale and smoothing as Unity reads them", "FBX_SCALE_UNITS", one_skeleton),
    "unreal": Preset(
        "Unreal", "Axes, scale and a single root bone as Unreal Engine reads them", "FBX_SCALE_ALL", one_skeleton
    ),
    "generic": Preset("Generic", "Blender's own axes and scale", "FBX_SCALE_ALL", separate_bodies),
}
"""Name on the command line and in saved files, in the order in which the panel lists them."""
DEFAULT_PRESET = "generic"


def preset_of(name: str) -> Preset:
    """The preset of that name. Raises InputError, with the known names in its sentence, where there is none."""
    if name not in PRESETS:
        raise InputError(f"There is no FBX preset {name!r}: choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
