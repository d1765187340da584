"""A hand against another head: what is in the air stays as it is, and touches are solved from their fullest frame."""

from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.mesh import vertex_normals
from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.contact_fit import ContactFitter, ContactGoals
from dice_core.transfer.hand_carry import CarriedHand
from dice_core.transfer.hand_motion import KEPT_GAP, spread_samples
from dice_core.transfer.hand_rig import HandRig, our_anatomy
from dice_core.transfer.head_obstacle import HeadObstacle
from dice_core.transfer.stretches import _in_order
from dice_core.transfer.surface_points import SurfacePoints


@pytest.fixture(scope="module")
def rig() -> HandRig:
    """Our own right hand as a character's."""
    mesh = load_hand("right").mesh
    anatomy, joint = our_anatomy(mesh)
    rest = mesh.rest_vertices.astype(np.float64)
    column = np.array([int(np.argmin(np.linalg.norm(anatomy.joints - at, axis=1))) for at in mesh.joints])
    weights = np.zeros((len(rest), len(joint)))
    np.add.at(weights, (np.arange(len(rest))[:, None], column[mesh.skin_joints]), mesh.skin_weights)
    every = np.arange(len(rest))
    triangles = mesh_triangles(mesh)
    places = SurfacePoints(np.tile(every[:, None], 3), np.tile([1.0, 0, 0], (len(rest), 1)), every)
    return HandRig(
        anatomy, joint, anatomy.axes, joint, 0.1, every, rest, weights, triangles, np.arange(len(triangles)), places
    )


@pytest.fixture(scope="module")
def fitter(rig: HandRig) -> ContactFitter:
    """Against our head with the front of its ears behind their back, as a registration may leave them."""
    mesh = load_head().mesh
    touchable = head_tissue(load_head()).touchable
    every = np.arange(len(mesh.rest_vertices))
    triangles = mesh_triangles(mesh)
    skin = triangles[touchable[triangles].all(axis=1)]
    head = HeadObstacle(mesh, touchable, mesh.rest_vertices.astype(np.float64), skin, every)
    folded = mesh.rest_vertices.astype(np.float64)
    ears = mesh.region_vertices("ear.L", "ear.R")
    folded[ears] -= 0.006 * vertex_normals(folded, mesh_triangles(mesh))[ears]
    head.set_vertices(folded)
    return ContactFitter(rig, spread_samples(rig.rest, 60), head)


def goals_of(rig: HandRig, points: np.ndarray, weight: float, freedom: float = 1.0) -> ContactGoals:
    """The samples' own places moved as the points, all of one weight; nothing may come nearer than 5 mm."""
    samples = spread_samples(rig.rest, 60)
    allowed = np.full(len(load_head().mesh.rest_vertices), -KEPT_GAP)
    return ContactGoals(points[samples], np.full(len(samples), weight), allowed, freedom)


def carried(rig: HandRig, turn: np.ndarray, shift: np.ndarray) -> CarriedHand:
    """The hand at rest turned about its wrist, and moved."""
    joints = (rig.anatomy.joints - rig.anatomy.joints[0]) @ turn.T + shift
    return CarriedHand(np.tile(turn, (len(joints), 1, 1)), joints)


def test_a_hand_in_the_air_beside_an_ear_is_left_where_it_is(rig: HandRig, fitter: ContactFitter) -> None:
    mesh = load_head().mesh
    skin = SurfaceIndex(mesh.rest_vertices.astype(np.float64), mesh_triangles(mesh))
    ear = mesh.rest_vertices[mesh.region_vertices("ear.R")].mean(axis=0).astype(np.float64)
    random = np.random.default_rng(5)
    tried = 0
    while tried < 40:
        turn = rotation_matrices(random.normal(size=3) * 1.5)
        middle = turn @ (rig.rest.mean(axis=0) - rig.anatomy.joints[0])
        away = np.array([-1.0, 0, 0]) + random.normal(size=3) * 0.7
        hand = carried(rig, turn, ear + away / np.linalg.norm(away) * random.uniform(0.05, 0.11) - middle)
        posed = rig.posed(hand.turn, hand.joints)
        gap = np.abs(skin.query(posed, 0.2).distance).min()
        low, high = mesh.rest_vertices.min(axis=0), mesh.rest_vertices.max(axis=0)
        if gap < 0.02 or ((posed > low + 0.03) & (posed < high - 0.03)).all(axis=1).any():
            continue
        tried += 1
        found = fitter.fit(hand, goals_of(rig, posed, 0.0), None)
        assert np.abs(found).max() < 1e-6


def test_a_correction_is_smaller_where_there_is_less_freedom(rig: HandRig, fitter: ContactFitter) -> None:
    hand = carried(rig, np.eye(3), np.array([-0.5, 0.0, -0.3]))
    posed = rig.posed(hand.turn, hand.joints)
    for freedom, least, most in ((1.0, 0.008, 0.0101), (0.05, 0.0, 0.004)):
        found = fitter.fit(hand, goals_of(rig, posed + np.array([0.01, 0, 0]), 0.05, freedom), None)
        assert least < found[3] < most


def test_a_stretch_of_contact_is_solved_from_its_fullest_frame_to_both_ends() -> None:
    near = np.array([0, 1, 1, 1, 1, 0, 1, 1, 0], bool)
    weight = np.array([9, 1, 2, 5, 3, 9, 4, 1, 9.0])
    assert list(_in_order(near, weight)) == [(3, None), (4, 3), (2, 3), (1, 2), (6, None), (7, 6)]
    assert list(_in_order(np.zeros(4, bool), weight[:4])) == []
