"""A hand placed so that what touches the face in the take touches the same skin of another face, and nothing enters it.

The pose is the one nearest to the carried-over one; every sample of the hand near the face has its goal, fading with
distance, so that touches begin and end without a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.fitting.kinematics import ArticulatedPoints, Skeleton
from dice_core.fitting.levenberg_marquardt import Quadratic, minimise
from dice_core.transfer.hand_carry import CarriedHand
from dice_core.transfer.hand_rig import HandRig
from dice_core.transfer.head_obstacle import HeadObstacle

__all__ = ["ContactFitter", "ContactGoals", "corrected"]

# Tuned on the characters and performances that docs/transfer-solver.md names.
GOAL_SIGMA = 0.0015  # metres of a sample from its goal
GOAL_SCALE = 4.0  # sigmas beyond which it counts linearly: what cannot be reached does not spoil what can
TURN_SIGMA, MOVE_SIGMA = 0.25, 0.02  # radians and metres of the wrist from the carried-over pose
FLEX_SIGMA, SPREAD_SIGMA = 0.25, 0.10  # radians of a finger's joints
FLEX_LIMIT, SPREAD_LIMIT = 0.9, 0.25  # radians, largest
ENTER_SIGMA = 0.0001  # metres of skin that enters too deeply: so strict that all goals together do not outweigh it
WATCHED = 0.02  # metres from the head, in the pose that a solve starts from, within which skin is kept out of it
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

    steady : (n,) deviation of a correction's entries between frames; limit : (n,) their largest sizes.
    rig : the hand; samples : (s,) our vertices that have goals; head : in the frame that is solved.
    """

    def __init__(self, rig: HandRig, samples: np.ndarray, head: HeadObstacle) -> None:
        self._rig, self._head = rig, head
        self._places = rig.places.chosen(samples)
        self._sample_weights = np.einsum("sk,skb->sb", self._places.weights, rig.weights[self._places.corners])
        joint, column, sigma, limit = _degrees_of_freedom(rig)
        self._dof_joint, self._dof_column = joint, column
        move = np.full(3, MOVE_SIGMA)
        self._sigma = np.concatenate([np.full(3, TURN_SIGMA), move, sigma])
        self.steady = np.concatenate(
            [np.full(3, STEADY_TURN), np.full(3, STEADY_MOVE), np.full(len(sigma), STEADY_FLEX)]
        )
        self.limit = np.concatenate([np.full(3, np.inf), np.full(3, np.inf), limit])

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
        start = np.zeros(self.unknowns) if previous is None else previous
        own = self.terms(carried, goals, start)

        def evaluate(x: np.ndarray) -> Quadratic:
            terms = own(x)
            if previous is not None:
                terms.add_diagonal(0, x - previous, 1 / self.steady)
            return terms

        iterations = FIRST_ITERATIONS if previous is None else NEXT_ITERATIONS
        return minimise(evaluate, start, -self.limit, self.limit, iterations=iterations, largest_step=0.3)[0]

    def samples(self, carried: CarriedHand, x: np.ndarray) -> np.ndarray:
        """(s, 3) where the samples are after a correction (n,)."""
        posed = self._rig.posed(carried.turn, carried.joints)
        return self.skeleton(carried).positions(x, ArticulatedPoints(self._places.of(posed), self._sample_weights))

    def deepest(self, carried: CarriedHand, goals: ContactGoals, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Metres by which the hand after a correction (n,) is too deep where it is deepest, 0 if nowhere, and the way
        out (3,). The head has to be in that frame."""
        moved = corrected(self, carried, x)
        entered = self._head.entered(self._rig.posed(moved.turn, moved.joints), goals.allowed)
        if not len(entered.row):
            return 0.0, np.zeros(3)
        deepest = int(entered.excess.argmax())
        return float(entered.excess[deepest]), entered.normal[deepest]

    def terms(self, carried: CarriedHand, goals: ContactGoals, start: np.ndarray) -> Callable[[np.ndarray], Quadratic]:
        """What a frame costs at corrections (n,) that are not far from `start`; the head has to be in that frame."""
        skeleton = self.skeleton(carried)
        posed = self._rig.posed(carried.turn, carried.joints)
        used = np.flatnonzero(goals.weights > 0.02)
        distance = self._head.distance(skeleton.positions(start, ArticulatedPoints(posed, self._rig.weights)))
        outer = np.flatnonzero(distance <= max(WATCHED, distance.min()))
        points = ArticulatedPoints(
            np.concatenate([self._places.chosen(used).of(posed), posed[outer]]),
            np.concatenate([self._sample_weights[used], self._rig.weights[outer]]),
        )
        wanted, weight = goals.goals[used], goals.weights[used, None] / GOAL_SIGMA

        def evaluate(x: np.ndarray) -> Quadratic:
            terms = Quadratic.zero(len(x))
            terms.add_diagonal(0, x, 1 / (self._sigma * goals.freedom))
            position, moves = skeleton.jacobian(x, points)
            count = len(used)
            terms.add_robust((position[:count] - wanted) * weight, moves[:count] * weight[..., None], GOAL_SCALE)
            self._keep_out(terms, position[count:], moves[count:], goals.allowed)
            return terms

        return evaluate

    def _keep_out(self, terms: Quadratic, position: np.ndarray, moves: np.ndarray, allowed: np.ndarray) -> None:
        entered = self._head.entered(position, allowed)
        if len(entered.row):
            rows = -np.einsum("nj,njx->nx", entered.normal, moves[entered.row])
            terms.add(entered.excess / ENTER_SIGMA, rows / ENTER_SIGMA)


def corrected(fitter: ContactFitter, carried: CarriedHand, x: np.ndarray) -> CarriedHand:
    """The carried-over hand after a correction (n,)."""
    linear, offset, _ = fitter.skeleton(carried).transforms(x)
    joints = np.einsum("bij,bj->bi", linear, carried.joints) + offset
    return CarriedHand(linear @ carried.turn, joints)


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
