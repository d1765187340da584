"""Takes of the dice engine as a transfer reads them: what the same motion of our own bodies gives, within tolerances.

The takes are the sample's truth on the open bodies in MANO's and FLAME's form, posed by the engine's own code, so that
the true answer is known. Heads and hands of other shapes than ours can make are tried, too.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.errors import InputError, Stopped
from dice_core.geometry.mesh import Mesh, joint_transforms, skin, triangles
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.network.body_models.posing import TakeBodies
from dice_core.network.loading import load_layers
from dice_core.network.training.coarse_meshes import spread_vertices
from dice_core.network.training.remeshing import kept_triangles
from dice_core.sample import sample_truth
from dice_core.take import Take, open_take
from dice_core.transfer.foreign_hand import lay_on_hand
from dice_core.transfer.hand_rig import our_anatomy
from dice_core.transfer.performance import HandPerformance, Performance, read_performance
from dice_core.transfer.settings import TransferSettings
from dice_core.transfer.solve import Solution, solve_all
from tests.core.transfer_bodies import own_character
from tests.network.synthetic import write_licensed_files

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from transfer.dice_form import copy_take, dice_form

FILES = ("MANO_RIGHT.pkl", "generic_model.pkl", "landmark_embedding.npy", "neck_idx.npy")
EVERY = 4
"""One frame of the sample in so many."""


@dataclass(frozen=True)
class Takes:
    """The same motion: of our own bodies, and as the dice engine would have given it."""

    ours: Take
    dice: Take


def never() -> None:
    """Go on."""


def arrays_of(take: Take, rows: slice = slice(None)) -> dict[str, np.ndarray]:
    """All of a take's arrays, some frames of them."""
    return {key: take.array(key)[rows] for key in next(iter(take.chunks()))}


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Takes:
    """Some frames of the sample's truth."""
    folder, whole = tmp_path_factory.mktemp("takes"), open_take(sample_truth())
    ours = copy_take(whole, folder / "ours.dicetake", whole.meshes, arrays_of(whole, slice(None, None, EVERY)))
    return Takes(ours, dice_form(ours, folder / "dice.dicetake"))


@pytest.fixture(scope="module")
def ours(takes: Takes) -> Performance:
    return read_performance(takes.ours, ("right",), never)


@pytest.fixture(scope="module")
def read(takes: Takes) -> Performance:
    return read_performance(takes.dice, ("right",), never)


def degrees(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Angles between rotations (..., 3, 3)."""
    cosine = (np.trace(np.swapaxes(one, -1, -2) @ other, axis1=-2, axis2=-1) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def millimetres(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances between points."""
    return 1000 * np.linalg.norm(one - other, axis=-1)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """F of contact of at least a half."""
    a, b = one > 0.5, other > 0.5
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def bone_axes(hand: HandPerformance) -> np.ndarray:
    """(T, B, 3, 3) anatomical axes of the bones in tracked frames."""
    anatomy, joint = our_anatomy(hand.mesh)
    return hand.rotation[hand.tracked][:, joint] @ anatomy.axes


def test_a_head_is_read_as_ours_in_every_part(ours: Performance, read: Performance) -> None:
    skin_of_head = head_tissue(load_head()).touchable
    error = millimetres(read.vertices, ours.vertices)[:, skin_of_head]
    assert np.median(error) < 0.2
    assert error.max() < 1.5
    assert degrees(read.rotation, ours.rotation).max() < 0.2
    moved = np.linalg.norm(ours.deformation, axis=2).max()
    dented = np.linalg.norm(read.deformation, axis=2).max()
    assert dented == pytest.approx(moved, rel=0.1)
    assert agreement(read.contact, ours.contact) > 0.97
    assert read.head.rest_vertices.shape == load_head().mesh.rest_vertices.shape
    assert [vars(event) for event in open_take(sample_truth()).events] == read.events


def test_expressions_are_ours_although_its_keys_mean_something_else(ours: Performance, read: Performance) -> None:
    active = np.flatnonzero(ours.expression.std(axis=0) > 0.02)
    assert len(active) > 12
    for k in active:
        assert np.corrcoef(ours.expression[:, k], read.expression[:, k])[0, 1] > 0.99, EXPRESSION_NAMES[k]
    assert np.abs(read.expression - ours.expression).max() < 0.04


def test_a_hand_is_read_as_ours(ours: Performance, read: Performance) -> None:
    one, other = ours.hands["right"], read.hands["right"]
    np.testing.assert_array_equal(one.tracked, other.tracked)
    error = millimetres(one.vertices, other.vertices)[one.tracked]
    assert np.median(error) < 0.9  # 778 vertices are 2 mm apart at the fingers, and triangles cut their corners
    assert np.percentile(error, 99) < 2.5
    assert degrees(bone_axes(one), bone_axes(other)).max() < 3
    assert millimetres(one.joints, other.joints)[one.tracked].max() < 2
    assert agreement(one.contact[one.tracked], other.contact[one.tracked]) > 0.8
    assert not other.vertices[~other.tracked].any()


def flat_rest(take: Take, folder: Path) -> Take:
    """The same motion of a hand that rests flat and spread, its thumb in another place, as MANO's does."""
    hand, mesh = load_hand("right"), take.meshes["hand_right"]
    angles = np.zeros(len(hand.dof_names))
    for k, name in enumerate(hand.dof_names):
        joint, _, motion = name.rpartition("_")
        if motion == "flexion":
            angles[k] = np.radians(-10)
        elif joint != "thumb_cmc":
            angles[k] = np.radians({"index": 6, "middle": 1, "ring": -4, "little": -10}.get(joint[:-4], 0))
        elif motion == "abduction":
            angles[k] = np.radians(20)
    axes = np.array([-1.0, 1.0, -1.0])
    own = hand.joint_rotations(angles)[[hand.mesh.joint_names.index(name) for name in mesh.joint_names]]
    own = axes[:, None] * own * axes
    joints, arrays = mesh.joints.astype(np.float64), arrays_of(take)
    linear, offset = joint_transforms(joints, mesh.parents, own, np.zeros(3))
    for k, vectors in enumerate(arrays["hand_right.rotation"].astype(np.float64)):
        posed, _ = joint_transforms(joints, mesh.parents, rotation_matrices(vectors), np.zeros(3))
        turned = posed @ np.swapaxes(linear, 1, 2)
        local = [turned[j] if above < 0 else turned[above].T @ turned[j] for j, above in enumerate(mesh.parents)]
        arrays["hand_right.rotation"][k] = axis_angle(np.array(local))
    rest = skin(mesh, mesh.rest_vertices.astype(np.float64), axis_angle(own), np.zeros(3))
    flat = replace(
        mesh, rest_vertices=rest, joints=(np.einsum("jab,jb->ja", linear, joints) + offset).astype(np.float32)
    )
    return copy_take(take, folder, take.meshes | {"hand_right": flat}, arrays)


def test_a_hand_that_rests_in_another_pose_is_read_the_same(takes: Takes, ours: Performance, tmp_path: Path) -> None:
    flat = flat_rest(takes.dice, tmp_path / "flat.dicetake")
    # Its head is ours, so that the hand alone is new.
    with_our_head = copy_take(
        takes.ours,
        tmp_path / "both.dicetake",
        takes.ours.meshes | {"hand_right": flat.meshes["hand_right"]},
        {key: (flat if "hand" in key else takes.ours).array(key) for key in arrays_of(takes.ours)},
    )
    one, other = ours.hands["right"], read_performance(with_our_head, ("right",), never).hands["right"]
    assert degrees(bone_axes(one), bone_axes(other)).max() < 4
    assert np.median(millimetres(one.vertices, other.vertices)[one.tracked]) < 1


def other_head(take: Take, folder: Path) -> tuple[Take, float]:
    """Another head in the take: of fewer and other triangles, larger, longer, uneven, nodding in its rest pose.

    Returns the take, and the size of the head.
    """
    mesh, arrays = take.meshes["head"], arrays_of(take)
    rest, faces = mesh.rest_vertices.astype(np.float64), triangles(mesh)
    balls = mesh.region_vertices("eyeball.L", "eyeball.R")
    outer = np.flatnonzero(~balls)
    kept = np.sort(np.concatenate([outer[spread_vertices(rest[outer], 3200)], np.flatnonzero(balls)]))
    size, longer, nod = 1.07, np.array([1.0, 1.04, 0.98]), rotation_matrices(np.array([0.14, 0, 0]))
    rng = np.random.default_rng(3)
    waves, ways = rng.normal(0, 25, (6, 3)), rng.normal(0, 0.0006, (6, 3))

    def other(points: np.ndarray) -> np.ndarray:
        uneven = points * longer + np.einsum("...w,wx->...x", np.sin(points @ waves.T), ways)
        return size * uneven @ nod.T + [0.004, -0.02, 0.01]

    rotation = rotation_matrices(arrays["head.rotation"][:, 0].astype(np.float64))
    translation = arrays["head.translation"].astype(np.float64)
    local = (arrays["head.vertices"] - translation[:, None]) @ rotation
    turned = rotation @ nod.T
    arrays["head.vertices"] = (other(local[:, kept]) @ np.swapaxes(turned, 1, 2) + translation[:, None]).astype(
        np.float32
    )
    arrays["head.rotation"] = axis_angle(turned)[:, None].astype(np.float32)
    for key in ("head.deformation", "head.contact"):
        arrays[key] = arrays[key][:, kept]
    corners = kept_triangles(rest, faces, kept)
    head = Mesh(
        name="head",
        rest_vertices=other(rest[kept]).astype(np.float32),
        face_corners=corners.ravel().astype(np.int32),
        face_sizes=np.full(len(corners), 3, np.int32),
        uv=np.zeros((corners.size, 2), np.float32),
        region=np.zeros(len(kept), np.uint8),
        region_names=("head",),
        joints=np.zeros((1, 3), np.float32),
        parents=np.array([-1], np.int32),
        joint_names=("head",),
        skin_joints=np.zeros((len(kept), 1), np.int32),
        skin_weights=np.ones((len(kept), 1), np.float32),
    )
    del arrays["head.expression"]
    return copy_take(take, folder, {"head": head}, {k: v for k, v in arrays.items() if "hand" not in k}), size


def test_a_head_of_other_triangles_size_and_rest_is_read_the_same(
    takes: Takes, ours: Performance, tmp_path: Path
) -> None:
    take, size = other_head(takes.dice, tmp_path / "other.dicetake")
    other = read_performance(take, ("right",), never)
    # It looks where ours looks, whatever the axes it rests in.
    assert degrees(other.rotation, ours.rotation).max() < 2
    faces = head_tissue(load_head()).touchable & ~load_head().mesh.region_vertices("neck", "scalp", "ear.L", "ear.R")
    middle = [one.vertices[:, faces].mean(axis=(0, 1)) for one in (ours, other)]
    stretched = size * (ours.vertices - middle[0]) * [1.0, 1.04, 0.98] + middle[1]
    error = millimetres(other.vertices, stretched)[:, faces]
    assert np.median(error) < 1.5
    assert np.percentile(error, 95) < 3
    assert agreement(other.contact, ours.contact) > 0.9
    active = np.flatnonzero(ours.expression.std(axis=0) > 0.05)
    found = [np.corrcoef(ours.expression[:, k], other.expression[:, k])[0, 1] for k in active]
    assert np.median(found) > 0.99
    assert np.abs(other.expression - ours.expression).mean() < 0.015


@pytest.fixture(scope="module")
def solved(takes: Takes) -> Solution:
    """The dice engine's take on the person of the sample as a character."""
    shapes = {"head_shape": [0.5, -0.6, 0.4, -0.5, 0.3, 0.6, -0.4, 0.3], "hand_shape": [0.4, -0.3, 0.2]}
    twin = own_character(hand_scale=0.98, **{name: np.array(value, np.float32) for name, value in shapes.items()})
    return solve_all(takes.dice, twin, TransferSettings(neck_share=0.0))


def test_a_character_does_what_the_take_of_our_bodies_shows(solved: Solution, ours: Performance) -> None:
    hand, truth = solved.hands["right"], ours.hands["right"]
    error = [millimetres(hand.skin(k), truth.vertices[k]) for k in np.flatnonzero(truth.tracked)]
    assert np.median(error) < 4
    assert np.percentile(error, 95) < 9
    figures = solved.motion.report["hands"]["right"]
    assert figures["frames_kept"] == figures["frames_with_touch"] > 5
    assert {touch["region"] for touch in solved.motion.touches} == {str(event["region"]) for event in ours.events}
    dented = np.einsum("td,dvx->tvx", solved.motion.dent_weights, solved.motion.dent_deltas)
    assert np.linalg.norm(dented, axis=2).max() > 0.6 * np.linalg.norm(ours.deformation, axis=2).max()


@pytest.fixture(scope="module")
def licensed(tmp_path_factory: pytest.TempPathFactory) -> TakeBodies:
    """Bodies of files whose hand is a paddle and whose head is an egg."""
    folder = tmp_path_factory.mktemp("licensed")
    write_licensed_files(folder)
    layers = load_layers({name: folder / name for name in FILES})
    return TakeBodies(layers, np.zeros(100), np.zeros(10), mirrored_head=False)


def test_a_head_without_a_face_is_refused_in_a_sentence(takes: Takes, licensed: TakeBodies, tmp_path: Path) -> None:
    arrays = {key: value for key, value in arrays_of(takes.dice).items() if "hand" not in key}
    egg = copy_take(takes.dice, tmp_path / "egg.dicetake", {"head": licensed.head_mesh()}, arrays)
    with pytest.raises(InputError, match=r"No face was found on the head of .*egg\.dicetake.*open engine"):
        read_performance(egg, ("right",), never)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_of_any_form_ends_on_its_own_skin(licensed: TakeBodies, side: str) -> None:
    """A paddle with joints: nothing of it is like a hand, and our hand is still of its size and within it."""
    mesh = licensed.hand_mesh(side)
    found = lay_on_hand(mesh, never)
    placed = found.places.of(mesh.rest_vertices.astype(np.float64)) + found.beside
    low, high = mesh.rest_vertices.min(axis=0) - 0.03, mesh.rest_vertices.max(axis=0) + 0.03
    assert ((placed > low) & (placed < high)).mean() > 0.9
    assert np.isfinite(found.turn).all()


def test_a_hand_of_other_joints_is_refused(takes: Takes, tmp_path: Path) -> None:
    hand = takes.dice.meshes["hand_right"]
    names = tuple(f"bone_{k}" for k in range(len(hand.joint_names)))
    meshes = takes.ours.meshes | {"hand_right": replace(hand, joint_names=names)}
    arrays = {key: (takes.dice if "hand" in key else takes.ours).array(key) for key in arrays_of(takes.ours)}
    take = copy_take(takes.ours, tmp_path / "bones.dicetake", meshes, arrays)
    with pytest.raises(InputError, match="other joints"):
        read_performance(take, ("right",), never)
    assert not read_performance(take, ("left",), never).hands


def test_reading_stops_when_asked_to(takes: Takes) -> None:
    twin = own_character(head_shape=np.zeros(1, np.float32), hand_shape=np.zeros(1, np.float32))
    calls = []
    with pytest.raises(Stopped, match="nothing was transferred"):
        solve_all(
            takes.dice, twin, TransferSettings(), lambda done, total: calls.append(done) is None and len(calls) < 4
        )
    assert calls == [0] * 4
