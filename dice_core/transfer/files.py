"""The two files between Blender and the solver: what a character is, and how it moves.

`character.npz` is written by Blender's side, `motion.npz` by the solver. Both hold plain arrays, never a pickle, and
are checked when they are read as takes are: types, sizes that fit each other, ranges, indices.
All coordinates are Blender's: world space, z up, right-handed, metres, bones along their y axis.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from dice_core.errors import InputError
from dice_core.take.archive import LARGEST_FILE, Archive
from dice_core.take.format import write_arrays
from dice_core.transfer.file_checks import MOST_ROWS, Kind, check_arrays, check_character, check_header, check_motion
from dice_core.transfer.names import POINT_NAMES

__all__ = ["KEPT", "Character", "Motion", "read_character", "read_motion", "write_character", "write_motion"]

CHARACTER_FORMAT, MOTION_FORMAT, VERSION = "dice-character", "dice-motion", 1

INFLUENCES = 8
"""Bones that move a vertex at most."""

KEPT = 0.006
"""Metres: a touching point this near to its place is kept. Set by hand: less than half a fingertip."""

_METRES = 1e5


@dataclass(frozen=True)
class Character:
    """A character in its rest pose: armature at rest, shape keys at 0, all objects with skin after each other.

    vertices : (V, 3) float32; triangles : (F, 3) int32; object : (V,) int32 index into `object_names`;
    object_vertex : (V,) int32 index in that object's own mesh; object_matrix : (O, 4, 4) float64 world matrices.
    bone_parents : (B,) int32, -1 for none, in any order; bone_matrices : (B, 4, 4) float64 rest matrices, world space;
    bone_lengths : (B,) float32.
    skin_bones : (V, 8) int32, skin_weights : (V, 8) float32, rows sum to 1, or to 0 where nothing moves the vertex.
    shape_key_deltas : (S, V, 3) float32, world space; shape_key_object : (S,) int32.
    roles : role -> bone, see `names.is_role`. expressions : dicts with source, target, gain and offset; empty where the
    head has no such keys. head_vertices : (V,) bool, of the head's skin.
    landmarks : (12, 3) float32 in the order of `names.POINT_NAMES`, NaN where not set by hand.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    object: np.ndarray
    object_names: tuple[str, ...]
    object_vertex: np.ndarray
    object_matrix: np.ndarray
    bone_names: tuple[str, ...]
    bone_parents: np.ndarray
    bone_matrices: np.ndarray
    bone_lengths: np.ndarray
    skin_bones: np.ndarray
    skin_weights: np.ndarray
    shape_key_names: tuple[str, ...]
    shape_key_deltas: np.ndarray
    shape_key_object: np.ndarray
    roles: dict[str, str]
    expressions: list[dict[str, Any]]
    head_vertices: np.ndarray
    landmarks: np.ndarray


@dataclass(frozen=True)
class Motion:
    """How a character moves in T frames.

    frame : (T,) int32 frames of the footage; fps : 0 for a still.
    role_names, bone_names : R bones that move; pose_matrices : (T, R, 4, 4) float64 world matrices, in which an arm
    that was not seen rests already; every other bone rests relative to its parent.
    hand_weight : (T, 2) float32, left and right, influence of the captured arm that `pose_matrices` has.
    expression_names : E keys of the target, made ones included; expression_weights : (T, E) float32.
    made_key_deltas : (M, V, 3) and dent_deltas : (D, V, 3) float32, rest pose, world axes; dent_weights : (T, D).
    contact_weights : (C, V) float32 vertex groups; contact_curves : (T, C) float32, 0 to 1.
    touches : dicts with region, hand, first_frame, last_frame, face_triangle, face_weights, hand_triangle and
    hand_weights (indices into the character's triangles); touch_influence : (T, N) float32.
    report : figures of the solve; its "warnings" are sentences.
    """

    frame: np.ndarray
    fps: float
    role_names: tuple[str, ...]
    bone_names: tuple[str, ...]
    pose_matrices: np.ndarray
    hand_weight: np.ndarray
    expression_names: tuple[str, ...]
    expression_weights: np.ndarray
    made_key_names: tuple[str, ...]
    made_key_deltas: np.ndarray
    dent_names: tuple[str, ...]
    dent_deltas: np.ndarray
    dent_weights: np.ndarray
    contact_names: tuple[str, ...]
    contact_weights: np.ndarray
    contact_curves: np.ndarray
    touches: list[dict[str, Any]]
    touch_influence: np.ndarray
    report: dict[str, Any]


_CHARACTER: dict[str, Kind] = {
    "vertices": ("<f4", ("V", 3), -_METRES, _METRES),
    "triangles": ("<i4", ("F", 3), 0, MOST_ROWS),
    "object": ("<i4", ("V",), 0, MOST_ROWS),
    "object_names": ("U", ("O",), 0, 0),
    "object_vertex": ("<i4", ("V",), 0, 2**31 - 1),
    "object_matrix": ("<f8", ("O", 4, 4), -1e9, 1e9),
    "bone_names": ("U", ("B",), 0, 0),
    "bone_parents": ("<i4", ("B",), -1, MOST_ROWS),
    "bone_matrices": ("<f8", ("B", 4, 4), -_METRES, _METRES),
    "bone_lengths": ("<f4", ("B",), 0, _METRES),
    "skin_bones": ("<i4", ("V", INFLUENCES), 0, MOST_ROWS),
    "skin_weights": ("<f4", ("V", INFLUENCES), 0, 1.01),
    "shape_key_names": ("U", ("S",), 0, 0),
    "shape_key_deltas": ("<f4", ("S", "V", 3), -_METRES, _METRES),
    "shape_key_object": ("<i4", ("S",), 0, MOST_ROWS),
    "roles": ("J", (), 0, 0),
    "expressions": ("J", (), 0, 0),
    "head_vertices": ("|b1", ("V",), 0, 1),
    "landmarks": ("<f4", (len(POINT_NAMES), 3), -_METRES, _METRES),
}

_MOTION: dict[str, Kind] = {
    "frame": ("<i4", ("T",), 0, 2**31 - 1),
    "fps": ("<f8", (), 0, 1e5),
    "role_names": ("U", ("R",), 0, 0),
    "bone_names": ("U", ("R",), 0, 0),
    "pose_matrices": ("<f8", ("T", "R", 4, 4), -_METRES, _METRES),
    "hand_weight": ("<f4", ("T", 2), 0, 1),
    "expression_names": ("U", ("E",), 0, 0),
    "expression_weights": ("<f4", ("T", "E"), -1e3, 1e3),
    "made_key_names": ("U", ("M",), 0, 0),
    "made_key_deltas": ("<f4", ("M", "V", 3), -_METRES, _METRES),
    "dent_names": ("U", ("D",), 0, 0),
    "dent_deltas": ("<f4", ("D", "V", 3), -_METRES, _METRES),
    "dent_weights": ("<f4", ("T", "D"), -1e3, 1e3),
    "contact_names": ("U", ("C",), 0, 0),
    "contact_weights": ("<f4", ("C", "V"), 0, 1),
    "contact_curves": ("<f4", ("T", "C"), 0, 1),
    "touches": ("J", (), 0, 0),
    "touch_influence": ("<f4", ("T", "N"), 0, 1),
    "report": ("J", (), 0, 0),
}

_FORMATS: dict[str, tuple[Mapping[str, Kind], Callable[[Mapping[str, Any]], None]]] = {
    CHARACTER_FORMAT: (_CHARACTER, check_character),
    MOTION_FORMAT: (_MOTION, check_motion),
}


def write_character(path: Path, character: Character) -> None:
    """Write a character. Raises InputError where it is too large or inconsistent, or cannot be written."""
    _write(path, _arrays(character, _CHARACTER), CHARACTER_FORMAT)


def read_character(path: Path) -> Character:
    """Read a character. Raises InputError where the file is missing, damaged or not what a character has to be."""
    return Character(**_read(path, CHARACTER_FORMAT))


def write_motion(path: Path, motion: Motion) -> None:
    """Write a motion. Raises InputError as `write_character`."""
    _write(path, _arrays(motion, _MOTION), MOTION_FORMAT)


def read_motion(path: Path) -> Motion:
    """Read a motion. Raises InputError as `read_character`."""
    return Motion(**_read(path, MOTION_FORMAT))


def _check(arrays: Mapping[str, Any], form: str) -> None:
    kinds, check = _FORMATS[form]
    check_arrays(arrays, kinds)
    check(arrays)


def _arrays(value: Character | Motion, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The arrays of a file, with JSON and lists of names still as Python has them."""
    found = {part.name: getattr(value, part.name) for part in fields(value)}
    return {
        name: found[name] if kind[0] in "UJ" else np.asarray(found[name], np.dtype(kind[0]))
        for name, kind in kinds.items()
    }


def _write(path: Path, arrays: Mapping[str, Any], form: str) -> None:
    try:
        _check(arrays, form)
    except ValueError as error:
        raise _unusable(path, error) from error
    stored = {"format": np.array(form), "version": np.array(VERSION, np.int32)}
    for name, value in arrays.items():
        if isinstance(value, np.ndarray):
            stored[name] = value
        else:
            stored[name] = np.array(value, dtype=str) if isinstance(value, tuple) else np.array(json.dumps(value))
    if sum(value.nbytes for value in stored.values()) > LARGEST_FILE:
        raise InputError("The character has too many vertices for its shape keys: leave out hair, clothes or objects.")
    write_arrays(path, stored, compressed=False)


def _read(path: Path, form: str) -> dict[str, Any]:
    kinds, _ = _FORMATS[form]
    try:
        with Archive(path) as archive:
            found, version = str(archive.read("format")), int(archive.read("version"))
            if found != form or version != VERSION:
                raise ValueError(f"it is a file of the kind {found[:40]!r}, version {version}")
            arrays = {}
            for name, (kind, dimensions, _, _) in kinds.items():
                check_header(name, kind, dimensions, archive.header(name))
                arrays[name] = _decoded(name, kind, archive.read(name))
        _check(arrays, form)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(path, error) from error
    return {name: float(value) if kinds[name][:2] == ("<f8", ()) else value for name, value in arrays.items()}


def _decoded(name: str, kind: str, values: np.ndarray) -> Any:
    if kind == "U":
        return tuple(str(value) for value in values)
    if kind == "J":
        try:
            return json.loads(str(values))
        except RecursionError:
            raise ValueError(f"{name} is nested too deeply") from None
    return values


def _unusable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, KeyError):
        reason = f"it lacks {error.args[0]}"
    return InputError(f"{path.name} cannot be used ({reason}): transfer the take again.")
