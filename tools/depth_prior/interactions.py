"""Simulated hands that touch a face, just miss it, or are held before it. All ranges were set by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_prior.gestures import sample_angles
from depth_prior.heads import SimulatedHead
from depth_prior.recipe import Recipe
from dice_core.bodies import Head
from dice_core.fitting.kinematics import ArticulatedPoints
from dice_core.geometry.rotations import rotation_matrices
from dice_core.network.training.synthetic.hand_batch import HandBatch, HandModel

__all__ = ["Scenes", "sample_scenes"]

OWN_SIDE = 0.8
"""Share of touches on the side of the face that the hand belongs to, where there are two."""

PARTS = {"tips": 0.4, "fingers": 0.25, "palm": 0.2, "back": 0.15}
"""Parts of the hand with their shares of all touches: pads of the last phalanges, insides of the fingers, palm, and
knuckles with the backs of the fingers."""

TILT = 22.0
"""Degrees, deviation of the skins' normals from opposing each other."""

ELBOW = np.array([-0.45, 0.85, -0.2])
ELBOW_FIRMNESS = 2.2
"""Direction from a right hand to its elbow in camera axes, and how strongly the hand's rotation follows it."""

FOREARM = np.array([0.04, 0.08, 0.12, 0.16])
FOREARM_RADIUS = 0.03
"""Metres from the wrist and around the bone: the forearm does not pass through the head."""

LIGHT_TOUCHES = 0.35
BROAD = 16
"""Share of the hands touching at a single point that are kept, and number of samples near the skin from which all are
kept: a hand on a face mostly rests on it broadly."""

NEAR = 0.008
"""Metres from the skin for that."""

TURNS = 12
PUSHES = 8
GIVE = (0.0005, 0.005)
"""Metres that the skin gives way. With more for soft skin, the depths predicted for the rendered sample were worse."""

DEEPER = 0.003
"""Metres beyond the most that skin gives way, at which a hand counts as stuck in the head."""

CONTACT = 0.004
"""Metres of separation within which a hand counts as touching."""

FINGER_STEPS = np.radians([-24.0, -12.0, 0.0, 12.0, 24.0])
RESTING = 0.55
"""Share of touches whose other fingers are laid on the skin as far as they reach it."""

MISS = (0.006, 0.09)
FREE_ACROSS = 0.17
FREE_DEPTH = (-0.32, 0.10)
"""Metres from the head's middle at which free hands are held: deviation across, and range along the view."""

HIDDEN = 0.25
"""Share of key points that may lie behind the head."""

HIDDEN_GIVE = 0.015
PICTURE = 0.7
"""Share of key points that must lie in the picture."""


@dataclass(frozen=True)
class Scenes:
    """n hands before one head. keypoints : (n, 21, 3) metres in camera space; touching : (n,) bool."""

    batch: HandBatch
    keypoints: np.ndarray
    touching: np.ndarray


def sample_scenes(
    recipe: Recipe, head: Head, simulated: SimulatedHead, model: HandModel, count: int, rng: np.random.Generator
) -> Scenes:
    """Up to `count` right hands; impossible ones are left out."""
    touching = int(count * recipe.touching)
    missing = int(count * recipe.missing)
    near, normal, give = _touch(recipe, head, simulated, model, touching + missing, rng)
    shift = np.zeros((len(near.angles), 3))
    rows = rng.random(len(shift)) < missing / (touching + missing)
    shift[rows] = normal[rows] * rng.uniform(*MISS, (int(rows.sum()), 1))
    near = near.moved(shift)
    free = _free(simulated, model, count - touching - missing, rng)
    batch = HandBatch(*(np.concatenate(pair) for pair in zip(vars(near).values(), vars(free).values(), strict=True)))
    keypoints = model.positions(batch, model.keypoints)
    depth = simulated.depth(model.skin(batch))
    deepest = depth.max(axis=1)
    give = np.concatenate([give, np.full(len(free.angles), GIVE[0])])
    kept_share = np.where(deepest > -CONTACT, LIGHT_TOUCHES + (depth > -NEAR).sum(axis=1) / BROAD, 1.0)
    possible = (deepest < give + DEEPER) & _forearm_clear(simulated, batch) & _visible(simulated, keypoints)
    kept = np.flatnonzero(possible & (rng.random(len(possible)) < kept_share))
    return Scenes(batch.subset(kept), keypoints[kept], deepest[kept] > -CONTACT)


def _touch(
    recipe: Recipe, head: Head, simulated: SimulatedHead, model: HandModel, count: int, rng: np.random.Generator
) -> tuple[HandBatch, np.ndarray, np.ndarray]:
    """Hands, the normals (n, 3) of the skin that they touch, and how far (n,) it gives way."""
    variant = simulated.variant
    vertex = _sample_skin(recipe, head, variant.touchable, count, rng)
    target = variant.vertices[vertex] @ simulated.rotation.T + simulated.translation
    normal = variant.normals[vertex] @ simulated.rotation.T
    # Only skin that the camera sees can be seen to be touched.
    seen = np.einsum("nj,nj->n", normal, target) < 0.5 * np.linalg.norm(target, axis=1)
    target, normal = target[seen], normal[seen]
    count = len(target)
    give = rng.uniform(*GIVE, count)
    angles = sample_angles(model.hand, count, rng)
    sample = _sample_hand(model, count, rng)
    identity = HandBatch(np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3)), angles)
    local = model.skin(identity)[np.arange(count), sample]
    outward = model.normals(identity)[np.arange(count), sample]
    facing = -normal + rng.normal(0, np.tan(np.radians(TILT)) / 1.4, (count, 3))
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    rotation = _turned(_between(outward, facing), facing, rng)
    translation = target - np.einsum("nab,nb->na", rotation, local - model.joints[0]) - model.joints[0]
    batch = HandBatch(rotation, translation, angles)
    batch = _pushed_out(simulated, model, batch, normal, give)
    resting = np.flatnonzero(rng.random(count) < RESTING)
    batch.angles[resting] = _rested(simulated, model, batch.subset(resting))
    return _pushed_out(simulated, model, batch, normal, give), normal, give


def _sample_skin(recipe: Recipe, head: Head, touchable: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    weight = np.zeros(len(touchable))
    names = head.mesh.region_names
    for region, share in recipe.regions.items():
        sides = [name for name in names if name.split(".")[0] == region]
        for name in sides:
            own = 1.0 if len(sides) == 1 else OWN_SIDE if name.endswith(".R") else 1 - OWN_SIDE
            members = head.mesh.region_vertices(name) & touchable
            weight[members] += share * own / max(int(members.sum()), 1)
    return rng.choice(len(weight), size=count, p=weight / weight.sum())


def _sample_hand(model: HandModel, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) index of the sample of the hand's skin that touches."""
    joint = model.sample_joints
    inside = model.samples.normals[:, 2] < -0.3
    tip = np.char.endswith(joint, "_dip") | (joint == "thumb_ip")
    finger = np.char.endswith(joint, "_pip") | np.char.endswith(joint, "_mcp")
    members = {
        "tips": tip & (model.samples.normals[:, 2] < 0.2),
        "fingers": finger & inside,
        "palm": ~tip & ~finger & inside,
        "back": (tip | finger) & (model.samples.normals[:, 2] > 0.3),
    }
    weight = sum(share * members[part] / max(int(members[part].sum()), 1) for part, share in PARTS.items())
    return rng.choice(len(weight), size=count, p=weight / weight.sum())


def _between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(n, 3, 3) smallest rotations that take unit vectors (n, 3) to others."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine[:, 0], np.einsum("nj,nj->n", start, end))
    return rotation_matrices(axis / np.maximum(sine, 1e-9) * angle[:, None])


def _turned(rotation: np.ndarray, about: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn hands about axes (n, 3) so that the elbow is where elbows are."""
    turns = (np.arange(TURNS) + rng.random((len(about), 1))) * 2 * np.pi / TURNS
    candidates = rotation_matrices(about[:, None] * turns[..., None]) @ rotation[:, None]
    score = ELBOW_FIRMNESS * candidates[..., 1] @ (ELBOW / np.linalg.norm(ELBOW))
    chosen = (score + rng.gumbel(size=score.shape)).argmax(axis=1)
    return candidates[np.arange(len(about)), chosen]


def _pushed_out(
    simulated: SimulatedHead, model: HandModel, batch: HandBatch, normal: np.ndarray, give: np.ndarray
) -> HandBatch:
    """Move hands along the skin's normal until they press it in by as much as it gives way."""
    shift = np.zeros_like(normal)
    skin = model.skin(batch)[:, ::2]
    for _ in range(PUSHES):
        excess = simulated.depth(skin + shift[:, None]).max(axis=1) - give
        # Toward the skin only by a little: what is before it now may meet another part of the head.
        shift += normal * np.clip(excess, -0.01, 0.03)[:, None]
    return batch.moved(shift)


def _rested(simulated: SimulatedHead, model: HandModel, batch: HandBatch) -> np.ndarray:
    """(n, 22) angles with each finger bent or stretched, a step at most, so that it lies closest to the skin."""
    names = model.hand.dof_names
    joint = model.sample_joints
    angles = batch.angles.copy()
    for finger in ("index", "middle", "ring", "little"):
        own = np.flatnonzero(np.char.startswith(joint, finger) & ~np.char.endswith(joint, "metacarpal"))
        samples = model.samples.points
        points = ArticulatedPoints(samples.rest[own], samples.weights[own])
        moved, costs = [], []
        for step in FINGER_STEPS:
            trial = batch.angles.copy()
            trial[:, names.index(f"{finger}_mcp_flexion")] += step
            trial[:, names.index(f"{finger}_pip_flexion")] += 0.4 * step
            trial = np.clip(trial, model.hand.dof_lower, model.hand.dof_upper)
            depth = simulated.depth(model.positions(HandBatch(batch.rotation, batch.translation, trial), points))
            deepest = depth.max(axis=1)
            costs.append(np.where(deepest > GIVE[1], 10 * deepest, -deepest) + 0.01 * abs(step))
            moved.append(trial)
        best = np.argmin(costs, axis=0)
        column = [k for k, name in enumerate(names) if name.startswith(finger)]
        angles[:, column] = np.array(moved)[best, np.arange(len(angles))][:, column]
    return angles


def _free(simulated: SimulatedHead, model: HandModel, count: int, rng: np.random.Generator) -> HandBatch:
    angles = sample_angles(model.hand, count, rng)
    axis = rng.normal(size=(count, 3))
    random = rotation_matrices(axis / np.linalg.norm(axis, axis=1, keepdims=True) * rng.uniform(0, np.pi, (count, 1)))
    about = rng.normal(size=(count, 3))
    rotation = _turned(random, about / np.linalg.norm(about, axis=1, keepdims=True), rng)
    identity = HandBatch(rotation, np.zeros((count, 3)), angles)
    middle = model.positions(identity, model.keypoints).mean(axis=1)
    depth = rng.uniform(*FREE_DEPTH, count)
    across = rng.normal(0, FREE_ACROSS, (count, 2))
    at = simulated.translation + np.column_stack([across, np.zeros(count)])
    at *= np.maximum(1 + depth / simulated.translation[2], 0.25)[:, None]
    return HandBatch(rotation, at - middle, angles)


def _forearm_clear(simulated: SimulatedHead, batch: HandBatch) -> np.ndarray:
    along = batch.rotation[:, None, :, 1] * FOREARM[:, None]
    return (simulated.depth(batch.translation[:, None] + along) < -FOREARM_RADIUS).all(axis=1)


def _visible(simulated: SimulatedHead, keypoints: np.ndarray) -> np.ndarray:
    pixels = np.round(simulated.camera.project(keypoints)).astype(int)
    height, width = simulated.front.shape
    inside = ((pixels >= 0) & (pixels < [width, height])).all(axis=2)
    clipped = np.clip(pixels, 0, [width - 1, height - 1])
    front = np.where(inside, simulated.front[clipped[..., 1], clipped[..., 0]], np.inf)
    hidden = keypoints[..., 2] > front + HIDDEN_GIVE
    near = keypoints[..., 2].min(axis=1) > 0.1
    return (hidden.mean(axis=1) <= HIDDEN) & (inside.mean(axis=1) >= PICTURE) & near
