from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.fitting.depth_prior import DepthPrediction
from dice_core.fitting.hand_fit import HandFitter
from dice_core.fitting.hand_head_refinement import HandHeadRefiner, RefinedHand, _Evidence
from dice_core.fitting.hand_observation import HandObservation
from dice_core.fitting.hand_samples import HandSamples
from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.head_view import HeadView
from dice_core.fitting.levenberg_marquardt import retract
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles
from dice_core.geometry.nearest_vertex import NearestVertexIndex
from dice_core.geometry.rasterizer import depth_map

CAMERA = Camera.from_fov(640, 480, 40.0)
HEAD_DISTANCE = 0.7  # metres, of the head's middle
SCALE = 0.2  # of the depth picture


@dataclass(frozen=True)
class RefinementScene:
    """A head that looks at the camera, and a right hand to be refined against it."""

    fitter: HandFitter
    refiner: HandHeadRefiner
    skin: NearestVertexIndex
    samples: HandSamples
    view: HeadView

    def depths(self, pose: np.ndarray) -> np.ndarray:
        """(n,) metres below the head's skin of the hand's samples; far ones are as negative as they are far."""
        points = self.samples.positions(self.fitter.skeleton, pose)
        nearest = self.skin.query(points - self.view.pose.translation)
        return np.where(nearest.distance < 0.03, nearest.depth, -nearest.distance)


@pytest.fixture(scope="module")
def scene() -> RefinementScene:
    head, hand = load_head(), load_hand("right")
    shape, hand_shape = np.zeros(len(head.shape_basis)), np.zeros(len(hand.shape_basis))
    middle = head.mesh.rest_vertices.mean(axis=0)
    pose = HeadPose(np.zeros(3), np.array([0, 0, HEAD_DISTANCE]) - middle, np.zeros(52))
    vertices = head.pose(shape, pose.expression, pose.rotation, pose.translation)
    front = depth_map(vertices, triangles(head.mesh), CAMERA, SCALE)
    fitter = HandFitter(hand, CAMERA, hand_shape, 1.0)
    samples = HandSamples.of(hand.person_mesh(hand_shape, 1.0))
    tissue = head_tissue(head)
    skin = NearestVertexIndex(head.mesh, tissue.touchable)
    refiner = HandHeadRefiner(fitter, samples, skin, pivot=head.mesh.joints[0], softness=tissue.softness, fps=24.0)
    return RefinementScene(fitter, refiner, skin, samples, HeadView(pose, front, SCALE))


def pose_at(position: tuple[float, float, float], turn: tuple[float, float, float]) -> np.ndarray:
    hand = load_hand("right")
    angles = np.clip(hand.dof_mean, hand.dof_lower, hand.dof_upper)
    return np.concatenate([np.array(turn), np.array(position), angles])


def seen(scene: RefinementScene, pose: np.ndarray, off: float = 1.0, touching: bool = True) -> HandObservation:
    """What an ideal detector reports of a pose, with a predicted depth that is wrong by the factor `off`."""
    points = scene.fitter.skeleton.positions(pose, scene.fitter.keypoints)
    depth = (points[:, 2] - points[0, 2]) * CAMERA.fx / points[:, 2].mean()
    pixels = np.concatenate([CAMERA.project(points), depth[:, None]], axis=1)
    middle = float(points[:, 2].mean())
    relative = points[:, 2] - middle
    predicted = DepthPrediction(middle * off, 0.02, relative, np.full(21, 0.006), 0.9 if touching else 0.1)
    return replace(HandObservation.of(pixels, points - points.mean(axis=0)), depth_prediction=predicted)


def refine(scene: RefinementScene, pose: np.ndarray, off: float = 1.0, touching: bool = True) -> RefinedHand:
    """Refine a hand that is seen as `pose` shows it, from a start whose distance is wrong by the factor `off`."""
    start = pose.copy()
    start[3:6] *= off
    return scene.refiner.refine(start, seen(scene, pose, off, touching), scene.view)


PALM_BACK = (0.0, np.pi, 0.0)  # palm to the face, back of the hand to the camera
BESIDE = (0.25, 0.05, 0.6)
ON_THE_CHEEK = (-0.044, 0.088, HEAD_DISTANCE - 0.099)


def miss(scene: RefinementScene, refined: RefinedHand, pose: np.ndarray) -> float:
    """Mean distance in pixels between where the hand was seen and where it is after refinement."""
    a, b = (scene.fitter.skeleton.positions(each, scene.fitter.keypoints) for each in (refined.pose, pose))
    return float(np.linalg.norm(CAMERA.project(a) - CAMERA.project(b), axis=1).mean())


@pytest.mark.parametrize("off", [0.95, 1.0, 1.05])
def test_a_free_hand_stays_free(scene: RefinementScene, off: float) -> None:
    pose = pose_at(BESIDE, (0.0, 0.2, 0.1))
    refined = refine(scene, pose, off, touching=False)
    assert not refined.is_touching
    assert refined.pose[5] == pytest.approx(pose[5], rel=0.07)
    assert miss(scene, refined, pose) < 4


def test_a_hand_far_before_the_face_is_not_drawn_onto_it(scene: RefinementScene) -> None:
    pose = pose_at((0.0, 0.05, 0.35), PALM_BACK)
    refined = refine(scene, pose, touching=True)
    assert not refined.is_touching, "the face lies beyond the deviation of its depth"
    assert refined.pose[5] == pytest.approx(0.35, rel=0.05)


@pytest.mark.parametrize("off", [1.03, 1.06])
def test_a_hand_pushed_into_the_cheek_comes_out(scene: RefinementScene, off: float) -> None:
    pose = pose_at(ON_THE_CHEEK, PALM_BACK)
    start = pose.copy()
    start[3:6] *= off
    assert scene.depths(start).max() > 0.006, "the start must be inside for the test to say something"
    refined = refine(scene, pose, off)
    assert refined.is_touching
    assert scene.depths(refined.pose).max() < 0.006
    assert scene.depths(refined.pose).max() > -0.003
    assert miss(scene, refined, pose) < 6


def test_a_hand_that_hovers_within_the_deviation_comes_to_rest(scene: RefinementScene) -> None:
    refined = refine(scene, pose_at(ON_THE_CHEEK, PALM_BACK), 0.96)
    assert refined.is_touching
    assert -0.003 < scene.depths(refined.pose).max() < 0.006


def test_a_hand_behind_the_face_that_is_seen_comes_in_front(scene: RefinementScene) -> None:
    pose = pose_at(ON_THE_CHEEK, PALM_BACK)
    start = pose.copy()
    start[3:6] *= (HEAD_DISTANCE + 0.02) / start[5]
    refined = scene.refiner.refine(start, seen(scene, start), scene.view)
    points = scene.samples.positions(scene.fitter.skeleton, refined.pose)
    pixels = np.round(CAMERA.project(points) * SCALE).astype(int)
    inside = ((pixels >= 0) & (pixels < scene.view.front.shape[::-1])).all(axis=1)
    front = scene.view.front[pixels[inside, 1], pixels[inside, 0]]
    behind = points[inside, 2] - front > 0.02
    assert behind.mean() < 0.05


def test_a_touching_hand_moves_with_the_head(scene: RefinementScene) -> None:
    pose = pose_at(ON_THE_CHEEK, PALM_BACK)
    first = refine(scene, pose)
    shift = np.array([0.01, 0.0, 0.01])
    moved = pose.copy()
    moved[3:6] += shift
    old = scene.view.pose
    head_pose = HeadPose(old.rotation, old.translation + shift, old.expression)
    head = load_head()
    vertices = head.pose(
        np.zeros(len(head.shape_basis)), head_pose.expression, head_pose.rotation, head_pose.translation
    )
    view = HeadView(head_pose, depth_map(vertices, triangles(head.mesh), CAMERA, SCALE), SCALE)
    refined = scene.refiner.refine(moved, seen(scene, moved), view, first, old)
    assert refined.is_touching
    assert refined.pose[3:6] - first.pose[3:6] == pytest.approx(shift, abs=0.004)


@pytest.mark.parametrize("is_touching", [False, True])
def test_the_gradient_is_that_of_the_cost(scene: RefinementScene, is_touching: bool) -> None:
    """All 28 derivatives of the whole cost, of a hand that penetrates the cheek and partly lies behind it."""
    truth = pose_at(ON_THE_CHEEK, PALM_BACK)
    pose = truth.copy()
    pose[3:6] *= 1.05
    assert scene.depths(pose).max() > 0.01
    evidence = _Evidence(seen(scene, truth), scene.view, float(truth[5]), truth[6:] + 0.1)
    every = np.ones_like(scene.refiner._samples.thumb)
    attracted = scene.refiner._touching_parts(pose, scene.view, every) if is_touching else np.zeros(0)
    evaluate = scene.refiner._problem(evidence, attracted)
    # The nearest skin is found in float32: a step large against its rounding, and small against the way to other skin.
    step, numeric = 1e-5, np.empty(len(pose))
    for k in range(len(pose)):
        change = np.zeros(len(pose))
        change[k] = step
        numeric[k] = (evaluate(retract(pose, change)).cost - evaluate(retract(pose, -change)).cost) / (2 * step)
    largest = np.abs(numeric).max()
    assert 2 * evaluate(pose).gradient == pytest.approx(numeric, rel=2e-4, abs=2e-4 * largest)


def test_a_hand_that_comes_fast_is_not_held_back(scene: RefinementScene) -> None:
    """From one frame of 24 a second to the next, a free hand comes 6 cm nearer: 1.4 metres a second."""
    before, now = pose_at(BESIDE, (0.0, 0.2, 0.1)), pose_at(BESIDE, (0.0, 0.2, 0.1))
    before[3:6] *= 1.1
    previous = RefinedHand(before, False)
    refined = scene.refiner.refine(now, seen(scene, now, touching=False), scene.view, previous, scene.view.pose)
    assert refined.pose[5] == pytest.approx(now[5], abs=0.012)


def test_a_touch_tells_how_deep_it_is(scene: RefinementScene) -> None:
    refined = refine(scene, pose_at(ON_THE_CHEEK, PALM_BACK), 0.98)
    assert refined.is_touching
    assert refined.depth == pytest.approx(scene.depths(refined.pose).max(), abs=1e-6)
    free = refine(scene, pose_at(BESIDE, (0.0, 0.2, 0.1)), touching=False)
    assert free.depth == 0.0
