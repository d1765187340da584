"""What rigs and shaders get to know of contact: vertex groups with curves, and a pair of anchors for each touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dice_core.bodies import load_head
from dice_core.contact.touch_events import OUTER_REGION
from dice_core.transfer.dents import Pressed
from dice_core.transfer.hand_motion import HandFrames
from dice_core.transfer.performance import Performance
from dice_core.transfer.surface_points import SurfacePoints
from dice_core.transfer.target import TargetHead

__all__ = ["ContactGroups", "anchors", "contact_groups"]

LEAST_CONTACT = 0.05
"""Contact below which a vertex is in no group."""

EASE = 0.15
"""Seconds in which an anchor's influence rises before a touch and falls after it. Set by hand."""

CLOSE = 0.01
"""Metres: how near a point of the hand is to the touched skin to be its partner. Set by hand: a fingertip."""

_PALM_SIDE = 0.0
_HAND_GROUPS = {"thumb": "thumb", "index": "index", "middle": "middle", "ring": "ring", "pinky": "little"}


@dataclass(frozen=True)
class ContactGroups:
    """names : C groups; weights : (C, V) float32, the largest contact of each vertex; curves : (T, C) float32."""

    names: tuple[str, ...]
    weights: np.ndarray
    curves: np.ndarray


def contact_groups(target: TargetHead, hands: dict[str, HandFrames], pressed: Pressed) -> ContactGroups:
    """Groups `contact`, `contact.<region>` of the face, and `contact.<part>.L` and `.R` of the hands."""
    count, frames = len(target.vertices), len(pressed.head_contact)
    groups: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    mesh = load_head().mesh
    outer = np.array([OUTER_REGION.get(name, name) for name in mesh.region_names])[mesh.region]
    peak = np.zeros(count, np.float32)
    corners = target.skin_on_ours.corners
    nearest = corners[np.arange(len(corners)), target.skin_on_ours.weights.argmax(axis=1)]
    highest = pressed.head_contact.max(axis=0, initial=0)
    peak[target.skin_vertices] = target.skin_on_ours.of(highest)
    peak = target.spread(peak[None, :, None])[0, :, 0]
    region = np.full(count, "", dtype=outer.dtype)
    region[target.skin_vertices] = outer[nearest]
    region = region[target.twin]
    for name in dict.fromkeys(outer[highest >= LEAST_CONTACT]):
        own = np.where(region == name, peak, 0)
        groups[f"contact.{name}"] = own, pressed.head_contact[:, outer == name].max(axis=1)
    for side, hand in hands.items():
        contact = pressed.hand_contact[side]
        highest = contact.max(axis=0, initial=0)
        peak[hand.rig.skin] = np.maximum(peak[hand.rig.skin], highest)
        part = _hand_parts(hand)
        for name in dict.fromkeys(part[highest >= LEAST_CONTACT]):
            own = np.zeros(count, np.float32)
            own[hand.rig.skin] = np.where(part == name, highest, 0)
            groups[f"contact.{name}.{side[0].upper()}"] = own, contact[:, part == name].max(axis=1)
    if not groups:
        return ContactGroups((), np.zeros((0, count), np.float32), np.zeros((frames, 0), np.float32))
    whole = np.max([curve for _, curve in groups.values()], axis=0)
    groups = {"contact": (peak, whole)} | groups
    weights = np.array([own for own, _ in groups.values()], np.float32)
    curves = np.array([curve for _, curve in groups.values()], np.float32).T
    return ContactGroups(
        tuple(groups), np.clip(np.where(weights < LEAST_CONTACT, 0, weights), 0, 1), np.clip(curves, 0, 1)
    )


def anchors(
    target: TargetHead, performance: Performance, hands: dict[str, HandFrames], fps: float
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """A point on the face and one on the hand for each touch of the take, and the touches' influence (T, N)."""
    touches: list[dict[str, Any]] = []
    influence = []
    mesh = load_head().mesh
    outer = np.array([OUTER_REGION.get(name, name) for name in mesh.region_names])[mesh.region]
    frame = performance.frame
    for event in performance.events:
        side = str(event["hand"]).removeprefix("hand_")
        if side not in hands:
            continue
        during = np.flatnonzero((frame >= event["first_frame"]) & (frame <= event["last_frame"]))
        during = during[performance.hands[side].tracked[during]]
        if not len(during):
            continue
        face_vertex = _most_touched(performance, during, outer == event["region"])
        hand_vertex = _partner(performance, side, during, face_vertex)
        rig = hands[side].rig
        touches.append(
            {
                "region": event["region"],
                "hand": event["hand"],
                "first_frame": int(event["first_frame"]),  # type: ignore[call-overload]
                "last_frame": int(event["last_frame"]),  # type: ignore[call-overload]
            }
            | _anchor("face", target, target.places, face_vertex, target.places.corners[face_vertex])
            | _anchor("hand", target, rig.places, hand_vertex, target.twin[rig.skin[rig.places.corners[hand_vertex]]])
        )
        outside = np.maximum(np.maximum(frame[during[0]] - frame, frame - frame[during[-1]]), 0)
        t = np.clip(1 - outside / max(EASE * fps, 1.0), 0, 1)
        influence.append(t * t * (3 - 2 * t))
    curves = np.array(influence, np.float32).T if influence else np.zeros((len(frame), 0), np.float32)
    return touches, curves


def _anchor(name: str, target: TargetHead, places: SurfacePoints, row: int, corners: np.ndarray) -> dict[str, Any]:
    """A point as the character's own triangle and the weights of its corners in their order; corners : (3,) the
    character's vertices that `places` weighs."""
    triangle = int(places.triangle[row])
    own = target.twin[target.character.triangles[triangle]]
    weights = [float(places.weights[row][corners == vertex].sum()) for vertex in own]
    return {f"{name}_triangle": triangle, f"{name}_weights": weights}


def _most_touched(performance: Performance, during: np.ndarray, region: np.ndarray) -> int:
    """The vertex of a region that is touched most over some frames."""
    own = np.flatnonzero(region)
    return int(own[performance.contact[during][:, own].sum(axis=0).argmax()])


def _partner(performance: Performance, side: str, during: np.ndarray, vertex: int) -> int:
    """The vertex of a hand that touches a vertex of the face most, over some frames."""
    hand = performance.hands[side]
    face = performance.vertices[during, vertex] + performance.deformation[during, vertex]
    distance = np.linalg.norm(hand.vertices[during] - face[:, None], axis=2)
    near = np.exp(-((distance / CLOSE) ** 2)) * (0.05 + hand.contact[during])
    total = near.sum(axis=0)
    return int(total.argmax()) if total.max() > 0 else int(distance.min(axis=0).argmin())


def _hand_parts(hand: HandFrames) -> np.ndarray:
    """(n,) name of the part of the hand that each vertex of its skin belongs to."""
    rig = hand.rig
    names = np.array([_HAND_GROUPS.get(name.split(".")[0], "palm") for name in rig.anatomy.names])
    part = names[rig.weights.argmax(axis=1)].astype("<U8")
    behind = ((rig.rest - rig.anatomy.joints[0]) @ rig.anatomy.axes[0])[:, 2]
    part[(part == "palm") & (behind > _PALM_SIDE if _palm_is_below(hand) else behind < _PALM_SIDE)] = "back"
    return part


def _palm_is_below(hand: HandFrames) -> bool:
    """Whether the palm faces against the z axis of the hand's anatomy: bent fingers and the thumb are on its side."""
    anatomy = hand.rig.anatomy
    local = (anatomy.tips - anatomy.joints[0]) @ anatomy.axes[0]
    return bool(local[1:, 2].mean() < 0)
