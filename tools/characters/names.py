"""Other conventions' names for the bones of MakeHuman's default rig and for ARKit's expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["KEY_STYLES", "arp_names", "biped_names", "meaningless_names", "unreal_names", "vroid_names"]

_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")


def _sided(pairs: Iterable[tuple[str, str]], marks: tuple[str, str]) -> dict[str, str]:
    """Names of both sides. pairs : MakeHuman's name with `.L`, the other's with `{s}`."""
    names = {}
    for bone, other in pairs:
        names[bone] = other.format(s=marks[0])
        names[bone.replace(".L", ".R")] = other.format(s=marks[1])
    return names


def vroid_names() -> dict[str, str]:
    """VRoid Studio's."""
    fingers = [
        (f"finger{f}-{n}.L", f"J_Bip_{{s}}_{name}{n}") for f, name in enumerate(_FINGERS, start=1) for n in (1, 2, 3)
    ]
    arm = [
        ("clavicle.L", "J_Bip_{s}_Shoulder"),
        ("upperarm01.L", "J_Bip_{s}_UpperArm"),
        ("lowerarm01.L", "J_Bip_{s}_LowerArm"),
        ("wrist.L", "J_Bip_{s}_Hand"),
        ("eye.L", "J_Adj_{s}_FaceEye"),
    ]
    middle = {"root": "Root", "neck01": "J_Bip_C_Neck", "head": "J_Bip_C_Head"}
    return middle | _sided([*arm, *fingers], ("L", "R"))


def unreal_names() -> dict[str, str]:
    """Unreal Engine 5's mannequin, with a MetaHuman's jaw and eyes."""
    words = ("thumb", "index", "middle", "ring", "pinky")
    fingers = [(f"finger{f}-{n}.L", f"{word}_0{n}_{{s}}") for f, word in enumerate(words, start=1) for n in (1, 2, 3)]
    fingers += [(f"metacarpal{f}.L", f"{word}_metacarpal_{{s}}") for f, word in enumerate(words[1:], start=1)]
    arm = [
        ("clavicle.L", "clavicle_{s}"),
        ("upperarm01.L", "upperarm_{s}"),
        ("lowerarm01.L", "lowerarm_{s}"),
        ("wrist.L", "hand_{s}"),
    ]
    middle = {"neck01": "neck_01", "neck02": "neck_02", "jaw": "FACIAL_C_Jaw"}
    return middle | {"eye.L": "FACIAL_L_Eye", "eye.R": "FACIAL_R_Eye"} | _sided([*arm, *fingers], ("l", "r"))


def biped_names() -> dict[str, str]:
    """3ds Max Biped's."""
    fingers = [(f"finger{f + 1}-{n + 1}.L", f"Bip001 {{s}} Finger{f}{n or ''}") for f in range(5) for n in range(3)]
    arm = [
        ("clavicle.L", "Bip001 {s} Clavicle"),
        ("upperarm01.L", "Bip001 {s} UpperArm"),
        ("lowerarm01.L", "Bip001 {s} Forearm"),
        ("wrist.L", "Bip001 {s} Hand"),
    ]
    return {"neck01": "Bip001 Neck", "head": "Bip001 Head"} | _sided([*arm, *fingers], ("L", "R"))


def arp_names() -> dict[str, str]:
    """Auto-Rig Pro's bones that move the skin."""
    words = ("thumb", "index", "middle", "ring", "pinky")
    fingers = [
        (f"finger{f}-{n}.L", (f"{word}1.{{s}}" if n == 1 else f"c_{word}{n}.{{s}}"))
        for f, word in enumerate(words, start=1)
        for n in (1, 2, 3)
    ]
    fingers += [(f"metacarpal{f}.L", f"c_{word}1_base.{{s}}") for f, word in enumerate(words[1:], start=1)]
    arm = [
        ("clavicle.L", "shoulder.{s}"),
        ("upperarm01.L", "arm_stretch.{s}"),
        ("lowerarm01.L", "forearm_stretch.{s}"),
        ("wrist.L", "hand.{s}"),
        ("eye.L", "c_eye.{s}"),
    ]
    middle = {"neck01": "neck.x", "head": "head.x", "jaw": "jawbone.x"}
    return middle | _sided([*arm, *fingers], ("l", "r"))


def meaningless_names(bones: Iterable[str]) -> dict[str, str]:
    """Names that say nothing."""
    return {bone: f"Bone.{number:03d}" for number, bone in enumerate(bones)}


def _split(name: str) -> tuple[str, str]:
    for side in ("Left", "Right"):
        if name.endswith(side):
            return name.removesuffix(side), side
    return name, ""


def _underscored(name: str) -> str:
    """eyeBlinkLeft -> eyeBlink_L, as ICT-FaceKit; directions (jawLeft, mouthLeft) stay."""
    stem, side = _split(name)
    return f"{stem}_{side[0]}" if side and stem not in ("jaw", "mouth") else name


def _words(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).lstrip("_")


def _character_creator(name: str) -> str:
    """eyeBlinkLeft -> Eye_Blink_L, as Character Creator spells those that it shares with ARKit."""
    stem, side = _split(name)
    words = "_".join(word.capitalize() for word in _words(stem).split("_"))
    return f"{words}_{side[0]}" if side else words


KEY_STYLES: dict[str, Callable[[str], str]] = {
    "arkit": lambda name: name,
    "underscored": _underscored,
    "live link": lambda name: name[0].upper() + name[1:],
    "character creator": _character_creator,
}
"""How a character's shape keys are spelled."""
