"""The files between Blender and the solver: what is written comes back, and what is wrong is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from dice_core.errors import InputError
from dice_core.transfer.files import Character, Motion, read_character, read_motion, write_character, write_motion
from dice_core.transfer.settings import TransferSettings


def character(**changes: object) -> Character:
    tetrahedron = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    value = Character(
        vertices=tetrahedron,
        triangles=np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32),
        object=np.zeros(4, np.int32),
        object_names=("Körper",),
        object_vertex=np.arange(4, dtype=np.int32),
        object_matrix=np.eye(4)[None],
        bone_names=("root", "head"),
        bone_parents=np.array([-1, 0], np.int32),
        bone_matrices=np.tile(np.eye(4), (2, 1, 1)),
        bone_lengths=np.ones(2, np.float32),
        skin_bones=np.ones((4, 8), np.int32),
        skin_weights=np.eye(4, 8, dtype=np.float32),
        shape_key_names=("jawOpen",),
        shape_key_deltas=np.ones((1, 4, 3), np.float32),
        shape_key_object=np.zeros(1, np.int32),
        roles={"head": "head"},
        expressions=[{"source": "jawOpen", "target": "jawOpen", "gain": 1.0, "offset": 0.0}],
        head_vertices=np.ones(4, bool),
        landmarks=np.full((12, 3), np.nan, np.float32),
    )
    return dataclasses.replace(value, **changes)  # type: ignore[arg-type]


def motion(**changes: object) -> Motion:
    value = Motion(
        frame=np.array([3, 4, 6], np.int32),
        fps=24.0,
        role_names=("head",),
        bone_names=("head",),
        pose_matrices=np.tile(np.eye(4), (3, 1, 1, 1)),
        hand_weight=np.zeros((3, 2), np.float32),
        expression_names=("jawOpen",),
        expression_weights=np.zeros((3, 1), np.float32),
        made_key_names=(),
        made_key_deltas=np.zeros((0, 4, 3), np.float32),
        dent_names=("contact.001",),
        dent_deltas=np.zeros((1, 4, 3), np.float32),
        dent_weights=np.zeros((3, 1), np.float32),
        contact_names=("contact",),
        contact_weights=np.zeros((1, 4), np.float32),
        contact_curves=np.zeros((3, 1), np.float32),
        touches=[],
        touch_influence=np.zeros((3, 0), np.float32),
        report={"warnings": []},
    )
    return dataclasses.replace(value, **changes)  # type: ignore[arg-type]


def assert_same(one: object, other: object) -> None:
    for field in dataclasses.fields(one):  # type: ignore[arg-type]
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b, field.name


def test_a_character_comes_back(tmp_path: Path) -> None:
    write_character(tmp_path / "character.npz", character())
    assert_same(character(), read_character(tmp_path / "character.npz"))


def test_a_character_without_bones_and_keys_comes_back(tmp_path: Path) -> None:
    bare = character(
        bone_names=(),
        bone_parents=np.zeros(0, np.int32),
        bone_matrices=np.zeros((0, 4, 4)),
        bone_lengths=np.zeros(0, np.float32),
        skin_bones=np.zeros((4, 8), np.int32),
        skin_weights=np.zeros((4, 8), np.float32),
        shape_key_names=(),
        shape_key_deltas=np.zeros((0, 4, 3), np.float32),
        shape_key_object=np.zeros(0, np.int32),
        roles={},
        expressions=[],
    )
    write_character(tmp_path / "c.npz", bare)
    assert_same(bare, read_character(tmp_path / "c.npz"))


def test_a_motion_comes_back(tmp_path: Path) -> None:
    write_motion(tmp_path / "m.npz", motion())
    assert_same(motion(), read_motion(tmp_path / "m.npz"))


@pytest.mark.parametrize(
    "change",
    [
        {"triangles": np.array([[0, 1, 4]], np.int32)},
        {"triangles": np.zeros((0, 3), np.int32)},
        {"vertices": np.full((4, 3), np.nan, np.float32)},
        {"head_vertices": np.ones(3, bool)},
        {"bone_parents": np.array([1, 0], np.int32)},
        {"bone_parents": np.array([-1, 2], np.int32)},
        {"bone_names": ("a", "a")},
        {"roles": {"head": "nobody"}},
        {"roles": {"tail": "head"}},
        {"roles": {"head": "head", "jaw": "head"}},
        {"skin_weights": np.full((4, 8), 0.3, np.float32)},
        {"expressions": [{"source": "jawOpen", "target": "gone", "gain": 1.0, "offset": 0.0}]},
        {"expressions": [{"source": "jawOpen", "target": "jawOpen", "gain": float("nan"), "offset": 0.0}]},
        {"expressions": {}},
    ],
)
def test_a_wrong_character_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"cannot be used .*: transfer"):
        write_character(tmp_path / "c.npz", character(**change))
    assert not (tmp_path / "c.npz").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"frame": np.array([3, 3, 4], np.int32)},
        {"hand_weight": np.full((3, 2), 1.5, np.float32)},
        {"touches": [{}]},
        {"touch_influence": np.zeros((3, 1), np.float32)},
        {"report": []},
    ],
)
def test_a_wrong_motion_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"cannot be used .*: transfer"):
        write_motion(tmp_path / "m.npz", motion(**change))


def test_files_of_another_kind_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    write_motion(path, motion())
    with pytest.raises(InputError, match="dice-motion"):
        read_character(path)
    write_character(path, character())
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError):
            read_character(path)
    np.savez(path, vertices=np.array([object()]))
    with pytest.raises(InputError):
        read_character(path)
    with pytest.raises(InputError):
        read_character(tmp_path / "missing.npz")


@pytest.mark.parametrize("values", [{"neck_share": 1.1}, {"dents": -1}, {"dents": float("nan")}, {"hands": "all"}])
def test_settings_outside_their_range_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(InputError):
        TransferSettings(**values)  # type: ignore[arg-type]
