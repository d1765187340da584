"""What decides in a rig whether an arm follows its FK or its IK controls: properties of bones, or constraints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy

from ..scene.object_data import pose_of

__all__ = ["Switch", "driving_properties", "kept_values", "known_switches", "set_switch", "switch_path"]


@dataclass(frozen=True)
class Switch:
    """A property of a bone, or the influence of one of its constraints.

    side : "L" or "R", whose arm it switches; name : of the property, or of the constraint where `constraint` is set;
    fk, ik : its value for controls of either kind, None where it makes no difference to them.
    """

    side: str
    bone: str
    name: str
    fk: float | None
    ik: float | None
    constraint: bool = False


# Of rigs that are known by name: bone, property, value for FK, and for IK. Rigify's elbow follows its pole only where
# the second is set; Auto-Rig Pro's always does.
_KNOWN: tuple[tuple[str, str, float | None, float | None], ...] = (
    ("upper_arm_parent.{s}", "IK_FK", 1.0, 0.0),
    ("upper_arm_parent.{s}", "pole_vector", None, 1.0),
    ("c_hand_ik.{s}", "ik_fk_switch", 1.0, 0.0),
)
_DRIVEN = re.compile(r'^pose\.bones\["(.+?)"\]\.constraints\["(.+?)"\]\.(influence|mute)$')
_PROPERTY = re.compile(r'^pose\.bones\["(.+?)"\]\["(.+?)"\]$')


def known_switches(pose: bpy.types.Pose, side: str, mark: str) -> list[Switch]:
    """Those of an arm of a rig that is known by name. mark : how the rig's names say the side."""
    named = [Switch(side, bone.format(s=mark), name, fk, ik) for bone, name, fk, ik in _KNOWN]
    return [switch for switch in named if _number(pose, switch.bone, switch.name)]


def driving_properties(armature: bpy.types.Object, bones: Iterable[str]) -> list[tuple[str, str]]:
    """(bone, property) of all that drivers let decide how much the constraints of some bones hold."""
    wanted = set(bones)
    found: dict[tuple[str, str], None] = {}
    for curve in armature.animation_data.drivers if armature.animation_data is not None else ():
        driven = _DRIVEN.match(curve.data_path)
        if driven is None or driven[1] not in wanted or curve.driver is None:
            continue
        targets = [target for variable in curve.driver.variables for target in variable.targets]
        for target in targets:
            named = _PROPERTY.match(target.data_path)
            if target.id == armature and named is not None and _number(pose_of(armature), *named.groups()):
                found[named[1], named[2]] = None
    return list(found)


def switch_path(switch: Switch) -> str:
    """Data path of a switch from its armature object."""
    bone, name = (bpy.utils.escape_identifier(part) for part in (switch.bone, switch.name))
    return f'pose.bones["{bone}"]' + (f'.constraints["{name}"].influence' if switch.constraint else f'["{name}"]')


def set_switch(pose: bpy.types.Pose, switch: Switch, value: float | None) -> None:
    """Set a switch, where the value makes a difference."""
    if value is None:
        return
    bone: Any = pose.bones[switch.bone]
    if switch.constraint:
        bone.constraints[switch.name].influence = value
    else:
        bone[switch.name] = type(bone[switch.name])(value)


@contextmanager
def kept_values(pose: bpy.types.Pose, switches: Iterable[Switch]) -> Iterator[None]:
    """Have switches stand as before when the block ends."""
    before = [(switch, _value(pose, switch)) for switch in switches]
    try:
        yield
    finally:
        for switch, value in before:
            set_switch(pose, switch, value)


def _value(pose: bpy.types.Pose, switch: Switch) -> float:
    bone: Any = pose.bones[switch.bone]
    return float(bone.constraints[switch.name].influence if switch.constraint else bone[switch.name])


def _number(pose: bpy.types.Pose, bone: str, name: str) -> bool:
    holder: Any = pose.bones.get(bone)
    return holder is not None and isinstance(holder.get(name), bool | int | float)
