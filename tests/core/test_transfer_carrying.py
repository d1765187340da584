"""What carries other heads and hands onto ours, on known answers: shapes, poses and expressions are found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from dice_core.bodies import load_hand, load_head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.errors import InputError, Stopped
from dice_core.geometry.mesh import Mesh, triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.expression_fit import fit_expressions
from dice_core.transfer.foreign_hand import lay_on_hand
from dice_core.transfer.foreign_head import lay_on_head
from dice_core.transfer.gaps import filled, filled_rotations
from dice_core.transfer.hand_rest_fit import fit_hand_at_rest, hand_parts
from dice_core.transfer.shape_fit import fit_surface_shape


def never() -> None:
    """Go on."""


def stop() -> None:
    raise Stopped


def test_expressions_are_those_of_bounded_least_squares() -> None:
    rng = np.random.default_rng(1)
    basis, moved = rng.normal(size=(9, 40, 3)), rng.normal(0, 2, (5, 40, 3))
    weights, possible = rng.uniform(0.2, 2, 40), np.arange(9) != 4
    found = fit_expressions(moved, basis, weights, possible)
    assert ((found >= 0) & (found <= 1)).all()
    assert not found[:, 4].any()
    root = np.sqrt(weights)[:, None]
    columns = (basis * root).reshape(9, -1).T[:, possible]
    for own, wanted in zip(found, moved, strict=True):
        true = lsq_linear(columns, (wanted * root).ravel(), (0, 1)).x
        np.testing.assert_allclose(own[possible], true, atol=3e-3)
    assert 0.1 < (found == 0).mean() < 0.7, "bounds that bind"


def test_our_shapes_are_found_on_a_surface_from_a_start_beside_it() -> None:
    head = load_head()
    shape = np.random.default_rng(2).normal(0, 1, len(head.shape_basis)).astype(np.float32)
    turn = rotation_matrices(np.array([0.05, -0.03, 0.02]))
    true = 1.1 * head.rest(shape).astype(np.float64) @ turn.T + [0.01, -0.02, 0.03]
    tissue, start = head_tissue(head), 1.08 * head.rest(0.3 * shape).astype(np.float64) + [0.013, -0.024, 0.03]
    found = fit_surface_shape(head, tissue, start, (true, triangles(head.mesh)), never)
    error = np.linalg.norm(found - true, axis=1)[tissue.touchable]
    assert np.linalg.norm(start - true, axis=1)[tissue.touchable].max() > 0.01
    assert np.median(error) < 0.001
    assert error.max() < 0.004
    with pytest.raises(Stopped):
        fit_surface_shape(head, tissue, start, (true, triangles(head.mesh)), stop)


def another_hand(side: str) -> tuple[Mesh, np.ndarray, np.ndarray]:
    """Our hand of another person in another rest pose, without metacarpals, turned half round and elsewhere.

    Returns the mesh, our vertices on it, and the turn of each of our joints from our rest pose.
    """
    hand = load_hand(side)
    rng = np.random.default_rng(4)
    shape, scale = rng.normal(0, 0.7, len(hand.shape_basis)).astype(np.float32), 1.06
    angles = hand.dof_mean + rng.normal(0, 0.12, len(hand.dof_mean))
    rotation, place = np.array([0.2, 2.6, -0.4]), np.array([0.3, -0.1, 0.2])
    rest = hand.pose(shape, scale, rotation, angles, place)
    linear, offset = hand.transforms(shape, scale, rotation, angles, place)
    joints = np.einsum("jab,jb->ja", linear, hand.joint_positions(shape, scale)) + offset
    kept = [k for k, name in enumerate(hand.mesh.joint_names) if "metacarpal" not in name]
    names = [hand.mesh.joint_names[k] for k in kept]
    number = np.array([kept.index(k) if k in kept else 0 for k in range(len(joints))])
    parents = [-1 if k == 0 else int(number[hand.mesh.parents[k]]) for k in kept]
    mesh = replace(
        hand.mesh,
        rest_vertices=rest,
        joints=joints[kept].astype(np.float32),
        parents=np.array(parents, np.int32),
        joint_names=tuple(names),
        skin_joints=number[hand.mesh.skin_joints].astype(np.int32),
        attached=None,
    )
    return mesh, rest.astype(np.float64), linear


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_of_another_person_and_rest_pose_is_found(side: str) -> None:
    mesh, true, linear = another_hand(side)
    fitted = fit_hand_at_rest(load_hand(side), mesh, never)
    assert np.percentile(np.linalg.norm(fitted.vertices - true, axis=1), 95) < 0.002
    cosine = (np.trace(np.swapaxes(fitted.linear, 1, 2) @ linear, axis1=1, axis2=2) - 1) / 2
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 5
    found = lay_on_hand(mesh, never)
    assert np.percentile(np.linalg.norm(found.places.of(true) + found.beside - true, axis=1), 95) < 0.002
    assert np.linalg.norm(found.joints[found.joint == 0] - mesh.joints[0], axis=1).min() < 0.002
    # At rest, our joints and skin are where they were laid.
    still, none = np.tile(np.eye(3), (1, len(mesh.joints), 1, 1)), np.zeros((1, len(mesh.joints), 3))
    np.testing.assert_allclose(found.joint_places(still, none)[0], found.joints)
    np.testing.assert_allclose(found.rotations(still)[0], found.turn)
    with pytest.raises(Stopped):
        lay_on_hand(mesh, stop)


def test_parts_of_a_hand_are_its_fingers() -> None:
    mesh = load_hand("right").mesh
    parts = hand_parts(mesh)
    for finger in ("thumb", "index", "middle", "ring", "little"):
        own = mesh.region_vertices(finger)
        assert (parts[own] == finger).mean() > 0.9
    assert set(parts) == {"thumb", "index", "middle", "ring", "little", "hand"}


def test_a_head_without_eyes_is_carried_too() -> None:
    """What it does is read, except for where it looks; what it has behind its skin follows the jaw."""
    head = load_head()
    mesh = head.mesh
    faces = triangles(mesh)
    faces = faces[~head.rigid_vertices[faces].any(axis=1)]
    bare = replace(
        mesh, face_corners=faces.ravel(), face_sizes=np.full(len(faces), 3, np.int32),
        uv=np.zeros((faces.size, 2), np.float32), attached=None,
    )  # fmt: skip
    found = lay_on_head(bare, never)
    assert not found.eyes
    names = list(head.expression_names)
    wanted = np.zeros(52)
    for name, weight in (("jawOpen", 0.8), ("browInnerUp", 0.5), ("mouthSmileLeft", 0.6)):
        wanted[names.index(name)] = weight
    posed = head.deform(mesh.rest_vertices, wanted)
    vertices, expression = found.moved(((posed - found.place) @ found.turn)[None])
    np.testing.assert_allclose(expression[0], wanted, atol=0.02)
    true = (posed - found.place) @ found.turn
    seen = ~head.rigid_vertices
    error = np.linalg.norm(vertices[0] - true, axis=1)[seen]
    assert np.percentile(error, 99) < 0.001
    contact = np.zeros((1, len(mesh.rest_vertices)), np.float32)
    contact[0, mesh.region_vertices("cheek.L")] = 1
    carried = found.carried(contact)[0]
    assert carried.dtype == np.float32
    assert carried[mesh.region_vertices("cheek.L")].mean() > 0.95
    assert not carried[mesh.region_vertices("cheek.R", "tongue", "eyeball.L")].any()


def test_a_ball_is_no_head() -> None:
    head = load_head()
    middle = head.mesh.rest_vertices.mean(axis=0)
    away = head.mesh.rest_vertices - middle
    ball = middle + 0.1 * away / np.linalg.norm(away, axis=1, keepdims=True)
    with pytest.raises(InputError):
        lay_on_head(replace(head.mesh, rest_vertices=ball.astype(np.float32), attached=None), never)
    with pytest.raises(Stopped):
        lay_on_head(replace(head.mesh, attached=None), stop)


def test_gaps_are_filled_evenly_and_held_at_the_ends() -> None:
    known = np.array([False, True, False, False, True, False])
    values = np.array([[9.0], [1], [9], [9], [4], [9]])
    assert filled(values, known).ravel().tolist() == pytest.approx([1, 1, 2, 3, 4, 4])
    turns = filled_rotations(np.array([[9.0, 0, 0], [0.2, 0, 0], [0, 9, 0], [0, 0, 0], [0.8, 0, 0], [0, 0, 0]]), known)
    assert turns[:, 0].tolist() == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.8, 0.8])
