"""From the poses of single frames to what a take holds: gaps filled, smoothed, posed, skin pressed in by the hands."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from dice_core.bodies import Head
from dice_core.contact.settling import clearing_shift, settling_shift
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue.stiffness import Tissue
from dice_core.engines.base import SIDES, Chunk, HandContact, Postprocess
from dice_core.engines.open.frames import HandFrames, HeadFrames, OpenFrames
from dice_core.engines.open.smoothing import HandMotion, HeadMotion, smooth_hand, smooth_head
from dice_core.engines.open.survey import Person
from dice_core.engines.postprocess import press_hand
from dice_core.fitting.reliability import HandEvidence, Reliability, reliability_features
from dice_core.geometry.mesh import triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.take.mesh_frames import HAND_LANDMARKS, HEAD_LANDMARKS, MeshFrames

__all__ = ["Postprocessor", "chunk_of", "skin_of"]


def skin_of(head: Head, head_shape: np.ndarray, tissue: Tissue) -> SoftTissue:
    """The skin of a person's head; head_shape : (S,) coefficients; tissue : of the head, whoever's it is."""
    return SoftTissue(tissue, head.rest(head_shape), triangles(head.mesh))


class Postprocessor:
    """Turns windows of fitted frames into chunks: smooth, pose, press. All that it keeps is about the person."""

    def __init__(self, person: Person, tissue: Tissue, fps: float, skin: Future[SoftTissue] | None = None) -> None:
        """tissue : of the person's head; fps : frames a second, of no meaning for a picture; skin : of the person's
        head, which a thread prepares; None where no hand is expected at the head."""
        self._person = person
        self._fps = fps
        self._tissue = tissue
        self._hand_triangles = {side: triangles(person.hand(side).mesh) for side in SIDES}
        self._skin = skin

    def __getstate__(self) -> dict[str, Any]:
        """For another process: with the skin, when it is prepared, so that it is not prepared there once more."""
        return self.__dict__ | ({} if self._skin is None else {"_skin": None, "_soft_tissue": self._skin.result()})

    @cached_property
    def _soft_tissue(self) -> SoftTissue:
        # A fifth of a second, that clips of heads alone need not wait for.
        person = self._person
        return skin_of(person.head, person.head_shape, self._tissue) if self._skin is None else self._skin.result()

    def chunk(self, window: OpenFrames, start: int, stop: int) -> Chunk:
        """Rows start..stop-1 as the take holds them; a mesh that is in none of them is left out.

        window : the rows with 2 x `temporal_filter.reach` rows of the clip on either side, where the clip has them.
        """
        chosen = slice(start, stop)
        head = smooth_head(window.head, self._fps, self._person.head)
        meshes: dict[str, MeshFrames] = {}
        motions: dict[str, HandMotion] = {}
        keypoints: dict[str, np.ndarray] = {}
        if head.tracked[chosen].any():
            meshes["head"] = _pose_head(self._person, head, window.head, chosen)
        for side in SIDES:
            hand = smooth_hand(window.hand(side), head, window.head, self._fps, self._person.hand(side))
            if hand.tracked[chosen].any():
                meshes[f"hand_{side}"], keypoints[side] = _pose_hand(
                    self._person, side, hand, window.hand(side), chosen
                )
                motions[side] = hand
        contacts = self._press(meshes, motions, start)
        for side, shape in keypoints.items() if "head" in meshes else ():
            hand_frames = meshes[f"hand_{side}"]
            self._judge(meshes["head"], hand_frames, window.hand(side), shape, chosen)
        if self._person.head is not self._person.head_model.shown and "head" in meshes:
            meshes["head"] = _shown_frames(self._person, meshes["head"])
            contacts = [_shown_contact(self._person, contact) for contact in contacts]
        return Chunk(window.frame[chosen], meshes, contacts)

    def _judge(self, head: MeshFrames, hand: MeshFrames, seen: HandFrames, shape: np.ndarray, chosen: slice) -> None:
        """Enter how far a hand can be relied on; shape : (R, 21, 3) its key points about the wrist, metres."""
        assert head.rotation is not None
        assert head.translation is not None
        assert hand.translation is not None
        assert hand.reliability is not None
        judged = (head.tracked > 0) & (hand.tracked > 0)
        evidence = HandEvidence(
            rows=chosen,
            found=seen.found > 0,
            presence=seen.confidence,
            touching=seen.touching > 0,
            touch_probability=seen.touch_probability,
            predicted_distance=seen.predicted_distance,
            distance_deviation=seen.distance_deviation,
            free_distance=seen.free_centre[:, 2],
            landmarks=seen.landmarks[..., :2],
            touches=hand.contact.max(axis=1) > 0,
            keypoints=shape + hand.translation[:, None],
            head_place=head.translation,
            head_turn=rotation_matrices(head.rotation[:, 0])[:, 2, 2],
            camera=self._person.camera,
            fps=self._fps,
        )
        hand.reliability[judged] = Reliability.load().predict(reliability_features(evidence, judged))

    def _press(self, meshes: dict[str, MeshFrames], motions: dict[str, HandMotion], start: int) -> list[HandContact]:
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


def chunk_of(postprocessor: Postprocessor) -> Postprocess:
    """Its method, which another process takes from its own copy of the postprocessor."""
    return postprocessor.chunk


def _shown_frames(person: Person, head: MeshFrames) -> MeshFrames:
    """The head that the take holds, in the pose of the one that was fitted and touched, with its dents and contact."""
    model = person.head_model
    assert head.rotation is not None
    assert head.translation is not None
    assert head.expression is not None
    empty = MeshFrames.absent(model.shown.mesh, len(head.tracked))
    shown = replace(head, vertices=empty.vertices, deformation=empty.deformation, contact=empty.contact)
    for k in np.flatnonzero(head.tracked):
        shown.vertices[k] = model.shown.pose(
            person.head_shape, head.expression[k], head.rotation[k, 0], head.translation[k]
        )
        shown.deformation[k] = model.on_shown(head.deformation[k])
        shown.contact[k] = model.on_shown(head.contact[k])
    return shown


def _shown_contact(person: Person, contact: HandContact) -> HandContact:
    on_shown = person.head_model.on_shown
    return replace(contact, contact=on_shown(contact.contact), deformation=on_shown(contact.deformation))


def _pose_head(person: Person, motion: HeadMotion, seen: HeadFrames, chosen: slice) -> MeshFrames:
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


def _pose_hand(
    person: Person, side: str, motion: HandMotion, seen: HandFrames, chosen: slice
) -> tuple[MeshFrames, np.ndarray]:
    """A hand's vertices in the chosen rows, and its key points about the wrist, (R, 21, 3) metres."""
    tracked, model = motion.tracked[chosen], person.hand(side)
    posed = MeshFrames.absent(model.mesh, len(tracked))
    posed.tracked[:] = tracked
    posed.landmarks[:] = seen.landmarks[chosen, :, :2]
    posed.confidence[:] = seen.confidence[chosen]
    assert posed.rotation is not None
    assert posed.translation is not None
    shape = np.zeros((len(tracked), HAND_LANDMARKS, 3))
    for k in np.flatnonzero(tracked):
        row = chosen.start + k
        rotation, angles = motion.rotation[row], motion.angles[row]
        shape[k] = model.keypoints(person.hand_shape, person.hand_scale, rotation, angles, np.zeros(3))
        translation = motion.centre[row] - shape[k].mean(axis=0)
        posed.rotation[k] = model.rotation_vectors(rotation, angles)
        posed.translation[k] = translation
        posed.vertices[k] = model.pose(person.hand_shape, person.hand_scale, rotation, angles, translation)
    return posed, shape
