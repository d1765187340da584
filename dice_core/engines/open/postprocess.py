"""From the poses of single frames to what a take holds: gaps filled, smoothed, posed, skin pressed in by the hands."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from dice_core.bodies import Hand
from dice_core.contact.settling import clearing_shift, settling_shift
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue.stiffness import Tissue
from dice_core.engines.base import SIDES, Chunk, HandContact
from dice_core.engines.open.frames import HandFrames, HeadFrames, OpenFrames
from dice_core.engines.open.survey import Person
from dice_core.engines.postprocess import fill_short_gaps, press_hand
from dice_core.fitting.adaptive_filter import adaptive_smooth, adaptive_smooth_rotation
from dice_core.fitting.temporal_filter import BLINK_SECONDS, EXPRESSION_SECONDS, runs
from dice_core.fitting.touch_over_time import touch_over_time
from dice_core.geometry.mesh import triangles
from dice_core.prefetch import in_background
from dice_core.take.mesh_frames import HEAD_LANDMARKS, MeshFrames

__all__ = ["Postprocessor"]


class _Noise(NamedTuple):
    """Error of a pose from frame to frame, one deviation: radians; metres across the view; share of the distance."""

    turn: float
    across: float
    along: float


# Tuned on ten public clips of people who touch their faces and on the rendered sample: still bodies jitter about as
# little as with the widest window alone, and a fast hand stays on its picture.
_HEAD_NOISE = _Noise(turn=0.013, across=0.0006, along=0.008)
_HAND_NOISE = _Noise(turn=0.010, across=0.0008, along=0.030)
_FINGER_NOISE = 0.012  # radians
_EXPRESSION_NOISE = 0.014  # of the full expression

_QUICK_ACTIONS = ("eyeBlink",)
_SHORTEST_STAY_SECONDS = 0.1  # a hand seen more briefly is a misdetection; set by hand
_SHORTEST_STAY_FRAMES = 2  # at any frame rate: what is there for one frame alone is a misdetection; set by hand


@dataclass
class _HeadMotion:
    """The head over a window: tracked (T,), rotation (T, 3), translation (T, 3), expression (T, 52)."""

    tracked: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray


@dataclass
class _HandMotion:
    """A hand over a window: tracked (T,), rotation (T, 3), translation (T, 3), joint angles (T, 22); touching (T,)
    bool, and depth (T,) metres of its deepest part below the skin where it touches."""

    tracked: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    angles: np.ndarray
    touching: np.ndarray
    depth: np.ndarray


class Postprocessor:
    """Turns windows of fitted frames into chunks: smooth, pose, press. All that it keeps is about the person."""

    def __init__(self, person: Person, tissue: Tissue, fps: float) -> None:
        """tissue : of the person's head; fps : frames a second, of no meaning for a picture."""
        self._person = person
        self._fps = fps
        self._blinks = np.array([name.startswith(_QUICK_ACTIONS) for name in person.head.expression_names])
        self._tissue = tissue
        self._hand_triangles = {side: triangles(person.hand(side).mesh) for side in SIDES}
        self._prepared: Future[SoftTissue] | None = None

    def prepare_contact(self) -> None:
        """Begin to prepare the skin for hands, which otherwise happens when the first one is there."""
        self._prepared = in_background(self._prepare, "soft tissue")

    def _prepare(self) -> SoftTissue:
        mesh = self._person.head_mesh()
        return SoftTissue(self._tissue, mesh.rest_vertices, triangles(mesh))

    @cached_property
    def _soft_tissue(self) -> SoftTissue:
        # Made when it is needed: a fifth of a second that clips of heads alone need not wait for.
        return self._prepare() if self._prepared is None else self._prepared.result()

    def chunk(self, window: OpenFrames, start: int, stop: int) -> Chunk:
        """Rows start..stop-1 as the take holds them; a mesh that is in none of them is left out.

        window : the rows with 2 x `temporal_filter.reach` rows of the clip on either side, where the clip has them.
        """
        chosen = slice(start, stop)
        head = _smooth_head(window.head, self._fps, self._blinks)
        meshes: dict[str, MeshFrames] = {}
        motions: dict[str, _HandMotion] = {}
        if head.tracked[chosen].any():
            meshes["head"] = _pose_head(self._person, head, window.head, chosen)
        for side in SIDES:
            hand = _smooth_hand(window.hand(side), self._fps, self._person.hand(side))
            if hand.tracked[chosen].any():
                meshes[f"hand_{side}"] = _pose_hand(self._person, side, hand, window.hand(side), chosen)
                motions[side] = hand
        return Chunk(window.frame[chosen], meshes, self._press(meshes, motions, start))

    def _press(self, meshes: dict[str, MeshFrames], motions: dict[str, _HandMotion], start: int) -> list[HandContact]:
        """Let the hands that touch press into the head, and keep the others off it, row by row and one after the other,
        in place. start : row of the motions that is the meshes' first."""
        contacts = []
        head = meshes.get("head")
        for row in () if head is None else map(int, np.flatnonzero(head.tracked)):
            for side, motion in motions.items():
                hand = meshes[f"hand_{side}"]
                if not hand.tracked[row]:
                    continue
                assert head is not None
                if self._settle(head, hand, row, side, motion.touching[start + row], motion.depth[start + row]):
                    response = press_hand(self._soft_tissue, head, hand, row, self._hand_triangles[side])
                    contacts.append(HandContact(row, f"hand_{side}", response.head_contact, response.deformation))
        return contacts

    def _settle(self, head: MeshFrames, hand: MeshFrames, row: int, side: str, touching: bool, depth: float) -> bool:
        """Move a hand to where it touches as deep as was measured, or off the skin; returns whether it touches."""
        arguments = self._soft_tissue, head.vertices[row], hand.vertices[row], self._hand_triangles[side]
        shift = settling_shift(*arguments, depth) if touching else None
        touches = shift is not None
        moved = (clearing_shift(*arguments) if shift is None else shift).astype(np.float32)
        hand.vertices[row] += moved
        assert hand.translation is not None
        hand.translation[row] += moved
        return touches


def _smooth_head(head: HeadFrames, fps: float, blinks: np.ndarray) -> _HeadMotion:
    """The head over time; a single picture stays as it is. blinks : (52,) bool, expressions that move fast."""
    tracked = head.found.astype(np.uint8)
    rotation, translation, expression = head.rotation.copy(), head.translation.copy(), head.expression.copy()
    if len(tracked) > 1:
        fill_short_gaps(tracked, fps, [rotation], [translation, expression])
        measured = tracked > 0
        rotation = adaptive_smooth_rotation(rotation, measured, fps, _HEAD_NOISE.turn)
        translation = _smooth_position(translation, measured, fps, _HEAD_NOISE)
        channels = expression[..., None]
        quick = adaptive_smooth(channels, measured, fps, _EXPRESSION_NOISE, BLINK_SECONDS)[..., 0]
        slow = adaptive_smooth(channels, measured, fps, _EXPRESSION_NOISE, EXPRESSION_SECONDS)[..., 0]
        expression = np.clip(np.where(blinks, quick, slow), 0, 1)
    return _HeadMotion(tracked, rotation, translation, expression)


def _smooth_hand(hand: HandFrames, fps: float, model: Hand) -> _HandMotion:
    """A hand over time, misdetections left out; a single picture stays as it is."""
    tracked = hand.found.astype(np.uint8)
    rotation, rest = hand.pose[:, :3].copy(), hand.pose[:, 3:].copy()
    translation, angles = rest[:, :3], rest[:, 3:]
    if len(tracked) > 1:
        fill_short_gaps(tracked, fps, [rotation], [rest])
        _drop_short(tracked, max(_SHORTEST_STAY_FRAMES, round(_SHORTEST_STAY_SECONDS * fps)))
        measured = tracked > 0
        rotation = adaptive_smooth_rotation(rotation, measured, fps, _HAND_NOISE.turn)
        translation = _smooth_position(translation, measured, fps, _HAND_NOISE)
        angles = adaptive_smooth(angles[..., None], measured, fps, _FINGER_NOISE)[..., 0]
    angles = np.clip(angles, model.dof_lower, model.dof_upper)
    beside = hand.free_pose[:, 5] >= hand.pose[:, 5]
    touching, depth = touch_over_time(hand.touching > 0, hand.depth, beside, tracked > 0, fps)
    return _HandMotion(tracked, rotation, translation, angles, touching, depth)


def _smooth_position(translation: np.ndarray, measured: np.ndarray, fps: float, noise: _Noise) -> np.ndarray:
    """Positions (T, 3) in camera space, across the image and along the view, which are known so differently."""
    distance = np.where(measured, translation[:, 2], 1.0)
    across = (translation[:, :2] / distance[:, None])[:, None]
    across = adaptive_smooth(across, measured, fps, noise.across / distance)[:, 0]
    distance = np.exp(adaptive_smooth(np.log(distance)[:, None, None], measured, fps, noise.along)[:, 0, 0])
    smoothed = np.concatenate([across * distance[:, None], distance[:, None]], axis=1)
    return np.where(measured[:, None], smoothed, translation)


def _drop_short(tracked: np.ndarray, shortest: int) -> None:
    """Take back, in place, stretches that are shorter than `shortest` and end on both sides within the window."""
    for first, last in runs(tracked > 0):
        if last - first < shortest and first > 0 and last < len(tracked):
            tracked[first:last] = 0


def _pose_head(person: Person, motion: _HeadMotion, seen: HeadFrames, chosen: slice) -> MeshFrames:
    """The head's vertices in the chosen rows."""
    tracked = motion.tracked[chosen]
    posed = MeshFrames.absent(person.head.mesh, len(tracked))
    posed.tracked[:] = tracked
    posed.landmarks[:] = seen.landmarks[chosen, :HEAD_LANDMARKS, :2]
    posed.confidence[:] = seen.confidence[chosen]
    assert posed.rotation is not None
    assert posed.translation is not None
    assert posed.expression is not None
    for k in np.flatnonzero(tracked):
        row = chosen.start + k
        posed.rotation[k, 0] = motion.rotation[row]
        posed.translation[k] = motion.translation[row]
        posed.expression[k] = motion.expression[row]
        posed.vertices[k] = person.head.pose(
            person.head_shape, posed.expression[k], motion.rotation[row], motion.translation[row]
        )
    return posed


def _pose_hand(person: Person, side: str, motion: _HandMotion, seen: HandFrames, chosen: slice) -> MeshFrames:
    """A hand's vertices in the chosen rows."""
    tracked, model = motion.tracked[chosen], person.hand(side)
    posed = MeshFrames.absent(model.mesh, len(tracked))
    posed.tracked[:] = tracked
    posed.landmarks[:] = seen.landmarks[chosen, :, :2]
    posed.confidence[:] = seen.confidence[chosen]
    assert posed.rotation is not None
    assert posed.translation is not None
    for k in np.flatnonzero(tracked):
        row = chosen.start + k
        rotation, angles, translation = motion.rotation[row], motion.angles[row], motion.translation[row]
        posed.rotation[k] = model.rotation_vectors(rotation, angles)
        posed.translation[k] = translation
        posed.vertices[k] = model.pose(person.hand_shape, person.hand_scale, rotation, angles, translation)
    return posed
