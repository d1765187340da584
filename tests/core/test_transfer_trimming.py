"""A trimmed motion: its frames, and only what they need."""

from __future__ import annotations

import numpy as np

from dice_core.transfer.files import Motion, read_motion, write_motion
from dice_core.transfer.trimming import trimmed


def motion() -> Motion:
    """Ten frames of footage from frame 5 on, of which each second one was captured; a touch, a dent and contact at
    their end."""
    rising = np.array([0, 0, 0, 0.5, 1], np.float32)
    triangle = {"face_triangle": 0, "face_weights": [1, 0, 0], "hand_triangle": 1, "hand_weights": [1, 0, 0]}
    return Motion(
        frame=np.arange(5, 15, 2, dtype=np.int32),
        fps=24.0,
        role_names=("head",),
        bone_names=("Head",),
        pose_matrices=np.tile(np.eye(4), (5, 1, 1, 1)) * np.arange(1, 6)[:, None, None, None],
        hand_weight=np.tile(rising[:, None], (1, 2)),
        expression_names=("jawOpen",),
        expression_weights=rising[:, None],
        made_key_names=(),
        made_key_deltas=np.zeros((0, 4, 3), np.float32),
        dent_names=("contact.01", "contact.02"),
        dent_deltas=np.ones((2, 4, 3), np.float32),
        dent_weights=np.stack([rising, 1 - rising], axis=1),
        contact_names=("contact",),
        contact_weights=np.ones((1, 4), np.float32),
        contact_curves=rising[:, None],
        touches=[{"region": "lips", "hand": "hand_left", "first_frame": 11, "last_frame": 13} | triangle],
        touch_influence=rising[:, None],
        report={},
    )


def test_frames_go_and_with_them_what_only_they_need(tmp_path) -> None:
    found = trimmed(motion(), 6, 10)
    assert found.frame.tolist() == [7, 9]
    assert found.pose_matrices[:, 0, 0, 0].tolist() == [2, 3]
    assert found.dent_names == ("contact.02",)
    assert (found.touches, found.contact_names, found.touch_influence.shape) == ([], (), (2, 0))
    write_motion(tmp_path / "motion.npz", found)
    assert read_motion(tmp_path / "motion.npz").frame.tolist() == [7, 9]


def test_a_touch_that_reaches_into_it_stays() -> None:
    found = trimmed(motion(), 13, 20)
    assert (found.frame.tolist(), len(found.touches), found.contact_names) == ([13], 1, ("contact",))
    assert found.dent_names == ("contact.01",)
    whole = trimmed(motion(), 0, 100)
    assert whole.frame.tolist() == motion().frame.tolist()
