"""Joint angles of hands as people hold them near their faces.

All numbers were set by hand after anatomy; nothing was recorded from anybody.
"""

from __future__ import annotations

import numpy as np

from dice_core.bodies import Hand

__all__ = ["sample_angles"]

FINGERS = ("index", "middle", "ring", "little")

SHARES = {"flat": 0.34, "relaxed": 0.2, "bent": 0.1, "fist": 0.11, "pointing": 0.09, "two": 0.05, "any": 0.11}
"""How often each gesture is drawn; "any" follows the hand's own prior."""

FLEXION = {
    "flat": ((-6.0, 9.0), (0.0, 7.0), (-3.0, 5.0)),
    "relaxed": ((14.0, 12.0), (24.0, 12.0), (9.0, 7.0)),
    "bent": ((42.0, 14.0), (14.0, 11.0), (5.0, 6.0)),
    "fist": ((62.0, 11.0), (78.0, 11.0), (42.0, 10.0)),
}
"""Degrees from the rest pose, mean and deviation of what the four fingers share, at MCP, PIP and DIP."""

STRAIGHT = {"pointing": 1, "two": 2}
"""How many fingers, from the index on, are flat while the others make a fist."""

APART = 5.0
"""Degrees by which one finger's flexion differs from what the fingers share."""

TOGETHER = {"index": -10.0, "middle": 3.0, "ring": 11.0, "little": 18.0}
SPLAYED = {"index": 7.0, "middle": 5.0, "ring": 3.0, "little": -3.0}
"""Degrees of abduction with the fingers side by side, and spread."""

THUMB_ON_FIST = {"thumb_cmc_flexion": 15.0, "thumb_mcp_flexion": 25.0, "thumb_ip_flexion": 30.0}


def sample_angles(hand: Hand, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 22) joint angles, radians, within the hand's limits."""
    index = {name: k for k, name in enumerate(hand.dof_names)}
    spread = np.linalg.cholesky(np.linalg.inv(hand.dof_precision.astype(float)))
    angles = hand.dof_mean + rng.normal(size=(count, len(index))) @ spread.T
    gesture = rng.choice(list(SHARES), size=count, p=np.array(list(SHARES.values())) / sum(SHARES.values()))
    for name in FLEXION:
        rows = np.flatnonzero(gesture == name)
        _bend(angles, rows, FINGERS, name, index, rng)
        _spread(angles, rows, index, rng)
    for name, straight in STRAIGHT.items():
        rows = np.flatnonzero(gesture == name)
        _bend(angles, rows, FINGERS[:straight], "flat", index, rng)
        _bend(angles, rows, FINGERS[straight:], "fist", index, rng)
        _spread(angles, rows, index, rng)
    closed = np.flatnonzero(np.isin(gesture, ["fist", *STRAIGHT]))
    for name, degrees in THUMB_ON_FIST.items():
        angles[closed, index[name]] += np.radians(degrees)
    return np.clip(angles, hand.dof_lower, hand.dof_upper)


def _bend(
    angles: np.ndarray,
    rows: np.ndarray,
    fingers: tuple[str, ...],
    gesture: str,
    index: dict[str, int],
    rng: np.random.Generator,
) -> None:
    for joint, (mean, deviation) in zip(("mcp", "pip", "dip"), FLEXION[gesture], strict=True):
        shared = rng.normal(mean, deviation, len(rows))
        for finger in fingers:
            own = rng.normal(0, APART, len(rows))
            angles[rows, index[f"{finger}_{joint}_flexion"]] = np.radians(shared + own)


def _spread(angles: np.ndarray, rows: np.ndarray, index: dict[str, int], rng: np.random.Generator) -> None:
    openness = rng.beta(0.8, 1.6, len(rows))
    for finger in FINGERS:
        degrees = TOGETHER[finger] + openness * (SPLAYED[finger] - TOGETHER[finger]) + rng.normal(0, 1.5, len(rows))
        angles[rows, index[f"{finger}_mcp_abduction"]] = np.radians(degrees)
