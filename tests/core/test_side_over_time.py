"""The side of a hand comes from its whole track, as far as frames are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dice_core.landmarks import FrameLandmarks, HandDetection
from dice_core.landmarks.region import Region
from dice_core.landmarks.side_over_time import SETTLED, with_later_sides


@dataclass(frozen=True)
class Tracked:
    """A frame as the engines track it."""

    number: int
    landmarks: FrameLandmarks


def hand(side: str, track: int, sure: float = 0.9) -> HandDetection:
    points = np.zeros((21, 3), np.float32)
    return HandDetection(points, points, side, 0.9, sure, Region(1.0, 1.0, 1.0), track)  # type: ignore[arg-type]


def frames(*hands: list[HandDetection]) -> list[Tracked]:
    return [Tracked(number, FrameLandmarks(None, tuple(found))) for number, found in enumerate(hands)]


def sides(items: list[Tracked], ahead: int) -> list[list[str]]:
    found = list(with_later_sides(items, ahead))
    assert [item.number for item in found] == [item.number for item in items]
    return [[hand.side for hand in item.landmarks.hands] for item in found]


def test_first_frames_get_the_side_that_later_ones_show() -> None:
    items = frames([hand("left", 0)], [hand("left", 0)], [hand("right", 0)], [hand("right", 0)])
    assert sides(items, 8) == [["right"]] * 4
    assert sides(items, 1) == [["left"], ["right"], ["right"], ["right"]]


def test_tracks_are_apart() -> None:
    items = frames([hand("left", 0)], [], [hand("right", 1)])
    assert sides(items, 8) == [["left"], [], ["right"]]


def test_two_hands_stay_on_two_sides() -> None:
    items = frames([hand("left", 0), hand("right", 1)], [hand("right", 0)], [hand("right", 0)])
    assert sides(items, 8)[0] == ["left", "right"]


def test_what_comes_later_than_ahead_does_not_count() -> None:
    items = frames(*[[hand("left", 0)]] * 5, [hand("right", 0)])
    assert sides(items, 2) == [["left"]] * 3 + [["right"]] * 3


def test_the_first_settled_side_counts_and_what_comes_after_it_does_not() -> None:
    items = frames([hand("left", 0)], [hand("right", 0, SETTLED)], [hand("left", 0)], [hand("left", 0)])
    assert sides(items, 8) == [["right"], ["right"], ["left"], ["left"]]


def test_a_frame_is_given_as_soon_as_its_sides_are_settled() -> None:
    seen = []
    left, right, sure = hand("left", 0), hand("right", 1), hand("left", 0, SETTLED)

    def read() -> Iterator[Tracked]:
        for item in frames([], [left], [right], [sure], [], [hand("left", 2)]):
            seen.append(item.number)
            yield item

    # The hand of frame 2 never is, and keeps the one after it waiting.
    given = [(item.number, len(seen)) for item in with_later_sides(read(), 2)]
    assert given == [(0, 1), (1, 4), (2, 5), (3, 5), (4, 5), (5, 6)]
