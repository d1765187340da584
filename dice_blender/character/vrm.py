"""VRM's own humanoid map, where the VRM add-on has put it on an armature."""

from __future__ import annotations

import re
from typing import Any

import bpy

from .roles import FINGERS

__all__ = ["roles_by_vrm"]

_BODY = {
    "head": "head",
    "neck": "neck.1",
    "jaw": "jaw",
    "leftEye": "eye.L",
    "rightEye": "eye.R",
}
_ARM = {"Shoulder": "shoulder", "UpperArm": "upper_arm", "LowerArm": "forearm", "Hand": "hand"}
_SEGMENTS = {"Proximal": 1, "Intermediate": 2, "Distal": 3}
_THUMB_OF_VRM_1 = {"Metacarpal": 1, "Proximal": 2, "Distal": 3}
_VRM_FINGERS = dict(zip(("Thumb", "Index", "Middle", "Ring", "Little"), FINGERS, strict=True))


def roles_by_vrm(armature: bpy.types.Armature) -> dict[str, str]:
    """Role -> bone by the humanoid map of the VRM add-on (0.x or 1.0); empty where there is none."""
    extension: Any = getattr(armature, "vrm_addon_extension", None)
    if extension is None:
        return {}
    if str(getattr(extension, "spec_version", "")).startswith("1"):
        bones = extension.vrm1.humanoid.human_bones
        named = {key: getattr(bones, key).node.bone_name for key in dir(bones) if hasattr(getattr(bones, key), "node")}
        named = {_camel(key): bone for key, bone in named.items()}
    else:
        named = {entry.bone: entry.node.bone_name for entry in extension.vrm0.humanoid.human_bones}
    found = {role: bone for name, bone in named.items() if (role := _role(name, named)) and bone}
    return {role: bone for role, bone in found.items() if bone in armature.bones}


def _role(name: str, named: dict[str, str]) -> str:
    """The role of a bone of VRM's humanoid, "" for one that is not moved."""
    if name in _BODY:
        return _BODY[name]
    match = re.fullmatch(r"(left|right)([A-Z].*)", name)
    if match is None:
        return ""
    side, part = match[1][0].upper(), match[2]
    if part in _ARM:
        return f"{_ARM[part]}.{side}"
    for finger, own in _VRM_FINGERS.items():
        segment = part.removeprefix(finger)
        newer = finger == "Thumb" and f"{match[1]}ThumbMetacarpal" in named
        numbers = _THUMB_OF_VRM_1 if newer else _SEGMENTS
        if part.startswith(finger) and segment in numbers:
            return f"{own}.{numbers[segment]}.{side}"
    return ""


def _camel(name: str) -> str:
    """left_upper_arm -> leftUpperArm."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
