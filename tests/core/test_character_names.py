"""Bones and shape keys found by their names alone, on the names that rigs in use have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dice_blender.character.bone_names import roles_by_name
from dice_blender.character.expression_names import ARKIT, Expression, match_expressions
from dice_blender.character.mapping import CharacterMap, load_map, save_map
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.errors import InputError

FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def hand(pattern: str, names: tuple[str, ...], side: str, numbers: tuple[str, ...] = ("1", "2", "3")) -> dict[str, str]:
    """What the fingers' bones of one side have to be found as. pattern : with {f}, the finger, and {n}, its bone."""
    return {
        f"{finger}.{n}.{side}": pattern.format(f=name, n=number)
        for finger, name in zip(FINGERS, names, strict=True)
        for n, number in enumerate(numbers, start=1)
    }


def arms(left: dict[str, str], swap: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Both arms. swap : what turns a name of the left into one of the right."""
    both = {f"{role}.L": bone for role, bone in left.items()}
    for role, bone in left.items():
        for old, new in swap:
            if old in bone:
                both[f"{role}.R"] = bone.replace(old, new)
                break
    return both


THREE = (1, 2, 3)
RIGS: dict[str, tuple[dict[str, str], list[str]]] = {
    "rigify generated": (
        {"head": "DEF-spine.006", "neck.1": "DEF-spine.004", "neck.2": "DEF-spine.005"}
        | arms(
            {
                "shoulder": "DEF-shoulder.L",
                "upper_arm": "DEF-upper_arm.L",
                "forearm": "DEF-forearm.L",
                "hand": "DEF-hand.L",
            }
            | {f"thumb.{n}": f"DEF-thumb.0{n}.L" for n in THREE}
            | {f"{f}.{n}": f"DEF-f_{f}.0{n}.L" for f in FINGERS[1:] for n in THREE}
            | {f"{f}.0": f"DEF-palm.0{k}.L" for k, f in enumerate(FINGERS[1:], start=1)},
            ((".L", ".R"),),
        ),
        [
            "root",
            "torso",
            "head",
            "neck",
            "ORG-spine.006",
            "ORG-hand.L",
            "hand_ik.L",
            "hand_fk.L",
            "hand_tweak.L",
            "MCH-hand_fk.L",
            "DEF-forearm.L.001",
            "DEF-upper_arm.L.001",
            "f_index.01.L",
            "f_index.01_master.L",
            "thumb.01.L",
            "thumb.01_master.L",
            "ORG-f_index.01.L",
            "DEF-toe.L",
            "DEF-foot.L",
            "DEF-thigh.L",
            "palm.L",
            "shoulder.L",
            "upper_arm_fk.L",
            "forearm_fk.L",
            "upper_arm_parent.L",
        ],
    ),
    "rigify metarig": (
        {"head": "spine.006", "neck.1": "spine.004", "neck.2": "spine.005"}
        | arms(
            {"shoulder": "shoulder.L", "upper_arm": "upper_arm.L", "forearm": "forearm.L", "hand": "hand.L"}
            | {f"thumb.{n}": f"thumb.0{n}.L" for n in THREE}
            | {f"{f}.{n}": f"f_{f}.0{n}.L" for f in FINGERS[1:] for n in THREE},
            ((".L", ".R"),),
        ),
        ["spine", "spine.001", "spine.002", "spine.003", "foot.L", "toe.L", "heel.02.L", "breast.L", "pelvis.L"],
    ),
    "auto-rig pro": (
        {"head": "head.x", "neck.1": "neck.x", "jaw": "jawbone.x", "eye.L": "c_eye.l", "eye.R": "c_eye.r"}
        | arms(
            {"shoulder": "shoulder.l", "upper_arm": "arm_stretch.l", "forearm": "forearm_stretch.l", "hand": "hand.l"}
            | {f"{f}.1": f"{f}1.l" for f in FINGERS}
            | {f"{f}.{n}": f"c_{f}{n}.l" for f in FINGERS for n in (2, 3)}
            | {f"{f}.0": f"c_{f}1_base.l" for f in FINGERS[1:]},
            ((".l", ".r"),),
        ),
        [
            "c_traj",
            "root.x",
            "spine_01.x",
            "c_head.x",
            "c_neck.x",
            "c_hand_ik.l",
            "c_hand_fk.l",
            "arm_twist.l",
            "forearm_twist.l",
            "c_arm_fk.l",
            "c_index1.l",
            "c_thumb1.l",
            "c_thumb1_base.l",
            "foot.l",
            "c_toes_index1.l",
            "c_eye_offset.l",
            "c_eye_target.x",
            "c_jawbone.x",
            "hand_ref.l",
        ],
    ),
    "unreal 5 with a metahuman's face": (
        {
            "head": "head",
            "neck.1": "neck_01",
            "neck.2": "neck_02",
            "jaw": "FACIAL_C_Jaw",
            "eye.L": "FACIAL_L_Eye",
            "eye.R": "FACIAL_R_Eye",
        }
        | arms(
            {"shoulder": "clavicle_l", "upper_arm": "upperarm_l", "forearm": "lowerarm_l", "hand": "hand_l"}
            | {f"{f}.{n}": f"{f}_0{n}_l" for f in FINGERS for n in THREE}
            | {f"{f}.0": f"{f}_metacarpal_l" for f in FINGERS[1:]},
            (("_l", "_r"),),
        ),
        [
            "root",
            "pelvis",
            "spine_01",
            "spine_05",
            "lowerarm_twist_01_l",
            "upperarm_twist_02_l",
            "ik_hand_root",
            "ik_hand_l",
            "ik_hand_gun",
            "ball_l",
            "FACIAL_L_EyelidUpperA",
            "FACIAL_C_LowerLipRotation",
            "thigh_l",
        ],
    ),
    "unreal 4 and mpfb's game engine": (
        {"head": "head", "neck.1": "neck_01"}
        | arms(
            {"shoulder": "clavicle_l", "upper_arm": "upperarm_l", "forearm": "lowerarm_l", "hand": "hand_l"}
            | {f"{f}.{n}": f"{f}_0{n}_l" for f in FINGERS for n in THREE},
            (("_l", "_r"),),
        ),
        ["Root", "pelvis", "spine_01", "spine_02", "spine_03", "thigh_l", "calf_l", "foot_l", "ball_l"],
    ),
    "mixamo": (
        {"head": "mixamorig:Head", "neck.1": "mixamorig:Neck"}
        | arms(
            {
                "shoulder": "mixamorig:LeftShoulder",
                "upper_arm": "mixamorig:LeftArm",
                "forearm": "mixamorig:LeftForeArm",
                "hand": "mixamorig:LeftHand",
            }
            | {
                f"{f}.{n}": f"mixamorig:LeftHand{name}{n}"
                for f, name in zip(FINGERS, ("Thumb", "Index", "Middle", "Ring", "Pinky"), strict=True)
                for n in THREE
            },
            (("Left", "Right"),),
        ),
        [
            "mixamorig:Hips",
            "mixamorig:Spine",
            "mixamorig:HeadTop_End",
            "mixamorig:LeftHandIndex4",
            "mixamorig:LeftHandThumb4",
            "mixamorig:LeftToeBase",
            "mixamorig:LeftUpLeg",
            "mixamorig:LeftFoot",
        ],
    ),
    "character creator": (
        {
            "head": "CC_Base_Head",
            "neck.1": "CC_Base_NeckTwist01",
            "neck.2": "CC_Base_NeckTwist02",
            "jaw": "CC_Base_JawRoot",
            "eye.L": "CC_Base_L_Eye",
            "eye.R": "CC_Base_R_Eye",
        }
        | arms(
            {
                "shoulder": "CC_Base_L_Clavicle",
                "upper_arm": "CC_Base_L_Upperarm",
                "forearm": "CC_Base_L_Forearm",
                "hand": "CC_Base_L_Hand",
            }
            | {
                f"{f}.{n}": f"CC_Base_L_{name}{n}"
                for f, name in zip(FINGERS, ("Thumb", "Index", "Mid", "Ring", "Pinky"), strict=True)
                for n in THREE
            },
            (("_L_", "_R_"),),
        ),
        [
            "CC_Base_BoneRoot",
            "CC_Base_Hip",
            "CC_Base_L_UpperarmTwist01",
            "CC_Base_L_ForearmTwist02",
            "CC_Base_Teeth01",
            "CC_Base_L_ToeBase",
            "CC_Base_L_IndexToe1",
            "CC_Base_L_PinkyToe1",
            "CC_Base_Tongue01",
            "CC_Base_FacialBone",
            "CC_Base_L_ElbowShareBone",
            "CC_Base_UpperJaw",
        ],
    ),
    "vroid studio": (
        {"head": "J_Bip_C_Head", "neck.1": "J_Bip_C_Neck", "eye.L": "J_Adj_L_FaceEye", "eye.R": "J_Adj_R_FaceEye"}
        | arms(
            {
                "shoulder": "J_Bip_L_Shoulder",
                "upper_arm": "J_Bip_L_UpperArm",
                "forearm": "J_Bip_L_LowerArm",
                "hand": "J_Bip_L_Hand",
            }
            | {
                f"{f}.{n}": f"J_Bip_L_{name}{n}"
                for f, name in zip(FINGERS, ("Thumb", "Index", "Middle", "Ring", "Little"), strict=True)
                for n in THREE
            },
            (("_L_", "_R_"),),
        ),
        ["Root", "J_Bip_C_Hips", "J_Bip_C_UpperChest", "J_Sec_L_Bust1", "J_Sec_Hair1_01", "J_Bip_L_ToeBase"],
    ),
    "daz genesis 8": (
        {
            "head": "head",
            "neck.1": "neckLower",
            "neck.2": "neckUpper",
            "jaw": "lowerJaw",
            "eye.L": "lEye",
            "eye.R": "rEye",
        }
        | {
            f"{role}.{side.upper()}": side + name
            for side in "lr"
            for role, name in (
                ("shoulder", "Collar"),
                ("upper_arm", "ShldrBend"),
                ("forearm", "ForearmBend"),
                ("hand", "Hand"),
                *(
                    (f"{f}.{n}", f"{word}{n}")
                    for f, word in zip(FINGERS, ("Thumb", "Index", "Mid", "Ring", "Pinky"), strict=True)
                    for n in THREE
                ),
                *((f"{f}.0", f"Carpal{k}") for k, f in enumerate(FINGERS[1:], start=1)),
            )
        },
        [
            "hip",
            "pelvis",
            "abdomenLower",
            "chestUpper",
            "lShldrTwist",
            "lForearmTwist",
            "lBigToe",
            "lSmallToe1",
            "upperFaceRig",
            "lEyelidUpper",
            "lowerFaceRig",
            "lEar",
            "upperTeeth",
            "lPectoral",
            "lThighBend",
        ],
    ),
    "daz genesis 9": (
        {"head": "head", "neck.1": "neck1", "neck.2": "neck2", "jaw": "lowerjaw", "eye.L": "l_eye", "eye.R": "r_eye"}
        | {
            f"{role}.{side.upper()}": f"{side}_{name}"
            for side in "lr"
            for role, name in (
                ("shoulder", "shoulder"),
                ("upper_arm", "upperarm"),
                ("forearm", "forearm"),
                ("hand", "hand"),
                *(
                    (f"{f}.{n}", f"{word}{n}")
                    for f, word in zip(FINGERS, ("thumb", "index", "mid", "ring", "pinky"), strict=True)
                    for n in THREE
                ),
                *(
                    (f"{f}.0", f"{w}metacarpal")
                    for f, w in zip(FINGERS[1:], ("index", "mid", "ring", "pinky"), strict=True)
                ),
            )
        },
        [
            "hip",
            "spine1",
            "spine4",
            "l_upperarmtwist1",
            "l_forearmtwist2",
            "l_thigh",
            "l_foot",
            "l_bigtoe1",
            "l_pectoral",
        ],
    ),
    "3ds max biped": (
        {"head": "Bip001 Head", "neck.1": "Bip001 Neck"}
        | arms(
            {
                "shoulder": "Bip001 L Clavicle",
                "upper_arm": "Bip001 L UpperArm",
                "forearm": "Bip001 L Forearm",
                "hand": "Bip001 L Hand",
            }
            | {
                f"{f}.{n}": f"Bip001 L Finger{k}{'' if n == 1 else n - 1}" for k, f in enumerate(FINGERS) for n in THREE
            },
            ((" L ", " R "),),
        ),
        [
            "Bip001",
            "Bip001 Pelvis",
            "Bip001 Spine1",
            "Bip001 HeadNub",
            "Bip001 L Finger0Nub",
            "Bip001 L Toe0",
            "Bip001 L ForeTwist",
            "Bip001 LUpArmTwist",
            "Bip001 L Thigh",
            "Bip001 Footsteps",
        ],
    ),
    "cmu": (
        {"head": "Head", "neck.1": "Neck", "neck.2": "Neck1"}
        | {
            "thumb.1.L": "LThumb",
            "thumb.1.R": "RThumb",
        }
        | arms(
            {
                "shoulder": "LeftShoulder",
                "upper_arm": "LeftArm",
                "forearm": "LeftForeArm",
                "hand": "LeftHand",
                "index.0": "LeftFingerBase",
                "index.1": "LeftHandFinger1",
            },
            (("Left", "Right"),),
        ),
        ["Hips", "LHipJoint", "LowerBack", "Spine", "Spine1", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase"],
    ),
    "makehuman default": (
        {
            "head": "head",
            "neck.1": "neck01",
            "neck.2": "neck02",
            "neck.3": "neck03",
            "jaw": "jaw",
            "eye.L": "eye.L",
            "eye.R": "eye.R",
        }
        | arms(
            {"shoulder": "clavicle.L", "upper_arm": "upperarm01.L", "forearm": "lowerarm01.L", "hand": "wrist.L"}
            | {f"{f}.{n}": f"finger{k}-{n}.L" for k, f in enumerate(FINGERS, start=1) for n in THREE}
            | {f"{f}.0": f"metacarpal{k}.L" for k, f in enumerate(FINGERS[1:], start=1)},
            ((".L", ".R"),),
        ),
        ["root", "spine05", "upperarm02.L", "lowerarm02.L", "shoulder01.L", "toe1-1.L", "toe2-3.L", "orbicularis03.L"],
    ),
    "vrm 0 humanoid": (
        {"head": "head", "neck.1": "neck", "jaw": "jaw", "eye.L": "leftEye", "eye.R": "rightEye"}
        | arms(
            {"shoulder": "leftShoulder", "upper_arm": "leftUpperArm", "forearm": "leftLowerArm", "hand": "leftHand"}
            | {
                f"{f}.{n}": f"left{word}{part}"
                for f, word in zip(FINGERS, ("Thumb", "Index", "Middle", "Ring", "Little"), strict=True)
                for n, part in enumerate(("Proximal", "Intermediate", "Distal"), start=1)
            },
            (("left", "right"),),
        ),
        ["hips", "spine", "chest", "upperChest", "leftUpperLeg", "leftToes"],
    ),
}


def _sides_complete(expected: dict[str, str]) -> None:
    assert {role[:-2] for role in expected if role.endswith(".L")} == {r[:-2] for r in expected if r.endswith(".R")}


@pytest.mark.parametrize("rig", RIGS)
def test_every_bone_is_found_and_none_is_wrong(rig: str) -> None:
    expected, others = RIGS[rig]
    _sides_complete(expected)
    names = [*others, *expected.values()]
    _, found = roles_by_name(names, moving_skin=expected.values())
    assert found == expected


@pytest.mark.parametrize("rig", ["mixamo", "unreal 5 with a metahuman's face", "vroid studio"])
def test_exporters_prefixes_and_separators_do_not_matter(rig: str) -> None:
    expected, _ = RIGS[rig]
    renamed = {bone: "Armature|ns:" + bone.replace(":", "_") for bone in expected.values()}
    _, found = roles_by_name(renamed.values())
    assert found == {role: renamed[bone] for role, bone in expected.items()}


def test_names_that_say_nothing_are_no_rig() -> None:
    assert roles_by_name([f"Bone.{n:03d}" for n in range(60)]) == ("", {})


def underscored(name: str) -> str:
    for side in ("Left", "Right"):
        if name.endswith(side) and name[: -len(side)] not in ("jaw", "mouth"):
            return f"{name[: -len(side)]}_{side[0]}"
    return name


STYLES = {
    "arkit": lambda name: name,
    "ict and faceit": underscored,
    "live link": lambda name: name[0].upper() + name[1:],
    "maya": lambda name: f"blendShape1.{name}",
    "with dots": lambda name: underscored(name).replace("_", "."),
}


@pytest.mark.parametrize("style", STYLES)
def test_all_expressions_are_found_in_every_spelling(style: str) -> None:
    keys = [STYLES[style](name) for name in EXPRESSION_NAMES]
    found = match_expressions(["Basis", "MouthOpenWide", "browAngry", *keys])
    assert {entry.source: entry.target for entry in found} == dict(zip(EXPRESSION_NAMES, keys, strict=True))


def test_the_names_are_arkits() -> None:
    assert ARKIT == EXPRESSION_NAMES


def test_character_creator_with_its_numbers_and_in_its_extended_profile() -> None:
    older = ["A14_Eye_Blink_Left", "A15_Eye_Blink_Right", "A25_Jaw_Open", "A10_Eye_Look_Out_Left", "A01_Brow_Inner_Up"]
    assert {e.source: e.target for e in match_expressions(older)} == {
        "eyeBlinkLeft": "A14_Eye_Blink_Left",
        "eyeBlinkRight": "A15_Eye_Blink_Right",
        "jawOpen": "A25_Jaw_Open",
        "eyeLookOutLeft": "A10_Eye_Look_Out_Left",
        "browInnerUp": "A01_Brow_Inner_Up",
    }
    newer = ["Eye_Blink_L", "Mouth_Smile_R", "Brow_Raise_Inner_L", "Brow_Raise_Inner_R", "Jaw_L", "Mouth_R", "Mouth_L"]
    newer += ["Eye_L_Look_L", "Eye_L_Look_R", "Eye_R_Look_R", "Eye_R_Look_L", "Mouth_Up_Upper_L", "Cheek_Raise_R"]
    found = [(e.source, e.target) for e in match_expressions(newer)]
    assert sorted(found) == sorted(
        [
            ("eyeBlinkLeft", "Eye_Blink_L"),
            ("mouthSmileRight", "Mouth_Smile_R"),
            ("browInnerUp", "Brow_Raise_Inner_L"),
            ("browInnerUp", "Brow_Raise_Inner_R"),
            ("jawLeft", "Jaw_L"),
            ("mouthRight", "Mouth_R"),
            ("mouthLeft", "Mouth_L"),
            ("eyeLookOutLeft", "Eye_L_Look_L"),
            ("eyeLookInLeft", "Eye_L_Look_R"),
            ("eyeLookOutRight", "Eye_R_Look_R"),
            ("eyeLookInRight", "Eye_R_Look_L"),
            ("mouthUpperUpLeft", "Mouth_Up_Upper_L"),
            ("cheekSquintRight", "Cheek_Raise_R"),
        ]
    )


def test_metahumans_curves() -> None:
    names = ["eyeBlinkL", "jawOpen", "mouthCornerPullR", "browRaiseInL", "browRaiseInR", "eyeLookRightL", "jawFwd"]
    found = [(e.source, e.target) for e in match_expressions([f"CTRL_expressions_{name}" for name in names])]
    assert sorted(found) == sorted(
        [
            ("eyeBlinkLeft", "CTRL_expressions_eyeBlinkL"),
            ("jawOpen", "CTRL_expressions_jawOpen"),
            ("mouthSmileRight", "CTRL_expressions_mouthCornerPullR"),
            ("browInnerUp", "CTRL_expressions_browRaiseInL"),
            ("browInnerUp", "CTRL_expressions_browRaiseInR"),
            ("eyeLookInLeft", "CTRL_expressions_eyeLookRightL"),
            ("jawForward", "CTRL_expressions_jawFwd"),
        ]
    )


def test_halves_get_the_weight_of_the_whole() -> None:
    found = match_expressions(["browInnerUp_L", "browInnerUp_R", "cheekPuff_L", "cheekPuff_R"])
    assert [entry.source for entry in found] == ["browInnerUp", "browInnerUp", "cheekPuff", "cheekPuff"]


def test_a_map_survives_its_file(tmp_path: Path) -> None:
    mapping = CharacterMap({"head": "Kopf"}, [Expression("jawOpen", "Mund", 0.8, -0.1)])
    save_map(tmp_path / "map.json", mapping)
    assert load_map(tmp_path / "map.json") == mapping


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no map"),
        ("[]", "no map"),
        (
            json.dumps({"format": "dice-character-map", "version": 1, "bones": {"tail": "x"}, "expressions": []}),
            "roles",
        ),
        (
            json.dumps(
                {
                    "format": "dice-character-map",
                    "version": 1,
                    "bones": {},
                    "expressions": [{"source": "jawOpen", "target": "a", "gain": 1e9}],
                }
            ),
            "gain",
        ),
        ("[" * 100_000, "no map"),
    ],
)
def test_a_map_that_is_none_is_refused_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_map(path)
    assert str(caught.value).count(". ") == 0
