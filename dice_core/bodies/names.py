"""The fixed names of the bodies: regions, expressions, degrees of freedom and key points."""

from __future__ import annotations

from dice_core.arkit import EXPRESSION_NAMES

__all__ = [
    "ATTACHED_REGIONS",
    "DOF_NAMES",
    "EXPRESSION_NAMES",
    "HAND_JOINT_NAMES",
    "HAND_KEYPOINT_NAMES",
    "HAND_REGIONS",
    "HEAD_JOINT_NAMES",
    "HEAD_REGIONS",
    "IRIS_COUNT",
    "LANDMARK_COUNT",
]

LANDMARK_COUNT = 468
IRIS_COUNT = 10

ATTACHED_REGIONS: tuple[str, ...] = (
    "teeth_upper",
    "teeth_lower",
    "lashes.L",
    "lashes.R",
    "iris.L",
    "iris.R",
    "pupil.L",
    "pupil.R",
)

HEAD_REGIONS: tuple[str, ...] = (
    "forehead",
    "brow.L",
    "brow.R",
    "eye.L",
    "eye.R",
    "nose",
    "cheek.L",
    "cheek.R",
    "lips",
    "chin",
    "jaw.L",
    "jaw.R",
    "ear.L",
    "ear.R",
    "scalp",
    "neck",
    "eyeball.L",
    "eyeball.R",
    "mouth_inner",
    "tongue",
)

HAND_REGIONS: tuple[str, ...] = ("thumb", "index", "middle", "ring", "little", "palm", "back", "wrist")

HEAD_JOINT_NAMES: tuple[str, ...] = ("head", "neck", "jaw", "eye.L", "eye.R")

_FINGERS = ("index", "middle", "ring", "little")

HAND_JOINT_NAMES: tuple[str, ...] = (
    "wrist",
    "thumb_cmc",
    "thumb_mcp",
    "thumb_ip",
    *(f"{finger}_{joint}" for finger in _FINGERS for joint in ("metacarpal", "mcp", "pip", "dip")),
)

DOF_NAMES: tuple[str, ...] = (
    "thumb_cmc_flexion",
    "thumb_cmc_abduction",
    "thumb_cmc_twist",
    "thumb_mcp_flexion",
    "thumb_mcp_abduction",
    "thumb_ip_flexion",
    *(
        f"{finger}_{motion}"
        for finger in _FINGERS
        for motion in ("mcp_flexion", "mcp_abduction", "pip_flexion", "dip_flexion")
    ),
)

HAND_KEYPOINT_NAMES: tuple[str, ...] = (
    "wrist",
    "thumb_cmc",
    "thumb_mcp",
    "thumb_ip",
    "thumb_tip",
    *(f"{finger}_{joint}" for finger in _FINGERS for joint in ("mcp", "pip", "dip", "tip")),
)
