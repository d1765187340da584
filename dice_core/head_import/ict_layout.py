"""What stands where in the light ICT-FaceKit model: ranges of vertices, names of files, axes and unit.

The tables are those of its README (Li et al. 2020, "Learning Formation of Physically-Based Face Attributes",
arXiv:2004.03458; https://github.com/ICT-VGL/ICT-FaceKit, MIT licence).
"""

from __future__ import annotations

import numpy as np

from dice_core.bodies.names import EXPRESSION_NAMES

__all__ = [
    "EYEBALLS",
    "EYE_SOCKETS",
    "GUMS",
    "HEAD_COUNT",
    "IDENTITY_COUNT",
    "LOWER_TEETH",
    "MODEL_FOLDER",
    "MOUTH_SOCKET",
    "NEUTRAL",
    "SKIN_COUNT",
    "TO_OURS",
    "UNIT",
    "UNMADE",
    "UPPER_TEETH",
    "VERTEX_COUNT",
    "expression_files",
    "identity_file",
]

MODEL_FOLDER = "FaceXModel"
"""The folder of the repository that holds the model."""
NEUTRAL = "generic_neutral_mesh.obj"
VERTEX_COUNT = 26_719
IDENTITY_COUNT = 100

HEAD_COUNT = 14_062
"""Vertices of face, head and neck, mouth socket and eye sockets, which are one surface."""
SKIN_COUNT = 11_248
"""Those of face, head and neck alone: skin that is seen from outside."""
MOUTH_SOCKET = slice(11_248, 13_294)
EYE_SOCKETS = {"L": slice(13_294, 13_678), "R": slice(13_678, 14_062)}
GUMS = slice(14_062, 17_039)
UPPER_TEETH, LOWER_TEETH = slice(17_039, 19_247), slice(19_247, 21_451)
EYEBALLS = {"L": slice(21_451, 22_221), "R": slice(23_021, 23_791)}
"""The outer shells of the eyes. The inner ones, with the irises, lie behind them and would be seen through glass."""

UNIT = 0.01
"""Metres: the model is in centimetres."""
TO_OURS = np.diag([1.0, -1.0, -1.0])
"""From its axes (own left, up, forward) to a head at rest in camera axes (own left, down, backward)."""

UNMADE = frozenset({"tongueOut"})
"""Expressions that the model lacks: nothing moves for them."""

_JOINED = frozenset({"browInnerUp", "cheekPuff"})
"""Expressions that the model has in two halves."""


def identity_file(number: int) -> str:
    """The file of an identity mode, counted from 0."""
    return f"identity{number:03d}.obj"


def expression_files() -> dict[str, tuple[str, ...]]:
    """For each of the 52 expressions the files whose displacements add up to it."""
    files: dict[str, tuple[str, ...]] = {}
    for name in EXPRESSION_NAMES:
        if name in UNMADE:
            files[name] = ()
        elif name in _JOINED:
            files[name] = (f"{name}_L.obj", f"{name}_R.obj")
        else:
            files[name] = (name.replace("Left", "_L").replace("Right", "_R") + ".obj",)
    # The whole mouth or jaw moves to a side: no halves of an expression.
    for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        files[name] = (f"{name}.obj",)
    return files
