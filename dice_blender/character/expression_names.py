"""What the 52 ARKit expressions are called as shape keys in other places.

Most conventions spell ARKit's own names in another way, which `spelled` undoes. Character Creator and MetaHuman have
names of their own; where they split an expression into parts, all parts get its weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dice_core.arkit import EXPRESSION_NAMES

__all__ = ["Expression", "match_expressions"]

# What stands before the names of a convention: "blendShape1.", "A14_", "CTRL_expressions_", "ARKit_".
_PREFIX = re.compile(r"^(?:blendshapes?\d*\.)?(?:a\d\d_|ctrl_expressions_|arkit_?)?", re.IGNORECASE)
# Expressions that some heads have by halves, such as ICT-FaceKit's browInnerUp_L.
_HALVED = ("browInnerUp", "cheekPuff")

# Character Creator 4 (extended profile). {s} is L or R.
_CHARACTER_CREATOR = {
    "browDown{}": ("Brow_Drop_{s}",),
    "browInnerUp": ("Brow_Raise_Inner_L", "Brow_Raise_Inner_R"),
    "browOuterUp{}": ("Brow_Raise_Outer_{s}",),
    "cheekPuff": ("Cheek_Puff_L", "Cheek_Puff_R"),
    "cheekSquint{}": ("Cheek_Raise_{s}",),
    "eyeLookDown{}": ("Eye_{s}_Look_Down",),
    "eyeLookUp{}": ("Eye_{s}_Look_Up",),
    "eyeLookIn{}": ("Eye_{s}_Look_{o}",),
    "eyeLookOut{}": ("Eye_{s}_Look_{s}",),
    "jawLeft": ("Jaw_L",),
    "jawRight": ("Jaw_R",),
    "mouthLeft": ("Mouth_L",),
    "mouthRight": ("Mouth_R",),
    "mouthLowerDown{}": ("Mouth_Down_Lower_{s}",),
    "mouthUpperUp{}": ("Mouth_Up_Upper_{s}",),
    "mouthFunnel": ("Mouth_Funnel_Up_L", "Mouth_Funnel_Up_R", "Mouth_Funnel_Down_L", "Mouth_Funnel_Down_R"),
    "mouthPucker": ("Mouth_Pucker_Up_L", "Mouth_Pucker_Up_R", "Mouth_Pucker_Down_L", "Mouth_Pucker_Down_R"),
    "mouthRollUpper": ("Mouth_Roll_In_Upper_L", "Mouth_Roll_In_Upper_R"),
    "mouthRollLower": ("Mouth_Roll_In_Lower_L", "Mouth_Roll_In_Lower_R"),
}

# MetaHuman's CTRL_expressions_ curves. {s} is L or R.
_META_HUMAN = {
    "browInnerUp": ("browRaiseInL", "browRaiseInR"),
    "browOuterUp{}": ("browRaiseOuter{s}",),
    "cheekPuff": ("mouthCheekBlowL", "mouthCheekBlowR"),
    "cheekSquint{}": ("eyeCheekRaise{s}",),
    "eyeSquint{}": ("eyeSquintInner{s}",),
    "eyeWide{}": ("eyeWiden{s}",),
    "eyeLookInLeft": ("eyeLookRightL",),
    "eyeLookInRight": ("eyeLookLeftR",),
    "eyeLookOutLeft": ("eyeLookLeftL",),
    "eyeLookOutRight": ("eyeLookRightR",),
    "jawForward": ("jawFwd",),
    "mouthClose": ("mouthLipsTogetherUL", "mouthLipsTogetherUR", "mouthLipsTogetherDL", "mouthLipsTogetherDR"),
    "mouthFrown{}": ("mouthCornerDepress{s}",),
    "mouthSmile{}": ("mouthCornerPull{s}",),
    "mouthLowerDown{}": ("mouthLowerLipDepress{s}",),
    "mouthUpperUp{}": ("mouthUpperLipRaise{s}",),
    "mouthPress{}": ("mouthPressU{s}", "mouthPressD{s}"),
    "mouthFunnel": ("mouthFunnelUL", "mouthFunnelUR", "mouthFunnelDL", "mouthFunnelDR"),
    "mouthPucker": ("mouthLipsPurseUL", "mouthLipsPurseUR", "mouthLipsPurseDL", "mouthLipsPurseDR"),
    "mouthRollLower": ("mouthLowerLipRollInL", "mouthLowerLipRollInR"),
    "mouthRollUpper": ("mouthUpperLipRollInL", "mouthUpperLipRollInR"),
    "mouthShrugLower": ("jawChinRaiseDL", "jawChinRaiseDR"),
    "mouthShrugUpper": ("jawChinRaiseUL", "jawChinRaiseUR"),
    "noseSneer{}": ("noseWrinkle{s}",),
}


@dataclass(frozen=True)
class Expression:
    """An ARKit expression and a shape key that shows it: the key's weight is gain * weight + offset."""

    source: str
    target: str
    gain: float = 1.0
    offset: float = 0.0


def match_expressions(keys: Iterable[str]) -> list[Expression]:
    """The shape keys that show ARKit expressions, by their names, in ARKit's order.

    keys : names of a character's shape keys. A key is matched once at most, and the whole of an expression is preferred
    to its parts.
    """
    there: dict[str, str] = {}
    for key in keys:
        there.setdefault(_folded(key), key)
    found: list[Expression] = []
    taken: set[str] = set()
    for source in EXPRESSION_NAMES:
        for spellings in _spellings(source):
            targets = [there[name] for name in map(_folded, spellings) if name in there]
            targets = [target for target in dict.fromkeys(targets) if target not in taken]
            if targets:
                taken.update(targets)
                found += [Expression(source, target) for target in targets]
                break
    return found


def _spellings(source: str) -> list[tuple[str, ...]]:
    """What an expression may be called, each a tuple of the keys that are it together, the likeliest first."""
    side = "Left" if source.endswith("Left") else "Right" if source.endswith("Right") else ""
    stem = source.removesuffix(side) if side else source
    alternatives: list[tuple[str, ...]] = [(source,)]
    if side and stem not in ("jaw", "mouth"):
        # "eyeBlink_L", "Eye_Blink_L", "eyeBlinkL"; jawLeft and mouthLeft are directions, whose short forms have a table
        alternatives.append((stem + side[0],))
    if source in _HALVED:
        alternatives += [(f"{source}_L", f"{source}_R"), (f"{source}Left", f"{source}Right")]
    for table in (_CHARACTER_CREATOR, _META_HUMAN):
        for pattern in (source, stem + "{}"):
            if pattern in table and (pattern == source or side):
                mark, other = (side[:1], "R" if side == "Left" else "L")
                alternatives.append(tuple(name.format(s=mark, o=other) for name in table[pattern]))
    return alternatives


def _folded(name: str) -> str:
    """A key's name without prefix, case and separators."""
    return re.sub(r"[^0-9a-z]", "", _PREFIX.sub("", name).lower())
