"""How one mesh is going to be animated: the result of every key mode, before anything exists in Blender."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["MeshPlan", "ObjectMotion", "ShapeKey"]


@dataclass(frozen=True)
class ShapeKey:
    """A shape key and the weight that it has over time.

    vertices : (V, 3) float32, metres, the object's space, where weight 1 takes the surface.
    times, weights : (n,) scene frames and weights in [0, 1]: Blender, importers and engines clamp what is beyond.
    index : of the take's frame that the key shows by itself, None where it shows none.
    """

    name: str
    vertices: np.ndarray
    times: np.ndarray
    weights: np.ndarray
    index: int | None = None


@dataclass(frozen=True)
class ObjectMotion:
    """Keyed transform of an object.

    location : (T, 3) metres; quaternion : (T, 4), scalar first, unit, continuous, None where it does not turn.
    """

    location: np.ndarray
    quaternion: np.ndarray | None = None


@dataclass(frozen=True)
class MeshPlan:
    """Basis, shape keys and motion of one mesh object.

    basis : (V, 3) float32, metres, object space; location : (3,) of the object where `motion` is None.
    bones : whether an armature carries the mesh; the object then stays at the origin.
    error : metres, the largest distance of a vertex from the take.
    """

    basis: np.ndarray
    keys: list[ShapeKey]
    location: np.ndarray = field(default_factory=lambda: np.zeros(3))
    motion: ObjectMotion | None = None
    bones: bool = False
    error: float = 0.0
