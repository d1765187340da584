"""A hand placed so that what touches the face in the take touches the same skin of another face, and nothing enters it.

The pose is the one nearest to the carried-over one; every sample of the hand near the face has its goal, fading with
distance, so that touches begin and end without a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from dice_core.fitting.kinematics import ArticulatedPoints, Skeleton
from dice_core.fitting.levenberg_marquardt import Quadratic, minimise
from dice_core.geometry.nearest_vertex import NearestVertexIndex
from dice_core.transfer.hand_carry import CarriedHand
from dice_core.transfer.hand_rig import HandRig

__all__ = ["ContactFitter", "ContactGoals", "corrected"]

# Tuned on the sample's truth on ICT's head and two anny bodies; the benchmark's other characters and performances are
# not among them.
GOAL_SIGMA = 0.0015  # metres of a sample from its goal
GOAL_SCALE = 4.0  # sigmas beyond which it counts linearly
GIVEN_UP = 0.008  # metres from its goal at which a sample counts a quarter in the next round: what cannot be reached is
# given up for what can, instead of both being missed by half
HELD_SHARE = 0.25  # of the samples, by weight, that decide where a hand goes that cannot reach all its goals
HELD_SCALE = 0.5  # of their distance, at which a sample counts a quarter
REWEIGHTINGS = 3  # rounds of that for the first frame; later ones start from the frame before
TURN_SIGMA, MOVE_SIGMA = 0.25, 0.02  # radians and metres of the wrist from the carried-over pose
FLEX_SIGMA, SPREAD_SIGMA = 0.25, 0.10  # radians of a finger's joints
FLEX_LIMIT, SPREAD_LIMIT = 0.9, 0.25  # radians, largest
ENTER_SIGMA, ENTER_SCALE = 0.0005, 8.0  # metres of skin that enters too deeply; sigmas
SKIN_POINTS = 600  # of the hand's skin that are kept out of the head
DEEPEST = 0.05  # metres: further inside, the nearest skin does not tell the way out
BESIDE = 0.008  # metres along the skin from the nearest vertex: more than an edge of our head: none is above it
STEADY_TURN, STEADY_MOVE, STEADY_FLEX = 0.06, 0.006, 0.06  # radians and metres between frames of the correction
FIRST_ITERATIONS, NEXT_ITERATIONS = 14, 4


@dataclass(frozen=True)
class ContactGoals:
    """goals : (s, 3) of the samples; weights : (s,) 0 to 1; allowed : (V,) metres that a hand may be under the skin at
    each vertex of the head, negative where it has to keep away; freedom : a factor on the deviations of the
    correction, 1 at the face and less away from it."""

    goals: np.ndarray
    weights: np.ndarray
    allowed: np.ndarray
    freedom: float


class ContactFitter:
    """One hand of a character against its head.

    rig : the hand; samples : (s,) our vertices that have goals; skin : nearest-vertex queries of the registered head;
    thickness : (V,) metres of what the head's skin covers at each vertex: what is deeper below it is not inside.
    """

    def __init__(self, rig: HandRig, samples: np.ndarray, skin: NearestVertexIndex, thickness: np.ndarray) -> None:
        self._rig, self._skin, self._thickness = rig, skin, thickness
        self._places = rig.places.chosen(samples)
        self._sample_weights = np.einsum("sk,skb->sb", self._places.weights, rig.weights[self._places.corners])
        stride = max(1, len(rig.skin) // SKIN_POINTS)
        self._outer = np.arange(0, len(rig.skin), stride)
        joint, column, sigma, limit = _degrees_of_freedom(rig)
        self._dof_joint, self._dof_column = joint, column
        move = np.full(3, MOVE_SIGMA)
        self._sigma = np.concatenate([np.full(3, TURN_SIGMA), move, sigma])
        steady = np.concatenate([np.full(3, STEADY_TURN), np.full(3, STEADY_MOVE), np.full(len(sigma), STEADY_FLEX)])
        self._steady = steady
        self._limit = np.concatenate([np.full(3, np.inf), np.full(3, np.inf), limit])

    @property
    def unknowns(self) -> int:
        """Entries of a correction: turn and shift of the wrist, and the angles of the fingers."""
        return len(self._sigma)

    def skeleton(self, carried: CarriedHand) -> Skeleton:
        """The hand in its carried-over pose as a rest pose, from which corrections are counted."""
        axes = carried.turn @ self._rig.anatomy.axes
        dof_axis = axes[self._dof_joint, :, self._dof_column]
        return Skeleton(carried.joints, self._rig.anatomy.parents, self._dof_joint, dof_axis)

    def fit(self, carried: CarriedHand, goals: ContactGoals, previous: np.ndarray | None) -> np.ndarray:
        """(n,) correction of a frame; previous : that of the frame before, None for the first of a stretch."""
        skeleton = self.skeleton(carried)
        posed = self._rig.posed(carried.turn, carried.joints)
        used = np.flatnonzero(goals.weights > 0.02)
        points = ArticulatedPoints(
            np.concatenate([self._places.chosen(used).of(posed), posed[self._outer]]),
            np.concatenate([self._sample_weights[used], self._rig.weights[self._outer]]),
        )
        wanted = goals.goals[used]

        def weights_at(x: np.ndarray) -> np.ndarray:
            apart = np.linalg.norm(skeleton.positions(x, points)[: len(used)] - wanted, axis=1)
            # However far all are from their goals, the nearest ones decide: they are brought home, the others let go.
            scale = max(GIVEN_UP, HELD_SCALE * _share_below(apart, goals.weights[used], HELD_SHARE))
            return goals.weights[used] / GOAL_SIGMA / (1 + (apart / scale) ** 2)

        def evaluate(x: np.ndarray, weight: np.ndarray) -> Quadratic:
            terms = Quadratic.zero(len(x))
            terms.add_diagonal(0, x, 1 / (self._sigma * goals.freedom))
            if previous is not None:
                terms.add_diagonal(0, x - previous, 1 / self._steady)
            position, moves = skeleton.jacobian(x, points)
            if len(used):
                residual = (position[: len(used)] - wanted) * weight[:, None]
                terms.add_robust(residual, moves[: len(used)] * weight[:, None, None], GOAL_SCALE)
            self._keep_out(terms, position[len(used) :], moves[len(used) :], goals.allowed)
            return terms

        x = np.zeros(self.unknowns) if previous is None else previous
        weight = goals.weights[used] / GOAL_SIGMA if previous is None else weights_at(x)
        for round_number in range(1 + REWEIGHTINGS if previous is None else 1):
            iterations = FIRST_ITERATIONS if previous is None and not round_number else NEXT_ITERATIONS
            x, _ = minimise(
                partial(evaluate, weight=weight), x, -self._limit, self._limit, iterations=iterations, largest_step=0.3
            )
            weight = weights_at(x)
        return x

    def _keep_out(self, terms: Quadratic, position: np.ndarray, moves: np.ndarray, allowed: np.ndarray) -> None:
        nearest = self._skin.query(position)
        excess = nearest.depth - allowed[nearest.vertex]
        # A point outside has its distance as a depth, which the tangent plane of skin that is not below it is not.
        # Nor is there an inside where the nearest vertex is the edge of a fold, as in an ear.
        beside = nearest.distance**2 - nearest.depth**2 > BESIDE**2
        outside = (nearest.depth <= 0) | beside | (nearest.depth > self._thickness[nearest.vertex])
        excess = np.where(outside, -nearest.distance - allowed[nearest.vertex], excess)
        inside = np.flatnonzero((excess > 0) & (nearest.distance < DEEPEST))
        if not len(inside):
            return
        residual = excess[inside] / ENTER_SIGMA
        rows = -np.einsum("nj,njx->nx", nearest.normal[inside], moves[inside]) / ENTER_SIGMA
        terms.add_robust(residual[:, None], rows[:, None], ENTER_SCALE)


def corrected(fitter: ContactFitter, carried: CarriedHand, x: np.ndarray) -> CarriedHand:
    """The carried-over hand after a correction (n,)."""
    linear, offset, _ = fitter.skeleton(carried).transforms(x)
    joints = np.einsum("bij,bj->bi", linear, carried.joints) + offset
    return CarriedHand(linear @ carried.turn, joints)


def _share_below(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The value up to which a share of the weight lies."""
    if not len(values):
        return 0.0
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, share * total[-1])])


def _degrees_of_freedom(rig: HandRig) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Joint, column of its axes (0 bends, 2 spreads), sigma and limit of each degree of freedom."""
    joint, column, sigma, limit = [], [], [], []
    for k, name in enumerate(rig.anatomy.names):
        if k == 0:
            continue
        joint.append(k)
        column.append(0)
        sigma.append(FLEX_SIGMA)
        limit.append(FLEX_LIMIT)
        if name.endswith(".1"):
            joint.append(k)
            column.append(2)
            sigma.append(SPREAD_SIGMA if not name.startswith("thumb") else FLEX_SIGMA)
            limit.append(SPREAD_LIMIT if not name.startswith("thumb") else FLEX_LIMIT)
    return np.array(joint), np.array(column), np.array(sigma), np.array(limit)
