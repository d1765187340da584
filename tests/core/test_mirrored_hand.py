"""Hands of pictures, which are read both ways, as they are and as their mirror images."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import dice_core
from dice_core.engines.open import tracking
from dice_core.landmarks import FrameLandmarks, LandmarkTracker
from dice_core.landmarks.detections import HandDetection
from dice_core.landmarks.hand import HandLandmarker, HandReading
from dice_core.landmarks.region import Region
from dice_core.media.opening import open_footage

SAMPLE = Path(dice_core.__file__).parent / "sample" / "sample.mp4"


@cache
def sample_hand() -> tuple[np.ndarray, HandDetection]:
    """A frame of the bundled clip and its hand, read one way."""
    image = open_footage(SAMPLE).read(30)
    (hand,) = LandmarkTracker().detect(image).hands
    return image, hand


def test_what_is_read_of_the_mirror_image_is_where_the_hand_is() -> None:
    image, hand = sample_hand()
    region, width = hand.region, image.shape[1]
    assert abs(region.angle) > 0.05, "a turned window"
    read = HandLandmarker()
    found = read.mirrored(image, region)
    pixel = region.size / 224
    # A window's middle lies between its pixels, one nearer to its end.
    x, y = width - 1 - region.x + pixel * np.cos(region.angle), region.y - pixel * np.sin(region.angle)
    twin = read(np.ascontiguousarray(image[:, ::-1]), Region(x, y, region.size, -region.angle))
    expected = twin.points * [-1, 1, 1] + [width - 1, 0, 0]
    assert np.abs(found.points - expected).max() < 0.2 * pixel
    assert found.world == pytest.approx(twin.world * [-1, 1, 1], abs=1e-3)
    assert (found.presence, found.right) == pytest.approx((twin.presence, 1 - twin.right), abs=0.01)
    assert found.region == region
    # The other way round the network sees the same hand, not quite the same.
    once = read(image, region)
    apart = np.linalg.norm((found.points - once.points)[:, :2], axis=1)
    assert 0.3 * pixel < apart.mean() < 6 * pixel
    assert (found.right > 0.5) == (once.right > 0.5)


def test_the_landmarks_are_the_mean_of_both_readings() -> None:
    image, hand = sample_hand()
    once, other = HandLandmarker()(image, hand.region), HandLandmarker().mirrored(image, hand.region)
    both = LandmarkTracker().read_mirrored_too(image, replace(hand, points=once.points, world=once.world))
    assert both.points == pytest.approx((once.points + other.points) / 2)
    assert both.world == pytest.approx((once.world + other.world) / 2)
    assert (both.side, both.presence, both.region) == (hand.side, hand.presence, hand.region)


def test_a_mirror_image_that_shows_no_hand_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    image, hand = sample_hand()
    elsewhere = HandReading(np.zeros((21, 3), np.float32), np.zeros((21, 3), np.float32), 0.4, 0.5, hand.region)
    monkeypatch.setattr(HandLandmarker, "mirrored", lambda self, image, region: elsewhere)
    assert LandmarkTracker().read_mirrored_too(image, hand) is hand


def test_pictures_are_read_both_ways_and_clips_one_way(tmp_path: Path) -> None:
    image, hand = sample_hand()
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    (still,) = first_of(path, 1)
    other = HandLandmarker().mirrored(image, hand.region)
    assert still.hands[0].points == pytest.approx((hand.points + other.points) / 2, abs=1e-3)
    frame = first_of(SAMPLE, 31)[30]
    once = HandLandmarker()(image, frame.hands[0].region)
    assert frame.hands[0].points == pytest.approx(once.points, abs=1e-3)


def first_of(path: Path, count: int) -> list[FrameLandmarks]:
    with closing(tracking.track(open_footage(path), 0, None)) as tracked:
        return [frame.landmarks for frame in islice(tracked, count)]
