"""A hand's pose refined against the head: the hand neither hovers before the face nor sinks into it nor lies behind it.

An image alone tells the distance of a hand to a few centimetres. Three facts decide it here: a hand that is seen is in
front of what it covers, no body is inside another, and a hand that reaches the face most likely rests on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dice_core.fitting.attraction import attraction
from dice_core.fitting.hand_fit import HandFitter
from dice_core.fitting.hand_observation import HandObservation
from dice_core.fitting.hand_samples import HandSamples
from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.head_view import HeadView
from dice_core.fitting.kinematics import POSE_SIZE
from dice_core.fitting.levenberg_marquardt import Quadratic, minimise
from dice_core.fitting.touch_search import SWEEP, is_possible, within_reach
from dice_core.geometry.nearest_vertex import NearestVertexIndex, NearestVertices
from dice_core.geometry.rotations import rotation_matrices

__all__ = ["HandHeadRefiner", "RefinedHand"]

# All constants below were set by hand, judged on the rendered sample clip and on the four test photos.

# Penetration: skin yields this far at no cost, and each millimetre beyond costs much.
_YIELD_BONE, _YIELD_SOFT = 0.001, 0.004  # metres, where the softness is 0 and 1
_PENETRATION_SIGMA = 0.0015  # metres
_PENETRATION_SCALE = 5.0  # sigmas beyond which it counts linearly, so that a bad start can be pulled out
_DEEPEST = 0.05  # metres: further inside, the nearest skin does not tell the way out
# Occlusion: a part of the hand that faces the camera may lie this far behind the face's front at no cost.
_OCCLUSION_MARGIN = 0.004  # metres
_OCCLUSION_SIGMA = 0.006  # metres
_OCCLUSION_SCALE = 4.0  # sigmas beyond which it counts linearly
_OCCLUDED_SHARE = 0.02  # of the samples, far behind the front: with more, a hand has passed through the head
# Attraction of the parts of the hand that are near the skin.
_REST_DEPTH = 0.0015  # metres below the skin at which a touching part comes to rest
_ATTRACTION_SIGMA = 0.003  # metres
_ATTRACTION_SCALE = 3.0  # sigmas beyond which it counts linearly
_OPPOSED = -0.2  # largest cosine between the normals of surfaces that can touch
_APPROACH = 0.015  # metres: a hand that comes this close to the face counts as reaching it
# Weight of the image in the last pass, when what touches is known, and the same for a hand seen edge-on, whose
# landmarks hide each other.
_FINAL_WEIGHT, _FINAL_WEIGHT_EDGE = 2.2, 1.1
_FINAL_ITERATIONS = 6
_FOUND_SIGMA = 0.008  # metres in the last pass, of the distance at which the hand was found to touch
_SPEED_SIGMA = 0.4  # metres a second along the view, of the hand against the head between frames
# Continuation: the contact terms are weak in the first round and reach their full weight in the last.
_ROUNDS = 4
_WEAKENING = 0.4  # of the contact terms' weight, from each round to the one before
_ITERATIONS = 7  # a round
_LOST = 0.01  # of the hand's size in the image: error beyond that of the pose without the head
_WARM_ROUNDS = 2  # from the frame before
_WARM_ITERATIONS = 3
_LARGEST_STEP = np.concatenate([np.full(3, 0.2), np.full(3, 0.03), np.full(POSE_SIZE - 6, 0.3)])  # radians, metres


@dataclass(frozen=True)
class RefinedHand:
    """A hand in one frame, refined against the head.

    pose : (28,); is_touching : whether it touches the head; depth : metres of its deepest part below the skin,
    **positive inside**, of a hand that touches.
    """

    pose: np.ndarray
    is_touching: bool
    depth: float = 0.0


class _Evidence(NamedTuple):
    """What a hand's pose is refined by.

    observation : with a depth prediction; target_distance : metres along the view, None without one;
    temporal_prior : (22,) joint angles of the frame before, None without one; image_weight : of the landmarks;
    contact_weight : of all that keeps the bodies apart and together; distance_sigma : metres, of the target distance.
    """

    observation: HandObservation
    head: HeadView
    target_distance: float | None = None
    temporal_prior: np.ndarray | None = None
    image_weight: float = 1.0
    contact_weight: float = 1.0
    distance_sigma: float = _FOUND_SIGMA


class HandHeadRefiner:
    """Refines the poses of one hand of a person against the person's head.

    skin : nearest-vertex queries of this person's head, in rest axes; pivot : (3,) joint 0 of the head's rest pose,
    metres; softness : (V,) of its skin, 0 to 1; fps : frames a second, of no meaning for a picture.
    """

    def __init__(
        self,
        fitter: HandFitter,
        samples: HandSamples,
        skin: NearestVertexIndex,
        *,
        pivot: np.ndarray,
        softness: np.ndarray,
        fps: float,
    ) -> None:
        self._fitter = fitter
        self._samples = samples
        self._skin = skin
        self._camera = fitter.camera
        self._fps = fps
        self._pivot = pivot.astype(np.float64)
        self._yield = _YIELD_BONE + (_YIELD_SOFT - _YIELD_BONE) * softness

    def refine(
        self,
        pose: np.ndarray,
        observation: HandObservation,
        head: HeadView,
        previous: RefinedHand | None = None,
        previous_head: HeadPose | None = None,
    ) -> RefinedHand:
        """Refine a pose that was fitted without the head; `skin` holds the head's vertices of this frame.

        pose : (28,); observation : with a depth prediction; previous, previous_head : of the frame before, None without
        one. Raises ValueError if the observation has no depth prediction.
        """
        evidence = _Evidence(observation, head)
        if previous is not None and previous_head is not None:
            free_error = self._fitter.error(pose, observation)
            followed = self._follow(pose, evidence, previous, previous_head, free_error)
            if followed is not None:
                return followed
        factor = self._first_touch(pose, evidence, previous is not None and previous.is_touching)
        evidence = evidence._replace(temporal_prior=None if previous is None else previous.pose[6:])
        if factor is None:
            return self._optimise(evidence, pose, False, _ROUNDS, _ITERATIONS)
        start = pose.copy()
        start[3:6] *= factor
        refined = self._optimise(evidence, start, True, _ROUNDS, _ITERATIONS)
        final = evidence._replace(
            target_distance=float(refined.pose[5]),
            temporal_prior=refined.pose[6:],
            image_weight=_final_image_weight(observation),
        )
        return self._optimise(final, refined.pose, True, 1, _FINAL_ITERATIONS)

    def touching_pixels(self, pose: np.ndarray, head: HeadView) -> tuple[np.ndarray, np.ndarray]:
        """(n, 2) pixels of the parts of a touching hand that are nearest to the skin, and (n,) how far each touches."""
        weights = self._touching_parts(pose, head, np.ones_like(self._samples.thumb))
        near = np.flatnonzero(weights)
        return self._camera.project(self._samples.positions(self._fitter.skeleton, pose)[near]), weights[near]

    def _follow(
        self,
        free: np.ndarray,
        evidence: _Evidence,
        previous: RefinedHand,
        previous_head: HeadPose,
        free_error: float,
    ) -> RefinedHand | None:
        """Refine from the pose of the frame before; free : (28,) pose without the head.

        Returns None where a touch has begun or ended, or where the result's error in the image is larger than that of
        the pose without the head, `free_error`, by too much: then the pose must be found from scratch.
        """
        start = previous.pose.copy()
        start[3:6] += evidence.head.pose.translation - previous_head.translation
        # A hand that was free is looked for where it is now: where it was, it may have been too far away to touch.
        tested = start if previous.is_touching else free
        if self._reaches(tested, evidence, previous.is_touching) != previous.is_touching:
            return None
        evidence = evidence._replace(
            target_distance=float(start[5]),
            distance_sigma=_SPEED_SIGMA / self._fps,
            temporal_prior=previous.pose[6:],
            image_weight=_final_image_weight(evidence.observation),
        )
        refined = self._optimise(evidence, start, previous.is_touching, _WARM_ROUNDS, _WARM_ITERATIONS)
        if self._fitter.error(refined.pose, evidence.observation) > free_error + _LOST:
            return None
        if not previous.is_touching:
            return refined
        return refined if refined.depth > -_APPROACH else None

    def _optimise(
        self, evidence: _Evidence, start: np.ndarray, is_touching: bool, rounds: int, iterations: int
    ) -> RefinedHand:
        """Minimise the cost from a start (28,), in rounds with growing weight of the contact terms."""
        pose, attracted = start, np.zeros(0)  # nothing, of a hand that is free
        for k in range(rounds):
            # Weak contact terms at first let the bodies pass each other on the way to the best minimum.
            weakened = evidence._replace(contact_weight=evidence.contact_weight * _WEAKENING ** (rounds - 1 - k))
            if is_touching:
                attracted = self._touching_parts(pose, evidence.head, self._shown(evidence.observation))
            pose, _ = minimise(
                self._problem(weakened, attracted),
                pose,
                self._fitter.lower,
                self._fitter.upper,
                iterations=iterations,
                largest_step=_LARGEST_STEP,
            )
        return RefinedHand(pose, is_touching, self._deepest(pose, evidence.head) if is_touching else 0.0)

    def _deepest(self, pose: np.ndarray, head: HeadView) -> float:
        """Metres of the hand's deepest part below the skin, minus the distance where it touches nothing."""
        nearest, _ = self._nearest(self._samples.positions(self._fitter.skeleton, pose), head)
        near = nearest.distance < _DEEPEST
        return float(np.where(near & (nearest.depth > 0), nearest.depth, -nearest.distance).max())

    def _nearest(self, points: np.ndarray, head: HeadView) -> tuple[NearestVertices, np.ndarray]:
        """The skin nearest to points (n, 3) in camera space, in rest axes; and its normals (n, 3) in camera space."""
        rotation = rotation_matrices(head.pose.rotation)
        nearest = self._skin.query((points - self._pivot - head.pose.translation) @ rotation + self._pivot)
        return nearest, nearest.normal @ rotation.T

    def _reaches(self, pose: np.ndarray, evidence: _Evidence, was_touching: bool) -> bool:
        """Whether a touch is likely, and the head is where the hand may be; was_touching : in the frame before."""
        predicted = evidence.observation.predicted()
        if not is_possible(predicted, was_touching):
            return False
        _, deepest = self._swept(pose, evidence, SWEEP[within_reach(pose[5], predicted)])
        return bool(deepest.max() > -_APPROACH)

    def _first_touch(self, pose: np.ndarray, evidence: _Evidence, was_touching: bool) -> float | None:
        """Move the hand away from the camera until it first meets the head.

        pose : (28,). Returns the factor on its distance, None if the hand is free.
        """
        if not self._reaches(pose, evidence, was_touching):
            return None
        flat, deepest = self._swept(pose, evidence, SWEEP)
        behind = flat[:, 2] - evidence.head.front_at(self._camera.project(flat)) > _DEEPEST
        shown = self._shown(evidence.observation)[::2]
        occluded = (behind.reshape(len(SWEEP), -1) & shown).mean(axis=1)
        likely = np.flatnonzero(within_reach(pose[5], evidence.observation.predicted()))
        meets = np.flatnonzero((deepest > _REST_DEPTH) | (occluded > _OCCLUDED_SHARE))
        first = meets[0] if len(meets) else likely[np.argmax(deepest[likely])]
        return float(SWEEP[first])

    def _swept(self, pose: np.ndarray, evidence: _Evidence, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every other sample (k n, 3) with the hand's distance times each of k factors; depth of the deepest, (k,)."""
        points = self._samples.positions(self._fitter.skeleton, pose)[::2]
        flat = (points + (factors[:, None, None] - 1) * pose[3:6]).reshape(-1, 3)
        nearest, _ = self._nearest(flat, evidence.head)
        # A point below the tangent plane of skin that is far away need not be inside: only near ones count.
        depth = np.where(nearest.distance < _DEEPEST, nearest.depth, -nearest.distance)
        return flat, depth.reshape(len(factors), -1)[:, self._shown(evidence.observation)[::2]].max(axis=1)

    def _shown(self, observation: HandObservation) -> np.ndarray:
        """(n,) bool: samples that are in front of what they cover and can tell where the hand touches; not those of a
        thumb that is hidden."""
        return ~(self._samples.thumb & observation.thumb_hidden)

    def _touching_parts(self, pose: np.ndarray, head: HeadView, shown: np.ndarray) -> np.ndarray:
        """(n,) weight of each sample's attraction: 0 but for that of each part, of those `shown`, (n,) bool, which is
        nearest to skin that faces it."""
        points, normals = self._samples.positions_and_normals(self._fitter.skeleton, pose)
        nearest, skin = self._nearest(points, head)
        opposed = shown & (np.einsum("nj,nj->n", normals, skin) < _OPPOSED)
        separation = np.where(opposed, np.where(nearest.depth > 0, 0.0, nearest.distance), np.inf)
        return attraction(self._samples, separation)

    def _problem(self, evidence: _Evidence, attracted: np.ndarray) -> Callable[[np.ndarray], Quadratic]:
        fitter, samples, head = self._fitter, self._samples, evidence.head

        def evaluate(x: np.ndarray) -> Quadratic:
            skeleton = fitter.skeleton
            terms = fitter.landmark_terms(
                evidence.observation, *skeleton.jacobian(x, fitter.keypoints), evidence.image_weight
            )
            fitter.add_prior(terms, x, evidence.observation, evidence.temporal_prior)
            if evidence.target_distance is not None:
                terms.add_diagonal(5, x[5:6] - evidence.target_distance, 1 / evidence.distance_sigma)
            points = samples.positions(skeleton, x)
            nearest, skin = self._nearest(points, head)
            self._add_penetration(terms, x, nearest, skin, evidence.contact_weight)
            facing = samples.facing(skeleton, x, points) & self._shown(evidence.observation)
            self._add_occlusion(terms, x, points, facing, evidence)
            if len(attracted):
                index = np.flatnonzero(attracted)
                weight = attracted[index] * evidence.contact_weight / _ATTRACTION_SIGMA
                residual = (nearest.depth[index] - _REST_DEPTH) * weight
                rows = -np.einsum("nj,njx->nx", skin[index], self._moves(x, index)) * weight[:, None]
                terms.add_robust(residual[:, None], rows[:, None], _ATTRACTION_SCALE)
            return terms

        return evaluate

    def _moves(self, pose: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(n, 3, 28) derivatives of some samples; few of them have a cost in any step."""
        return self._fitter.skeleton.jacobian(pose, self._samples.points, rows)[1]

    def _add_penetration(
        self, terms: Quadratic, pose: np.ndarray, nearest: NearestVertices, skin: np.ndarray, contact_weight: float
    ) -> None:
        """Add the cost of samples deeper than the skin yields; skin : (n, 3) normals."""
        excess = nearest.depth - self._yield[nearest.vertex]
        inside = np.flatnonzero((excess > 0) & (nearest.distance < _DEEPEST))
        if len(inside):
            weight = contact_weight / _PENETRATION_SIGMA
            residual = excess[inside] * weight
            rows = -np.einsum("nj,njx->nx", skin[inside], self._moves(pose, inside)) * weight
            terms.add_robust(residual[:, None], rows[:, None], _PENETRATION_SCALE)

    def _add_occlusion(
        self, terms: Quadratic, pose: np.ndarray, points: np.ndarray, facing: np.ndarray, evidence: _Evidence
    ) -> None:
        """Add the cost of samples behind the head although they face the camera; points : (n, 3); facing : (n,)."""
        behind = points[:, 2] - evidence.head.front_at(self._camera.project(points)) - _OCCLUSION_MARGIN
        occluded = np.flatnonzero((behind > 0) & facing)
        if len(occluded):
            weight = evidence.contact_weight / _OCCLUSION_SIGMA
            residual = behind[occluded] * weight
            rows = self._moves(pose, occluded)[:, 2] * weight
            terms.add_robust(residual[:, None], rows[:, None], _OCCLUSION_SCALE)


def _final_image_weight(observation: HandObservation) -> float:
    return _FINAL_WEIGHT + observation.edge_on * (_FINAL_WEIGHT_EDGE - _FINAL_WEIGHT)
