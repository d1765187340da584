"""The side of a hand decided over its track: the first frames of a hand know what the next ones show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol, TypeVar

from dice_core.landmarks.detections import FrameLandmarks, Side

__all__ = ["SIDE_SECONDS", "with_later_sides"]

SIDE_SECONDS = 0.5
"""How far the frames after a frame decide on the sides of its hands. Set by hand on public clips, where a hand that
comes into the picture blurred or edge-on shows its side within this time."""


class _Tracked(Protocol):
    @property
    def landmarks(self) -> FrameLandmarks:
        """Of one frame."""


Item = TypeVar("Item", bound=_Tracked)


def with_later_sides(items: Iterable[Item], ahead: int) -> Iterator[Item]:
    """The items in their order, each hand on the side that its track has `ahead` items later, or at the track's end.

    items : dataclass instances with `landmarks`, of successive frames. Where two hands of a frame would come to be on
    one side, the frame stays as it is.
    """
    waiting: list[Item] = []
    for item in items:
        waiting.append(item)
        if len(waiting) > ahead:
            yield _resided(waiting.pop(0), waiting)
    while waiting:
        yield _resided(waiting.pop(0), waiting)


def _resided(item: Item, later: list[Item]) -> Item:
    sides: dict[int, Side] = {}
    for other in later:
        sides |= {hand.track: hand.side for hand in other.landmarks.hands}
    hands = tuple(replace(hand, side=sides.get(hand.track, hand.side)) for hand in item.landmarks.hands)
    if len({hand.side for hand in hands}) < len(hands):
        return item
    return replace(item, landmarks=replace(item.landmarks, hands=hands))  # type: ignore[type-var]
