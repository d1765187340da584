"""The 52 expressions for a head that has none: deformation transfer from ours, lids that close, lips that meet, eyes
that turn, and teeth and tongue that go along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies import load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import connected_components
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.transfer.balls import Ball
from dice_core.transfer.deformation_transfer import DeformationTransfer, deformation_gradients
from dice_core.transfer.gaze import eye_turn, iris_vertices
from dice_core.transfer.surface_points import closest_facing
from dice_core.transfer.target import TargetHead
from dice_core.transfer.turns import least_turn, mean_turn

__all__ = ["MadeKeys", "make_keys"]

STILL = 2e-4
"""Metres: a vertex of ours that no expression moves by more than this, and the skin that corresponds, is held."""

MEETING_FROM, MEETING_AT = 0.004, 0.0025
"""Metres: two of our lids' vertices that lie farther apart than the first at rest and nearer than the second in a blink
have met in it. Set by hand: lids at rest are 8 mm apart, edges along a lid's margin 2 to 3."""

BLINKS = {"L": "eyeBlinkLeft", "R": "eyeBlinkRight"}

LID_WEIGHT, LIP_WEIGHT = 20.0, 1.0
"""Weights of pairs of lids and of lips, against edges of the mesh of about 1. Set by hand: lids close to a tenth of a
millimetre; lips that the registration has not told apart well are not torn."""

SCALES = (0.4, 2.5)
"""Range of a target's gap between lids in gaps of ours."""

SHORT = 1e-3
"""Metres: a gap shorter than this has no direction."""

ATTACHED = 0.02
"""Metres around a loose part, such as teeth, in which the head carries it."""

LID_COVER = 0.0003
"""Metres that a lid stays in front of the eyeball."""

LID_REACH = 1.5
"""Radii of an eyeball around its centre within which skin is kept off it."""


@dataclass(frozen=True)
class MadeKeys:
    """names : 52; deltas : (52, V, 3) float32, the character's rest pose, world axes."""

    names: tuple[str, ...]
    deltas: np.ndarray


def make_keys(target: TargetHead, *, eyes_by_bone: bool, should_stop: Callable[[], None]) -> MadeKeys:
    """Expressions for a character's head.

    eyes_by_bone : the rig turns the eyeballs, so that keys leave them alone. should_stop raises to stop.
    """
    head = load_head()
    keys = head.expressions.astype(np.float64)
    result = np.zeros((len(keys), len(target.vertices), 3))
    _transfer_skin(target, keys, result, should_stop)
    for side, ball in target.balls.items():
        _keep_off(target, ball, result)
        if not eyes_by_bone:
            _turn_eye(ball, side, keys, target.vertices, result)
    _carry_loose(target, keys, result)
    result = target.spread(result)
    return MadeKeys(EXPRESSION_NAMES, target.similarity.vectors_to_target(result).astype(np.float32))


def _transfer_skin(target: TargetHead, keys: np.ndarray, result: np.ndarray, should_stop: Callable[[], None]) -> None:
    """Set the skin's part of `result`, (52, V, 3) our axes."""
    head = load_head()
    ours, rest = mesh_triangles(head.mesh), head.mesh.rest_vertices.astype(np.float64)
    used = target.skin_vertices
    local = np.full(len(target.vertices), -1)
    local[used] = np.arange(len(used))
    skin, surface = target.vertices[used], local[target.triangles]
    source = _source_triangles(target, skin, surface)
    largest = np.linalg.norm(keys, axis=2).max(axis=0)
    moves = np.zeros(len(skin))
    np.maximum.at(moves, surface, largest[ours[source]].max(axis=1, keepdims=True))
    on_ours = target.skin_on_ours
    pairs = _Pairs.of(target, keys, skin, local)
    solver = DeformationTransfer(skin, surface, moves <= STILL, pairs.target, pairs.weights)
    for k, key in enumerate(keys):
        should_stop()
        gradients = deformation_gradients(rest, rest + key, ours)[source]
        about = np.einsum("nk,nkx->nx", on_ours.weights, key[on_ours.corners])
        result[k][used] = solver.displacements(gradients[None], about[None], pairs.motion(key)[None])[0]


def _source_triangles(target: TargetHead, skin: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """(T,) our triangle that corresponds to each of the target's."""
    head = load_head()
    every = mesh_triangles(head.mesh)
    number = np.flatnonzero(~(head.rigid_vertices | head.mesh.region_vertices("tongue"))[every].any(axis=1))
    corners = skin[surface]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return closest_facing(corners.mean(axis=1), normal, target.registered, every[number], number).triangle


@dataclass(frozen=True)
class _Pairs:
    """Vertices across a gap that closes: of lids and of lips.

    ours, target : (p, 2) int; weights : (p,); change : (p, 3, 3) what takes a difference on our head to the target's.
    """

    ours: np.ndarray
    target: np.ndarray
    weights: np.ndarray
    change: np.ndarray

    @classmethod
    def of(cls, target: TargetHead, keys: np.ndarray, skin: np.ndarray, local: np.ndarray) -> _Pairs:
        """keys : (52, V, 3); skin : (n, 3) the target's; local : (V,) the index into skin of each of its vertices."""
        rest = load_head().mesh.rest_vertices.astype(np.float64)
        lids = [_lid_pairs(rest, keys[EXPRESSION_NAMES.index(name)], side) for side, name in BLINKS.items()]
        lips = target.tissue.couplings
        ours = np.concatenate([*lids, lips])
        weights = np.repeat([LID_WEIGHT, LIP_WEIGHT], [len(ours) - len(lips), len(lips)])
        places = target.places
        nearest = places.corners[np.arange(len(places.corners)), places.weights.argmax(axis=1)]
        own = local[nearest[ours]]
        first, kept = np.unique(np.sort(own, axis=1), axis=0, return_index=True)
        kept = kept[first[:, 0] != first[:, 1]]
        ours, own, weights = ours[kept], own[kept], weights[kept]
        gap, other = rest[ours[:, 0]] - rest[ours[:, 1]], skin[own[:, 0]] - skin[own[:, 1]]
        change = np.tile(np.eye(3), (len(ours), 1, 1))
        for k in np.flatnonzero(weights == LID_WEIGHT):
            change[k] = _gap_change(gap[k], other[k])
        return cls(ours, own, weights, change)

    def motion(self, key: np.ndarray) -> np.ndarray:
        """(p, 3) how the difference changes on the target in a deformation (V, 3) of ours."""
        return np.einsum("pij,pj->pi", self.change, key[self.ours[:, 0]] - key[self.ours[:, 1]])


def _lid_pairs(rest: np.ndarray, blink: np.ndarray, side: str) -> np.ndarray:
    """(p, 2) vertices of the upper and the lower lid that meet in a blink."""
    lid = np.flatnonzero(load_head().mesh.region_vertices(f"eye.{side}"))
    closed = rest + blink
    length = np.linalg.norm(blink[lid], axis=1)
    upper, lower = lid[length > 0.5 * length.max()], lid[length < 0.3 * length.max()]
    apart = np.linalg.norm(rest[upper][:, None] - rest[lower], axis=2)
    together = np.linalg.norm(closed[upper][:, None] - closed[lower], axis=2)
    together = np.where(apart > MEETING_FROM, together, np.inf)
    nearest = together.argmin(axis=1)
    met = together[np.arange(len(upper)), nearest] < MEETING_AT
    return np.stack([upper[met], lower[nearest[met]]], axis=1)


def _gap_change(ours: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 3) turn and scale of a gap (3,) between lids to the target's."""
    one, other = float(np.linalg.norm(ours)), float(np.linalg.norm(target))
    if min(one, other) < SHORT:
        return np.eye(3)
    return least_turn(ours, target) * float(np.clip(other / one, *SCALES))


def _keep_off(target: TargetHead, ball: Ball, result: np.ndarray) -> None:
    """Lids that an expression would draw through the eyeball go over it."""
    skin = target.skin_vertices
    offset = target.vertices[skin] - ball.centre
    distance = np.linalg.norm(offset, axis=1)
    around = skin[(distance < LID_REACH * ball.radius) & (distance > ball.radius)]
    floor = np.minimum(np.linalg.norm(target.vertices[around] - ball.centre, axis=1), ball.radius + LID_COVER)
    moved = target.vertices[around] + result[:, around] - ball.centre
    length = np.maximum(np.linalg.norm(moved, axis=2, keepdims=True), 1e-9)
    result[:, around] += moved / length * np.maximum(floor[None, :, None] - length, 0)


def _turn_eye(ball: Ball, side: str, keys: np.ndarray, vertices: np.ndarray, result: np.ndarray) -> None:
    """Turn an eyeball as far as our iris turns in each expression, about its own centre. side : "L" or "R"."""
    iris = iris_vertices(side)
    offset = vertices[ball.vertices] - ball.centre
    for k, key in enumerate(keys):
        if np.abs(key[iris]).max() > STILL:
            result[k, ball.vertices] = offset @ eye_turn(side, key[iris]).T - offset


def _carry_loose(target: TargetHead, keys: np.ndarray, result: np.ndarray) -> None:
    """Parts that are neither skin nor eyes go along: the mouth's with our mouth, others with the skin beside them."""
    mesh = load_head().mesh
    taken = np.zeros(len(target.vertices), bool)
    taken[np.isin(target.twin, target.skin_vertices)] = True
    for ball in target.balls.values():
        taken[ball.vertices] = True
    near = np.zeros(len(taken), bool)
    near[target.near_head] = True
    every = target.character.triangles
    loose = every[(near & ~taken)[every].all(axis=1)]
    if not len(loose):
        return
    ours = mesh_triangles(mesh)
    ours = ours[~load_head().rigid_vertices[ours].any(axis=1)]
    inner = mesh.region_vertices("mouth_inner", "tongue")
    on_ours, on_skin = SurfaceIndex(target.registered, ours), SurfaceIndex(target.vertices, target.triangles)
    for part in connected_components(loose):
        own = np.unique(loose[part])
        found = on_ours.query(target.vertices[own])
        if np.abs(found.distance).min() > ATTACHED:
            continue
        corners = ours[found.triangle]
        if inner[corners].mean() > 0.5:
            moved = np.einsum("nk,enkx->enx", found.barycentric, keys[:, corners])
            if not mesh.region_vertices("tongue")[corners].mean() > 0.5:
                moved = np.array([_rigid(target.vertices[own], one) for one in moved])
        else:
            skin = on_skin.query(target.vertices[own])
            moved = np.einsum("nk,enkx->enx", skin.barycentric, result[:, target.triangles[skin.triangle]])
        result[:, own] = moved


def _rigid(points: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(n, 3) the rigid motion nearest to a displacement (n, 3) of points."""
    turn = mean_turn(points, points + moved)
    middle = points.mean(axis=0)
    return (points - middle) @ turn.T + middle + moved.mean(axis=0) - points
