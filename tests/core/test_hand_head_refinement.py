from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.fitting.depth_prior import DepthGuess
from dice_core.fitting.hand_fit import HandFitter, HandObservation
from dice_core.fitting.hand_head_refinement import HandPlacer, Placement
from dice_core.fitting.hand_samples import HandSamples
from dice_core.fitting.head_fit import HeadPose
from dice_core.fitting.head_view import HeadView
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import triangles
from dice_core.geometry.nearest_vertex import NearestVertexIndex
from dice_core.geometry.rasterizer import depth_map

CAMERA = Camera.from_fov(640, 480, 40.0)
HEAD_DISTANCE = 0.7  # metres, of the head's middle
SCALE = 0.2  # of the depth picture


@dataclass(frozen=True)
class Stage:
    """A head that looks at the camera, and a right hand to be placed before it."""

    fitter: HandFitter
    placer: HandPlacer
    proximity: NearestVertexIndex
    samples: HandSamples
    view: HeadView

    def depths(self, pose: np.ndarray) -> np.ndarray:
        """(n,) metres below the head's skin of the hand's samples; far ones are as negative as they are far."""
        points = self.samples.positions(self.fitter.skeleton, pose)
        nearest = self.proximity.query(points - self.view.pose.translation)
        return np.where(nearest.distance < 0.03, nearest.depth, -nearest.distance)


@pytest.fixture(scope="module")
def stage() -> Stage:
    head, hand = load_head(), load_hand("right")
    shape, hand_shape = np.zeros(len(head.shape_basis)), np.zeros(len(hand.shape_basis))
    middle = head.mesh.rest_vertices.mean(axis=0)
    pose = HeadPose(np.zeros(3), np.array([0, 0, HEAD_DISTANCE]) - middle, np.zeros(52))
    vertices = head.pose(shape, pose.expression, pose.rotation, pose.translation)
    front = depth_map(vertices, triangles(head.mesh), CAMERA, SCALE)
    fitter = HandFitter(hand, CAMERA, hand_shape, 1.0)
    samples = HandSamples.of(hand.person_mesh(hand_shape, 1.0))
    tissue = head_tissue(head)
    proximity = NearestVertexIndex(head.mesh, tissue.touchable)
    placer = HandPlacer(fitter, samples, proximity, pivot=head.mesh.joints[0], softness=tissue.softness)
    return Stage(fitter, placer, proximity, samples, HeadView(pose, front, SCALE))


def pose_at(position: tuple[float, float, float], turn: tuple[float, float, float]) -> np.ndarray:
    hand = load_hand("right")
    angles = np.clip(hand.dof_mean, hand.dof_lower, hand.dof_upper)
    return np.concatenate([np.array(turn), np.array(position), angles])


def seen(stage: Stage, pose: np.ndarray, off: float = 1.0, touching: bool = True) -> HandObservation:
    """What an ideal detector reports of a pose, with a learned depth that is wrong by the factor `off`."""
    points = stage.fitter.skeleton.positions(pose, stage.fitter.keypoints)
    depth = (points[:, 2] - points[0, 2]) * CAMERA.fx / points[:, 2].mean()
    pixels = np.concatenate([CAMERA.project(points), depth[:, None]], axis=1)
    middle = float(points[:, 2].mean())
    relative = points[:, 2] - middle
    guess = DepthGuess(middle * off, 0.02, relative, np.full(21, 0.006), 0.9 if touching else 0.1)
    return replace(HandObservation.of(pixels, points - points.mean(axis=0)), guess=guess)


def place(stage: Stage, pose: np.ndarray, off: float = 1.0, touching: bool = True) -> Placement:
    """Place a hand that is seen as `pose` shows it, from a guess whose distance is wrong by the factor `off`."""
    guess = pose.copy()
    guess[3:6] *= off
    return stage.placer.place(guess, seen(stage, pose, off, touching), stage.view)


PALM_BACK = (0.0, np.pi, 0.0)  # palm to the face, back of the hand to the camera
BESIDE = (0.25, 0.05, 0.6)
ON_THE_CHEEK = (-0.044, 0.088, HEAD_DISTANCE - 0.099)


def miss(stage: Stage, placed: Placement, pose: np.ndarray) -> float:
    """Mean distance in pixels between where the hand was seen and where it is placed."""
    a, b = (stage.fitter.skeleton.positions(each, stage.fitter.keypoints) for each in (placed.pose, pose))
    return float(np.linalg.norm(CAMERA.project(a) - CAMERA.project(b), axis=1).mean())


@pytest.mark.parametrize("off", [0.95, 1.0, 1.05])
def test_a_free_hand_stays_free(stage: Stage, off: float) -> None:
    pose = pose_at(BESIDE, (0.0, 0.2, 0.1))
    placed = place(stage, pose, off, touching=False)
    assert not placed.touching
    assert placed.pose[5] == pytest.approx(pose[5], rel=0.07)
    assert miss(stage, placed, pose) < 4


def test_a_hand_far_before_the_face_is_not_drawn_onto_it(stage: Stage) -> None:
    pose = pose_at((0.0, 0.05, 0.35), PALM_BACK)
    placed = place(stage, pose, touching=True)
    assert not placed.touching, "no doubt about its depth reaches as far as the face"
    assert placed.pose[5] == pytest.approx(0.35, rel=0.05)


@pytest.mark.parametrize("off", [1.03, 1.06])
def test_a_hand_pushed_into_the_cheek_comes_out(stage: Stage, off: float) -> None:
    pose = pose_at(ON_THE_CHEEK, PALM_BACK)
    guess = pose.copy()
    guess[3:6] *= off
    assert stage.depths(guess).max() > 0.006, "the guess must be inside for the test to say something"
    placed = place(stage, pose, off)
    assert placed.touching
    assert stage.depths(placed.pose).max() < 0.006
    assert stage.depths(placed.pose).max() > -0.003
    assert miss(stage, placed, pose) < 6


def test_a_hand_that_hovers_within_the_doubt_comes_to_rest(stage: Stage) -> None:
    placed = place(stage, pose_at(ON_THE_CHEEK, PALM_BACK), 0.96)
    assert placed.touching
    assert -0.003 < stage.depths(placed.pose).max() < 0.006


def test_a_hand_behind_the_face_that_is_seen_comes_in_front(stage: Stage) -> None:
    pose = pose_at(ON_THE_CHEEK, PALM_BACK)
    guess = pose.copy()
    guess[3:6] *= (HEAD_DISTANCE + 0.02) / guess[5]
    placed = stage.placer.place(guess, seen(stage, guess), stage.view)
    points = stage.samples.positions(stage.fitter.skeleton, placed.pose)
    pixels = np.round(CAMERA.project(points) * SCALE).astype(int)
    inside = ((pixels >= 0) & (pixels < stage.view.front.shape[::-1])).all(axis=1)
    front = stage.view.front[pixels[inside, 1], pixels[inside, 0]]
    behind = points[inside, 2] - front > 0.02
    assert behind.mean() < 0.05


def test_a_touching_hand_goes_with_the_head(stage: Stage) -> None:
    pose = pose_at(ON_THE_CHEEK, PALM_BACK)
    first = place(stage, pose)
    shift = np.array([0.01, 0.0, 0.01])
    moved = pose.copy()
    moved[3:6] += shift
    old = stage.view.pose
    head_pose = HeadPose(old.rotation, old.translation + shift, old.expression)
    head = load_head()
    vertices = head.pose(
        np.zeros(len(head.shape_basis)), head_pose.expression, head_pose.rotation, head_pose.translation
    )
    view = HeadView(head_pose, depth_map(vertices, triangles(head.mesh), CAMERA, SCALE), SCALE)
    placed = stage.placer.place(moved, seen(stage, moved), view, first, old)
    assert placed.touching
    assert placed.pose[3:6] - first.pose[3:6] == pytest.approx(shift, abs=0.004)
