"""A face is found however its character stands in the world, and none where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.errors import InputError
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.bare_head import TO_WORLD, bare_head
from dice_core.transfer.files import Character
from dice_core.transfer.own_axes import own_axes
from dice_core.transfer.target import FoundFace, find_face
from tests.core.transfer_bodies import own_character

QUARTER = np.pi / 2
TURNS = {
    "its back": (0, 0, 2 * QUARTER),
    "its side": (0, 0, -QUARTER),
    "aslant": (0, 0, 0.8),
    "lying": (QUARTER, 0, 0),
    "on its head, aslant": (2.6, 0.5, -0.4),
}


@pytest.fixture(scope="module")
def upright() -> Character:
    return own_character(head_shape=np.array([0.5, -0.6, 0.4], np.float32), hand_shape=np.zeros(3, np.float32))


@pytest.fixture(scope="module")
def armless(upright: Character) -> Character:
    return replace(upright, roles={role: upright.roles[role] for role in ("head", "neck.1")})


@pytest.fixture(scope="module")
def wanted(upright: Character) -> FoundFace:
    return find_face(upright, lambda: None)


def turned(character: Character, turn: np.ndarray) -> Character:
    """A character turned about the world's origin."""
    matrices = character.bone_matrices.copy()
    matrices[:, :3] = turn @ matrices[:, :3]
    return replace(character, vertices=(character.vertices @ turn.T).astype(np.float32), bone_matrices=matrices)


def off(found: FoundFace, turn: np.ndarray, wanted: FoundFace) -> np.ndarray:
    """(V,) metres of a person between our head on a turned character and on the upright one."""
    return np.linalg.norm(
        found.similarity.to_target(found.start) @ turn - wanted.similarity.to_target(wanted.start), axis=1
    )


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_axes_turn_with_their_character(upright: Character, turn: tuple[float, float, float]) -> None:
    matrix = rotation_matrices(np.array(turn))
    axes = own_axes(turned(upright, matrix)) @ matrix
    np.testing.assert_array_equal(own_axes(upright), np.eye(3))
    assert np.trace(axes) > 1 + 2 * np.cos(np.radians(12))
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)


def test_without_both_arms_the_worlds_axes_are_a_characters_own(armless: Character) -> None:
    np.testing.assert_array_equal(own_axes(turned(armless, rotation_matrices(np.array([0, 0, 2.0])))), np.eye(3))


@pytest.mark.parametrize("name", ["its back", "aslant", "on its head, aslant"])
def test_a_face_is_found_however_its_character_stands(upright: Character, wanted: FoundFace, name: str) -> None:
    turn = rotation_matrices(np.array(TURNS[name]))
    found = find_face(turned(upright, turn), lambda: None)
    assert found.views == wanted.views == 15
    assert np.percentile(off(found, turn, wanted), 95) < 0.002


def test_a_face_is_found_where_no_bone_says_how_its_character_stands(armless: Character, wanted: FoundFace) -> None:
    turn = rotation_matrices(np.array(TURNS["lying"]))
    found = find_face(turned(armless, turn), lambda: None)
    assert np.percentile(off(found, turn, wanted), 95) < 0.003


def test_a_face_is_found_where_the_arms_are_taken_for_each_other(upright: Character, wanted: FoundFace) -> None:
    """Its front is behind it by its bones, and what the network sees there it is confident of."""
    mirrored = {"L": "R", "R": "L"}
    roles = {f"{role[:-1]}{mirrored.get(role[-1], role[-1])}": bone for role, bone in upright.roles.items()}
    swapped = replace(upright, roles=roles)
    np.testing.assert_array_equal(own_axes(swapped), np.diag([-1, -1, 1]))
    found = find_face(swapped, lambda: None)
    assert np.percentile(off(found, np.eye(3), wanted), 95) < 0.003


def test_a_head_without_its_face_has_none() -> None:
    """The front of our head pressed onto a ball, without its eyes."""
    head = load_head()
    triangles = mesh_triangles(head.mesh)
    triangles = triangles[~head.rigid_vertices[triangles].any(axis=1)]
    world = head.mesh.rest_vertices @ TO_WORLD.T
    middle = (world.min(axis=0) + world.max(axis=0)) / 2
    away = world - middle
    front = away[:, 1] < 0
    away[front] *= 0.09 / np.linalg.norm(away[front], axis=1, keepdims=True)
    with pytest.raises(InputError, match="No face was found"):
        find_face(bare_head((middle + away) @ TO_WORLD, triangles), lambda: None)
