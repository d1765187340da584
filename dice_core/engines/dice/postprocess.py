"""From what the network read of frames to what a take holds: gaps filled, smoothed, contact refined on demand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.touch_events import TOUCHING
from dice_core.engines.base import SIDES, Chunk, HandContact
from dice_core.engines.dice.contact_refinement import resolve_penetration, snap_to_surface, spread_over_time
from dice_core.engines.dice.frames import DiceFrames, HandFrames, HeadFrames
from dice_core.engines.postprocess import fill_short_gaps, press_hand, where_present
from dice_core.fitting.temporal_filter import reach, smooth, smooth_rotation, smoothing_weights
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import Mesh, triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.network.body_models.posing import TakeBodies
from dice_core.network.body_models.regions import head_tissue_of_mesh
from dice_core.take.mesh_frames import NOT_JUDGED, MeshFrames

__all__ = ["Postprocessor"]


@dataclass
class _HeadMotion:
    """The head over a window of T rows.

    tracked (T,); rotation (T, 3); translation (T, 3); expression (T, 50); jaw (T, 3); deformation (T, V, 3), in the
    head's rest axes, and contact (T, V) of each side.
    """

    tracked: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    expression: np.ndarray
    jaw: np.ndarray
    deformation: dict[str, np.ndarray]
    contact: dict[str, np.ndarray]


@dataclass
class _HandMotion:
    """A hand over a window: tracked (T,), rotation (T, 16, 3), translation (T, 3), contact (T, W)."""

    tracked: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    contact: np.ndarray


class Postprocessor:
    """Turns windows of fitted frames into chunks: smooth, refine the contact, pose, press.

    bodies : of the person; fps : frames a second; solve_contact : let the project's own contact solver work on the
    network's result, so that the hand lies on the head where it touches it, and no longer inside.
    """

    def __init__(self, bodies: TakeBodies, fps: float, *, solve_contact: bool) -> None:
        self._bodies = bodies
        self._fps = fps
        self._solve_contact = solve_contact
        self._meshes: dict[str, Mesh] = {}
        self._hand_triangles: dict[str, np.ndarray] = {}

    def mesh(self, name: str) -> Mesh:
        """A mesh of the take by its name."""
        if name not in self._meshes:
            side = name.removeprefix("hand_")
            self._meshes[name] = self._bodies.head_mesh() if name == "head" else self._bodies.hand_mesh(side)
        return self._meshes[name]

    @cached_property
    def _soft_tissue(self) -> SoftTissue:
        head = self.mesh("head")
        return SoftTissue(head_tissue_of_mesh(head), head.rest_vertices, triangles(head))

    @cached_property
    def _skin(self) -> SurfaceIndex:
        """What a hand can touch of the head."""
        corners, touchable = self._soft_tissue.triangles, self._soft_tissue.tissue.touchable
        return SurfaceIndex(self.mesh("head").rest_vertices, corners[touchable[corners].all(axis=1)])

    def chunk(self, window: DiceFrames, start: int, stop: int) -> Chunk:
        """Rows start..stop-1 as the take holds them; a mesh that is in none of them is left out.

        window : the rows with 2 x `temporal_filter.reach` rows of the clip on either side, where the clip has them.
        """
        chosen = slice(start, stop)
        head = _smooth_head(window.head, self._fps)
        hands = {side: _smooth_hand(window.hand(side), self._fps) for side in SIDES}
        if self._solve_contact:
            around = reach(self._fps)
            rows = np.arange(max(0, start - around), min(stop + around, len(window)))
            for side, hand in hands.items():
                hand.translation[rows] += self._shift_onto_skin(head, hand, side, rows)
        meshes: dict[str, MeshFrames] = {}
        if head.tracked[chosen].any():
            meshes["head"] = self._pose_head(head, window.head, chosen)
        for side, hand in hands.items():
            if hand.tracked[chosen].any():
                meshes[f"hand_{side}"] = self._pose_hand(side, hand, window.hand(side), chosen)
        return Chunk(window.frame[chosen], meshes, self._press(meshes, head, start))

    def _shift_onto_skin(self, head: _HeadMotion, hand: _HandMotion, side: str, rows: np.ndarray) -> np.ndarray:
        """What to add to a hand's translation in some rows, (n, 3) metres.

        Hands that the network lets touch the head are moved onto its skin, and hands that are far inside towards it.
        """
        shifts, known = np.zeros((len(head.tracked), 3)), np.zeros(len(head.tracked), bool)
        both = rows[(head.tracked[rows] > 0) & (hand.tracked[rows] > 0)]
        if not len(both):
            return shifts[rows]
        skins, _, _ = self._skins(head, both)
        poses = self._bodies.hand_vertices(side, hand.rotation[both], hand.translation[both])
        touched = head.contact[side][both].max(axis=1) >= TOUCHING
        contact = hand.contact[both] * touched[:, None]
        for row, skin, posed, touching in zip(both, skins, poses, contact, strict=True):
            surface = self._skin.moved(skin)
            shift = snap_to_surface(surface, posed, touching)
            shifts[row] = shift + resolve_penetration(surface, posed + shift)
        known[both] = (shifts[both] != 0).any(axis=1) | (contact.max(axis=1) >= TOUCHING)
        return spread_over_time(shifts[rows], known[rows], self._fps)

    def _skins(self, head: _HeadMotion, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Deformed vertices, undeformed vertices and deformation of rows, (n, V, 3) each in camera space."""
        rotation = head.rotation[rows]
        local = self._bodies.head_local(head.expression[rows], head.jaw[rows])
        vertices = self._bodies.head_vertices(local, rotation, head.translation[rows])
        left, right = head.deformation["left"][rows], head.deformation["right"][rows]
        # Each hand's dents are seen in a view of its own: the deeper of the two at each vertex.
        deeper = (left**2).sum(-1, keepdims=True) > (right**2).sum(-1, keepdims=True)
        added = np.where(deeper, left, right) @ np.swapaxes(rotation_matrices(rotation), -1, -2)
        added = added.astype(np.float32)
        return vertices + added, vertices, added

    def _pose_head(self, head: _HeadMotion, seen: HeadFrames, chosen: slice) -> MeshFrames:
        """The head's vertices, deformation and contact in the chosen rows."""
        present = head.tracked[chosen] > 0
        _, vertices, deformation = self._skins(head, np.arange(chosen.start, chosen.stop))
        contact = np.maximum(head.contact["left"][chosen], head.contact["right"][chosen])
        return MeshFrames(
            tracked=head.tracked[chosen],
            vertices=where_present(present, vertices),
            deformation=where_present(present, deformation),
            contact=where_present(present, contact.astype(np.float32)),
            landmarks=seen.landmarks[chosen],
            confidence=seen.confidence[chosen],
            rotation=where_present(present, head.rotation[chosen].astype(np.float32))[:, None],
            translation=where_present(present, head.translation[chosen].astype(np.float32)),
            expression=where_present(present, self._bodies.expression_keys(head.expression[chosen])),
        )

    def _pose_hand(self, side: str, hand: _HandMotion, seen: HandFrames, chosen: slice) -> MeshFrames:
        """A hand's vertices and contact in the chosen rows."""
        present = hand.tracked[chosen] > 0
        vertices = self._bodies.hand_vertices(side, hand.rotation[chosen], hand.translation[chosen])
        return MeshFrames(
            tracked=hand.tracked[chosen],
            vertices=where_present(present, vertices),
            deformation=np.zeros_like(vertices),
            contact=where_present(present, hand.contact[chosen].astype(np.float32)),
            landmarks=seen.landmarks[chosen],
            confidence=seen.confidence[chosen],
            rotation=where_present(present, hand.rotation[chosen].astype(np.float32)),
            translation=where_present(present, hand.translation[chosen].astype(np.float32)),
            reliability=np.full(len(present), NOT_JUDGED, np.float32),
        )

    def _press(self, meshes: dict[str, MeshFrames], motion: _HeadMotion, start: int) -> list[HandContact]:
        """What the network saw of each hand's touch, and what the contact solver adds, in place, where it is wanted."""
        contacts = []
        head = meshes.get("head")
        for k in () if head is None else map(int, np.flatnonzero(head.tracked)):
            for side in SIDES:
                name, row = f"hand_{side}", start + k
                if name not in meshes or not meshes[name].tracked[k]:
                    continue
                assert head is not None
                contact, deformation = motion.contact[side][row], motion.deformation[side][row]
                if self._solve_contact:
                    if side not in self._hand_triangles:
                        self._hand_triangles[side] = triangles(self.mesh(name))
                    response = press_hand(self._soft_tissue, head, meshes[name], k, self._hand_triangles[side])
                    contact = np.maximum(contact, response.head_contact)
                    deformation = deformation + response.deformation @ rotation_matrices(motion.rotation[row])
                contacts.append(HandContact(k, name, contact, deformation))
        return contacts


def _smooth_head(head: HeadFrames, fps: float) -> _HeadMotion:
    """The head over time; a single picture stays as it is."""
    tracked, rotation = head.found.astype(np.uint8), head.rotation.copy()
    values = [head.translation, head.expression, head.jaw]
    values += [head.deformation(side) for side in SIDES] + [head.contact(side) for side in SIDES]
    values = [value.astype(np.float64) for value in values]
    if len(tracked) > 1:
        fill_short_gaps(tracked, fps, [rotation], values)
        weights = smoothing_weights(tracked > 0, fps)
        rotation = smooth_rotation(rotation, weights)
        values = [smooth(value, weights) for value in values]
        values[-len(SIDES) :] = [np.clip(contact, 0, 1) for contact in values[-len(SIDES) :]]
    translation, expression, jaw = values[:3]
    deformations, contacts = values[3 : 3 + len(SIDES)], values[3 + len(SIDES) :]
    return _HeadMotion(
        tracked,
        rotation,
        translation,
        expression,
        jaw,
        dict(zip(SIDES, deformations, strict=True)),
        dict(zip(SIDES, contacts, strict=True)),
    )


def _smooth_hand(hand: HandFrames, fps: float) -> _HandMotion:
    """A hand over time; a single picture stays as it is."""
    tracked, rotation = hand.found.astype(np.uint8), hand.rotation.copy()
    translation, contact = hand.translation.astype(np.float64), hand.contact.astype(np.float64)
    if len(tracked) > 1:
        joints = [rotation[:, joint].copy() for joint in range(rotation.shape[1])]
        fill_short_gaps(tracked, fps, joints, [translation, contact])
        weights = smoothing_weights(tracked > 0, fps)
        rotation = np.stack([smooth_rotation(joint, weights) for joint in joints], axis=1)
        translation, contact = smooth(translation, weights), np.clip(smooth(contact, weights), 0, 1)
    return _HandMotion(tracked, rotation, translation, contact)
