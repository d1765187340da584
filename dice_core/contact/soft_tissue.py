"""The skin of the head giving way to a hand, and the hand stopping where the skin cannot give way any further."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dice_core.contact.contact_pairs import (
    ContactPairs,
    PosedSurface,
    Topology,
    near_each_other,
    pair_surfaces,
    pair_vertices,
    smooth_step,
)
from dice_core.contact.contact_rows import ContactRows, contact_rows
from dice_core.contact.lcp import minimum_translation, solve_lcp
from dice_core.contact.sheet_compliance import SheetCompliance
from dice_core.contact.tissue.eyes import Eye, eyes_of
from dice_core.contact.tissue.flesh import Lining, volume_bulge
from dice_core.contact.tissue.stiffness import Tissue, bed_stiffness, head_tissue
from dice_core.contact.tissue_response import TissueResponse, contact_probability
from dice_core.errors import ShapeError
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.mesh import vertex_areas
from dice_core.geometry.surface_normals import SurfaceNormals

if TYPE_CHECKING:
    from dice_core.bodies import Head

__all__ = ["SoftTissue"]

# All of these were set by hand, on single frames of the rendered sample and the shapes of tests/core.

STILL_NEAR = 0.018
"""Metres: vertices nearer than this in the first pass are looked at in the later ones; a touch plus an edge of the
mesh."""

FAR_SHIFT = 0.004
"""Metres: after the hand was moved out by more than this in a pass, the broad phase is repeated."""

STILL = 1e-4
"""Metres: while the hand is moved out by more than this in a pass, the bulge around the dent is computed anew."""

PASSES, MORE_PASSES = 2, 6
"""Solves, each about the surface that the last one found; further ones only while too much of the hand is inside."""

PENETRATION_ALLOWED = 0.0022
"""Metres of a hand that may stay in the skin before the hand is moved out; from 5 mm on it would count as a fault."""

RIGID_SHARE = 1e-3
"""Response of a row, as a share of the softest row's, below which the row is left to the translation of the hand."""

BULGES_UP_TO, FLAT_FROM = 0.05, 0.5
"""Share of the deepest displacement below which skin bulges fully, and above which it does not."""

NEGLIGIBLE = (1.5e-5, 6e-5)
"""Metres: displacements below the first are set to zero, above the second kept: skin away from a touch is at rest."""

KNOWN_HANDS = 4
"""Hand topologies kept for the next frame: two hands, and two more."""


@dataclass
class _Frame:
    """Head and hand of one frame while the skin gives way.

    head : (V, 3), hand : (W, 3) metres; normals : (V, 3) unit, of the undented head; facing : (V, 3) unit, or None for
    the normals; limits : (V,) metres of the deepest dent; dent, bulge : (V, 3) and shift : (3,) metres, the answer so
    far.
    """

    head: np.ndarray
    normals: np.ndarray
    hand: np.ndarray
    hand_normals: np.ndarray
    hand_topology: Topology
    facing: np.ndarray | None
    eyes: list[Eye]
    limits: np.ndarray
    dent: np.ndarray
    bulge: np.ndarray
    shift: np.ndarray


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
        self._normals = SurfaceNormals(triangles, count)
        self._area = vertex_areas(rest_vertices, triangles)
        self._rest = np.asarray(rest_vertices, np.float32)
        moving = np.flatnonzero(tissue.moving)
        couplings = (tissue.couplings, tissue.coupling_strength) if len(tissue.couplings) else None
        skin = triangles[tissue.moving[triangles].all(axis=1)]
        self._compliance = SheetCompliance(rest_vertices, skin, bed_stiffness(tissue.softness), moving, couplings)
        self._slot = np.full(count, -1)
        self._slot[moving] = np.arange(len(moving))
        self._moving = moving
        self._lining = Lining.behind(tissue, rest_vertices)
        self._eyes = eyes_of(tissue.eyeballs, rest_vertices, tissue.moving)
        self._hands: list[Topology] = []
        self._undented: tuple[bytes, tuple[np.ndarray, np.ndarray | None]] | None = None

    @classmethod
    def for_head(cls, head: Head, rest_vertices: np.ndarray) -> SoftTissue:
        """The skin of a person with the open head's topology; rest_vertices : (V, 3) as of `Head.rest`."""
        return cls(head_tissue(head), rest_vertices, mesh_triangles(head.mesh))

    def solve(self, head_vertices: np.ndarray, hand_vertices: np.ndarray, hand_triangles: np.ndarray) -> TissueResponse:
        """Let the skin give way to a hand.

        head_vertices : (V, 3) posed, undeformed, and hand_vertices : (W, 3), metres; hand_triangles : (T, 3) int.
        Returns the TissueResponse. With two hands, press the second into the head that the first has deformed.
        Raises ShapeError if head_vertices does not have the person's vertices or hand_vertices is not (W, 3).
        """
        if head_vertices.shape != self._rest.shape:
            raise ShapeError(f"head_vertices must be {self._rest.shape}, not {head_vertices.shape}.")
        if hand_vertices.ndim != 2 or hand_vertices.shape[1] != 3:
            raise ShapeError(f"hand_vertices must be (W, 3), not {hand_vertices.shape}.")
        head, hand = head_vertices.astype(np.float64), hand_vertices.astype(np.float64)
        candidates = self._broad_phase(head, hand)
        if candidates is None:
            return TissueResponse.without_contact(len(head), len(hand))
        frame = self._begin(head, hand, hand_triangles)
        hand_pairs, head_pairs, normals = self._narrow_phase(frame, candidates)
        # What is too far to touch in the first pass stays so: the skin moves with the hand, the hand only outwards.
        candidates = (
            head_pairs.vertex[head_pairs.depth > -STILL_NEAR],
            hand_pairs.vertex[hand_pairs.depth > -STILL_NEAR],
        )
        if not len(candidates[0]) or not len(candidates[1]):
            return TissueResponse.without_contact(len(head), len(hand))
        for step in range(PASSES + MORE_PASSES):
            left = hand_pairs.exit_depth - PENETRATION_ALLOWED
            if step >= PASSES and left.max(initial=0) <= 0:
                break
            rows = contact_rows(hand_pairs, head_pairs, frame.dent, frame.limits)
            if step == 0 and not rows.depth.max(initial=0) > 0:
                break
            ways, excess = -rows.direction, rows.frontal_weight * (rows.depth - rows.limit)
            if step:
                ways, excess = np.concatenate([ways, hand_pairs.exit_normal]), np.concatenate([excess, left])
            moved = minimum_translation(ways, excess)
            frame.shift = frame.shift + moved
            force = self._give_way(frame, rows, np.minimum(rows.depth + rows.direction @ moved, rows.limit))
            if step == 0 or np.linalg.norm(moved) > STILL:
                frame.bulge = self._bulge(frame.dent, normals, rows, force, head_pairs)
            if np.linalg.norm(moved) > FAR_SHIFT:
                wide = self._broad_phase(head, hand + frame.shift)
                candidates = candidates if wide is None else wide
            hand_pairs, head_pairs, normals = self._narrow_phase(frame, candidates)
        return self._response(frame, hand_pairs, head_pairs)

    def pairs_of_moved(
        self, head: np.ndarray, hand: np.ndarray, hand_triangles: np.ndarray
    ) -> Callable[[np.ndarray], ContactPairs | None]:
        """What a hand (W, 3) would touch of the undented head (V, 3), metres, if it were moved.

        Returns a function of a shift (3,), metres: the hand's vertices near the head with the skin that they would
        touch, None if there are none.
        """

        topology = self._topology_of_hand(hand_triangles, len(hand))

        @cache
        def surfaces() -> tuple[PosedSurface, np.ndarray]:
            skin = head.astype(np.float64)
            normals, facing = self._directions(skin)
            surface = PosedSurface(skin, normals, normals if facing is None else facing, self._surface)
            return surface, topology.normals(hand.astype(np.float64))

        def pairs(shift: np.ndarray) -> ContactPairs | None:
            moved = hand + shift
            candidates = self._broad_phase(head, moved)
            if candidates is None:
                return None
            surface, normals = surfaces()
            return pair_vertices(PosedSurface(moved, normals, normals, topology), surface, candidates[1], candidates[0])

        return pairs

    def _begin(self, head: np.ndarray, hand: np.ndarray, hand_triangles: np.ndarray) -> _Frame:
        """A frame before anything gives way."""
        eyes = [eye.posed(head) for eye in self._eyes]
        limits = self.tissue.dent_limit.copy()
        for eye in eyes:
            eye.limit(limits, head)
        topology = self._topology_of_hand(hand_triangles, len(hand))
        normals, facing = self._directions(head)
        return _Frame(
            head=head,
            normals=normals,
            hand=hand,
            hand_normals=topology.normals(hand),
            hand_topology=topology,
            facing=facing,
            eyes=eyes,
            limits=limits,
            dent=np.zeros_like(head),
            bulge=np.zeros_like(head),
            shift=np.zeros(3),
        )

    def _broad_phase(self, head: np.ndarray, hand: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Vertices of head and hand that may touch, None if there are none."""
        near_head, near_hand = near_each_other(head[self._touchable], hand)
        if not near_head.any() or not near_hand.any():
            return None
        return self._touchable[near_head], np.flatnonzero(near_hand)

    def _narrow_phase(
        self, frame: _Frame, candidates: tuple[np.ndarray, np.ndarray]
    ) -> tuple[ContactPairs, ContactPairs, np.ndarray]:
        """Pairs of hand vertices with the skin as it is now, of skin vertices with the hand, and the skin's normals.

        candidates : vertices of the head and of the hand.
        """
        skin = frame.head + frame.bulge + frame.dent
        normals = self._normals(skin) if frame.dent.any() or frame.bulge.any() else frame.normals
        facing = normals if frame.facing is None else frame.facing
        head_surface = PosedSurface(skin, normals, facing, self._surface)
        hand_surface = PosedSurface(
            frame.hand + frame.shift, frame.hand_normals, frame.hand_normals, frame.hand_topology
        )
        return *pair_surfaces(hand_surface, head_surface, candidates[1], candidates[0]), normals

    def _directions(self, head: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Normals of an undented head (V, 3), and what `_facing` says of it: it is settled on before it is pressed."""
        key = head.tobytes()
        if self._undented is None or self._undented[0] != key:
            self._undented = key, (self._normals(head), self._facing(head))
        return self._undented[1]

    def _facing(self, head: np.ndarray) -> np.ndarray | None:
        """(V, 3) unit: the skin's `outward` directions, turned with the head; None for the normals."""
        if self.tissue.outward is None:
            return None
        covariance = (self._rest - self._rest.mean(axis=0)).T @ (head - head.mean(axis=0))
        u, _, vt = np.linalg.svd(covariance)
        u[:, 2] *= np.sign(np.linalg.det(u @ vt))
        return self.tissue.outward @ (u @ vt)

    def _topology_of_hand(self, triangles: np.ndarray, count: int) -> Topology:
        for known in self._hands:
            if known.triangles is triangles and known.count == count:
                return known
        topology = Topology(triangles, count)
        self._hands = [topology, *self._hands[: KNOWN_HANDS - 1]]
        return topology

    def _give_way(self, frame: _Frame, rows: ContactRows, depth: np.ndarray) -> np.ndarray:
        """Set the frame's dent to one that brings every row to its depth (m,); returns the force (m,) of every row."""
        vertices, place = np.unique(rows.corners, return_inverse=True)
        place = place.reshape(rows.corners.shape)
        spread = np.zeros((len(depth), len(vertices)), np.float32)
        np.add.at(spread, (np.arange(len(depth))[:, None], place), rows.weights.astype(np.float32))
        slots = self._slot[vertices]
        slots, spread = slots[slots >= 0], spread[:, slots >= 0]
        columns = self._compliance.responses(slots)
        response = (spread @ columns[:, slots] @ spread.T) * (rows.direction @ rows.direction.T)
        soft = np.flatnonzero(np.diagonal(response) > RIGID_SHARE * float(np.diagonal(response).max(initial=0)))
        force = np.zeros(len(depth))
        if depth[soft].max(initial=0) > 0:
            force[soft] = solve_lcp(response[np.ix_(soft, soft)], depth[soft])
        load = (spread.T @ (force[:, None] * rows.direction)).astype(np.float32)
        frame.dent = np.zeros((len(self._slot), 3))
        if force.any():
            frame.dent[self._moving] = columns.T @ load
        for eye in frame.eyes:
            eye.keep_off(frame.dent, frame.head + frame.bulge)
        return force

    def _bulge(
        self, dent: np.ndarray, normals: np.ndarray, rows: ContactRows, force: np.ndarray, head_pairs: ContactPairs
    ) -> np.ndarray:
        """(V, 3) bulge of the skin around a dent, smallest where it is pressed or the hand is near."""
        volume = -float((self._area * np.einsum("vx,vx->v", dent, normals)).sum())
        length = np.linalg.norm(dent, axis=1)
        free = 1 - smooth_step(length / (length.max() + 1e-6), BULGES_UP_TO, FLAT_FROM)
        capacity = self._area * self.tissue.softness * free
        capacity[head_pairs.vertex] *= 1 - contact_probability(head_pairs.depth)
        pressed = np.flatnonzero(force)
        contacts = np.einsum("mk,mkx->mx", rows.weights[pressed], self._rest[rows.corners[pressed]])
        bulge = np.zeros_like(dent)
        near = self._moving[length[self._moving] > NEGLIGIBLE[0]]
        height = volume_bulge(self._rest[near], contacts, force[pressed], volume, capacity[near])
        height = height * capacity[near] / self._area[near]
        bulge[near] = height[:, None] * normals[near]
        return bulge

    def _response(self, frame: _Frame, hand_pairs: ContactPairs, head_pairs: ContactPairs) -> TissueResponse:
        field = frame.bulge + frame.dent
        self._lining.follow(field)
        field = field * smooth_step(np.linalg.norm(field, axis=1), *NEGLIGIBLE)[:, None]
        head_contact = np.zeros(len(field), np.float32)
        head_contact[head_pairs.vertex] = contact_probability(head_pairs.depth) * head_pairs.weight
        hand_contact = np.zeros(len(frame.hand), np.float32)
        hand_contact[hand_pairs.vertex] = contact_probability(hand_pairs.depth) * hand_pairs.weight
        return TissueResponse(
            deformation=field.astype(np.float32),
            head_contact=head_contact,
            hand_contact=hand_contact,
            hand_shift=frame.shift,
            largest_indentation=float(np.linalg.norm(field, axis=1).max()),
            penetration_left=float(np.max(hand_pairs.exit_depth, initial=0.0)),
        )
