"""The key modes by name: adding one is one entry here, which the panel, the operators and `dice blend` all read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dice_core.errors import InputError

from ..motion import Motion
from .compact import compact_plan
from .per_frame import check_per_frame, per_frame_plan
from .plan import MeshPlan
from .rigged import rigged_plan

__all__ = ["DEFAULT_KEYS", "KEY_MODES", "KeyMode", "key_mode"]


def _any_size(_motions: Sequence[Motion]) -> None:
    pass


@dataclass(frozen=True)
class KeyMode:
    """One way to key a mesh.

    label, description : what the panel shows. plan : decides how a mesh is keyed, from its motion over T frames and
    the (T,) scene frames that show them. check : raises InputError where a take's meshes are too much for the mode.
    """

    label: str
    description: str
    plan: Callable[[Motion, np.ndarray], MeshPlan]
    check: Callable[[Sequence[Motion]], None] = _any_size


KEY_MODES: dict[str, KeyMode] = {
    "per-frame": KeyMode(
        "Per Frame",
        "One shape key a captured frame: exact, for editing, stills and short shots",
        per_frame_plan,
        check_per_frame,
    ),
    "compact": KeyMode(
        "Compact", "A few shape keys with animated weights: within 0.2 mm, for long shots", compact_plan
    ),
    "rigged": KeyMode(
        "Rigged", "Expression keys, contact keys and hand armatures: for game engines and retargeting", rigged_plan
    ),
}
"""Name on the command line and in saved files, in the order in which the panel lists them."""
DEFAULT_KEYS = "per-frame"


def key_mode(name: str) -> KeyMode:
    """The mode of that name. Raises InputError, with the known names in its sentence, where there is none."""
    if name not in KEY_MODES:
        raise InputError(f"There is no key mode {name!r}: choose one of {', '.join(KEY_MODES)}.")
    return KEY_MODES[name]
