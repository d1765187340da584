from __future__ import annotations

import numpy as np
import pytest

from dice_core.bodies import Head, load_head
from dice_core.fitting.expression_prior import FacePrediction
from dice_core.fitting.face_gaps import inter_ocular, shut_eyes
from dice_core.fitting.head_fit import HeadFitter, HeadPose
from dice_core.fitting.head_shape import fit_head_shape
from dice_core.fitting.levenberg_marquardt import retract
from dice_core.fitting.shape_prior import ShapePrediction
from dice_core.geometry.camera import Camera
from dice_core.geometry.rotations import axis_angle, rotation_matrices

CAMERA = Camera.from_fov(640, 480, 40.0)
SHAPE = np.array([0.5, -0.4, 0.3])


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def seen(head: Head, shape: np.ndarray, pose: HeadPose) -> np.ndarray:
    """(478, 3) landmarks as an ideal detector reports them: pixels, and depth at the head's own scale."""
    posed = head.pose(shape, pose.expression, pose.rotation, pose.translation)
    points = np.concatenate([head.landmarks(posed), head.irises(posed)]).astype(np.float64)
    depth = (points[:, 2] - points[:, 2].mean()) * CAMERA.fx / points[:, 2].mean()
    return np.concatenate([CAMERA.project(points), depth[:, None]], axis=1)


def expression(head: Head, **actions: float) -> np.ndarray:
    values = np.zeros(len(head.expression_names))
    for name, value in actions.items():
        values[head.expression_names.index(name)] = value
    return values


def turn_between(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees."""
    return float(np.degrees(np.linalg.norm(axis_angle(rotation_matrices(a).T @ rotation_matrices(b)))))


@pytest.mark.parametrize(
    ("rotation", "translation"),
    [([0, 0, 0], [0, 0, 0.6]), ([0.2, 0.5, -0.1], [0.05, 0.02, 0.7]), ([-0.3, -0.6, 0.4], [-0.1, 0, 0.9])],
)
def test_a_known_pose_and_expression_are_recovered(head: Head, rotation: list[float], translation: list[float]) -> None:
    truth = HeadPose(np.array(rotation, float), np.array(translation), expression(head, jawOpen=0.5, browInnerUp=0.6))
    landmarks = seen(head, SHAPE, truth)
    found = HeadFitter(head, CAMERA, SHAPE).fit(landmarks)
    assert turn_between(found.rotation, truth.rotation) < 2.0
    assert np.linalg.norm(found.translation - truth.translation) < 0.02 * truth.translation[2]
    miss = seen(head, SHAPE, found)[:, :2] - landmarks[:, :2]
    assert np.linalg.norm(miss, axis=1).mean() < 0.02 * inter_ocular(landmarks)
    jaw = head.expression_names.index("jawOpen")
    assert found.expression[jaw] == pytest.approx(0.5, abs=0.15)


def test_expressions_stay_in_range_and_what_landmarks_do_not_show_stays_at_rest(head: Head) -> None:
    wild = np.random.default_rng(0).normal(0, 8, (478, 3))
    truth = HeadPose(np.zeros(3), np.array([0, 0, 0.6]), expression(head))
    found = HeadFitter(head, CAMERA, SHAPE).fit(seen(head, SHAPE, truth) + wild)
    assert (found.expression >= 0).all()
    assert (found.expression <= 1).all()
    assert found.expression[head.expression_names.index("tongueOut")] == 0


def test_the_irises_tell_where_the_eyes_look(head: Head) -> None:
    # To the subject's own left: the left eye looks out, the right eye in.
    aside = expression(head, eyeLookOutLeft=0.6, eyeLookInRight=0.6)
    truth = HeadPose(np.zeros(3), np.array([0, 0, 0.6]), aside)
    found = HeadFitter(head, CAMERA, SHAPE).fit(seen(head, SHAPE, truth)).expression
    value = dict(zip(head.expression_names, found, strict=True))
    assert value["eyeLookOutLeft"] == pytest.approx(0.6, abs=0.2)
    assert value["eyeLookInRight"] == pytest.approx(0.6, abs=0.2)
    assert value["eyeLookInLeft"] < 0.1
    assert value["eyeLookOutRight"] < 0.1


@pytest.mark.parametrize("turn", [0.0, 0.5, 1.6])
def test_eyes_that_are_shut_are_shut_wholly(head: Head, turn: float) -> None:
    fitter = HeadFitter(head, CAMERA, SHAPE)
    names = head.expression_names
    left, right = names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")
    for blink, shut in ((0.0, False), (0.3, False), (0.75, True), (1.0, True)):
        pose = HeadPose(np.array([0, 0, turn]), np.array([0, 0, 0.6]), expression(head, eyeBlinkLeft=blink))
        landmarks = seen(head, SHAPE, pose)
        assert shut_eyes(landmarks) == pytest.approx([float(shut), 0.0], abs=0.01)
        found = fitter.fit(landmarks).expression
        assert found[left] > 0.8 if shut else found[left] == pytest.approx(blink, abs=0.1)
        assert found[right] < 0.05


def test_behind_shut_lids_the_irises_tell_nothing(head: Head) -> None:
    pose = HeadPose(np.zeros(3), np.array([0, 0, 0.6]), expression(head, eyeBlinkLeft=1.0, eyeBlinkRight=1.0))
    landmarks = seen(head, SHAPE, pose)
    fitter = HeadFitter(head, CAMERA, SHAPE)
    expected = fitter.fit(landmarks).expression
    landmarks[468:, :2] += 12.0
    assert fitter.fit(landmarks).expression == pytest.approx(expected, abs=0.02)


def test_a_warm_start_ends_where_a_cold_one_does(head: Head) -> None:
    fitter = HeadFitter(head, CAMERA, SHAPE)
    truth = HeadPose(np.array([0.1, 0.2, 0]), np.array([0, 0, 0.6]), expression(head, jawOpen=0.3))
    landmarks = seen(head, SHAPE, truth)
    cold = fitter.fit(landmarks)
    warm = fitter.fit(landmarks, cold)
    assert turn_between(warm.rotation, cold.rotation) < 0.3
    assert np.abs(warm.translation - cold.translation).max() < 0.002


def test_a_few_lost_landmarks_do_not_pull_the_head(head: Head) -> None:
    fitter = HeadFitter(head, CAMERA, SHAPE)
    truth = HeadPose(np.array([0.1, 0.2, 0]), np.array([0, 0, 0.6]), expression(head))
    landmarks = seen(head, SHAPE, truth)
    broken = landmarks.copy()
    broken[100:110, :2] += 80.0
    assert turn_between(fitter.fit(broken).rotation, truth.rotation) < 3.0


WINDOW = np.array([CAMERA.cx, CAMERA.cy, 200.0, 0.0])  # in the picture's middle: its axes are the camera's


def told(
    head: Head, rotation: list[float], sigma: float = 0.1, turn_sigma: float = 0.05, **actions: float
) -> FacePrediction:
    count = len(head.expression_names)
    return FacePrediction(expression(head, **actions), np.full(count, sigma), np.array(rotation), turn_sigma, WINDOW)


def test_what_landmarks_do_not_show_is_taken_from_the_prediction(head: Head) -> None:
    fitter, names = HeadFitter(head, CAMERA, SHAPE), head.expression_names
    truth = HeadPose(np.zeros(3), np.array([0, 0, 0.6]), expression(head))
    # Points of a face that does nothing, without depth, of a network that has seen puffed cheeks.
    landmarks = seen(head, SHAPE, truth)
    puffed = fitter.fit(landmarks, prediction=told(head, [0, 0, 0], cheekPuff=0.8)).expression
    assert puffed[names.index("cheekPuff")] > 0.4
    assert fitter.fit(landmarks).expression[names.index("cheekPuff")] < 0.05
    unsure = fitter.fit(landmarks, prediction=told(head, [0, 0, 0], sigma=5.0, cheekPuff=0.8)).expression
    assert unsure[names.index("cheekPuff")] < 0.2, "a prediction that is unsure gives way to the landmarks"


def test_the_predicted_turn_counts_as_it_is_sure(head: Head) -> None:
    fitter = HeadFitter(head, CAMERA, SHAPE)
    truth = HeadPose(np.array([0.1, 0.2, 0.0]), np.array([0, 0, 0.6]), expression(head))
    landmarks = seen(head, SHAPE, truth)
    other = [0.1, 0.35, 0.0]
    turned = {
        sigma: turn_between(
            fitter.fit(landmarks, prediction=told(head, other, turn_sigma=sigma)).rotation, truth.rotation
        )
        for sigma in (10.0, 0.05, 0.02)
    }
    assert turned[10.0] < 1.0
    assert turned[10.0] < turned[0.05] < turned[0.02] < 8.6
    right = fitter.fit(
        landmarks + np.random.default_rng(2).normal(0, 4.0, (478, 3)), prediction=told(head, [0.1, 0.2, 0.0])
    )
    assert turn_between(right.rotation, truth.rotation) < 1.0


def test_lids_that_are_seen_to_be_shut_are_shut_whatever_is_predicted(head: Head) -> None:
    pose = HeadPose(np.zeros(3), np.array([0, 0, 0.6]), expression(head, eyeBlinkLeft=1.0))
    found = HeadFitter(head, CAMERA, SHAPE).fit(seen(head, SHAPE, pose), prediction=told(head, [0, 0, 0], sigma=0.15))
    assert found.expression[head.expression_names.index("eyeBlinkLeft")] > 0.8


def test_how_far_the_lips_are_open_is_seen_whatever_is_predicted(head: Head) -> None:
    true = expression(head, jawOpen=0.25, mouthPucker=0.4)
    landmarks = seen(head, SHAPE, HeadPose(np.zeros(3), np.array([0, 0, 0.6]), true))
    # Wrong and sure of itself, as a prediction may be of a face unlike those that it was learned from.
    wrong = told(head, [0, 0, 0], sigma=0.2, jawOpen=0.75, mouthPucker=0.4, mouthFunnel=0.9)
    found = HeadFitter(head, CAMERA, SHAPE).fit(landmarks, prediction=wrong)

    def opening(weights: np.ndarray) -> float:
        points = head.landmarks(head.pose(SHAPE, weights, np.zeros(3), np.zeros(3)))
        return float(np.linalg.norm(points[14] - points[13]))

    assert abs(opening(found.expression) - opening(true)) < 0.15 * (opening(wrong.expression) - opening(true))


@pytest.mark.parametrize("rotation", [None, [0.1, -0.2, 0.3]])
def test_the_gradient_is_that_of_the_cost(head: Head, rotation: list[float] | None) -> None:
    prediction = None if rotation is None else told(head, rotation, jawOpen=0.4)
    fitter = HeadFitter(head, CAMERA, SHAPE)
    truth = HeadPose(np.array([0.1, 0.2, 0]), np.array([0, 0, 0.6]), expression(head, jawOpen=0.3))
    observed = seen(head, SHAPE, truth) + np.random.default_rng(0).normal(0, 1.0, (478, 3))
    random = np.random.default_rng(1)
    x = np.concatenate([[0.15, 0.1, 0.05], [0.01, 0.0, 0.62], random.uniform(0, 0.5, len(head.expression_names))])
    temporal_prior = random.uniform(0, 0.5, len(head.expression_names))

    observation, _ = fitter._observe(observed, prediction)

    def cost(at: np.ndarray) -> float:
        return fitter._cost(at, observation, temporal_prior)

    terms = fitter._terms(x, observation, temporal_prior)
    assert terms.cost == pytest.approx(cost(x))
    gradient = 2 * terms.gradient
    step, numeric = 1e-5, np.empty(len(x))
    for k in range(len(x)):
        change = np.zeros(len(x))
        change[k] = step
        numeric[k] = (cost(retract(x, change)) - cost(retract(x, -change))) / (2 * step)
    assert gradient == pytest.approx(numeric, rel=1e-6, abs=1e-6 * np.abs(numeric).max())


def test_shape_of_nobody_is_the_mean(head: Head) -> None:
    assert not fit_head_shape(head, CAMERA, []).any()


def test_shape_moves_toward_the_person(head: Head) -> None:
    shape = np.zeros(len(head.shape_basis))
    shape[:4] = 1.0, -0.8, 0.6, 0.5
    turns = [[0, 0, 0], [0, 0.5, 0], [0.2, -0.5, 0], [-0.3, 0, 0.1], [0, 0.3, 0.2]]
    views = [
        seen(head, shape, HeadPose(np.array(turn, float), np.array([0, 0, 0.6]), expression(head))) for turn in turns
    ]
    found = fit_head_shape(head, CAMERA, views)
    assert np.abs(found).max() <= 2.5

    def miss(estimate: np.ndarray) -> float:
        # Size is the distance's business: compare forms of one size, about their middles.
        a, b = (head.landmarks(head.rest(s)).astype(np.float64) for s in (estimate, shape))
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        return float(np.linalg.norm(a * np.linalg.norm(b) / np.linalg.norm(a) - b, axis=1).mean())

    assert miss(found) < 0.6 * miss(np.zeros_like(shape))


def test_the_same_frame_again_says_nothing_new_of_the_shape(head: Head) -> None:
    pose = HeadPose(np.array([0.1, 0.3, 0.0]), np.array([0, 0, 0.6]), expression(head, jawOpen=0.2))
    landmarks = seen(head, SHAPE, pose)
    once, often = (fit_head_shape(head, CAMERA, [landmarks] * count) for count in (1, 6))
    assert np.abs(once).max() > 0.2
    np.testing.assert_allclose(often, once, atol=1e-6)


def test_a_predicted_shape_counts_as_far_as_it_is_sure(head: Head) -> None:
    pose = HeadPose(np.array([0.1, 0.3, 0.0]), np.array([0, 0, 0.6]), expression(head, jawOpen=0.2))
    true = np.zeros(len(head.shape_basis))
    true[: len(SHAPE)] = SHAPE
    landmarks, predicted = seen(head, true, pose), true + 0.5
    unsure, sure = (
        fit_head_shape(head, CAMERA, [landmarks], expected=ShapePrediction(predicted, sigma**2 * np.eye(len(true))))
        for sigma in (0.5, 0.01)
    )
    assert sure == pytest.approx(predicted, abs=0.01)
    modes = head.landmarks(head.shape_basis)

    def miss(estimate: np.ndarray) -> float:
        return float(np.linalg.norm(np.tensordot(estimate - true, modes, 1), axis=1).mean())

    assert miss(unsure) < 0.9 * miss(predicted), "landmarks lead from what is predicted to what is seen"
    assert not fit_head_shape(head, CAMERA, [], expected=ShapePrediction(predicted, np.eye(len(true)))).any()


def test_inter_ocular_distance_is_between_the_middles_of_the_eyes() -> None:
    landmarks = np.zeros((468, 3))
    landmarks[33], landmarks[133], landmarks[362], landmarks[263] = [0, 0, 9], [20, 0, 0], [50, 40, 0], [70, 40, 5]
    assert inter_ocular(landmarks) == pytest.approx(np.hypot(50, 40))
