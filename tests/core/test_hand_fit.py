from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dice_core.bodies import Hand, load_hand
from dice_core.fitting.depth_prior import DepthPrediction
from dice_core.fitting.hand_fit import HandFitter
from dice_core.fitting.hand_observation import HandObservation, edge_on, hand_size
from dice_core.fitting.hand_shape import _shape_jacobian, _skeletons_of_shape, fit_hand_shape
from dice_core.fitting.levenberg_marquardt import Quadratic, retract
from dice_core.geometry.camera import Camera
from dice_core.geometry.rotations import axis_angle, rotation_matrices

CAMERA = Camera.from_fov(640, 480, 40.0)
FIST = {"index": 60.0, "middle": 65.0, "ring": 65.0, "little": 65.0}


def fitter_of(hand: Hand, shape: np.ndarray | None = None) -> HandFitter:
    return HandFitter(hand, CAMERA, np.zeros(len(hand.shape_basis)) if shape is None else shape, 1.0)


def pose_of(hand: Hand, rotation: list[float], bend: dict[str, float] | None = None) -> np.ndarray:
    angles = np.array(hand.dof_mean, float)
    for finger, degrees in (bend or {}).items():
        for joint in ("mcp_flexion", "pip_flexion"):
            angles[hand.dof_names.index(f"{finger}_{joint}")] = np.radians(degrees)
    angles = np.clip(angles, hand.dof_lower, hand.dof_upper)
    return np.concatenate([np.array(rotation, float), [0.03, 0.02, 0.5], angles])


def seen(fitter: HandFitter, pose: np.ndarray) -> HandObservation:
    """What an ideal detector reports of a pose."""
    points = fitter.skeleton.positions(pose, fitter.keypoints)
    depth = (points[:, 2] - points[0, 2]) * CAMERA.fx / points[:, 2].mean()
    pixels = np.concatenate([CAMERA.project(points), depth[:, None]], axis=1)
    return HandObservation.of(pixels, points - points.mean(axis=0))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("rotation", "bend"),
    [([0, 0, 0], {}), ([0.3, -0.4, 0.6], {"index": 10.0}), ([0.2, 0.3, -1.2], FIST), ([0, np.pi - 0.3, 0.2], {})],
)
def test_a_known_pose_is_recovered(side: str, rotation: list[float], bend: dict[str, float]) -> None:
    hand = load_hand(side)
    fitter = fitter_of(hand)
    truth = pose_of(hand, rotation, bend)
    observation = seen(fitter, truth)
    found = fitter.fit(observation)
    a, b = (fitter.skeleton.positions(pose, fitter.keypoints) for pose in (found, truth))
    miss = np.linalg.norm(CAMERA.project(a) - observation.pixels, axis=1)
    assert miss.mean() < 0.012 * hand_size(observation.pixels)
    assert found[5] == pytest.approx(truth[5], rel=0.04)
    assert np.linalg.norm((a - a[0]) - (b - b[0]), axis=1).mean() < 0.008


# Largest error in degrees of a finger bent by twice 75. In the first view the palm faces the camera and the bent
# fingers point at it: the image tells their flexion least, and the finger coupling pulls it furthest, by 39.6 as
# measured. In the other two views it is 15.5 and 9.4, and straight fingers are within 12.0.
@pytest.mark.parametrize(
    ("rotation", "tolerance"), [([0.1, 0.2, 0], 41.0), ([0, np.pi - 0.3, 0.2], 17.0), ([0, 1.2, 0], 11.0)]
)
@pytest.mark.parametrize("straight", [("index",), ("index", "middle")])
def test_fingers_that_point_are_not_bent_like_the_others(
    rotation: list[float], tolerance: float, straight: tuple[str, ...]
) -> None:
    hand = load_hand("right")
    fitter = fitter_of(hand)
    bend = {finger: 0.0 if finger in straight else 75.0 for finger in ("index", "middle", "ring", "little")}
    observation = seen(fitter, pose_of(hand, rotation, bend))
    found = fitter.fit(observation)
    assert fitter.error(found, observation) < 0.012
    for finger, degrees in bend.items():
        mcp, pip = (found[6 + hand.dof_names.index(f"{finger}_{joint}_flexion")] for joint in ("mcp", "pip"))
        allowed = 13.0 if finger in straight else tolerance
        assert np.degrees(mcp + pip) == pytest.approx(2 * degrees, abs=allowed), finger


@pytest.mark.parametrize("side", ["left", "right"])
def test_angles_stay_within_anatomical_limits(side: str) -> None:
    hand = load_hand(side)
    fitter = fitter_of(hand)
    observation = seen(fitter, pose_of(hand, [0.2, 0.1, 0]))
    noise = np.random.default_rng(0).normal(0, 15, (21, 2))
    wild = HandObservation(observation.pixels + noise, observation.depth * -2, observation.world[::-1])
    angles = fitter.fit(wild)[6:]
    assert (angles >= hand.dof_lower - 1e-9).all()
    assert (angles <= hand.dof_upper + 1e-9).all()


def test_a_warm_start_follows_a_moving_hand() -> None:
    hand = load_hand("right")
    fitter = fitter_of(hand)
    pose = None
    for turn in np.linspace(0, 0.8, 17):
        truth = pose_of(hand, [0.2, turn, 0.0], {"index": 40 * turn})
        pose = fitter.fit(seen(fitter, truth), pose)
    assert pose is not None
    between = axis_angle(rotation_matrices(pose[:3]).T @ rotation_matrices(truth[:3]))
    assert np.degrees(np.linalg.norm(between)) < 6.0


def with_prediction(fitter: HandFitter, pose: np.ndarray, observation: HandObservation) -> HandObservation:
    """The observation with depths predicted to be a little off those of a pose."""
    z = fitter.skeleton.positions(pose, fitter.keypoints)[:, 2]
    off = np.linspace(-0.01, 0.01, 21)
    predicted = DepthPrediction(float(z.mean()) + 0.02, 0.02, z - z.mean() + off, np.linspace(0.004, 0.01, 21), 0.5)
    return replace(observation, depth_prediction=predicted)


@pytest.mark.parametrize("term", ["landmarks", "prior", "both"])
@pytest.mark.parametrize("predicted", [False, True])
def test_the_gradient_is_that_of_the_cost(term: str, predicted: bool) -> None:
    """All 28 derivatives, with the depth prediction that captures have and without."""
    hand = load_hand("right")
    fitter = fitter_of(hand)
    pose = pose_of(hand, [0.3, 0.4, -0.2])
    observation = seen(fitter, pose_of(hand, [0.2, 0.8, -0.3], {"index": 30.0}))
    if predicted:
        observation = with_prediction(fitter, pose, observation)
    temporal_prior = pose[6:] + 0.1
    middle = fitter.skeleton.positions(pose, fitter.keypoints)[:, 2].mean()

    def evaluate(x: np.ndarray) -> Quadratic:
        position, jacobian = fitter.skeleton.jacobian(x, fitter.keypoints)
        terms = Quadratic.zero(len(x))
        if term != "prior":
            # The fit takes the scale of the network's relative depths as constant in each step: so does the reference.
            constant = replace(observation, depth=observation.depth * middle / position[:, 2].mean())
            terms = fitter.landmark_terms(constant, position, jacobian)
        if term != "landmarks":
            fitter.add_prior(terms, x, observation, temporal_prior)
        return terms

    step, numeric = 1e-5, np.empty(len(pose))
    for k in range(len(pose)):
        change = np.zeros(len(pose))
        change[k] = step
        numeric[k] = (evaluate(retract(pose, change)).cost - evaluate(retract(pose, -change)).cost) / (2 * step)
    # The solver's gradient is half of the cost's, as the matrix is half of its curvature.
    largest = np.abs(numeric).max()
    assert largest > 10
    assert 2 * evaluate(pose).gradient == pytest.approx(numeric, rel=1e-6, abs=1e-6 * largest)


def test_a_depth_prediction_moves_the_hand() -> None:
    hand = load_hand("right")
    fitter = fitter_of(hand)
    truth = pose_of(hand, [0.2, 0.3, 0.1])
    observation = seen(fitter, truth)
    z = fitter.skeleton.positions(truth, fitter.keypoints)[:, 2]
    for offset in (-0.03, 0.03):
        predicted = DepthPrediction(float(z.mean()) + offset, 0.001, z - z.mean(), np.full(21, 0.005), 0.5)
        found = fitter.fit(replace(observation, depth_prediction=predicted))
        middle = fitter.skeleton.positions(found, fitter.keypoints)[:, 2].mean()
        assert middle == pytest.approx(z.mean() + offset, abs=0.003)


@pytest.mark.parametrize("seed", range(6))
def test_a_fist_is_not_opened(seed: int) -> None:
    """With depths as flat as the networks have them, a half open hand looks almost the same; its curl is 29 degrees."""
    rng = np.random.default_rng(seed)
    hand = load_hand("right")
    fitter = fitter_of(hand)
    truth = pose_of(hand, (np.array([0, np.pi, 0]) + rng.normal(0, 0.6, 3)).tolist())
    bent = [6 + k for k, name in enumerate(hand.dof_names) if "flexion" in name and not name.startswith("thumb")]
    typical = {"mcp": 68.0, "pip": 84.0, "dip": 46.0}
    for k in bent:
        truth[k] = np.radians(typical[hand.dof_names[k - 6].split("_")[1]] + rng.normal(0, 5))
    truth = np.clip(truth, fitter.lower, fitter.upper)
    ideal = seen(fitter, truth)
    points = fitter.skeleton.positions(truth, fitter.keypoints)
    relative = 0.6 * (points[:, 2] - points[:, 2].mean())
    predicted = DepthPrediction(float(points[:, 2].mean()), 0.02, relative, np.full(21, 0.01), 0.1)
    pixels = ideal.pixels + rng.normal(0, 1, (21, 2))
    found = fitter.fit(HandObservation(pixels, 0.6 * ideal.depth, ideal.world * [1, 1, 0.8], predicted))
    assert np.degrees(found[bent].mean()) == pytest.approx(np.degrees(truth[bent].mean()), abs=6)


def test_edge_on_tells_flat_hands_from_edges() -> None:
    hand = load_hand("right")
    fitter = fitter_of(hand)
    values = [edge_on(seen(fitter, pose_of(hand, [0, turn, 0])).pixels) for turn in np.radians([0, 30, 60, 90])]
    assert values[0] < 0.1
    assert values[-1] == 1.0
    assert values == sorted(values)


def test_shape_of_no_hand_is_the_networks_mean_person() -> None:
    shape = fit_hand_shape([], CAMERA, 8, 1.0)
    assert shape.tolist() == [2.0, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_derivatives_by_the_shape_are_those_of_finite_differences(side: str) -> None:
    hand, scale, step = load_hand(side), 1.1, 0.5
    shape = np.linspace(-1, 1, len(hand.shape_basis))
    pose = pose_of(hand, [0.4, -0.2, 0.7])
    jacobian = _shape_jacobian(_skeletons_of_shape(hand, scale), pose)
    for k in range(len(shape)):
        change = np.zeros(len(shape))
        change[k] = step
        points = [
            hand.keypoints(other, scale, pose[:3], pose[6:], pose[3:6]) for other in (shape + change, shape - change)
        ]
        assert jacobian[:, :, k] == pytest.approx((points[0] - points[1]) / (2 * step), abs=1e-6)


def test_shape_of_both_hands_together() -> None:
    count = len(load_hand("right").shape_basis)
    truth = np.zeros(count)
    truth[:3] = 0.5, 1.5, -1.0
    frames = []
    for k, turn in enumerate([[0, 0, 0], [0.3, 0.2, 0], [0, -0.3, 0.5], [-0.2, 0.1, -0.4]]):
        hand = load_hand("left" if k % 2 else "right")
        fitter = fitter_of(hand, truth)
        frames.append((hand, seen(fitter, pose_of(hand, turn))))
    found = fit_hand_shape(frames, CAMERA, count, 1.0)
    hand = load_hand("right")

    def bones(shape: np.ndarray) -> np.ndarray:
        points = hand.keypoints_rest(shape, 1.0)
        lengths = np.array([np.linalg.norm(points[k + 1] - points[k if k % 4 else 0]) for k in range(20)])
        return lengths / lengths.sum()

    start = np.zeros(count)
    start[0] = 2.0
    assert np.abs(bones(found) - bones(truth)).mean() < 0.6 * np.abs(bones(start) - bones(truth)).mean()
