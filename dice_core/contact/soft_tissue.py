"""The skin of the head giving way to a hand, and the hand stopping where it cannot give way any further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dice_core.contact.contact_pairs import Pairs, PosedSurface, Topology, near_each_other, pair_surfaces, smooth_step
from dice_core.contact.lcp import pushes, shortest_way_out
from dice_core.contact.sheet_compliance import compliance_matrix, vertex_areas
from dice_core.contact.tissue.eyes import eyes_of
from dice_core.contact.tissue.flesh import Lining, rise_around
from dice_core.contact.tissue.stiffness import Tissue, bed_stiffness, head_tissue
from dice_core.errors import ShapeError
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.mesh import vertex_normals

if TYPE_CHECKING:
    from dice_core.bodies import Head

__all__ = ["Pressed", "SoftTissue", "contact_probability"]

CONTACT_GAP = 0.010
"""Metres: surfaces further apart than this do not touch; at 0.35 of it a touch is as likely as not."""

CONTACT_SHAPE = 0.66
"""Exponent that puts the probability of one half at 3.5 mm: 0.35 ** 0.66 = 0.5."""

ROW_GAP = 0.004
"""Metres: points nearer than this to the other surface take part in the solve, so that they do not slip through."""

STILL_NEAR = 0.018
"""Metres: points nearer than this after the first look are looked at again; a touch plus an edge of the mesh."""

MAX_ROWS = 320
"""Rows of one solve; a flat palm has more, but then neighbours want the same."""

BEYOND_REACH = 0.005
"""Metres: a row whose surfaces do not face each other is treated as this far from touching."""

SQUARELY_FROM, SQUARELY_FULL = 0.6, 0.9
"""-cos between hand and skin from which a vertex of the head pushes the hand back: the way out of a finger's flank is
past its tip, not sideways."""

FAR_SHIFT = 0.004
"""Metres: after the hand was pushed out further, everything near it is looked for anew."""

STILL = 1e-4
"""Metres: while the hand is pushed out by more than this in a pass, the rise around the dent is taken anew."""

PASSES, MORE_PASSES = 2, 6
"""Solves, each about the surface that the last one found; more only while too much of the hand is left inside."""

LEFT_INSIDE = 0.0022
"""Metres of a hand that may stay in the skin before the hand is pushed out; from 5 mm on it would count as a fault."""

NEGLIGIBLE = (1.5e-5, 6e-5)
"""Metres: displacements below the first are set to zero, above the second kept: skin away from a touch is at rest."""


@dataclass(frozen=True)
class Pressed:
    """One frame's contact of one hand with the head.

    deformation : (V, 3) float32, metres, to add to the head's vertices; exactly zero away from a touch.
    head_contact : (V,) float32 and hand_contact : (W,) float32, probability of touching, 0 to 1.
    hand_shift : (3,) float64, metres, to add to the hand's vertices; all other fields are those of the shifted hand.
    largest_indentation : metres, the longest displacement of the deformation.
    penetration_left : metres, how deep a vertex of the shifted hand still lies in the deformed head.
    """

    deformation: np.ndarray
    head_contact: np.ndarray
    hand_contact: np.ndarray
    hand_shift: np.ndarray
    largest_indentation: float
    penetration_left: float


@dataclass(frozen=True)
class _Rows:
    """Contacts of one pass: surface points of the head that must move along `direction` by `depth`.

    corners, weights : (m, 3); direction : (m, 3) unit; depth, limit : (m,) metres from the undented surface;
    squarely : (m,) 0 to 1, how far a row that goes deeper than its limit pushes the hand back.
    """

    corners: np.ndarray
    weights: np.ndarray
    direction: np.ndarray
    depth: np.ndarray
    limit: np.ndarray
    squarely: np.ndarray


def contact_probability(gap: np.ndarray) -> np.ndarray:
    """Probability that two facing surfaces touch: 1 at a gap of 0 or less, 0.5 at 3.5 mm, 0 from 10 mm on.

    gap : (n,) metres, negative inside.
    """
    return 1 - smooth_step(np.clip(gap / CONTACT_GAP, 0, 1) ** CONTACT_SHAPE, 0.0, 1.0)


class SoftTissue:
    """The skin of one person, prepared once; `solve` then takes a frame.

    tissue : what each vertex is made of; rest_vertices : (V, 3) neutral head, metres; triangles : (T, 3) int.
    The response of the skin is a scalar for each pair of vertices, so that it holds however the head is turned.
    Raises ShapeError if the sizes do not fit.
    """

    def __init__(self, tissue: Tissue, rest_vertices: np.ndarray, triangles: np.ndarray) -> None:
        count = len(tissue.softness)
        if rest_vertices.shape != (count, 3):
            raise ShapeError(f"rest_vertices must be ({count}, 3), not {rest_vertices.shape}.")
        self.tissue = tissue
        self.triangles = triangles
        self._touchable = np.flatnonzero(tissue.touchable)
        self._surface = Topology(triangles[tissue.touchable[triangles].all(axis=1)], count)
        self._touchable = self._touchable[self._surface.ring[self._touchable, 0] >= 0]
        self._area = vertex_areas(rest_vertices, triangles)
        self._rest = np.asarray(rest_vertices, np.float32)
        moving = np.flatnonzero(tissue.moving)
        couplings = (tissue.couplings, tissue.coupling_strength) if len(tissue.couplings) else None
        skin = triangles[tissue.moving[triangles].all(axis=1)]
        inner = compliance_matrix(rest_vertices, skin, bed_stiffness(tissue.softness), moving, couplings)
        # One more row and column of zeros stands for every vertex that does not move.
        self._compliance = np.zeros((len(moving) + 1, len(moving) + 1), np.float32)
        self._compliance[:-1, :-1] = inner
        self._slot = np.full(count, len(moving))
        self._slot[moving] = np.arange(len(moving))
        self._moving = moving
        self._lining = Lining.behind(tissue, rest_vertices)
        self._eyes = eyes_of(tissue.eyeballs, rest_vertices, tissue.moving)
        self._hands: list[Topology] = []

    @classmethod
    def for_head(cls, head: Head, rest_vertices: np.ndarray) -> SoftTissue:
        """The skin of a person with the open head's topology; rest_vertices : (V, 3) as of `Head.rest`."""
        return cls(head_tissue(head), rest_vertices, mesh_triangles(head.mesh))

    def solve(self, head_vertices: np.ndarray, hand_vertices: np.ndarray, hand_triangles: np.ndarray) -> Pressed:
        """Let the skin give way to a hand.

        head_vertices : (V, 3) posed, undeformed, and hand_vertices : (W, 3), metres; hand_triangles : (T, 3) int.
        Returns Pressed. With two hands, press the second into the head that the first has deformed.
        Raises ShapeError if head_vertices does not have the person's vertices or hand_vertices is not (W, 3).
        """
        if head_vertices.shape != self._rest.shape:
            raise ShapeError(f"head_vertices must be {self._rest.shape}, not {head_vertices.shape}.")
        if hand_vertices.ndim != 2 or hand_vertices.shape[1] != 3:
            raise ShapeError(f"hand_vertices must be (W, 3), not {hand_vertices.shape}.")
        head, hand = head_vertices.astype(np.float64), hand_vertices.astype(np.float64)
        points = self._near(head, hand)
        if points is None:
            return _untouched(len(head), len(hand))
        topology = self._hand_topology(hand_triangles, len(hand))
        hand_normals = vertex_normals(hand, hand_triangles)
        eyes = [eye.posed(head) for eye in self._eyes]
        limits = self.tissue.dent_limit.copy()
        for eye in eyes:
            eye.limit(limits, head)
        facing = self._facing(head)
        dent, bulge, shift = np.zeros_like(head), np.zeros_like(head), np.zeros(3)

        def paired(near: tuple[np.ndarray, np.ndarray]) -> tuple[Pairs, Pairs, np.ndarray]:
            skin = head + bulge + dent
            normals = vertex_normals(skin, self.triangles)
            hand_surface = PosedSurface(hand + shift, hand_normals, hand_normals, topology)
            head_surface = PosedSurface(skin, normals, normals if facing is None else facing, self._surface)
            return *pair_surfaces(hand_surface, head_surface, near[1], near[0]), normals

        hand_pairs, head_pairs, normals = paired(points)
        # What is too far to touch after the first look stays so: the skin moves with the hand, the hand only outwards.
        points = head_pairs.point[head_pairs.gap < STILL_NEAR], hand_pairs.point[hand_pairs.gap < STILL_NEAR]
        if not len(points[0]) or not len(points[1]):
            return _untouched(len(head), len(hand))
        for step in range(PASSES + MORE_PASSES):
            left = -hand_pairs.exit_gap - LEFT_INSIDE
            if step >= PASSES and left.max(initial=0) <= 0:
                break
            rows = self._rows(hand_pairs, head_pairs, dent, limits)
            if step == 0 and not rows.depth.max(initial=0) > 0:
                break
            ways, excess = -rows.direction, rows.squarely * (rows.depth - rows.limit)
            if step:
                ways, excess = np.concatenate([ways, hand_pairs.exit_normal]), np.concatenate([excess, left])
            moved = shortest_way_out(ways, excess)
            shift = shift + moved
            dent, push = self._give_way(rows, np.minimum(rows.depth + rows.direction @ moved, rows.limit))
            for eye in eyes:
                eye.keep_off(dent, head + bulge)
            if step == 0 or np.linalg.norm(moved) > STILL:
                bulge = self._bulge(dent, normals, rows, push, head_pairs)
            if np.linalg.norm(moved) > FAR_SHIFT:
                wide = self._near(head, hand + shift)
                points = points if wide is None else wide
            hand_pairs, head_pairs, normals = paired(points)
        return self._result(bulge + dent, shift, hand_pairs, head_pairs, len(hand))

    def _near(self, head: np.ndarray, hand: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Vertices of head and hand that may touch, None if there are none."""
        near_head, near_hand = near_each_other(head[self._touchable], hand)
        if not near_head.any() or not near_hand.any():
            return None
        return self._touchable[near_head], np.flatnonzero(near_hand)

    def _facing(self, head: np.ndarray) -> np.ndarray | None:
        """(V, 3) unit: where the skin looks on the whole, turned as the head is; None for the normals."""
        if self.tissue.outward is None:
            return None
        covariance = (self._rest - self._rest.mean(axis=0)).T @ (head - head.mean(axis=0))
        u, _, vt = np.linalg.svd(covariance)
        u[:, 2] *= np.sign(np.linalg.det(u @ vt))
        return self.tissue.outward @ (u @ vt)

    def _hand_topology(self, triangles: np.ndarray, count: int) -> Topology:
        for known in self._hands:
            if known.triangles is triangles and known.count == count:
                return known
        topology = Topology(triangles, count)
        self._hands = [topology, *self._hands[:3]]
        return topology

    def _rows(
        self,
        hand_pairs: Pairs,
        head_pairs: Pairs,
        dent: np.ndarray,
        limits: np.ndarray,
    ) -> _Rows:
        """Contacts in both directions: hand vertices on the head's surface, and head vertices on the hand's."""
        near_hand = (hand_pairs.gap < ROW_GAP) & (hand_pairs.weight > 0)
        near_head = (head_pairs.gap < ROW_GAP) & (head_pairs.weight > 0)
        own = head_pairs.point[near_head]
        corners = np.concatenate([hand_pairs.corners[near_hand], np.repeat(own[:, None], 3, axis=1)])
        weights = np.concatenate([hand_pairs.weights[near_hand], np.tile([1.0, 0.0, 0.0], (len(own), 1))])
        direction = np.concatenate([-hand_pairs.normal[near_hand], head_pairs.normal[near_head]])
        gap = np.concatenate([hand_pairs.gap[near_hand], head_pairs.gap[near_head]])
        facing = np.concatenate([hand_pairs.weight[near_hand], head_pairs.weight[near_head]])
        squarely = smooth_step(head_pairs.opposed[near_head], SQUARELY_FROM, SQUARELY_FULL)
        squarely = np.concatenate([np.ones(int(near_hand.sum())), squarely])
        moved = np.einsum("mk,mkx,mx->m", weights, dent[corners], direction)
        depth = facing * (moved - gap) - (1 - facing) * BEYOND_REACH
        if len(depth) > MAX_ROWS:
            deepest = np.sort(np.argpartition(-depth, MAX_ROWS)[:MAX_ROWS])
            corners, weights, direction, depth = (a[deepest] for a in (corners, weights, direction, depth))
            squarely = squarely[deepest]
        return _Rows(corners, weights, direction, depth, np.einsum("mk,mk->m", weights, limits[corners]), squarely)

    def _give_way(self, rows: _Rows, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Displacement (V, 3) that brings every row to its depth, and the push (m,) of every row."""
        vertices, place = np.unique(rows.corners, return_inverse=True)
        place = place.reshape(rows.corners.shape)
        slots = self._slot[vertices]
        spread = np.zeros((len(depth), len(vertices)), np.float32)
        np.add.at(spread, (np.arange(len(depth))[:, None], place), rows.weights.astype(np.float32))
        columns = self._compliance[slots]
        response = (spread @ columns[:, slots] @ spread.T) * (rows.direction @ rows.direction.T)
        able = np.flatnonzero(np.diagonal(response) > 1e-3 * float(np.diagonal(response).max(initial=0)))
        push = np.zeros(len(depth))
        if depth[able].max(initial=0) > 0:
            push[able] = pushes(response[np.ix_(able, able)], depth[able])
        force = (spread.T @ (push[:, None] * rows.direction)).astype(np.float32)
        field = np.zeros((len(self._slot), 3))
        if not push.any():
            return field, push
        field[self._moving] = (columns.T @ force)[:-1]
        return field, push

    def _bulge(
        self, dent: np.ndarray, normals: np.ndarray, rows: _Rows, push: np.ndarray, head_pairs: Pairs
    ) -> np.ndarray:
        """(V, 3) rise of the skin around a dent, least where it is pressed or the hand is near."""
        volume = -float((self._area * np.einsum("vx,vx->v", dent, normals)).sum())
        length = np.linalg.norm(dent, axis=1)
        able = self._area * self.tissue.softness * (1 - smooth_step(length / (length.max() + 1e-6), 0.05, 0.5))
        able[head_pairs.point] *= 1 - contact_probability(head_pairs.gap)
        pushed = np.flatnonzero(push)
        feet = np.einsum("mk,mkx->mx", rows.weights[pushed], self._rest[rows.corners[pushed]])
        bulge = np.zeros_like(dent)
        near = self._moving[length[self._moving] > NEGLIGIBLE[0]]
        height = rise_around(self._rest[near], feet, push[pushed], volume, able[near]) * able[near] / self._area[near]
        bulge[near] = height[:, None] * normals[near]
        return bulge

    def _result(
        self, field: np.ndarray, shift: np.ndarray, hand_pairs: Pairs, head_pairs: Pairs, hand_count: int
    ) -> Pressed:
        field = field.copy()
        self._lining.follow(field)
        length = np.linalg.norm(field, axis=1)
        field = field * smooth_step(length, *NEGLIGIBLE)[:, None]
        head_contact = np.zeros(len(field), np.float32)
        head_contact[head_pairs.point] = contact_probability(head_pairs.gap) * head_pairs.weight
        hand_contact = np.zeros(hand_count, np.float32)
        hand_contact[hand_pairs.point] = contact_probability(hand_pairs.gap) * hand_pairs.weight
        return Pressed(
            deformation=field.astype(np.float32),
            head_contact=head_contact,
            hand_contact=hand_contact,
            hand_shift=shift,
            largest_indentation=float(np.linalg.norm(field, axis=1).max()),
            penetration_left=float(np.max(-hand_pairs.exit_gap, initial=0.0)),
        )


def _untouched(head_count: int, hand_count: int) -> Pressed:
    return Pressed(
        np.zeros((head_count, 3), np.float32),
        np.zeros(head_count, np.float32),
        np.zeros(hand_count, np.float32),
        np.zeros(3),
        0.0,
        0.0,
    )
