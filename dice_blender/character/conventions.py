"""What rigs in use call the bones of head, arms and fingers, written from the rigs and their makers' documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .roles import FINGERS, SIDES

__all__ = ["CONVENTIONS", "Convention", "plain"]

# Namespaces ("ns:"), and what Mixamo, 3ds Max, Valve and Daz's bridges put in front of every name.
_PREFIX = re.compile(r"^(?:.*:|mixamorig\d*[_:]?|valvebiped\.)+", re.IGNORECASE)
_BIPED = re.compile(r"^bip(?:ed)?\d*[\s_.]+", re.IGNORECASE)


@dataclass(frozen=True)
class Convention:
    """How a kind of rig names its bones.

    name : for the panel; sides : what stands for left and right in its names, as `{s}`.
    bones : role without its side -> names, the one that moves the skin first.
    """

    name: str
    sides: tuple[str, str]
    bones: Mapping[str, tuple[str, ...]] = field(repr=False)

    def roles(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        """Each role with the plain forms of its names."""
        for role, names in self.bones.items():
            if not any("{s" in name for name in names):
                yield role, tuple(plain(name) for name in names)
                continue
            for side, mark in zip(SIDES, self.sides, strict=True):
                yield f"{role}.{side}", tuple(plain(name.format(s=mark)) for name in names)


def plain(name: str) -> str:
    """A bone's name without case, separators, namespace and the prefixes that all bones of a rig share."""
    bare = _BIPED.sub("", _PREFIX.sub("", name))
    return re.sub(r"[^0-9a-z]", "", bare.lower())


def _fingers(
    pattern: str,
    names: tuple[str, str, str, str, str] = ("thumb", "index", "middle", "ring", "pinky"),
    numbers: tuple[str, str, str] = ("1", "2", "3"),
    metacarpal: str = "",
    thumb: tuple[str, str, str] | None = None,
) -> dict[str, tuple[str, ...]]:
    """Names of the fingers' bones by one pattern with `{f}`, `{n}` and `{s}`.

    names : of the five fingers; numbers : of their bones; metacarpal : pattern of those, if there are any;
    thumb : numbers of the thumb's bones, where they are others.
    """
    bones: dict[str, tuple[str, ...]] = {}
    for finger, name in zip(FINGERS, names, strict=True):
        own = thumb if finger == "thumb" and thumb is not None else numbers
        for n, number in enumerate(own, start=1):
            bones[f"{finger}.{n}"] = (pattern.format(f=name, n=number, s="{s}"),)
        if metacarpal and finger != "thumb":
            bones[f"{finger}.0"] = (metacarpal.format(f=name, s="{s}"),)
    return bones


def _rigify(prefix: str) -> dict[str, tuple[str, ...]]:
    palms = {f"{finger}.0": (f"{prefix}palm.0{n}.{{s}}",) for n, finger in enumerate(FINGERS[1:], start=1)}
    return {
        "head": (f"{prefix}spine.006", f"{prefix}head"),
        "neck.1": (f"{prefix}spine.004", f"{prefix}neck"),
        "neck.2": (f"{prefix}spine.005",),
        "jaw": (f"{prefix}jaw_master", f"{prefix}jaw"),
        "eye": (f"{prefix}eye.{{s}}",),
        "shoulder": (f"{prefix}shoulder.{{s}}",),
        "upper_arm": (f"{prefix}upper_arm.{{s}}",),
        "forearm": (f"{prefix}forearm.{{s}}",),
        "hand": (f"{prefix}hand.{{s}}",),
        **_fingers(prefix + "f_{f}.0{n}.{s}"),
        **{f"thumb.{n}": (f"{prefix}thumb.0{n}.{{s}}",) for n in (1, 2, 3)},
        **palms,
    }


def _auto_rig_pro() -> dict[str, tuple[str, ...]]:
    bones: dict[str, tuple[str, ...]] = {}
    for finger in FINGERS:
        for n in (1, 2, 3):
            bones[f"{finger}.{n}"] = (f"{finger}{n}.{{s}}", f"c_{finger}{n}.{{s}}")
        if finger != "thumb":
            bones[f"{finger}.0"] = (f"c_{finger}1_base.{{s}}", f"{finger}1_base.{{s}}")
    return bones | {
        "head": ("head.x", "c_head.x"),
        "neck.1": ("neck.x", "c_neck.x"),
        "jaw": ("jawbone.x", "c_jawbone.x"),
        "eye": ("c_eye.{s}", "eye.{s}"),
        "shoulder": ("shoulder.{s}", "c_shoulder.{s}"),
        "upper_arm": ("arm_stretch.{s}", "arm.{s}"),
        "forearm": ("forearm_stretch.{s}", "forearm.{s}"),
        "hand": ("hand.{s}",),
    }


def _humanoid(thumb: tuple[str, str, str] | None = None) -> dict[str, tuple[str, ...]]:
    return {
        "head": ("head",),
        "neck.1": ("neck",),
        "jaw": ("jaw",),
        "eye": ("{s}Eye",),
        "shoulder": ("{s}Shoulder",),
        "upper_arm": ("{s}UpperArm",),
        "forearm": ("{s}LowerArm",),
        "hand": ("{s}Hand",),
        **_fingers(
            "{s}{f}{n}",
            names=("Thumb", "Index", "Middle", "Ring", "Little"),
            numbers=("Proximal", "Intermediate", "Distal"),
            thumb=thumb,
        ),
    }


CONVENTIONS: tuple[Convention, ...] = (
    Convention("Rigify, deform bones", ("L", "R"), _rigify("DEF-")),
    Convention("Rigify, metarig", ("L", "R"), _rigify("")),
    Convention("Auto-Rig Pro", ("l", "r"), _auto_rig_pro()),
    Convention(
        "Unreal Engine, MetaHuman",
        ("l", "r"),
        {
            "head": ("head",),
            "neck.1": ("neck_01",),
            "neck.2": ("neck_02",),
            "jaw": ("FACIAL_C_Jaw", "jaw"),
            "eye": ("FACIAL_{s}_Eye", "eye_{s}"),
            "shoulder": ("clavicle_{s}",),
            "upper_arm": ("upperarm_{s}",),
            "forearm": ("lowerarm_{s}",),
            "hand": ("hand_{s}",),
            **_fingers("{f}_0{n}_{s}", metacarpal="{f}_metacarpal_{s}"),
        },
    ),
    Convention(
        "Mixamo, HumanIK",
        ("Left", "Right"),
        {
            "head": ("Head",),
            "neck.1": ("Neck",),
            "neck.2": ("Neck1",),
            "jaw": ("Jaw",),
            "eye": ("{s}Eye", "{s}_Eye"),
            "shoulder": ("{s}Shoulder",),
            "upper_arm": ("{s}Arm",),
            "forearm": ("{s}ForeArm",),
            "hand": ("{s}Hand",),
            **_fingers("{s}Hand{f}{n}", metacarpal="{s}InHand{f}"),
        },
    ),
    Convention(
        "Character Creator",
        ("L", "R"),
        {
            "head": ("CC_Base_Head",),
            "neck.1": ("CC_Base_NeckTwist01",),
            "neck.2": ("CC_Base_NeckTwist02",),
            "jaw": ("CC_Base_JawRoot",),
            "eye": ("CC_Base_{s}_Eye",),
            "shoulder": ("CC_Base_{s}_Clavicle",),
            "upper_arm": ("CC_Base_{s}_Upperarm",),
            "forearm": ("CC_Base_{s}_Forearm",),
            "hand": ("CC_Base_{s}_Hand",),
            **_fingers("CC_Base_{s}_{f}{n}", names=("Thumb", "Index", "Mid", "Ring", "Pinky")),
        },
    ),
    Convention(
        "VRoid Studio",
        ("L", "R"),
        {
            "head": ("J_Bip_C_Head",),
            "neck.1": ("J_Bip_C_Neck",),
            "eye": ("J_Adj_{s}_FaceEye",),
            "shoulder": ("J_Bip_{s}_Shoulder",),
            "upper_arm": ("J_Bip_{s}_UpperArm",),
            "forearm": ("J_Bip_{s}_LowerArm",),
            "hand": ("J_Bip_{s}_Hand",),
            **_fingers("J_Bip_{s}_{f}{n}", names=("Thumb", "Index", "Middle", "Ring", "Little")),
        },
    ),
    Convention("VRM and Unity humanoid", ("left", "right"), _humanoid()),
    Convention("VRM 1 humanoid", ("left", "right"), _humanoid(thumb=("Metacarpal", "Proximal", "Distal"))),
    Convention(
        "Daz Genesis 3 and 8",
        ("l", "r"),
        {
            "head": ("head",),
            "neck.1": ("neckLower", "neck"),
            "neck.2": ("neckUpper",),
            "jaw": ("lowerJaw",),
            "eye": ("{s}Eye",),
            "shoulder": ("{s}Collar",),
            "upper_arm": ("{s}ShldrBend", "{s}Shldr"),
            "forearm": ("{s}ForearmBend", "{s}ForeArm"),
            "hand": ("{s}Hand",),
            **_fingers("{s}{f}{n}", names=("Thumb", "Index", "Mid", "Ring", "Pinky")),
            **{f"{finger}.0": (f"{{s}}Carpal{n}",) for n, finger in enumerate(FINGERS[1:], start=1)},
        },
    ),
    Convention(
        "Daz Genesis 9",
        ("l", "r"),
        {
            "head": ("head",),
            "neck.1": ("neck1",),
            "neck.2": ("neck2",),
            "jaw": ("lowerjaw",),
            "eye": ("{s}_eye",),
            "shoulder": ("{s}_shoulder",),
            "upper_arm": ("{s}_upperarm",),
            "forearm": ("{s}_forearm",),
            "hand": ("{s}_hand",),
            **_fingers("{s}_{f}{n}", names=("thumb", "index", "mid", "ring", "pinky"), metacarpal="{s}_{f}metacarpal"),
        },
    ),
    Convention(
        "3ds Max Biped",
        ("L", "R"),
        {
            "head": ("Bip001 Head",),
            "neck.1": ("Bip001 Neck",),
            "neck.2": ("Bip001 Neck1",),
            "shoulder": ("Bip001 {s} Clavicle",),
            "upper_arm": ("Bip001 {s} UpperArm",),
            "forearm": ("Bip001 {s} Forearm",),
            "hand": ("Bip001 {s} Hand",),
            **_fingers("Bip001 {s} Finger{f}{n}", names=("0", "1", "2", "3", "4"), numbers=("", "1", "2")),
        },
    ),
    Convention(
        "MakeHuman default",
        ("L", "R"),
        {
            "head": ("head",),
            "neck.1": ("neck01",),
            "neck.2": ("neck02",),
            "neck.3": ("neck03",),
            "jaw": ("jaw",),
            "eye": ("eye.{s}",),
            "shoulder": ("clavicle.{s}",),
            "upper_arm": ("upperarm01.{s}",),
            "forearm": ("lowerarm01.{s}",),
            "hand": ("wrist.{s}",),
            **_fingers("finger{f}-{n}.{s}", names=("1", "2", "3", "4", "5")),
            **{f"{finger}.0": (f"metacarpal{n}.{{s}}",) for n, finger in enumerate(FINGERS[1:], start=1)},
        },
    ),
    Convention(
        "CMU",
        ("Left", "Right"),
        {
            "head": ("Head",),
            "neck.1": ("Neck",),
            "neck.2": ("Neck1",),
            "shoulder": ("{s}Shoulder",),
            "upper_arm": ("{s}Arm",),
            "forearm": ("{s}ForeArm",),
            "hand": ("{s}Hand",),
            "index.0": ("{s}FingerBase",),
            "index.1": ("{s}HandFinger1", "{s}HandIndex1"),
            "thumb.1": ("{s[0]}Thumb",),
        },
    ),
    Convention(
        "SMPL-X",
        ("left", "right"),
        {
            "head": ("head",),
            "neck.1": ("neck",),
            "jaw": ("jaw",),
            "eye": ("{s}_eye_smplhf", "{s}_eye"),
            "shoulder": ("{s}_collar",),
            "upper_arm": ("{s}_shoulder",),
            "forearm": ("{s}_elbow",),
            "hand": ("{s}_wrist",),
            **_fingers("{s}_{f}{n}"),
        },
    ),
    Convention(
        "Advanced Skeleton",
        ("L", "R"),
        {
            "head": ("Head_M",),
            "neck.1": ("Neck_M",),
            "jaw": ("Jaw_M",),
            "eye": ("Eye_{s}",),
            "shoulder": ("Scapula_{s}",),
            "upper_arm": ("Shoulder_{s}",),
            "forearm": ("Elbow_{s}",),
            "hand": ("Wrist_{s}",),
            **_fingers("{f}Finger{n}_{s}", names=("Thumb", "Index", "Middle", "Ring", "Pinky")),
        },
    ),
)
"""In the order in which ties are broken."""
