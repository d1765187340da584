"""Where a hand stands against the head: its pose refined so that it neither floats nor sinks in nor hides behind.

An image alone tells the distance of a hand to a few centimetres. What fixes it here: a hand that is seen stands in
front of what it covers, nothing is inside anything else, and a hand that reaches the face most likely rests on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dice_core.fitting.depth_prior import DepthGuess
from dice_core.fitting.hand_fit import HandFitter, HandObservation, edge_on
from dice_core.fitting.hand_samples import HandSamples
from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.head_view import HeadView
from dice_core.fitting.kinematics import POSE_SIZE
from dice_core.fitting.levenberg_marquardt import Quadratic, minimise
from dice_core.geometry.nearest_vertex import NearestVertexIndex, NearestVertices
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["HandPlacer", "Placement"]

# Penetration: skin yields this much before it counts, and each millimetre beyond counts heavily.
_GIVE_BONE, _GIVE_SOFT = 0.001, 0.008  # metres, where the softness is 0 and 1
_PENETRATION_SIGMA = 0.0015  # metres
_PENETRATION_SCALE = 5.0  # in sigmas: linear beyond, so that a bad start can be pulled out
_DEEPEST = 0.05  # metres: farther inside, the nearest skin says nothing of the way out
# Ordering: a part of the hand that faces the camera may lie this far behind the face's front before it counts.
_HIDDEN_GIVE = 0.004  # metres
_HIDDEN_SIGMA = 0.006
_HIDDEN_SCALE = 4.0
# Attraction: parts of the hand nearer than about this to the skin are drawn to rest on it.
_REACH = 0.012  # metres
_REST_DEPTH = 0.0015  # metres below the skin at which a touching part comes to rest
_ATTRACTION_SIGMA = 0.003  # metres
_OPPOSED = -0.2  # largest cosine between the skins' normals at a touch
# When a hand is drawn onto the face: probability, of a hand that was free before and of one that touched.
_BEGINS, _STAYS = 0.4, 0.2
_REACHES = 2.5  # deviations of the learned depth, farther off than which a hand is free all the same
_LEAST_REACH = 0.02  # metres, of that
_APPROACH = 0.015  # metres: a hand that passes the face this close without touching is drawn onto it
_SWEEP = np.exp(np.linspace(-0.36, 0.36, 37))  # distances tried, relative to the pose without the head
_POLISH_WEIGHT = 2.2  # trust in the image once it is settled what touches
_POLISH_WEIGHT_EDGE = 1.1  # the same of a hand seen edge-on, whose landmarks hide behind each other
_POLISH_ITERATIONS = 6
_STEADY_DISTANCE = 0.008  # metres between frames, hand against head
_ROUNDS = 4
_SOFTENING = 0.4  # of the contact terms, from each round back to the one before
_ITERATIONS = 7
_LOST = 0.01  # of the hand's size in the image, beyond what the pose without the head misses
_WARM_ROUNDS = 2
_WARM_ITERATIONS = 3
_LARGEST_STEP = np.concatenate([np.full(3, 0.2), np.full(3, 0.03), np.full(POSE_SIZE - 6, 0.3)])


@dataclass(frozen=True)
class Placement:
    """A hand placed in one frame: pose (28,), and whether it touches the head."""

    pose: np.ndarray
    touching: bool


class _Evidence(NamedTuple):
    """What a frame says of the hand's place.

    observation : with the learned depth; aim : metres, where the hand would be if it kept its distance to the head;
    steady : (22,) joint angles of the frame before; trust : weight of the landmarks; firmness : of all that keeps the
    bodies apart and together.
    """

    observation: HandObservation
    head: HeadView
    aim: float | None = None
    steady: np.ndarray | None = None
    trust: float = 1.0
    firmness: float = 1.0


class HandPlacer:
    """Places one hand of a person against the person's head.

    pivot : (3,) joint 0 of the head's rest pose; softness : (V,) of its skin, 0 to 1; proximity : of this person.
    """

    def __init__(
        self,
        fitter: HandFitter,
        samples: HandSamples,
        proximity: NearestVertexIndex,
        *,
        pivot: np.ndarray,
        softness: np.ndarray,
    ) -> None:
        self._fitter = fitter
        self._samples = samples
        self._proximity = proximity
        self._camera = fitter.camera
        self._pivot = pivot.astype(np.float64)
        self._give = _GIVE_BONE + (_GIVE_SOFT - _GIVE_BONE) * softness
        self._points = samples.joined(fitter.keypoints)

    def place(
        self,
        pose: np.ndarray,
        observation: HandObservation,
        head: HeadView,
        previous: Placement | None = None,
        previous_head: HeadPose | None = None,
    ) -> Placement:
        """Refine a pose that was fitted without the head; `proximity` holds the head's vertices of this frame.

        pose : (28,); observation : with the learned depth; previous, previous_head : the frame before, where there was
        one.
        """
        evidence = _Evidence(observation, head)
        if previous is not None and previous_head is not None:
            free_error = self._fitter.error(pose, observation)
            followed = self._follow(evidence, previous, previous_head, free_error)
            if followed is not None:
                return followed
        factor = self._first_touch(pose, evidence, previous is not None and previous.touching)
        steady = None if previous is None else previous.pose[6:]
        if factor is None:
            return self._settle(evidence._replace(steady=steady), pose, False, _ROUNDS, _ITERATIONS)
        start = pose.copy()
        start[3:6] *= factor
        placed = self._settle(evidence._replace(steady=steady), start, True, _ROUNDS, _ITERATIONS)
        trust = _settled_trust(observation)
        polish = evidence._replace(aim=float(placed.pose[5]), steady=placed.pose[6:], trust=trust)
        return self._settle(polish, placed.pose, True, 1, _POLISH_ITERATIONS)

    def _follow(
        self, evidence: _Evidence, previous: Placement, previous_head: HeadPose, free_error: float
    ) -> Placement | None:
        """Go on from the frame before; None where a touch has begun or ended, or where this leads away from the image
        (which the pose without the head misses by `free_error`), so that the place must be found anew."""
        start = previous.pose.copy()
        start[3:6] += evidence.head.pose.translation - previous_head.translation
        if (self._first_touch(start, evidence, previous.touching) is not None) != previous.touching:
            return None
        trust = _settled_trust(evidence.observation)
        evidence = evidence._replace(aim=float(start[5]), steady=previous.pose[6:], trust=trust)
        placed = self._settle(evidence, start, previous.touching, _WARM_ROUNDS, _WARM_ITERATIONS)
        if self._fitter.error(placed.pose, evidence.observation) > free_error + _LOST:
            return None
        if not previous.touching:
            return placed
        return placed if self._gap(placed.pose, evidence.head) < _APPROACH else None

    def _settle(
        self, evidence: _Evidence, start: np.ndarray, touching: bool, rounds: int, iterations: int
    ) -> Placement:
        pose, attracted = start, _NOTHING
        for k in range(rounds):
            # Bodies that begin soft find the way round each other that costs least.
            softened = evidence._replace(firmness=evidence.firmness * _SOFTENING ** (rounds - 1 - k))
            if touching:
                attracted = self._touching_parts(pose, evidence.head)
            pose, _ = minimise(
                self._problem(softened, attracted),
                pose,
                self._fitter.lower,
                self._fitter.upper,
                iterations=iterations,
                largest_step=_LARGEST_STEP,
            )
        return Placement(pose, touching)

    def _gap(self, pose: np.ndarray, head: HeadView) -> float:
        """Metres between the hand and the skin, zero where they meet."""
        nearest, _ = self._nearest(self._samples.positions(self._fitter.skeleton, pose), head)
        return float(np.where(nearest.depth > 0, 0.0, nearest.distance).min())

    def _local(self, points: np.ndarray, head: HeadView) -> tuple[np.ndarray, np.ndarray]:
        rotation = rotation_matrices(head.pose.rotation)
        return (points - self._pivot - head.pose.translation) @ rotation + self._pivot, rotation

    def _nearest(self, points: np.ndarray, head: HeadView) -> tuple[NearestVertices, np.ndarray]:
        local, rotation = self._local(points, head)
        nearest = self._proximity.query(local)
        return nearest, nearest.normal @ rotation.T

    def _first_touch(self, pose: np.ndarray, evidence: _Evidence, touched: bool) -> float | None:
        """Move the hand away from the camera until it first meets the head.

        touched : whether it touched in the frame before. Returns the factor on its distance, None if it is free.
        """
        head, guess = evidence.head, _guess(evidence.observation)
        if guess.touching <= (_STAYS if touched else _BEGINS):
            return None
        points = self._samples.positions(self._fitter.skeleton, pose)[::2]
        moved = points + (_SWEEP[:, None, None] - 1) * pose[3:6]
        flat = moved.reshape(-1, 3)
        nearest, _ = self._nearest(flat, head)
        near = nearest.distance < _DEEPEST
        # Below the plane of skin that is far away is not inside: count what is near only.
        depth = np.where(near, nearest.depth, -nearest.distance)
        deepest = depth.reshape(len(_SWEEP), -1).max(axis=1)
        behind = flat[:, 2] - head.front_at(self._camera.project(flat)) > _DEEPEST
        hidden = behind.reshape(len(_SWEEP), -1).mean(axis=1)
        reach = max(_REACHES * guess.mean_sigma, _LEAST_REACH)
        likely = np.abs(_SWEEP * pose[5] - pose[5]) < reach
        if deepest[likely].max() <= -_APPROACH:
            return None
        meets = np.flatnonzero((deepest > _REST_DEPTH) | (hidden > 0.02))
        first = meets[0] if len(meets) else np.flatnonzero(likely)[np.argmax(deepest[likely])]
        return float(_SWEEP[first])

    def _touching_parts(self, pose: np.ndarray, head: HeadView) -> np.ndarray:
        """(n,) weight of each sample: its part's nearest point to opposing skin, fading with the gap; else 0."""
        points, normals = self._samples.positions_and_normals(self._fitter.skeleton, pose)
        nearest, skin = self._nearest(points, head)
        opposed = np.einsum("nj,nj->n", normals, skin) < _OPPOSED
        gap = np.where(opposed, np.where(nearest.depth > 0, 0.0, nearest.distance), np.inf)
        weight = np.zeros(len(points))
        best_part, best_gap = -1, np.inf
        for part in range(self._samples.part_count):
            members = np.flatnonzero(self._samples.part == part)
            closest = members[np.argmin(gap[members])]
            if gap[closest] < best_gap:
                best_part, best_gap = closest, gap[closest]
            weight[closest] = 1 / (1 + (gap[closest] / _REACH) ** 2) ** 2 if np.isfinite(gap[closest]) else 0.0
        if best_part >= 0:
            weight[best_part] = 1.0  # something touches, or the hand would not be here
        weight[weight < 0.05] = 0.0
        return weight

    def _problem(self, evidence: _Evidence, attracted: np.ndarray) -> Callable[[np.ndarray], Quadratic]:
        fitter, samples, head = self._fitter, self._samples, evidence.head

        def evaluate(x: np.ndarray) -> Quadratic:
            position, jacobian = fitter.skeleton.jacobian(x, self._points)
            terms = fitter.landmark_terms(evidence.observation, position[:21], jacobian[:21], evidence.trust)
            fitter.add_prior(terms, x, evidence.observation, evidence.steady)
            if evidence.aim is not None:
                terms.add_diagonal(5, x[5:6] - evidence.aim, 1 / _STEADY_DISTANCE)
            points, moves = position[21:], jacobian[21:]
            nearest, skin = self._nearest(points, head)
            self._add_penetration(terms, nearest, skin, moves, evidence.firmness)
            self._add_hidden(terms, points, samples.facing(fitter.skeleton, x, points), moves, evidence)
            if len(attracted):
                index = np.flatnonzero(attracted)
                weight = attracted[index] * evidence.firmness / _ATTRACTION_SIGMA
                gap = (nearest.depth[index] - _REST_DEPTH) * weight
                rows = -np.einsum("nj,njx->nx", skin[index], moves[index]) * weight[:, None]
                terms.add_robust(gap[:, None], rows[:, None], 3.0)
            return terms

        return evaluate

    def _add_penetration(
        self, terms: Quadratic, nearest: NearestVertices, skin: np.ndarray, moves: np.ndarray, firmness: float
    ) -> None:
        excess = nearest.depth - self._give[nearest.vertex]
        inside = np.flatnonzero((excess > 0) & (nearest.distance < _DEEPEST))
        if len(inside):
            weight = firmness / _PENETRATION_SIGMA
            residual = excess[inside] * weight
            rows = -np.einsum("nj,njx->nx", skin[inside], moves[inside]) * weight
            terms.add_robust(residual[:, None], rows[:, None], _PENETRATION_SCALE)

    def _add_hidden(
        self, terms: Quadratic, points: np.ndarray, facing: np.ndarray, moves: np.ndarray, evidence: _Evidence
    ) -> None:
        behind = points[:, 2] - evidence.head.front_at(self._camera.project(points)) - _HIDDEN_GIVE
        hidden = np.flatnonzero((behind > 0) & facing)
        if len(hidden):
            weight = evidence.firmness / _HIDDEN_SIGMA
            residual = behind[hidden] * weight
            rows = moves[hidden, 2] * weight
            terms.add_robust(residual[:, None], rows[:, None], _HIDDEN_SCALE)


def _settled_trust(observation: HandObservation) -> float:
    return _POLISH_WEIGHT + edge_on(observation.pixels) * (_POLISH_WEIGHT_EDGE - _POLISH_WEIGHT)


def _guess(observation: HandObservation) -> DepthGuess:
    if observation.guess is None:
        raise ValueError("A hand is placed against a head by the depth that its view suggests: give the guess.")
    return observation.guess


_NOTHING = np.zeros(0)
