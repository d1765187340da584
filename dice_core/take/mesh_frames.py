"""One mesh over some frames, in the form in which a take holds it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from dice_core.geometry.mesh import Mesh

__all__ = ["HAND_LANDMARKS", "HEAD_LANDMARKS", "NOT_JUDGED", "MeshFrames"]

HEAD_LANDMARKS, HAND_LANDMARKS = 468, 21
"""Points that the landmark networks detect on a face (without the irises) and on a hand."""

NOT_JUDGED = -1.0
"""Reliability of a hand that the engine does not judge."""

# Arrays of a take that are named "array_mesh", not "mesh.array".
_PREFIXED = ("tracked", "landmarks", "confidence", "reliability")


@dataclass
class MeshFrames:
    """One mesh in T frames; rows of frames in which it is absent are zero.

    tracked : (T,) uint8, 0 absent, 1 measured, 2 interpolated; vertices : (T, V, 3) undeformed, metres, camera space;
    deformation : (T, V, 3) metres, to be added; contact : (T, V) 0 to 1; landmarks : (T, L, 2) pixels, as detected;
    confidence : (T,); rotation : (T, J, 3) axis-angle and translation : (T, 3) metres, None for a mesh without joints;
    expression : (T, S) weights of the shape keys, None for a mesh without any; reliability : (T,) of a hand, the
    probability that its depth and its touch are right, -1 where the engine does not judge it, None for a head.
    All but `tracked` float32.
    """

    tracked: np.ndarray
    vertices: np.ndarray
    deformation: np.ndarray
    contact: np.ndarray
    landmarks: np.ndarray
    confidence: np.ndarray
    rotation: np.ndarray | None = None
    translation: np.ndarray | None = None
    expression: np.ndarray | None = None
    reliability: np.ndarray | None = None

    @classmethod
    def absent(cls, mesh: Mesh, frames: int) -> MeshFrames:
        """A mesh that is in none of `frames` frames."""
        vertices, joints, keys = len(mesh.rest_vertices), len(mesh.joints), len(mesh.shape_key_names)
        landmarks = HEAD_LANDMARKS if mesh.name == "head" else HAND_LANDMARKS
        return cls(
            tracked=np.zeros(frames, np.uint8),
            vertices=np.zeros((frames, vertices, 3), np.float32),
            deformation=np.zeros((frames, vertices, 3), np.float32),
            contact=np.zeros((frames, vertices), np.float32),
            landmarks=np.zeros((frames, landmarks, 2), np.float32),
            confidence=np.zeros(frames, np.float32),
            rotation=np.zeros((frames, joints, 3), np.float32) if joints else None,
            translation=np.zeros((frames, 3), np.float32) if joints else None,
            expression=np.zeros((frames, keys), np.float32) if keys else None,
            reliability=None if mesh.name == "head" else np.full(frames, NOT_JUDGED, np.float32),
        )

    def take_arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays by their names in a take, for the mesh called `name`."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {
            f"{key}_{name}" if key in _PREFIXED else f"{name}.{key}": value
            for key, value in values.items()
            if value is not None
        }
