"""A hand over all frames, against a head that stands still: carried over, brought to its touches, smoothed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dice_core.bodies import load_head
from dice_core.contact.touch_events import TOUCHING
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.mesh import vertex_normals
from dice_core.transfer.contact_fit import ContactFitter, ContactGoals, corrected
from dice_core.transfer.face_frames import FaceFrames
from dice_core.transfer.hand_carry import CarriedHand, SpaceWarp, carry_hand
from dice_core.transfer.hand_rig import HandRig
from dice_core.transfer.head_obstacle import HeadObstacle, HeadShape
from dice_core.transfer.performance import Performance
from dice_core.transfer.stretches import smoothed, solve_stretches
from dice_core.transfer.target import TargetHead

__all__ = ["HandFrames", "move_hand"]

SAMPLES = 220
"""Vertices of our hand that have goals: about one every 9 mm. Set by hand."""

NEAR = 0.06
"""Metres: a hand farther from the face than this in the take is carried over as it is."""

CLOSE = 0.008
"""Metres of a gap at which a sample's goal counts a third: a fingertip's own thickness. Set by hand."""

RELEASE = 0.02
"""Metres from the face in which the freedom to correct a pose falls to a third: beyond, a hand is as carried over."""

KEPT_GAP = 0.005
"""Metres up to which a hand that does not touch keeps its distance: more than what counts as a touch (3.5 mm)."""

AT_SKIN = 0.0035
"""Metres from the skin within which what a take calls touching is at it: contact is as likely as not there."""

YIELD_SHARE = 0.75
"""Of the tissue's deepest dent, up to which a hand may be under the skin; the rest is left for the tissue's error."""

SMOOTHING = 0.06
"""Seconds, deviation of the average over time of what touches, and of the corrections that all frames are solved from
together: a frame and a half at 24 a second. Tuned on `both palms` and `hand over mouth`, where less shakes and more
takes the hand off at the touch's ends."""

WARP_POINTS = 150

KNOWN_FRAMES = 512
"""Frames whose head is kept, 170 kB each, while a stretch is solved round by round. Set by hand."""


@dataclass(frozen=True)
class HandFrames:
    """A character's hand over T frames, our axes, the head at rest.

    samples : (s,) our hand's vertices that have goals; turn : (T, B, 3, 3) from rest and joints : (T, B, 3), of tracked
    frames; gaps : (T, s) of the samples in the take, metres, negative inside, infinite in other frames; goals :
    (T, s, 3) where they belong; near : (T,) bool; touches : (T,) bool, frames in which it touches in the take.
    """

    rig: HandRig
    samples: np.ndarray
    turn: np.ndarray
    joints: np.ndarray
    gaps: np.ndarray
    goals: np.ndarray
    near: np.ndarray
    touches: np.ndarray

    def skin(self, frame: int) -> np.ndarray:
        """(n, 3) the hand's skin in a tracked frame."""
        return self.rig.posed(self.turn[frame], self.joints[frame])


def move_hand(
    target: TargetHead,
    performance: Performance,
    side: str,
    rig: HandRig,
    faces: FaceFrames,
    keep_contact: bool,
    fps: float,
    advance: Callable[[int], None],
) -> HandFrames:
    """Solve one hand of a take. advance : called with how many frames are done since; raises to stop."""
    hand = performance.hands[side]
    samples = spread_samples(hand.mesh.rest_vertices.astype(np.float64), SAMPLES)
    source = _SourceFace(target, performance)
    head = HeadObstacle.of(target)
    fitter = ContactFitter(rig, samples, head)
    frames, count = len(performance.frame), len(rig.bones)
    carried: list[CarriedHand | None] = [None] * frames
    touches = np.zeros(frames, bool)
    gaps, goals = np.full((frames, len(samples)), np.inf), np.zeros((frames, len(samples), 3))
    for k in np.flatnonzero(hand.tracked).tolist():
        points = hand.vertices[k][samples].astype(np.float64)
        touches[k] = source.touched(k, hand.vertices[k][hand.contact[k] >= TOUCHING].astype(np.float64))
        face = faces.vertices(k)
        gaps[k], goals[k] = source.goals(k, points, face, faces.normals(face), closed=bool(touches[k]))
        carried[k] = carry_hand(rig, hand.rotation[k], samples, points, gaps[k], source.warp(k, face))
        advance(0)
    near = gaps.min(axis=1) < NEAR
    advance(int((~near).sum()) if keep_contact else frames)
    corrections = np.zeros((frames, fitter.unknowns))
    if keep_contact:
        weights = np.exp(-((np.maximum(gaps, 0) / CLOSE) ** 2))
        # What touches for a frame is made ready before; what lets go for a frame is not let go.
        weights = np.maximum(weights, smoothed(weights, hand.tracked, SMOOTHING * fps))

        @lru_cache(maxsize=KNOWN_FRAMES)
        def shape(k: int) -> HeadShape:
            return head.shape(faces.vertices(k))

        def wanted(k: int) -> tuple[CarriedHand, ContactGoals]:
            head.set_shape(shape(k))
            gap = float(gaps[k].min())
            freedom = float(np.exp(-max(gap, 0.0) / RELEASE))
            allowed = _allowed(target, gap, closed=bool(touches[k]))
            return carried[k], ContactGoals(goals[k], weights[k], allowed, freedom)  # type: ignore[return-value]

        source_points = hand.vertices[:, samples].astype(np.float64)
        touching, sigma = weights.sum(axis=1), SMOOTHING * fps
        solve_stretches(fitter, wanted, source_points, near, hand.tracked, touching, sigma, corrections, advance)
    turn, joints = np.tile(np.eye(3), (frames, count, 1, 1)), np.zeros((frames, count, 3))
    for k, one in enumerate(carried):
        if one is not None:
            moved = corrected(fitter, one, corrections[k])
            turn[k], joints[k] = moved.turn, moved.joints
    return HandFrames(rig, samples, turn, joints, gaps, goals, near, touches)


def spread_samples(points: np.ndarray, count: int) -> np.ndarray:
    """(count,) indices of points (n, 3) that are spread evenly, each the farthest from those before it."""
    chosen = [int(np.argmax(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    distance = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)


def _allowed(target: TargetHead, gap: float, *, closed: bool) -> np.ndarray:
    """(V,) metres that the hand may be under the skin at each vertex.

    gap : of the hand in the take, metres; closed : whether it touches nevertheless.
    """
    deep = YIELD_SHARE * target.tissue.dent_limit
    return np.minimum(deep, 0.0 if closed else -min(gap, KEPT_GAP)) if gap > 0 else deep


class _SourceFace:
    """The face in the take, and where what is near it belongs on the character's."""

    def __init__(self, target: TargetHead, performance: Performance) -> None:
        every = mesh_triangles(load_head().mesh)
        touchable = target.tissue.touchable
        self._all = every
        self._triangles = every[touchable[every].all(axis=1)]
        self._vertices, self._deformation = performance.vertices, performance.deformation
        self._index = SurfaceIndex(performance.vertices[0], self._triangles)
        skin = np.flatnonzero(touchable)
        self._chosen = skin[spread_samples(performance.head.rest_vertices[skin].astype(np.float64), WARP_POINTS)]

    def warp(self, frame: int, face: np.ndarray) -> SpaceWarp:
        """From around the face in the take to around the character's, (V, 3)."""
        return SpaceWarp(self._vertices[frame][self._chosen].astype(np.float64), face[self._chosen])

    def touched(self, frame: int, points: np.ndarray) -> bool:
        """Whether one of the points (n, 3) is at the dented face."""
        if not len(points):
            return False
        dented = (self._vertices[frame] + self._deformation[frame]).astype(np.float64)
        return bool((np.abs(self._index.moved(dented).query(points, AT_SKIN).distance) < AT_SKIN).any())

    def goals(
        self, frame: int, points: np.ndarray, face: np.ndarray, normals: np.ndarray, *, closed: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Distances (s,) of points (s, 3) from the face, negative inside, and where they belong (s, 3).

        A point keeps its offset from the skin, turned as the skin is; closed : less the gap of the nearest, for what
        touches in the take may leave one.
        """
        own = self._vertices[frame].astype(np.float64)
        closest = self._index.moved(own).query(points)
        corners = self._triangles[closest.triangle]
        place = np.einsum("nk,nkx->nx", closest.barycentric, face[corners])
        normal = np.einsum("nk,nkx->nx", closest.barycentric, normals[corners])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        mine = vertex_normals(own, self._all)
        before = np.einsum("nk,nkx->nx", closest.barycentric, mine[corners])
        before /= np.maximum(np.linalg.norm(before, axis=1, keepdims=True), 1e-9)
        offset = points - closest.points(own, self._triangles)
        along = np.einsum("nx,nx->n", offset, before)
        beside = offset - along[:, None] * before
        beside -= np.einsum("nx,nx->n", beside, normal)[:, None] * normal
        if closed:
            along = along - max(float(-closest.distance.max()), 0.0)
        return -closest.distance, place + along[:, None] * normal + beside
