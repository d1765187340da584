"""Roles of bones by where they stand at rest, for rigs whose names say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .roles import FINGERS

__all__ = ["Skeleton", "roles_by_shape"]

# Bones of a finger, and fingers of a hand, below which a bone is no hand.
_LEAST_SEGMENTS, _LEAST_FINGERS = 2, 3
# A finger's first bone is a metacarpal where its head is nearer to the wrist than this share of the distance from the
# wrist to the farthest tip, in rigs whose fingers have four bones. Set by hand.
_METACARPAL_SHARE = 0.3
# Share of the body's width within which a bone counts as standing in the middle of it. Set by hand.
_MIDDLE_SHARE = 0.03


@dataclass(frozen=True)
class Skeleton:
    """An armature at rest. names : B; parents : (B,) -1 for none; heads, tails : (B, 3) metres, z up, facing -y.

    skin : (B,) bool, bones that have vertices to move.
    """

    names: list[str]
    parents: np.ndarray
    heads: np.ndarray
    tails: np.ndarray
    skin: np.ndarray

    def children(self, bone: int) -> list[int]:
        """Bones that hang from a bone."""
        return np.flatnonzero(self.parents == bone).tolist()

    def above(self, bone: int) -> list[int]:
        """The bones from a bone's parent up to the root."""
        chain = []
        while self.parents[bone] >= 0:
            bone = int(self.parents[bone])
            chain.append(bone)
        return chain


def roles_by_shape(skeleton: Skeleton) -> dict[str, str]:
    """The roles that the bones' places tell: hands by their fingers, arms above them, neck and head between.

    Returns role -> bone; empty where there is no hand.
    """
    roles: dict[str, int] = {}
    hands = _hands(skeleton)
    for side, hand in hands.items():
        roles[f"hand.{side}"] = hand
        roles |= _fingers(skeleton, hand, side)
        roles |= _arm(skeleton, hand, side)
    roles |= _head(skeleton, hands)
    return {role: skeleton.names[bone] for role, bone in roles.items()}


def _chain(skeleton: Skeleton, bone: int) -> list[int]:
    """A bone and what hangs from it, as long as nothing branches and something is moved."""
    chain = [bone]
    while len(below := skeleton.children(chain[-1])) == 1:
        chain.append(below[0])
    while len(chain) > 1 and skeleton.skin.any() and not skeleton.skin[chain[-1]]:
        chain.pop()
    return chain if not skeleton.children(chain[-1]) or len(below) <= 1 else []


def _hands(skeleton: Skeleton) -> dict[str, int]:
    """The bone of each side from which most fingers hang."""
    best: dict[str, tuple[float, int]] = {}
    for bone in range(len(skeleton.names)):
        chains = [_chain(skeleton, child) for child in skeleton.children(bone)]
        fingers = [chain for chain in chains if len(chain) >= _LEAST_SEGMENTS]
        if len(fingers) < _LEAST_FINGERS or len(skeleton.above(bone)) < _LEAST_SEGMENTS:
            continue
        # Feet have toes; but they stand lower, and a hand's fingers have more bones.
        weight = sum(min(len(chain), 3) for chain in fingers) + float(skeleton.heads[bone, 2])
        side = "L" if skeleton.heads[bone, 0] > 0 else "R"
        if weight > best.get(side, (0.0, -1))[0]:
            best[side] = (weight, bone)
    return {side: bone for side, (_, bone) in best.items()}


def _fingers(skeleton: Skeleton, hand: int, side: str) -> dict[str, int]:
    chains = [_chain(skeleton, child) for child in skeleton.children(hand)]
    chains = [chain for chain in chains if len(chain) >= _LEAST_SEGMENTS]
    wrist = skeleton.heads[hand]
    reach = max(float(np.linalg.norm(skeleton.tails[chain[-1]] - wrist)) for chain in chains)
    segments = [_segments(skeleton, chain, wrist, reach) for chain in chains]
    order = _from_thumb(skeleton, [own[0] if len(own) < 4 else own[1] for own in segments], chains)
    names = FINGERS if len(order) == len(FINGERS) else FINGERS[: len(order)]
    roles: dict[str, int] = {}
    for finger, index in zip(names, order, strict=False):
        own = segments[index]
        first = 0 if len(own) == 4 else 1
        if finger == "thumb":
            own, first = own[-3:], 1
        roles |= {f"{finger}.{first + n}.{side}": bone for n, bone in enumerate(own)}
    return roles


def _segments(skeleton: Skeleton, chain: list[int], wrist: np.ndarray, reach: float) -> list[int]:
    """The bones of a finger that bend, after its metacarpal if there is one: three or four."""
    if len(chain) <= 3:
        return chain
    first = float(np.linalg.norm(skeleton.heads[chain[0]] - wrist))
    return chain[:4] if first < _METACARPAL_SHARE * reach else chain[:3]


def _from_thumb(skeleton: Skeleton, knuckles: list[int], chains: list[list[int]]) -> list[int]:
    """Indices of the fingers in their order across the hand, the thumb first.

    The thumb is the finger at an end of the row whose direction differs most from the others'.
    """
    heads = skeleton.heads[knuckles]
    ends = skeleton.tails[[chain[-1] for chain in chains]]
    along = ends - heads
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    mean = np.median(along, axis=0)
    thumb = int(np.argmin(along @ mean))
    others = [index for index in range(len(knuckles)) if index != thumb]
    distance = np.linalg.norm(heads[others] - heads[thumb], axis=1)
    return [thumb, *(others[index] for index in np.argsort(distance))]


def _arm(skeleton: Skeleton, hand: int, side: str) -> dict[str, int]:
    """Forearm, upper arm and shoulder among the bones above a hand, twist bones merged into what they twist."""
    width = float(np.abs(skeleton.heads[:, 0]).max())
    chain = [bone for bone in skeleton.above(hand) if abs(float(skeleton.heads[bone, 0])) > _MIDDLE_SHARE * width]
    chain = [bone for bone in chain if np.sign(skeleton.heads[bone, 0]) == np.sign(skeleton.heads[hand, 0])]
    if len(chain) < 2:
        return {}
    if len(chain) <= 3:
        found = chain
    else:
        # Twists in line: shoulder, upper arm in two, forearm in two, as far as there are so many.
        found = (
            [chain[1], chain[min(3, len(chain) - 2)], chain[-1]] if len(chain) > 4 else [chain[0], chain[2], chain[3]]
        )
    names = ("forearm", "upper_arm", "shoulder")
    return {f"{name}.{side}": bone for name, bone in zip(names, found, strict=False)}


def _head(skeleton: Skeleton, hands: dict[str, int]) -> dict[str, int]:
    """Neck and head: the bones in the middle above the one that both arms hang from."""
    if len(hands) < 2:
        return {}
    left, right = (skeleton.above(hands[side]) for side in ("L", "R"))
    common = next((bone for bone in left if bone in right), None)
    if common is None:
        return {}
    width = float(np.abs(skeleton.heads[:, 0]).max())
    chain: list[int] = []
    bone = common
    while True:
        middle = [
            child
            for child in skeleton.children(bone)
            if abs(float(skeleton.heads[child, 0])) < _MIDDLE_SHARE * width
            and skeleton.tails[child, 2] > skeleton.heads[child, 2]
            and child not in left
        ]
        if not middle or len(chain) > 3 or (chain and len(skeleton.children(bone)) > 2):
            break
        bone = max(middle, key=lambda child: float(skeleton.tails[child, 2]))
        chain.append(bone)
    while len(chain) > 1 and skeleton.skin.any() and not skeleton.skin[chain[-1]]:
        chain.pop()
    if not chain:
        return {}
    necks = {f"neck.{n + 1}": bone for n, bone in enumerate(chain[:-1][:3])}
    return {"head": chain[-1], **necks}
