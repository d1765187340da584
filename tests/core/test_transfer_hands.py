"""A hand against another head: what is in the air stays as it is, and touches are solved from their fullest frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.fitting.levenberg_marquardt import Quadratic
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.mesh import vertex_normals
from dice_core.geometry.nearest_vertex import NearestVertexIndex
from dice_core.geometry.rotations import rotation_matrices
from dice_core.transfer.contact_fit import ContactFitter, ContactGoals, corrected
from dice_core.transfer.gaze import eye_turn, iris_vertices
from dice_core.transfer.hand_carry import CarriedHand
from dice_core.transfer.hand_motion import KEPT_GAP, spread_samples
from dice_core.transfer.hand_rig import HandRig, our_anatomy
from dice_core.transfer.head_obstacle import HeadObstacle, _behind_lids
from dice_core.transfer.stretch_fit import minimise_stretch
from dice_core.transfer.stretches import _clear, _in_order, solve_stretches
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


def test_goals_below_the_skin_do_not_draw_the_hand_in(rig: HandRig, fitter: ContactFitter) -> None:
    """A flat hand in front of the face, all of whose samples ask for places 2 cm inside it."""
    mesh = load_head().mesh
    face = SurfaceIndex(mesh.rest_vertices.astype(np.float64), mesh_triangles(mesh))
    nose = mesh.rest_vertices[mesh.region_vertices("nose")].astype(np.float64)
    tip = nose[nose[:, 2].argmin()]
    hand = carried(rig, np.eye(3), tip + np.array([0, 0, -0.01]) - (rig.rest.mean(axis=0) - rig.anatomy.joints[0]))
    posed = rig.posed(hand.turn, hand.joints)
    wanted = goals_of(rig, posed + np.array([0, 0, 0.03]), 1.0)
    limit = 0.75 * head_tissue(load_head()).dent_limit
    found = fitter.fit(hand, replace(wanted, allowed=limit), None)
    moved = corrected(fitter, hand, found)
    skin = rig.posed(moved.turn, moved.joints)
    closest = face.query(skin)
    corners = mesh_triangles(mesh)[closest.triangle]
    beyond = closest.distance - np.einsum("nk,nk->n", closest.barycentric, limit[corners])
    assert beyond.max() < 0.001
    assert np.abs(closest.distance).min() < 0.001


def test_an_eyeball_is_an_obstacle_between_its_lids_alone() -> None:
    mesh = load_head().mesh
    hidden = _behind_lids(mesh)
    assert not hidden[~mesh.region_vertices("eyeball.L", "eyeball.R")].any()
    for side in "LR":
        ball = np.flatnonzero(mesh.region_vertices(f"eyeball.{side}"))
        forward = ball[np.argsort(mesh.rest_vertices[ball, 2])]  # faces look along -z
        assert not hidden[forward[: len(ball) // 8]].any()
        assert hidden[forward[-len(ball) // 2 :]].all()


def test_what_is_before_an_eye_is_not_behind_the_rims_of_its_lids() -> None:
    """Our head with the rims of its lids folded outwards over the lids, as eyes too large for a head push them."""
    mesh = load_head().mesh
    touchable, every = head_tissue(load_head()).touchable, np.arange(len(mesh.rest_vertices))
    rest, triangles = mesh.rest_vertices.astype(np.float64), mesh_triangles(mesh)
    folded, before = rest.copy(), []
    for side in "LR":
        ball = rest[mesh.region_vertices(f"eyeball.{side}")]
        middle = ball.mean(axis=0)
        radius = np.linalg.norm(ball - middle, axis=1).mean()
        away = rest - middle
        rims = mesh.region_vertices(f"eye.{side}") & (np.linalg.norm(away, axis=1) < 1.15 * radius)
        folded[rims] += away[rims] * (0.35, 0.35, 0) - (0, 0, 0.004)
        across = np.linspace(-0.012, 0.012, 13)
        points = np.stack(np.meshgrid(across, across, [-radius - 0.012]), axis=-1).reshape(-1, 3)
        before.append(middle + points)
    bent = replace(mesh, rest_vertices=folded.astype(np.float32))
    points = np.concatenate(before)
    assert (NearestVertexIndex(bent, touchable).query(points).depth > 0).sum() > 10
    head = HeadObstacle(bent, touchable, rest, triangles, every)
    assert not len(head.entered(points, np.zeros(len(rest))).row)
    lids = np.flatnonzero(mesh.region_vertices("eye.L", "eye.R") & touchable)
    below = rest[lids] - 0.003 * vertex_normals(rest, triangles)[lids]
    as_it_is = HeadObstacle(mesh, touchable, rest, triangles, every)
    behind = NearestVertexIndex(mesh, touchable).query(below).depth > 0
    assert len(as_it_is.entered(below, np.zeros(len(rest))).row) > 0.9 * behind.sum() > 300


def test_skin_in_the_crease_behind_an_ear_is_inside(fitter: ContactFitter) -> None:
    """Points below the skull's skin where it meets the ear, on a head whose registered ears are folded into it."""
    mesh = load_head().mesh
    touchable, every = head_tissue(load_head()).touchable, np.arange(len(mesh.rest_vertices))
    rest, triangles = mesh.rest_vertices.astype(np.float64), mesh_triangles(mesh)
    skin = triangles[touchable[triangles].all(axis=1)]
    ears = mesh.region_vertices("ear.L", "ear.R")
    folded = rest.copy()
    folded[ears] -= 0.006 * vertex_normals(rest, triangles)[ears]
    head = HeadObstacle(replace(mesh, rest_vertices=folded.astype(np.float32)), touchable, rest, skin, every)
    ear, normals = rest[ears & touchable], vertex_normals(rest, triangles)
    beside = [k for k in np.flatnonzero(touchable & ~ears) if np.linalg.norm(ear - rest[k], axis=1).min() < 0.005]
    points = rest[beside] - 0.006 * normals[beside]
    own = SurfaceIndex(rest, skin).query(points)
    points = points[(own.distance > 0.004) & ~ears[skin[own.triangle]].any(axis=1)]
    assert len(points) > 10
    assert len(head.entered(points, np.full(len(rest), 0.003)).row) == len(points)


def test_frames_of_a_stretch_are_solved_together(rig: HandRig) -> None:
    """The same as one dense system; bounds hold."""
    random = np.random.default_rng(3)
    frames, size = 7, 9
    roots = random.normal(size=(frames, size, size))
    matrices = np.einsum("fij,fkj->fik", roots, roots) + np.eye(size)
    aims = 0.1 * random.normal(size=(frames, size))
    aims[:, :3] = 0  # turns add up as vectors where they are none
    matrices[:, :3, 3:] = matrices[:, 3:, :3] = 0
    free = np.array([0, 1, 1, 1, 1, 1, 0], bool)
    joined = np.array([0, 1, 1, 1, 0, 1, 0], bool)
    stiffness = random.uniform(0.5, 3, size)

    def evaluate(k: int, x: np.ndarray) -> Quadratic:
        terms = Quadratic.zero(size)
        terms.add_precision(0, x - aims[k], matrices[k])
        return terms

    wide = np.full(size, 10.0)
    found = minimise_stretch(evaluate, np.zeros((frames, size)), free, joined, wide, stiffness, 40)
    second = np.zeros((4, frames))
    for row, k in enumerate(np.flatnonzero(joined)):
        second[row, k - 1 : k + 2] = 1, -2, 1
    whole = np.kron(second.T @ second, np.diag(stiffness**2))
    right = np.zeros((frames, size))
    for k in range(frames):
        whole[k * size : (k + 1) * size, k * size : (k + 1) * size] += matrices[k]
        right[k] = matrices[k] @ aims[k]
    inside = np.repeat(free, size)
    expected = np.zeros(frames * size)
    expected[inside] = np.linalg.solve(whole[np.ix_(inside, inside)], right.ravel()[inside])
    np.testing.assert_allclose(found, expected.reshape(frames, size), atol=2e-4)
    tight = minimise_stretch(evaluate, np.zeros((frames, size)), free, joined, np.full(size, 0.02), stiffness, 40)
    assert np.abs(tight).max() <= 0.02


def test_a_hand_that_a_solve_left_in_the_head_is_moved_out(rig: HandRig, fitter: ContactFitter) -> None:
    """A flat hand before the face, whose tip of the nose it enters by 2 mm in one frame of nine."""
    nose = load_head().mesh.rest_vertices[load_head().mesh.region_vertices("nose")].astype(np.float64)
    tip = nose[nose[:, 2].argmin()]
    hand = carried(rig, np.eye(3), tip + np.array([0, 0, -0.03]) - (rig.rest.mean(axis=0) - rig.anatomy.joints[0]))
    posed = rig.posed(hand.turn, hand.joints)
    goals = replace(goals_of(rig, posed, 0.0), allowed=np.zeros(len(load_head().mesh.rest_vertices)))
    corrections = np.zeros((9, fitter.unknowns))
    steps = np.arange(0, 0.04, 0.0002)
    depths = [fitter.deepest(hand, goals, np.eye(fitter.unknowns)[5] * step)[0] for step in steps]
    corrections[4, 5] = steps[int(np.argmax(np.array(depths) > 0.002))]
    assert 0.002 < fitter.deepest(hand, goals, corrections[4])[0] < 0.003
    before = corrections.copy()
    _clear(fitter, lambda k: (hand, goals), (0, 9), 1.0, corrections, lambda done: None)
    assert fitter.deepest(hand, goals, corrections[4])[0] <= 0.0003
    moves = np.linalg.norm(corrections - before, axis=1)
    assert moves[4] == moves.max() < 0.004
    assert moves[[3, 5]].min() > 0.2 * moves[4]  # the frames around it go a part of the way
    assert moves[[0, 8]].max() == 0
    np.testing.assert_array_equal(corrections[:, :3], before[:, :3])
    np.testing.assert_array_equal(corrections[:, 6:], before[:, 6:])


def test_goals_that_change_from_frame_to_frame_do_not_shake_the_hand(rig: HandRig, fitter: ContactFitter) -> None:
    samples = spread_samples(rig.rest, 60)
    hand = carried(rig, np.eye(3), np.array([-0.5, 0.0, -0.3]))
    posed = rig.posed(hand.turn, hand.joints)
    frames = 14

    def wanted(k: int) -> tuple[CarriedHand, ContactGoals]:
        return hand, goals_of(rig, posed + np.array([0.004 * (-1) ** k, 0, 0.01]), 1.0)

    corrections = np.zeros((frames, fitter.unknowns))
    source = np.tile(posed[samples], (frames, 1, 1))
    every = np.ones(frames, bool)
    steps: list[int] = []
    solve_stretches(fitter, wanted, source, every, every, np.ones(frames), 1.0, corrections, steps.append)
    assert sum(steps) == frames
    moved = np.array([fitter.samples(hand, x) for x in corrections]) - posed[samples]
    shaking = np.linalg.norm(moved[2:] - 2 * moved[1:-1] + moved[:-2], axis=2).mean()
    assert shaking < 0.1 * 4 * 0.004  # of what goals that are followed would have
    np.testing.assert_allclose(moved[3:-3].mean(axis=(0, 1)), [0, 0, 0.01], atol=0.0015)


@pytest.mark.parametrize("letter", ["L", "R"])
def test_an_eye_turns_as_far_as_its_iris(letter: str) -> None:
    head = load_head()
    iris = iris_vertices(letter)
    centre = head.mesh.joints[head.mesh.joint_names.index(f"eye.{letter}")].astype(np.float64)
    offset = head.mesh.rest_vertices[iris] - centre
    turn = rotation_matrices(np.array([0.1, -0.3, 0.05]))
    np.testing.assert_allclose(eye_turn(letter, offset @ turn.T - offset), turn, atol=1e-6)
    side = "Left" if letter == "L" else "Right"
    for name in ("eyeLookOut", "eyeLookIn", "eyeLookDown"):
        key = head.expressions[list(head.expression_names).index(name + side)][iris].astype(np.float64)
        followed = offset @ eye_turn(letter, key).T - offset
        share = np.einsum("nx,nx->", followed, key) / np.einsum("nx,nx->", key, key)
        assert 0.95 < share < 1.05
