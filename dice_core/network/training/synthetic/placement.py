"""Where a hand is put for a gesture: on the skin, a little before it, or freely in front; in the head's own axes.

Many candidates are laid against the skin at once, and one of those that a body can do and a camera can see is taken.
All figures were set by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dice_core.bodies import Head
from dice_core.fitting.kinematics import ArticulatedPoints
from dice_core.geometry.rotations import rotation_matrices
from dice_core.network.training.synthetic.gestures import FREE, Gesture, bend_fingers
from dice_core.network.training.synthetic.hand_batch import HandBatch, HandModel
from dice_core.network.training.synthetic.touchable import NEAR, Touchable, View

__all__ = ["Place", "place_hand", "place_hands"]

CANDIDATES = 48
TURNS, TURN_FIRMNESS = 12, 3.0
"""Turns about the skin's normal that are tried, and how firmly the elbow chooses among them."""

ELBOW, ELBOW_OF_PALM = np.array([-0.4, 0.87, -0.25]), np.array([-0.12, 0.97, -0.2])
"""Directions from a right hand to its elbow, camera axes, in general and with the palm on a cheek; mirrored for the
left."""

BESIDE = 0.06
"""Metres from the face's middle at which a hand is fully on its own side."""

APART = 0.006
"""Metres that one hand keeps from the other."""

TILT = 12.0
"""Degrees, deviation of the two skins' normals from opposing each other."""

GIVE = (0.0005, 0.005)
"""Metres that hands press into the skin before it gives way: light touches to firm ones."""

SLACK = 0.002
"""Metres further from the skin than asked for at which a hand still is where it should be."""

PUSHES = 10
CLEAR_FOREARM = np.array([0.05, 0.09, 0.13, 0.18])
FOREARM_RADIUS = 0.03
"""Metres from the wrist along the forearm, and around it, that must lie outside the head."""

FINGER_STEPS = np.radians([-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0])

FREE_ACROSS, FREE_TOWARD = (0.10, 0.20), (0.10, 0.30)
"""Metres beside and before the head's middle at which free hands are held."""


@dataclass(frozen=True)
class Place:
    """A hand in the head's axes. rotation : (3, 3); translation : (3,); angles : (22,); normal : (3,) away from the
    skin where it touches or would."""

    rotation: np.ndarray
    translation: np.ndarray
    angles: np.ndarray
    normal: np.ndarray


def place_hand(
    head: Head,
    skin: Touchable,
    view: View,
    model: HandModel,
    gesture: Gesture,
    gap: float | None,
    rng: np.random.Generator,
    other: np.ndarray | None = None,
) -> Place:
    """A hand that does a gesture, `gap` metres before the skin; None for a hand held freely.

    other : (n, 3) skin of a hand that is there already, head axes.
    """
    elbow = _elbow(view, model.side, ELBOW_OF_PALM if gesture.part == "palm" else ELBOW)
    taken = _tree(other)
    best: tuple[float, Place] | None = None
    for _ in range(6):
        found = _candidates(head, skin, view, model, gesture, gap, elbow, rng)
        if taken is not None:
            found.possible[:] &= taken.query(found.points)[0].min(axis=1) > APART
        broad = (found.depth > -NEAR - (gap or 0)).sum(axis=1) / 40
        score = 4.0 * found.possible + 4.0 * found.seen + gesture.broad * np.minimum(broad, 1.5)
        score = score + rng.random(len(broad))
        sideways = found.keypoints[..., 0].mean(axis=1) * (1 if model.side == "left" else -1) / BESIDE
        score += found.batch.rotation[:, :, 1] @ elbow + 2 * gesture.beside * np.clip(sideways, -1, 1)
        k = int(score.argmax())
        if best is None or score[k] > best[0]:
            best = float(score[k]), found.place(k)
        if best[0] >= 8.3:
            break
    assert best is not None
    return best[1]


def _tree(points: np.ndarray | None) -> Any:
    """Of the other hand, which only the benchmark's scenes have: it needs scipy."""
    if points is None:
        return None
    from scipy.spatial import cKDTree

    return cKDTree(points)


def place_hands(
    head: Head,
    skin: Touchable,
    view: View,
    model: HandModel,
    gesture: Gesture,
    gap: float | None,
    rng: np.random.Generator,
    most: int,
) -> list[Place]:
    """At most so many different hands that do a gesture, all of one round of candidates; arguments as `place_hand`."""
    elbow = _elbow(view, model.side, ELBOW_OF_PALM if gesture.part == "palm" else ELBOW)
    found = _candidates(head, skin, view, model, gesture, gap, elbow, rng)
    good = np.flatnonzero(found.possible & found.seen)
    return [found.place(int(k)) for k in rng.permutation(good)[:most]]


@dataclass(frozen=True)
class _Candidates:
    """n hands, head axes. normal : (n, 3); points : (n, s, 3) of their skin, depth : (n, s) of these below the head's;
    keypoints : (n, 21, 3); possible, seen : (n,) bool, what a body can do and what a camera sees."""

    batch: HandBatch
    normal: np.ndarray
    points: np.ndarray
    depth: np.ndarray
    keypoints: np.ndarray
    possible: np.ndarray
    seen: np.ndarray

    def place(self, k: int) -> Place:
        batch = self.batch
        return Place(batch.rotation[k], batch.translation[k], batch.angles[k], self.normal[k])


def _candidates(
    head: Head,
    skin: Touchable,
    view: View,
    model: HandModel,
    gesture: Gesture,
    gap: float | None,
    elbow: np.ndarray,
    rng: np.random.Generator,
) -> _Candidates:
    if gap is None:
        batch, normal = _free(view, model, elbow, rng)
        give = np.zeros(len(normal))
    else:
        batch, normal, give = _touching(head, skin, view, model, gesture, elbow, rng)
        batch = batch.moved(normal * gap)
        if gap > 0:
            batch = _pushed(skin, model, batch, normal, np.full(len(normal), -gap))
    points = model.skin(batch)
    depth = skin.depth(points)
    deepest = depth.max(axis=1)
    possible = (deepest < give + 0.003) & _forearm_clear(skin, batch)
    if gap is not None:
        possible &= deepest > -gap - SLACK
    keypoints = model.positions(batch, model.keypoints)
    return _Candidates(batch, normal, points, depth, keypoints, possible, view.seen(keypoints))


def _touching(
    head: Head,
    skin: Touchable,
    view: View,
    model: HandModel,
    gesture: Gesture,
    elbow: np.ndarray,
    rng: np.random.Generator,
) -> tuple[HandBatch, np.ndarray, np.ndarray]:
    """Candidates on the skin, its normals (n, 3) there, and how far (n,) they press."""
    side = model.side
    vertex = _places(head, skin, view, gesture, side, rng)
    target, normal = skin.vertices[vertex], skin.normals[vertex]
    count = len(vertex)
    give = rng.uniform(*GIVE, count)
    angles = bend_fingers(model.hand, gesture, count, rng)
    identity = HandBatch(np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3)), angles)
    if gesture.pinch:
        batch = _pinching(model, identity, target, normal, side)
    else:
        batch = _laid(model, identity, gesture.part, target, normal, elbow, rng)
    batch = _pushed(skin, model, batch, normal, give)
    batch = _rested(skin, model, batch, give, gesture.pinch)
    return _pushed(skin, model, batch, normal, give), normal, give


def _places(
    head: Head, skin: Touchable, view: View, gesture: Gesture, side: str, rng: np.random.Generator
) -> np.ndarray:
    """(CANDIDATES,) vertices of the gesture's regions that the camera sees."""
    own, other = ("L", "R") if side == "left" else ("R", "L")
    weight = np.zeros(len(skin.vertices))
    for region, share in gesture.regions.items():
        name = region.replace(".own", f".{own}").replace(".other", f".{other}")
        half = skin.vertices[:, 0] * (1 if own == "L" else -1) > 0.02
        if name not in head.mesh.region_names:
            name = name.partition(".")[0]  # the forehead has no sides of its own
            members = head.mesh.region_vertices(name) & half
        else:
            members = head.mesh.region_vertices(name)
        members = members & skin.touchable
        weight[members] += share / max(int(members.sum()), 1)
    if gesture.below:
        weight *= np.clip(skin.normals[:, 1], 0, 1) ** 2
    at = skin.vertices @ view.rotation.T + view.translation
    facing = -np.einsum("nj,nj->n", skin.normals @ view.rotation.T, at) / np.linalg.norm(at, axis=1)
    weight *= facing > (-0.9 if gesture.below else 0.0)
    if not weight.any():
        weight = (skin.touchable & (facing > 0.3)).astype(float)
    return rng.choice(len(weight), size=CANDIDATES, p=weight / weight.sum())


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


def _laid(
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
    rotation = _turned(elbow, first, facing, rng)
    translation = target - np.einsum("nab,nb->na", rotation, local - model.joints[0]) - model.joints[0]
    return HandBatch(rotation, translation, rest.angles)


def _elbow(view: View, side: str, direction: np.ndarray) -> np.ndarray:
    """(3,) unit direction to the elbow, head axes; direction : of a right arm, camera axes."""
    direction = direction * ([-1, 1, 1] if side == "left" else [1, 1, 1])
    return view.rotation.T @ direction / np.linalg.norm(direction)


def _turned(elbow: np.ndarray, rotation: np.ndarray, about: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 3, 3) rotations turned about axes (n, 3) so that the elbow is where elbows are."""
    turns = (np.arange(TURNS) + rng.random((len(about), 1))) * 2 * np.pi / TURNS
    candidates = rotation_matrices(about[:, None] * turns[..., None]) @ rotation[:, None]
    score = TURN_FIRMNESS * candidates[..., 1] @ elbow + rng.gumbel(size=turns.shape)
    return candidates[np.arange(len(about)), score.argmax(axis=1)]


def _pinching(model: HandModel, rest: HandBatch, target: np.ndarray, normal: np.ndarray, side: str) -> HandBatch:
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


def _frames(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, 3, 3) orthonormal axes in columns: along the first vectors, and in the plane of both."""
    one = first / np.linalg.norm(first, axis=1, keepdims=True)
    two = second - np.einsum("nj,nj->n", second, one)[:, None] * one
    two /= np.linalg.norm(two, axis=1, keepdims=True)
    return np.stack([one, two, np.cross(one, two)], axis=2)


def _pushed(skin: Touchable, model: HandModel, batch: HandBatch, normal: np.ndarray, give: np.ndarray) -> HandBatch:
    """Move hands along the skin's normal until they press it in by `give`."""
    shift = np.zeros_like(normal)
    points = model.skin(batch)
    for _ in range(PUSHES):
        excess = skin.depth(points + shift[:, None]).max(axis=1) - give
        shift += normal * np.clip(excess, -0.01, 0.03)[:, None]
    return batch.moved(shift)


def _rested(skin: Touchable, model: HandModel, batch: HandBatch, give: np.ndarray, pinch: bool) -> HandBatch:
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


def _free(view: View, model: HandModel, elbow: np.ndarray, rng: np.random.Generator) -> tuple[HandBatch, np.ndarray]:
    """Hands held up beside or before the face, palms toward the camera, the face or between."""
    sign, count = 1.0 if model.hand.mesh.name == "hand_left" else -1.0, CANDIDATES
    angles = bend_fingers(model.hand, FREE, count, rng)
    toward = view.rotation.T @ np.array([0.0, 0.0, -1.0])
    about = np.tile(toward, (count, 1)) + rng.normal(0, 0.6, (count, 3))
    about /= np.linalg.norm(about, axis=1, keepdims=True)
    spin = rotation_matrices(np.array([0.0, 1.0, 0.0]) * rng.uniform(0, 2 * np.pi, (count, 1)))
    rotation = _turned(elbow, spin, about, rng)
    across = rng.uniform(*FREE_ACROSS, count) * np.where(rng.random(count) < 0.75, sign, -sign * 0.4)
    at = np.stack([across, rng.uniform(-0.08, 0.1, count), -rng.uniform(*FREE_TOWARD, count)], axis=1)
    identity = HandBatch(rotation, np.zeros((count, 3)), angles)
    middle = model.positions(identity, model.keypoints).mean(axis=1)
    return HandBatch(rotation, at @ view.rotation - middle, angles), np.tile(toward, (count, 1))


def _forearm_clear(skin: Touchable, batch: HandBatch) -> np.ndarray:
    along = batch.rotation[:, None, :, 1] * CLEAR_FOREARM[:, None]
    return np.asarray((skin.depth(batch.translation[:, None] + along) < -FOREARM_RADIUS).all(axis=1))
