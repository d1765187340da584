"""The rendered scenes: repeatable, and their truth holds together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import InputError  # noqa: E402
from dice_core.geometry.closest_point import SurfaceIndex  # noqa: E402
from dice_core.network.training.bodies import TrainingBodies  # noqa: E402
from dice_core.network.training.samples import GROUPS, Sample, collate, fields  # noqa: E402
from dice_core.network.training.synthetic.dataset import SyntheticScenes  # noqa: E402
from dice_core.network.training.synthetic.parameters import drawn_hands, drawn_heads  # noqa: E402
from dice_core.network.training.synthetic.scenes import SCENES_OF_A_PERSON, scenes_of_person  # noqa: E402


def _batch(scenes: list[Sample], bodies: TrainingBodies) -> dict[str, torch.Tensor]:
    return collate(scenes, bodies.counts)


def test_every_group_is_known_and_finite(scenes: list[Sample], bodies: TrainingBodies) -> None:
    assert len(scenes) == SCENES_OF_A_PERSON
    for scene in scenes:
        for group in GROUPS:
            for name, shape in fields(group, bodies.counts).items():
                assert scene[name].shape == shape, name
                assert np.isfinite(scene[name]).all(), name
    batch = _batch(scenes[:3], bodies)
    assert all(batch[f"has_{group}"].all() for group in GROUPS)


def test_the_parameters_pose_the_meshes(scenes: list[Sample], bodies: TrainingBodies) -> None:
    batch = _batch(scenes, bodies)
    assert (bodies.posed_hand(batch) - batch["hand_vs"]).abs().max() < 2e-5
    assert (bodies.posed_head(batch) - batch["head_vs"]).abs().max() < 2e-5
    assert batch["head_vs"].mean(1).abs().max() < 1e-6
    roots = bodies.wrist(batch["rh_betas"]) + batch["rh_transl"]
    assert (roots - batch["wrist"]).abs().max() < 1e-5


def test_contact_is_where_the_surfaces_are_near(scenes: list[Sample], bodies: TrainingBodies) -> None:
    touching = [scene for scene in scenes if scene["head_contact"].any()]
    assert 5 < len(touching) < len(scenes)
    triangles = bodies.head.body.triangles
    for scene in touching[:4]:
        index = SurfaceIndex((scene["head_vs"] - scene["deform"]).astype(np.float64), triangles)
        away = np.abs(index.query(scene["hand_vs"].astype(np.float64)).distance)
        assert away[scene["hand_contact"] > 0].max() < 0.012
        assert np.median(away[scene["hand_contact"] > 0]) < 0.004
        assert np.linalg.norm(scene["deform"], axis=1).max() < 0.03
        still = np.linalg.norm(scene["deform"], axis=1) == 0
        assert still.mean() > 0.3  # far from the touch nothing moves


def test_the_key_points_are_where_the_picture_shows_them(scenes: list[Sample], bodies: TrainingBodies) -> None:
    """An orthographic camera fitted to the key points puts every key point within a few pixels of its place."""
    batch = _batch(scenes, bodies)
    points = torch.cat(bodies.keypoints(batch["hand_vs"], batch["head_vs"]), 1).numpy()
    for k, scene in enumerate(scenes):
        known = scene["keypoint_confidence"] > 0
        assert known.mean() > 0.9
        seen, space = scene["keypoints"][known] * 224, points[k][known]
        rows = np.zeros((len(seen), 2, 3))
        rows[:, 0, 0], rows[:, 1, 0] = space[:, 0], space[:, 1]
        rows[:, 0, 1] = rows[:, 1, 2] = 1
        solution, *_ = np.linalg.lstsq(rows.reshape(-1, 3), seen.ravel(), rcond=None)
        left = np.abs(rows.reshape(-1, 3) @ solution - seen.ravel())
        assert solution[0] > 200  # pixels a metre, and upright
        assert np.median(left) < 8  # the rest is perspective


def test_skin_is_seen_at_the_heads_key_points_that_nothing_hides(scenes: list[Sample]) -> None:
    for scene in scenes[:8]:
        depth, weight = scene["keypoint_depth"], scene["keypoint_depth_weight"]
        assert (depth[weight > 0] > 0).all()
        ratio = depth[weight > 0] / np.median(depth[weight > 0])
        assert 0.5 < ratio.min() < ratio.max() < 1.6


def test_the_same_seed_gives_the_same_scenes(scenes: list[Sample], tmp_path: Path) -> None:
    again = SyntheticScenes(5, 2, tmp_path)
    assert len(again) == 2 * SCENES_OF_A_PERSON
    for number in (0, SCENES_OF_A_PERSON - 1):
        assert np.array_equal(again.sample(number)["pixels"], scenes[number]["pixels"])
        assert np.array_equal(again.sample(number)["rh_pose"], scenes[number]["rh_pose"])
    (file,) = tmp_path.glob("*.npy")
    read = SyntheticScenes(5, 2, tmp_path).sample(3)
    assert np.allclose(read["deform"], scenes[3]["deform"], atol=2e-5)
    assert np.array_equal(read["head_vs"], scenes[3]["head_vs"])
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match="is damaged: delete it"):
        SyntheticScenes(5, 2, tmp_path).sample(3)


def test_a_studio_has_one_background_and_faces_that_look_into_the_camera(scenes: list[Sample]) -> None:
    studio = scenes_of_person(5, 0, "studio")
    turned = {name: [np.linalg.norm(s["face_rot"]) for s in some] for name, some in (("in", studio), ("out", scenes))}
    assert max(turned["in"]) < np.radians(30) < max(turned["out"])
    colours = {
        name: np.array([s["pixels"][-4:, :4].mean((0, 1)) for s in some])
        for name, some in (("in", studio), ("out", scenes))
    }
    hue = {name: some / some.sum(1, keepdims=True) for name, some in colours.items()}
    assert np.median(np.abs(hue["in"] - np.median(hue["in"], 0))) < 0.01 < hue["out"].std(0).max()
    assert np.array_equal(studio[0]["face_shape"], scenes[0]["face_shape"])


def test_other_people_are_others(scenes: list[Sample]) -> None:
    shapes = {tuple(np.round(scene["face_shape"], 5)) for scene in scenes}
    assert len(shapes) == 1
    poses = {tuple(np.round(scene["rh_pose"], 5)) for scene in scenes}
    assert len(poses) > 20


def test_drawn_parameters_have_the_scenes_spread(scenes: list[Sample]) -> None:
    hands, heads = drawn_hands(1, 300), drawn_heads(1, 300)
    assert hands.shape == (300, 55)
    assert heads.shape == (300, 153)
    poses = np.array([scene["rh_pose"] for scene in scenes])
    assert hands[:, 10:].std(0).mean() == pytest.approx(poses.std(0).mean(), rel=0.6)
    assert (heads[:, 100:150] >= 0).all()
    assert not heads[:, 150:].any()
