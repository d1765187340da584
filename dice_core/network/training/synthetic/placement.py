"""Where a hand is put for a gesture: on the skin, a little before it, or freely in front; in the head's own axes.

Many candidates are laid against the skin at once, and one of those that a body can do and a camera can see is taken.
All figures were set by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dice_core.bodies import Head
from dice_core.geometry.rotations import rotation_matrices
from dice_core.network.training.synthetic.gestures import FREE, Gesture, bend_fingers
from dice_core.network.training.synthetic.hand_batch import HandBatch, HandModel
from dice_core.network.training.synthetic.laying import (
    ELBOW,
    ELBOW_OF_PALM,
    elbow_direction,
    laid,
    pinching,
    pushed,
    rested,
    turned_to_elbow,
)
from dice_core.network.training.synthetic.touchable import NEAR, Touchable, View

__all__ = ["Place", "place_hand", "place_hands"]

CANDIDATES = 48

BESIDE = 0.06
"""Metres from the face's middle at which a hand is fully on its own side."""

APART = 0.006
"""Metres that one hand keeps from the other."""

GIVE = (0.0005, 0.005)
"""Metres that hands press into the skin before it gives way: light touches to firm ones."""

SLACK = 0.002
"""Metres further from the skin than asked for at which a hand still is where it should be."""

CLEAR_FOREARM = np.array([0.05, 0.09, 0.13, 0.18])
FOREARM_RADIUS = 0.03
"""Metres from the wrist along the forearm, and around it, that must lie outside the head."""

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
    elbow = elbow_direction(view, model.side, ELBOW_OF_PALM if gesture.part == "palm" else ELBOW)
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
    elbow = elbow_direction(view, model.side, ELBOW_OF_PALM if gesture.part == "palm" else ELBOW)
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
            batch = pushed(skin, model, batch, normal, np.full(len(normal), -gap))
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
        batch = pinching(model, identity, target, normal, side)
    else:
        batch = laid(model, identity, gesture.part, target, normal, elbow, rng)
    batch = pushed(skin, model, batch, normal, give)
    batch = rested(skin, model, batch, give, gesture.pinch)
    return pushed(skin, model, batch, normal, give), normal, give


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


def _free(view: View, model: HandModel, elbow: np.ndarray, rng: np.random.Generator) -> tuple[HandBatch, np.ndarray]:
    """Hands held up beside or before the face, palms toward the camera, the face or between."""
    sign, count = 1.0 if model.hand.mesh.name == "hand_left" else -1.0, CANDIDATES
    angles = bend_fingers(model.hand, FREE, count, rng)
    toward = view.rotation.T @ np.array([0.0, 0.0, -1.0])
    about = np.tile(toward, (count, 1)) + rng.normal(0, 0.6, (count, 3))
    about /= np.linalg.norm(about, axis=1, keepdims=True)
    spin = rotation_matrices(np.array([0.0, 1.0, 0.0]) * rng.uniform(0, 2 * np.pi, (count, 1)))
    rotation = turned_to_elbow(elbow, spin, about, rng)
    across = rng.uniform(*FREE_ACROSS, count) * np.where(rng.random(count) < 0.75, sign, -sign * 0.4)
    at = np.stack([across, rng.uniform(-0.08, 0.1, count), -rng.uniform(*FREE_TOWARD, count)], axis=1)
    identity = HandBatch(rotation, np.zeros((count, 3)), angles)
    middle = model.positions(identity, model.keypoints).mean(axis=1)
    return HandBatch(rotation, at @ view.rotation - middle, angles), np.tile(toward, (count, 1))


def _forearm_clear(skin: Touchable, batch: HandBatch) -> np.ndarray:
    along = batch.rotation[:, None, :, 1] * CLEAR_FOREARM[:, None]
    return np.asarray((skin.depth(batch.translation[:, None] + along) < -FOREARM_RADIUS).all(axis=1))
