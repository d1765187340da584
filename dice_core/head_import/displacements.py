"""Displacements of the model made ready: identity without size and pose, eyes that turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.bodies import Head
from dice_core.transfer.turns import least_turn

__all__ = ["EyeTurns", "without_rigid_and_size"]

IRIS_CENTRES = {"R": 0, "L": 5}
"""Of `Head.irises`, the middle of each iris."""


def without_rigid_and_size(
    modes: np.ndarray, rest: np.ndarray, deciding: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Modes of shape without what they move, turn and scale the whole head by.

    modes : (S, V, 3) float32; rest : (V, 3); deciding : points (n, 3) on the head, how the modes move them (S, n, 3),
    and their weights (n,). A head's size and its distance cannot be told apart in a picture, so that size would ruin
    the depth; its pose is no shape. Returns (S, V, 3) float32.
    """
    points, moved, weight = deciding
    middle = (weight @ points) / weight.sum()
    moves = _rigid_and_size(points - middle)
    weighted = moves * weight[:, None]
    gram = np.einsum("anx,bnx->ab", weighted, moves)
    shares = np.linalg.solve(gram, np.einsum("anx,snx->as", weighted, moved))
    return modes - np.tensordot(shares.T, _rigid_and_size(rest - middle), 1).astype(np.float32)


def _rigid_and_size(offset: np.ndarray) -> np.ndarray:
    """(7, n, 3) the displacements of points (n, 3) about their middle: three of place, three of turn, one of size."""
    moves = np.zeros((7, *offset.shape))
    moves[:3] = np.eye(3)[:, None]
    for axis in range(3):
        moves[3 + axis] = np.cross(np.eye(3)[axis], offset)
    moves[6] = offset
    return moves


@dataclass(frozen=True)
class EyeTurns:
    """How eyes turn in each expression. The model's files move the lids alone, so that its eyes turn as ours do.

    spheres : by side "L" and "R", centre (3,) and radius of the model's eyeball; turns : by side (52, 3, 3).
    """

    spheres: dict[str, tuple[np.ndarray, float]]
    turns: dict[str, np.ndarray]

    @classmethod
    def of(cls, head: Head, spheres: dict[str, tuple[np.ndarray, float]]) -> EyeTurns:
        """Turns by which eyeballs of another head look where ours do: their irises go as far as our irises.

        Our eyeballs are also moved a little as they turn, which the turn makes up for.
        """
        turns, rest = {}, head.mesh.rest_vertices.astype(np.float64)
        for side in spheres:
            ball = rest[head.mesh.region_vertices(f"eyeball.{side}")]
            middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
            forward = head.irises(rest)[IRIS_CENTRES[side]] - middle
            moved = head.irises(head.expressions.astype(np.float64))[:, IRIS_CENTRES[side]]
            turns[side] = np.stack([least_turn(forward, forward + one) for one in moved])
        return cls(spheres, turns)

    def displacements(self, side: str, points: np.ndarray) -> np.ndarray:
        """(52, n, 3) by which points (n, 3) on an eyeball move."""
        offset = points - self.spheres[side][0]
        return np.einsum("eij,nj->eni", self.turns[side] - np.eye(3), offset)
