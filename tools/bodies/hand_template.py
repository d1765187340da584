"""The right hand before calibration: rest pose, rig, regions, degrees of freedom and their prior."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bodies.source import Source
from bodies.statistics import aligned_without_size, principal_components
from bodies.topology import adjacency, fan, smoothed
from dice_core.bodies.names import DOF_NAMES, HAND_JOINT_NAMES, HAND_REGIONS
from dice_core.geometry.mesh import vertex_normals

__all__ = ["hand_template", "keypoint_shape_basis"]

SHAPE_COUNT = 10
INFLUENCES = 6
# Hand length of adults of both sexes: 186 mm, standard deviation 12 mm (hand anthropometry of men and women pooled).
SCALE_SIGMA = 0.065
BACK = np.array([0.0, 0.0, 1.0])  # where the back of the hand faces at rest
TIP_INSET = 0.003  # metres from the outermost fingertip vertices to the detector's tip, before calibration
WRIST_LINE = 0.018  # metres from the wrist joint toward the fingers where the wrist region ends
FOLLOW_RADIUS = 0.008  # metres: the skin within about this distance decides how a key point follows the shape
UV_MARGIN = 0.01  # of the texture, left free around the hand
THUMB_START = 0.55  # share of the way from CMC to MCP where the thumb leaves the palm

BONES = dict(
    zip(
        HAND_JOINT_NAMES,
        (
            "wrist.R",
            *(f"finger1-{k}.R" for k in (1, 2, 3)),
            *(
                f"{bone}.R"
                for k in range(1, 5)
                for bone in (f"metacarpal{k}", *(f"finger{k + 1}-{j}" for j in (1, 2, 3)))
            ),
        ),
        strict=True,
    )
)
CHAINS = {
    "thumb": ("thumb_cmc", "thumb_mcp", "thumb_ip"),
    **{f: (f"{f}_mcp", f"{f}_pip", f"{f}_dip") for f in ("index", "middle", "ring", "little")},
}

# Degrees from MakeHuman's slightly flexed, splayed rest pose: lower, upper, mean, standard deviation.
THUMB_LIMITS = {
    "thumb_cmc_flexion": (-25, 35, 0, 16),
    "thumb_cmc_abduction": (-35, 35, 0, 16),
    "thumb_cmc_twist": (-25, 25, 0, 10),
    "thumb_mcp_flexion": (-20, 55, 5, 18),
    "thumb_mcp_abduction": (-8, 8, 0, 5),
    "thumb_ip_flexion": (-20, 75, 10, 25),
}
FINGER_LIMITS = {
    "mcp_flexion": (-35, 80, 10, 28),
    "mcp_abduction": (-24, 24, 0, 7),
    "pip_flexion": (-12, 95, 15, 32),
    "dip_flexion": (-25, 60, 8, 18),
}
# The rest pose splays the fingers; in an ordinary hand they lie closer together (degrees, toward the thumb).
ABDUCTION_MEAN = {"index": -4, "middle": 5, "ring": 9, "little": 11}

# Couplings of the anatomical prior, degrees: how far two motions usually stand apart.
NEIGHBOUR_MCP_SPREAD = 12.0
NEIGHBOUR_PIP_SPREAD = 22.0
NEIGHBOUR_ABDUCTION_SPREAD = 5.0
DIP_FROM_PIP = 0.5
DIP_SPREAD = 11.0


def hand_template(source: Source) -> dict[str, np.ndarray]:
    """Arrays of hand_right.npz but for what calibration measures; key points are joints and raw tips."""
    order = [source.bones.index(BONES[name]) for name in HAND_JOINT_NAMES]
    weights = source.weights[:, order].copy()
    weights[:, 0] += source.weights[:, source.bones.index("root")]
    parents = np.array([_parent(name) for name in HAND_JOINT_NAMES], np.int8)
    vertices, joints, _ = aligned_without_size(
        source.vertices, source.joints[:, order], np.ones(source.vertices.shape[1])
    )
    axes = _rest_axes(joints.mean(0))
    vertices = (vertices - joints[:, :1]) @ axes.T
    joints = (joints - joints[:, :1]) @ axes.T
    count = vertices.shape[1]
    points = np.concatenate([vertices, joints], axis=1)
    decide = np.concatenate([np.ones(count), np.zeros(joints.shape[1])])
    mean, basis, _ = principal_components(points, decide, SHAPE_COUNT)
    rest, rest_joints = mean[:count], mean[count:]
    rest_joints[0] = 0
    basis[:, count] = 0
    skin_joints, skin_weights = _strongest(weights)
    chosen = np.zeros_like(weights)
    np.put_along_axis(chosen, skin_joints, skin_weights, axis=1)
    keypoints, carriers = _raw_keypoints(rest, rest_joints, chosen)
    return {
        "rest_vertices": rest.astype(np.float32),
        "quads": source.quads.astype(np.uint16),
        "uv_table": _filling_the_square(source.uv_table).astype(np.float32),
        "quads_uv": source.quads_uv.astype(np.uint16),
        "region": _regions(rest, rest_joints, chosen, source.quads),
        "region_names": np.array(HAND_REGIONS),
        "joints": rest_joints.astype(np.float32),
        "parents": parents,
        "joint_names": np.array(HAND_JOINT_NAMES),
        "skin_joints": skin_joints.astype(np.uint8),
        "skin_weights": skin_weights.astype(np.float32),
        "shape_basis": basis[:, :count].astype(np.float16),
        "joint_shape_basis": basis[:, count:].astype(np.float32),
        "scale_sigma": np.float32(SCALE_SIGMA),
        "keypoint_rest": keypoints.astype(np.float32),
        "keypoint_shape_basis": keypoint_shape_basis(keypoints, rest, basis[:, :count]),
        "keypoint_joint": carriers,
        **_dof_arrays(rest_joints, keypoints[4]),
    }


def _filling_the_square(uv: np.ndarray) -> np.ndarray:
    """The hand's few per cent of the full body's texture, enlarged to the unit square without distortion."""
    low, high = uv.min(0), uv.max(0)
    return 0.5 + (uv - 0.5 * (low + high)) * (1 - 2 * UV_MARGIN) / (high - low).max()


def _parent(name: str) -> int:
    finger, joint = (*name.split("_"), "")[:2]
    if name == "wrist":
        return -1
    before = {"mcp": "cmc" if finger == "thumb" else "metacarpal", "ip": "mcp", "pip": "mcp", "dip": "pip"}
    return HAND_JOINT_NAMES.index(f"{finger}_{before[joint]}") if joint in before else 0


def _rest_axes(joints: np.ndarray) -> np.ndarray:
    """(3, 3) rotation that turns the palm to -z and the middle finger to -y."""
    at = dict(zip(HAND_JOINT_NAMES, joints, strict=True))
    down = at["wrist"] - at["middle_mcp"]
    down /= np.linalg.norm(down)
    across = at["index_mcp"] - at["little_mcp"]
    across -= down * (across @ down)
    across /= np.linalg.norm(across)
    return np.stack([across, down, np.cross(across, down)])


def _strongest(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    kept = np.take_along_axis(weights, joints, axis=1)
    return joints, kept / kept.sum(1, keepdims=True)


def _raw_keypoints(rest: np.ndarray, joints: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points, carriers = [joints[0]], [0]
    for chain in CHAINS.values():
        index = [HAND_JOINT_NAMES.index(name) for name in chain]
        points += [joints[k] for k in index]
        along = joints[index[-1]] - joints[index[-2]]
        along /= np.linalg.norm(along)
        skin = rest[weights[:, index[-1]] > 0.5]
        outer = skin[np.argsort(-(skin @ along))[:6]].mean(0)
        points.append(outer - TIP_INSET * along)
        carriers += [*index, index[-1]]
    return np.array(points), np.array(carriers, np.uint8)


def keypoint_shape_basis(keypoints: np.ndarray, rest: np.ndarray, shape_basis: np.ndarray) -> np.ndarray:
    """(S, 21, 3) float32: each point follows the skin around it."""
    squared = ((keypoints[:, None] - rest[None]) ** 2).sum(-1)
    nearness = np.exp(-0.5 * (squared - squared.min(1, keepdims=True)) / FOLLOW_RADIUS**2)
    nearness /= nearness.sum(1, keepdims=True)
    return np.einsum("kv,svc->skc", nearness, shape_basis).astype(np.float32)


def _regions(rest: np.ndarray, joints: np.ndarray, weights: np.ndarray, quads: np.ndarray) -> np.ndarray:
    strongest = np.array(HAND_JOINT_NAMES)[weights.argmax(1)]
    finger = np.array([name.split("_")[0] for name in strongest])
    base = np.isin([name.split("_")[-1] for name in strongest], ["wrist", "metacarpal", "cmc"])
    start, end = (joints[HAND_JOINT_NAMES.index(name)] for name in ("thumb_cmc", "thumb_mcp"))
    along = (rest - start) @ (end - start) / ((end - start) @ (end - start))
    base &= ~((strongest == "thumb_cmc") & (along > THUMB_START))
    normals = smoothed(vertex_normals(rest, fan(quads)), adjacency(quads, len(rest)), 4)
    region = np.where(base, np.where(normals[:, 2] < 0, "palm", "back"), finger)
    region = np.where(base & (rest[:, 1] > -WRIST_LINE), "wrist", region)
    return np.array([HAND_REGIONS.index(name) for name in region], np.uint8)


def _dof_arrays(joints: np.ndarray, thumb_tip: np.ndarray) -> dict[str, np.ndarray]:
    """Axes, limits and prior of the 22 degrees of freedom."""
    axes = _thumb_axes(joints, thumb_tip)
    limits = dict(THUMB_LIMITS)
    for finger, abduction in ABDUCTION_MEAN.items():
        axes.update(_finger_axes(finger, joints))
        for motion, values in FINGER_LIMITS.items():
            limits[f"{finger}_{motion}"] = values
        lower, upper, _, sigma = FINGER_LIMITS["mcp_abduction"]
        limits[f"{finger}_mcp_abduction"] = (lower, upper, abduction, sigma)
    lower, upper, mean, sigma = np.radians(np.array([limits[name] for name in DOF_NAMES], float)).T
    owner = [HAND_JOINT_NAMES.index("_".join(name.split("_")[:2])) for name in DOF_NAMES]
    return {
        "dof_joint": np.array(owner, np.uint8),
        "dof_axis": np.array([axes[name] for name in DOF_NAMES], np.float32),
        "dof_names": np.array(DOF_NAMES),
        "dof_lower": lower.astype(np.float32),
        "dof_upper": upper.astype(np.float32),
        "dof_mean": mean.astype(np.float32),
        "dof_sigma": sigma.astype(np.float32),
        "dof_precision": _precision(sigma).astype(np.float32),
    }


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _finger_axes(finger: str, joints: np.ndarray) -> dict[str, np.ndarray]:
    points = [joints[HAND_JOINT_NAMES.index(name)] for name in CHAINS[finger]]
    # Bending happens in the plane of the finger and the back of the hand; the rest pose is too straight to tell more.
    flexion = _unit(np.cross(BACK, points[2] - points[0]))
    bone = _unit(points[1] - points[0])
    flexion_mcp = _unit(flexion - bone * (flexion @ bone))
    return {
        f"{finger}_mcp_flexion": flexion_mcp,
        f"{finger}_mcp_abduction": -_unit(np.cross(flexion_mcp, bone)),
        f"{finger}_pip_flexion": flexion,
        f"{finger}_dip_flexion": flexion,
    }


def _thumb_axes(joints: np.ndarray, tip: np.ndarray) -> dict[str, np.ndarray]:
    points = [joints[HAND_JOINT_NAMES.index(name)] for name in CHAINS["thumb"]] + [tip]
    flexion = _unit(np.cross(points[2] - points[1], points[3] - points[2]))
    axes = {}
    for name, start, end in (("cmc", *points[:2]), ("mcp", *points[1:3])):
        bone = _unit(end - start)
        bend = _unit(flexion - bone * (flexion @ bone))
        aside = _unit(np.cross(bend, bone))
        # Palmar abduction is positive: the thumb leaves the plane of the palm, toward -z.
        if np.cross(aside, bone)[2] > 0:
            aside = -aside
        axes[f"thumb_{name}_flexion"], axes[f"thumb_{name}_abduction"] = bend, aside
        if name == "cmc":
            # Pronation is positive: the pad, which lies where flexion moves, turns to face the fingers.
            pad = np.cross(bend, bone)
            axes["thumb_cmc_twist"] = bone if np.cross(bone, pad)[2] > 0 else -bone
    axes["thumb_ip_flexion"] = flexion
    return axes


def _precision(sigma: np.ndarray) -> np.ndarray:
    """Precision matrix with the couplings' correlations and exactly the given standard deviations."""
    at = {name: k for k, name in enumerate(DOF_NAMES)}
    precision = np.diag(1 / sigma**2)

    def couple(first: str, second: str, factor: float, spread: float) -> None:
        row = np.zeros(len(DOF_NAMES))
        row[at[second]], row[at[first]] = 1, -factor
        precision[:] += np.outer(row, row) / np.radians(spread) ** 2

    fingers = ("index", "middle", "ring", "little")
    for one, other in pairwise(fingers):
        couple(f"{one}_mcp_flexion", f"{other}_mcp_flexion", 1, NEIGHBOUR_MCP_SPREAD)
        couple(f"{one}_pip_flexion", f"{other}_pip_flexion", 1, NEIGHBOUR_PIP_SPREAD)
        couple(f"{one}_mcp_abduction", f"{other}_mcp_abduction", 1, NEIGHBOUR_ABDUCTION_SPREAD)
    for finger in fingers:
        couple(f"{finger}_pip_flexion", f"{finger}_dip_flexion", DIP_FROM_PIP, DIP_SPREAD)
    covariance = np.linalg.inv(precision)
    rescale = sigma / np.sqrt(np.diag(covariance))
    return np.linalg.inv(covariance * np.outer(rescale, rescale))
