"""Dents that a character's hands press into its own skin, as a few shape keys with curves.

The soft tissue of a capture is solved on the registered head, which is the character's surface with our vertices, so
that stiffness, lips and eyes are where they belong; what gives way is carried to the character's own vertices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dice_core.bodies import load_head
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.transfer.face_frames import FaceFrames
from dice_core.transfer.hand_motion import HandFrames
from dice_core.transfer.target import TargetHead

__all__ = ["DentKeys", "Pressed", "compressed", "press"]

NEAR = 0.02
"""Metres: hands farther from the skin than this press nothing. Set by hand: twice what counts as contact."""

KEY_ERROR = 0.0004
"""Metres by which a vertex may differ from its dent after compression: a tenth of a shallow one. Set by hand."""

MOST_KEYS = 24

NOTHING = 2e-5
"""Metres: smaller displacements are left out."""


@dataclass(frozen=True)
class Pressed:
    """What the tissue does in T frames.

    deformation : (T, V, 3) and head_contact : (T, V) float32 of the registered head; hand_contact : by side, (T, n) of
    the hands' skin; shift : by side, (T, 3) metres by which a hand had to be moved out; left : (T,) metres of a hand
    that stays below the skin.
    """

    deformation: np.ndarray
    head_contact: np.ndarray
    hand_contact: dict[str, np.ndarray]
    shift: dict[str, np.ndarray]
    left: np.ndarray


@dataclass(frozen=True)
class DentKeys:
    """names : D; deltas : (D, V, 3) float32 on the character, world axes; weights : (T, D) float32; error : metres of a
    person, the largest that compression leaves at a vertex of ours."""

    names: tuple[str, ...]
    deltas: np.ndarray
    weights: np.ndarray
    error: float


def press(
    target: TargetHead, hands: dict[str, HandFrames], tracked: dict[str, np.ndarray], faces: FaceFrames,
    on_frame: Callable[[], None],
) -> Pressed:  # fmt: skip
    """Press the hands into the skin frame by frame; on_frame is called after each, and raises to stop."""
    frames = len(next(iter(tracked.values()))) if tracked else 0
    head = load_head()
    count = len(target.registered)
    tissue = SoftTissue.for_head(head, target.registered.astype(np.float32))
    deformation = np.zeros((frames, count, 3), np.float32)
    contact = np.zeros((frames, count), np.float32)
    hand_contact = {side: np.zeros((frames, len(hand.rig.skin)), np.float32) for side, hand in hands.items()}
    shift = {side: np.zeros((frames, 3)) for side in hands}
    left = np.zeros(frames)
    triangles = {side: np.ascontiguousarray(hand.rig.triangles) for side, hand in hands.items()}
    for k in range(frames):
        for side, hand in hands.items():
            if tracked[side][k] and hand.gaps[k].min() < NEAR:
                surface = faces.vertices(k).astype(np.float32) + deformation[k]
                response = tissue.solve(surface, hand.skin(k), triangles[side])
                deformation[k] += response.deformation
                contact[k] = np.maximum(contact[k], response.head_contact)
                hand_contact[side][k] = response.hand_contact
                shift[side][k] = response.hand_shift
                left[k] = max(left[k], response.penetration_left)
        on_frame()
    return Pressed(deformation, contact, hand_contact, shift, left)


def compressed(target: TargetHead, deformation: np.ndarray, strength: float) -> DentKeys:
    """The dents as few keys as keep every vertex within KEY_ERROR, or MOST_KEYS: their principal components.

    deformation : (T, V, 3) of the registered head, our axes; strength : factor on all of them.
    """
    frames = len(deformation)
    moved = np.flatnonzero((np.abs(deformation) > NOTHING).any(axis=(0, 2)))
    vertices = len(target.vertices)
    if not len(moved) or strength == 0:
        return DentKeys((), np.zeros((0, vertices, 3), np.float32), np.zeros((frames, 0), np.float32), 0.0)
    flat = deformation[:, moved].reshape(frames, -1).astype(np.float64)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    order = np.argsort(values)[::-1]
    order = order[values[order] > 1e-12 * values[order[0]]][:MOST_KEYS]
    weights = np.zeros((frames, 0))
    components = np.zeros((0, flat.shape[1]))
    error = np.inf
    for number in range(1, len(order) + 1):
        weights = vectors[:, order[:number]]
        components = weights.T @ flat
        error = float(np.linalg.norm((flat - weights @ components).reshape(frames, -1, 3), axis=2).max())
        if error <= KEY_ERROR:
            break
    # Weights reach 1, so that a key at 1 is the deepest that it is used.
    largest = np.abs(weights).max(axis=0)
    sign = np.sign(weights[np.abs(weights).argmax(axis=0), np.arange(weights.shape[1])])
    weights, components = weights / (largest * sign), components * (largest * sign)[:, None]
    on_ours = np.zeros((len(components), len(target.registered), 3))
    on_ours[:, moved] = strength * components.reshape(len(components), -1, 3)
    deltas = np.zeros((len(components), vertices, 3), np.float32)
    deltas[:, target.skin_vertices] = target.similarity.vectors_to_target(target.skin_on_ours.of_each(on_ours))
    deltas = target.spread(deltas)
    names = tuple(f"contact.{k + 1:03d}" for k in range(len(components)))
    return DentKeys(names, deltas, weights.astype(np.float32), error)
