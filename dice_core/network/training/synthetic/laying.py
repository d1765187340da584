"""Hands laid against the skin: turned so that a part faces it, pushed until it gives way, fingers bent onto it.

All figures were set by hand.
"""

from __future__ import annotations

import numpy as np

from dice_core.fitting.kinematics import ArticulatedPoints
from dice_core.geometry.rotations import rotation_matrices
from dice_core.network.training.synthetic.hand_batch import HandBatch, HandModel
from dice_core.network.training.synthetic.touchable import Touchable, View

__all__ = ["ELBOW", "ELBOW_OF_PALM", "elbow_direction", "laid", "pinching", "pushed", "rested", "turned_to_elbow"]

TURNS, TURN_FIRMNESS = 12, 3.0
"""Turns about the skin's normal that are tried, and how firmly the elbow chooses among them."""

ELBOW, ELBOW_OF_PALM = np.array([-0.4, 0.87, -0.25]), np.array([-0.12, 0.97, -0.2])
"""Directions from a right hand to its elbow, camera axes, in general and with the palm on a cheek; mirrored for the
left."""

TILT = 12.0
"""Degrees, deviation of the two skins' normals from opposing each other."""

PUSHES = 10
FINGER_STEPS = np.radians([-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0])


def laid(
    model: HandModel,
    rest: HandBatch,
    part: str,
    target: np.ndarray,
    normal: np.ndarray,
    elbow: np.ndarray,
    rng: np.random.Generator,
) -> HandBatch:
    """Turn and move hands so that a sample of the part faces the skin, and the elbow is where elbows are."""
    count = len(target)
    sample = rng.choice(_part_samples(model, part), size=count)
    rows = np.arange(count)
    local, outward = model.skin(rest)[rows, sample], model.normals(rest)[rows, sample]
    facing = -normal + rng.normal(0, np.tan(np.radians(TILT)), (count, 3))
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    axis = np.cross(outward, facing)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine[:, 0], np.einsum("nj,nj->n", outward, facing))
    first = rotation_matrices(axis / np.maximum(sine, 1e-9) * angle[:, None])
    rotation = turned_to_elbow(elbow, first, facing, rng)
    translation = target - np.einsum("nab,nb->na", rotation, local - model.joints[0]) - model.joints[0]
    return HandBatch(rotation, translation, rest.angles)


def elbow_direction(view: View, side: str, direction: np.ndarray) -> np.ndarray:
    """(3,) unit direction to the elbow, head axes; direction : of a right arm, camera axes."""
    direction = direction * ([-1, 1, 1] if side == "left" else [1, 1, 1])
    return view.rotation.T @ direction / np.linalg.norm(direction)


def turned_to_elbow(elbow: np.ndarray, rotation: np.ndarray, about: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 3, 3) rotations turned about axes (n, 3) so that the elbow is where elbows are."""
    turns = (np.arange(TURNS) + rng.random((len(about), 1))) * 2 * np.pi / TURNS
    candidates = rotation_matrices(about[:, None] * turns[..., None]) @ rotation[:, None]
    score = TURN_FIRMNESS * candidates[..., 1] @ elbow + rng.gumbel(size=turns.shape)
    return candidates[np.arange(len(about)), score.argmax(axis=1)]


def pinching(model: HandModel, rest: HandBatch, target: np.ndarray, normal: np.ndarray, side: str) -> HandBatch:
    """Hands whose thumb and index finger lie on either side of the place, the thumb on the hand's own side."""
    keypoints = model.positions(rest, model.keypoints)
    thumb, index = keypoints[:, 4], keypoints[:, 8]
    across = np.array([1.0, 0, 0]) if side == "right" else np.array([-1.0, 0, 0])
    local = _frames(index - thumb, (index + thumb) / 2 - keypoints[:, 9])
    # From below and from in front: an arm that hangs beside the body.
    approach = -normal + np.array([0.0, -0.9, 0.0])
    rotation = _frames(np.tile(across, (len(target), 1)), approach) @ local.transpose(0, 2, 1)
    middle = (index + thumb) / 2
    at = target - 0.008 * normal
    translation = at - np.einsum("nab,nb->na", rotation, middle - model.joints[0]) - model.joints[0]
    return HandBatch(rotation, translation, rest.angles)


def pushed(skin: Touchable, model: HandModel, batch: HandBatch, normal: np.ndarray, give: np.ndarray) -> HandBatch:
    """Move hands along the skin's normal until they press it in by `give`."""
    shift = np.zeros_like(normal)
    points = model.skin(batch)
    for _ in range(PUSHES):
        excess = skin.depth(points + shift[:, None]).max(axis=1) - give
        shift += normal * np.clip(excess, -0.01, 0.03)[:, None]
    return batch.moved(shift)


def rested(skin: Touchable, model: HandModel, batch: HandBatch, give: np.ndarray, pinch: bool) -> HandBatch:
    """Bend or stretch each finger so that it lies closest to the skin without entering it."""
    names, joint = model.hand.dof_names, model.sample_joints
    angles = batch.angles.copy()
    samples = model.samples.points
    for finger in ("index", "thumb") if pinch else ("index", "middle", "ring", "little"):
        own = np.flatnonzero(np.char.startswith(joint, finger) & ~np.char.endswith(joint, "metacarpal"))
        points = ArticulatedPoints(samples.rest[own], samples.weights[own])
        bends = {f"{finger}_mcp_flexion": 1.0, f"{finger}_pip_flexion": 0.4}
        if finger == "thumb":
            bends = {"thumb_cmc_flexion": 0.6, "thumb_mcp_flexion": 1.0}
        trials, costs = [], []
        for step in FINGER_STEPS:
            trial = angles.copy()
            for name, share in bends.items():
                trial[:, names.index(name)] += share * step
            trial = np.clip(trial, model.hand.dof_lower, model.hand.dof_upper)
            deepest = skin.depth(model.positions(HandBatch(batch.rotation, batch.translation, trial), points)).max(1)
            costs.append(np.where(deepest > give, 10 * deepest, -deepest) + 0.01 * abs(step))
            trials.append(trial)
        angles = np.array(trials)[np.argmin(costs, axis=0), np.arange(len(angles))]
    return HandBatch(batch.rotation, batch.translation, angles)


def _part_samples(model: HandModel, part: str) -> np.ndarray:
    """Indices of the samples of the hand's skin in a part."""
    joint, up = model.sample_joints, model.samples.normals[:, 2]
    tip = np.char.endswith(joint, "_dip") | (joint == "thumb_ip")
    finger = np.char.endswith(joint, "_pip") | np.char.endswith(joint, "_mcp")
    first = np.char.startswith(joint, "index") | np.char.startswith(joint, "middle")
    thumb = np.char.startswith(joint, "thumb")
    chosen = {
        "tips": tip & first & (up < -0.2),
        "inside": ~tip & ~thumb & (up < -0.3),
        "palm": ~tip & ~finger & (up < -0.3),
        "knuckles": finger & ~thumb & (up > 0.3),
        "pinch": tip & first & (up < -0.2),
    }[part]
    return np.flatnonzero(chosen)


def _frames(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, 3, 3) orthonormal axes in columns: along the first vectors, and in the plane of both."""
    one = first / np.linalg.norm(first, axis=1, keepdims=True)
    two = second - np.einsum("nj,nj->n", second, one)[:, None] * one
    two /= np.linalg.norm(two, axis=1, keepdims=True)
    return np.stack([one, two, np.cross(one, two)], axis=2)
