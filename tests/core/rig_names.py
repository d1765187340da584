# ruff: noqa: SIM905 (one name a line would take pages)
"""Bones of rigs in use: the role that each has to be found as, and others beside them that are none."""

from __future__ import annotations

__all__ = ["RIGS"]

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
        (
            "root|torso|head|neck|ORG-spine.006|ORG-hand.L|hand_ik.L|hand_fk.L|hand_tweak.L|MCH-hand_fk.L|"
            "DEF-forearm.L.001|DEF-upper_arm.L.001|f_index.01.L|f_index.01_master.L|thumb.01.L|"
            "thumb.01_master.L|ORG-f_index.01.L|DEF-toe.L|DEF-foot.L|DEF-thigh.L|palm.L|shoulder.L|"
            "upper_arm_fk.L|forearm_fk.L|upper_arm_parent.L"
        ).split("|"),
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
        (
            "c_traj|root.x|spine_01.x|c_head.x|c_neck.x|c_hand_ik.l|c_hand_fk.l|arm_twist.l|forearm_twist.l|"
            "c_arm_fk.l|c_index1.l|c_thumb1.l|c_thumb1_base.l|foot.l|c_toes_index1.l|c_eye_offset.l|"
            "c_eye_target.x|c_jawbone.x|hand_ref.l"
        ).split("|"),
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
        (
            "root|pelvis|spine_01|spine_05|lowerarm_twist_01_l|upperarm_twist_02_l|ik_hand_root|ik_hand_l|"
            "ik_hand_gun|ball_l|FACIAL_L_EyelidUpperA|FACIAL_C_LowerLipRotation|thigh_l"
        ).split("|"),
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
        (
            "mixamorig:Hips|mixamorig:Spine|mixamorig:HeadTop_End|mixamorig:LeftHandIndex4|"
            "mixamorig:LeftHandThumb4|mixamorig:LeftToeBase|mixamorig:LeftUpLeg|mixamorig:LeftFoot"
        ).split("|"),
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
        (
            "CC_Base_BoneRoot|CC_Base_Hip|CC_Base_L_UpperarmTwist01|CC_Base_L_ForearmTwist02|"
            "CC_Base_Teeth01|CC_Base_L_ToeBase|CC_Base_L_IndexToe1|CC_Base_L_PinkyToe1|CC_Base_Tongue01|"
            "CC_Base_FacialBone|CC_Base_L_ElbowShareBone|CC_Base_UpperJaw"
        ).split("|"),
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
        (
            "hip|pelvis|abdomenLower|chestUpper|lShldrTwist|lForearmTwist|lBigToe|lSmallToe1|upperFaceRig|"
            "lEyelidUpper|lowerFaceRig|lEar|upperTeeth|lPectoral|lThighBend"
        ).split("|"),
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
        "hip|spine1|spine4|l_upperarmtwist1|l_forearmtwist2|l_thigh|l_foot|l_bigtoe1|l_pectoral".split("|"),
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
        (
            "Bip001|Bip001 Pelvis|Bip001 Spine1|Bip001 HeadNub|Bip001 L Finger0Nub|Bip001 L Toe0|"
            "Bip001 L ForeTwist|Bip001 LUpArmTwist|Bip001 L Thigh|Bip001 Footsteps"
        ).split("|"),
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
