"""What a report says of touches that a character's rig does not keep."""

from __future__ import annotations

from dice_core.transfer.report import without_lost


def test_frames_that_lose_their_touch_are_not_kept() -> None:
    left = {"frames_with_touch": 10, "frames_kept": 9, "distance_mm": [1.0, 3.0]}
    right = {"frames_with_touch": 5, "frames_kept": 5, "distance_mm": []}
    report = {"scale": 1.0, "hands": {"left": left, "right": right}}
    found = without_lost(report, {"left": 4})
    assert found == report | {"hands": {"left": left | {"frames_kept": 6}, "right": right}}
    assert without_lost(report, {"left": 20})["hands"]["left"]["frames_kept"] == 0
    assert without_lost(report, {}) == report
