"""The simulation that the learned depth of hands comes from."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import Head, load_hand, load_head
from dice_core.geometry.mesh import triangles
from dice_core.geometry.rotations import axis_angle
from dice_core.geometry.signed_distance import PartsIndex

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from depth_prior.errors import LandmarkErrors
from depth_prior.gestures import sample_angles
from depth_prior.heads import SimulatedHead, head_variants, sample_head
from depth_prior.interactions import CONTACT, DEEPER, GIVE, Scenes, sample_scenes
from depth_prior.recipe import RECIPES

from dice_core.network.training.synthetic.hand_batch import HandModel


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


@pytest.fixture(scope="module")
def model() -> HandModel:
    hand = load_hand("right")
    return HandModel(hand, np.linspace(-1, 1, len(hand.shape_basis)), 1.05)


@pytest.fixture(scope="module")
def scene(head: Head, model: HandModel) -> tuple[SimulatedHead, Scenes]:
    rng = np.random.default_rng(7)
    simulated = sample_head(RECIPES[0], head, head_variants(head, 1, rng)[0], rng)
    return simulated, sample_scenes(RECIPES[0], head, simulated, model, 400, rng)


def test_a_batch_is_posed_like_each_of_its_hands(model: HandModel, scene: tuple[SimulatedHead, Scenes]) -> None:
    batch = scene[1].batch
    for k in (0, len(batch.angles) - 1):
        rotation = axis_angle(batch.rotation[k])
        alone = model.hand.pose(model.shape, model.scale, rotation, batch.angles[k], batch.translation[k])
        together = model.skin(batch)[k]
        assert together == pytest.approx(alone[model.samples.vertex], abs=1e-5)


def test_hands_touch_or_do_not_as_the_whole_surfaces_say(
    head: Head, model: HandModel, scene: tuple[SimulatedHead, Scenes]
) -> None:
    simulated, scenes = scene
    skull = PartsIndex(simulated.variant.vertices @ simulated.rotation.T + simulated.translation, triangles(head.mesh))
    rows = np.random.default_rng(0).choice(len(scenes.touching), 24, replace=False)
    deepest = np.array([skull.query(points, 0.05).distance.max() for points in model.skin(scenes.batch.subset(rows))])
    assert deepest.max() < GIVE[1] + DEEPER + 0.003
    touching = scenes.touching[rows]
    assert touching.any()
    assert not touching.all()
    assert deepest[touching].min() > -CONTACT - 0.004
    assert deepest[~touching].max() < 0.002


def test_hands_are_seen(scene: tuple[SimulatedHead, Scenes]) -> None:
    simulated, scenes = scene
    pixels = simulated.camera.project(scenes.keypoints)
    inside = ((pixels > -1) & (pixels < simulated.camera.width)).all(axis=2)
    assert inside.mean() > 0.9
    assert (scenes.keypoints[..., 2] > 0.05).all()


def test_angles_stay_within_the_hands_limits(model: HandModel) -> None:
    hand = model.hand
    angles = sample_angles(hand, 500, np.random.default_rng(3))
    assert (angles >= hand.dof_lower).all()
    assert (angles <= hand.dof_upper).all()
    bent = angles[:, hand.dof_names.index("middle_pip_flexion")]
    assert np.degrees(bent).std() > 20, "flat hands, and fists"


def test_errors_of_known_pictures_come_back(scene: tuple[SimulatedHead, Scenes]) -> None:
    """Landmarks that are all off by the same share of the hand's size, upward in the hand's own frame."""
    truth = scene[1].keypoints
    focal, centre, share, deeper = 500.0, 100.0, 0.05, 0.01
    mean = truth[..., 2].mean(axis=1)
    flat = truth[..., :2] / truth[..., 2:] * mean[:, None, None]
    size = np.ptp(flat, axis=1).max(axis=1)
    up = flat[:, 9] - flat[:, 0]
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    seen = flat + share * size[:, None, None] * up[:, None]
    depth = truth[..., 2] - mean[:, None]
    depth[:, 8] += deeper
    scale = focal / mean[:, None, None]
    points = np.concatenate([seen * scale + centre, depth[..., None] * scale], axis=2)
    errors = LandmarkErrors(points, truth, np.full(len(truth), focal), centre)
    assert errors.share_lost == 0
    found, predicted = errors.add(truth, np.random.default_rng(5))
    off = (found * mean[:, None, None] - flat) / size[:, None, None]
    assert np.einsum("npa,na->np", off, up).mean() == pytest.approx(share, abs=0.002)
    across = np.stack([-up[:, 1], up[:, 0]], axis=1)
    assert np.abs(np.einsum("npa,na->np", off, across)).mean() < 0.005
    tip = predicted[:, 8] - predicted.mean(axis=1) - (truth[:, 8, 2] - mean)
    assert tip.mean() == pytest.approx(deeper * 20 / 21, abs=0.001)


def test_a_fitted_head_is_turned_a_little_about_its_nose(head: Head, scene: tuple[SimulatedHead, Scenes]) -> None:
    simulated, _ = scene
    faces, rng = triangles(head.mesh), np.random.default_rng(5)
    fits = [simulated.as_fitted(3.5, faces, rng) for _ in range(40)]
    nose = simulated.variant.vertices[:, 2].argmin()

    def placed(one: SimulatedHead) -> np.ndarray:
        return one.variant.vertices @ one.rotation.T + one.translation

    turns = [np.degrees(np.linalg.norm(axis_angle(one.rotation @ simulated.rotation.T))) for one in fits]
    assert 4 < np.mean(turns) < 8, "as the fit errs on rendered stills"
    for one in fits[:4]:
        assert placed(one)[nose] == pytest.approx(placed(simulated)[nose], abs=1e-9)
        both = np.isfinite(one.front) & np.isfinite(simulated.front)
        moved = np.abs(one.front[both] - simulated.front[both]).mean()
        assert 0 < moved < 0.02, "what lies behind a hand is what was fitted"
    assert simulated.as_fitted(0.0, faces, rng) is simulated


def test_the_shares_of_a_recipe_leave_room_for_free_hands() -> None:
    for recipe in RECIPES:
        assert recipe.touching + recipe.missing < 1
        assert sum(recipe.regions.values()) == pytest.approx(1.0)
