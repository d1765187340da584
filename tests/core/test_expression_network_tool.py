"""The heads that the expression network learns from, and how its amplitude and doubt are set."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import Head, load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.fitting.expression_prior import (
    DEVIATION_KNOTS,
    EXPRESSION_ASSET,
    LANDMARKS,
    ExpressionPrior,
    window_rotation,
)
from dice_core.fitting.mirrored_face import LANDMARK_MIRROR, mirrored_expression
from dice_core.fitting.packaged_weights import packaged_weights
from dice_core.fitting.shape_prior import HeadShapePrior
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.landmarks.networks import FACE_FEATURES

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from expression_network import learning, people, training
from expression_network import samples as making
from expression_network.ablation import scores
from expression_network.agreement import RealFaces, agreement
from expression_network.expressions import sample_expression
from expression_network.looks import load_look, load_teeth
from expression_network.people import Model, load_models, sample_person
from expression_network.samples import Samples, load_samples, make_piece
from expression_network.scene import HANDS, SIZE, sample_scene
from expression_network.shape_reading import learn_shape, share_missed
from expression_network.shapes import mirrored, shape_of
from sample.paint import PALETTE, PIXEL, SKIN, paint_face


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


@pytest.fixture(scope="module")
def models() -> tuple[Model, ...]:
    return load_models(ict=False)


def test_faces_of_all_kinds_are_drawn() -> None:
    rng = np.random.default_rng(0)
    faces = np.array([sample_expression(rng) for _ in range(1500)])
    assert ((faces >= 0) & (faces <= 1)).all()
    value = {name: faces[:, k] for k, name in enumerate(EXPRESSION_NAMES)}
    for name, column in value.items():
        assert name == "tongueOut" or (column > 0.3).mean() > 0.02, name
    smiles = value["mouthSmileLeft"], value["mouthSmileRight"]
    either = np.maximum(*smiles) > 0.3
    assert 0.2 < (np.minimum(*smiles)[either] < 0.15).mean() < 0.6, "one-sided in plenty"
    assert not ((value["mouthLeft"] > 0) & (value["mouthRight"] > 0)).any()
    assert (value["mouthClose"] <= value["jawOpen"] + 1e-9).all()
    assert not ((value["eyeLookInLeft"] > 0) & (value["eyeLookOutLeft"] > 0)).any()


def test_a_mirrored_face_is_the_mirror_image(head: Head) -> None:
    weights = sample_expression(np.random.default_rng(3))
    assert mirrored_expression(mirrored_expression(weights)) == pytest.approx(weights)
    one, other = (
        np.concatenate([head.landmarks(vertices), head.irises(vertices)])
        for vertices in (
            head.deform(head.mesh.rest_vertices, weights),
            head.deform(head.mesh.rest_vertices, mirrored_expression(weights)),
        )
    )
    assert one[LANDMARK_MIRROR] * [-1, 1, 1] == pytest.approx(other, abs=0.0015)


def test_a_scene_is_what_its_numbers_say(head: Head, models: tuple[Model, ...]) -> None:
    rng = np.random.default_rng(5)
    scenes = [sample_scene(rng, models) for _ in range(12)]
    for scene in scenes:
        local = scene.person.deform(scene.expression)
        turned = local @ scene.rotation.T
        posed = scene.vertices[: len(local)]
        assert posed - posed[0] == pytest.approx(turned - turned[0], abs=1e-6)
        assert scene.camera.project(head.landmarks(posed)) == pytest.approx(scene.marks[:468])
        assert (np.abs(scene.marks[:468].mean(axis=0) - SIZE / 2) < 0.1 * SIZE).all()
        assert scene.faces.max() < len(scene.vertices)
        assert len(scene.kind) == len(scene.faces)
    assert any((scene.kind == HANDS).any() for scene in scenes)
    assert any(not (scene.kind == HANDS).any() for scene in scenes)


def stranger(head: Head) -> Model:
    """A model whose people are larger, and frown by moving their ears."""
    moves = np.zeros_like(head.expressions)
    moves[:, head.mesh.region_vertices("ear.L", "ear.R"), 1] = 0.01
    return Model(replace(head, mesh=replace(head.mesh, rest_vertices=1.2 * head.mesh.rest_vertices)), moves)


def test_people_are_of_one_model_of_the_other_and_between(head: Head, models: tuple[Model, ...]) -> None:
    rng = np.random.default_rng(2)
    drawn = [sample_person(rng, (*models, stranger(head))) for _ in range(150)]
    size = np.array([np.ptp(person.rest[:, 0]) for person in drawn]) / np.ptp(head.mesh.rest_vertices[:, 0])
    own, other = (np.array([person.ways[k].max() for person in drawn]) for k in (0, 1))
    assert 0.3 < (other == 0).mean() < 0.6
    assert 0.1 < (own == 0).mean() < 0.4
    assert ((own > 0) & (other > 0)).mean() > 0.15
    assert size[other == 0].mean() == pytest.approx(1, abs=0.03)
    assert size[own == 0].mean() == pytest.approx(1.2, abs=0.04)
    frown = np.zeros(52)
    frown[EXPRESSION_NAMES.index("browDownLeft")] = 1.0
    ears = head.mesh.region_vertices("ear.L", "ear.R")
    for person in drawn[:20]:
        moved = person.deform(frown) - person.rest
        assert (np.abs(moved[ears]).max() > 1e-3) == (person.ways[1][EXPRESSION_NAMES.index("browDownLeft")] > 0.1)


def test_a_resting_face_differs_where_it_can_and_is_no_expression(
    head: Head, models: tuple[Model, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "SHAPE_SIGMA", 0.0)
    monkeypatch.setattr(people, "AT_REST", 1.0)
    rng = np.random.default_rng(4)
    rests = np.array([sample_person(rng, models).rest for _ in range(60)]) - head.mesh.rest_vertices
    brow = head.landmark_triangles[105, 0]
    assert 0.0005 < rests[:, brow, 1].std() < 0.003, "metres by which brows are high or low"
    assert np.abs(rests[:, brow, 1].mean()) < rests[:, brow, 1].std()
    back = np.argmax(head.mesh.rest_vertices[:, 2])
    assert np.abs(rests[:, back]).max() < 1e-4


def test_brows_grow_where_and_as_high_as_a_look_says(head: Head) -> None:
    assert len({load_look(number).face.tobytes() for number in (1, 2)}) == 2
    rest = head.mesh.rest_vertices
    rows = []
    for lift in (0.0, 0.004):
        usual = paint_face(head, rest, PALETTE)
        raised = paint_face(head, rest, replace(PALETTE, brow_lift=(lift, lift)))
        dark = raised.colour.sum(axis=2) < 0.55 * SKIN.sum()
        x, y = np.round(usual.pixels(head.landmarks(rest)[[105]])[0]).astype(int)
        window = dark[y - 60 : y + 40, x - 40 : x + 40]
        rows.append(np.flatnonzero(window.any(axis=1)).mean())
    assert rows[0] - rows[1] == pytest.approx(0.004 / PIXEL, rel=0.25)


def test_lower_teeth_go_with_the_jaw(head: Head) -> None:
    teeth = load_teeth()
    weights = np.zeros(52)
    weights[EXPRESSION_NAMES.index("jawOpen")] = 1.0
    moved = teeth.place(np.zeros(3), weights) - teeth.vertices
    assert (moved[teeth.lower, 1] > 0.01).all()
    assert not moved[~teeth.lower].any()


def test_a_piece_holds_heads_and_their_mirror_images(
    head: Head, models: tuple[Model, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(making, "HEADS", 4)
    monkeypatch.setattr(making, "PEOPLE", 1)
    make_piece(tmp_path, 41, 0, models)
    found = load_samples(tmp_path, 41, [0])
    assert found.features.shape == (len(found.head), sum(FACE_FEATURES.values()))
    pairs = np.flatnonzero(np.diff(found.head) == 0)
    assert len(pairs) >= 2
    for k in pairs:
        assert found.expression[k + 1] == pytest.approx(mirrored_expression(found.expression[k]))
        turns = rotation_matrices(found.turn[k : k + 2].astype(float) * [[1, 1, 1], [1, -1, -1]])
        assert np.degrees(np.linalg.norm(axis_angle(turns[0].T @ turns[1]))) < 15, "but for the windows' own turns"
        assert not np.array_equal(found.shape[k], found.shape[k + 1])
        rests = [head.landmarks(head.rest(found.shape[row])) for row in (k, k + 1)]
        apart = np.linalg.norm(rests[0][head.landmark_mirror] * [-1, 1, 1] - rests[1], axis=1)
        assert apart.mean() < 0.0007, "metres: some modes are not quite even"
        seen, mirrored = found.marks[k], found.marks[k + 1][LANDMARK_MIRROR] * [-1, 1] + [1, 0]
        assert np.abs(seen - mirrored).max() < 0.25, "but for where the windows lie"
    eyes = np.linalg.norm(found.marks[:, 33] - found.marks[:, 263], axis=1)
    missed = np.linalg.norm(found.landmarks[..., :2] - found.marks, axis=2).mean(axis=1) / eyes
    assert np.median(missed) < 0.12


def made_up(rng: np.random.Generator, count: int) -> Samples:
    """Faces of which a layer tells some expressions, as noise tells of the others."""
    expression = np.clip(rng.normal(0.2, 0.3, (count, 52)), 0, 1).astype(np.float32)
    turn = rng.normal(0, 0.2, (count, 3)).astype(np.float32)
    features = np.zeros((count, sum(FACE_FEATURES.values())), np.float16)
    told = np.concatenate([expression, turn], axis=1) @ np.random.default_rng(1).normal(0, 1, (55, 288))
    features[:, :288] = told + rng.normal(0, 0.5, told.shape)
    landmarks = rng.uniform(0, 1, (count, 478, 3)).astype(np.float32)
    shape = rng.normal(0, 1, (count, 30)).astype(np.float32)
    return Samples(landmarks, landmarks[..., :2], features, expression, turn, shape, np.arange(count))


def test_a_network_learns_is_calibrated_and_runs_on_numpy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "EPOCHS", (10, 4))
    rng = np.random.default_rng(7)
    learned, other, held = made_up(rng, 1500), made_up(rng, 600), made_up(rng, 600)
    names = (LANDMARKS, "p_re_lu_19")
    inputs = training.read_inputs(learned, names)
    components = training.Reduction(inputs)
    reduction, reading = learning.learn(components, inputs, learned, report=lambda _: None)
    assert not np.array_equal(reduction.weights["p_re_lu_19.reduce"], components.weights["p_re_lu_19.reduce"])
    calibration = training.calibrate(reading(reduction(training.read_inputs(other, names))), other)
    raw = reading(reduction(training.read_inputs(held, names)))
    out = ExpressionPrior(training.export(reduction, reading, calibration)).evaluate(held.landmarks, held.features)
    expected = np.clip(calibration.gain * raw[:, :52] + calibration.offset, 0, 1)
    assert out[:, :52] == pytest.approx(expected, abs=0.02)
    assert out[:, 104:107] == pytest.approx(raw[:, 52:], abs=0.01)
    reached = scores(out[:, :52], out[:, 104:107], held)
    assert reached["correlation"] > 0.6
    before = scores(np.clip(raw[:, :52], 0, 1), raw[:, 52:], held)
    assert before["gain"] + 0.03 < reached["gain"] == pytest.approx(reached["correlation"], abs=0.1)
    assert reached["turn"] < 13
    doubt = np.sqrt((((out[:, :52] - held.expression) / out[:, 52:104]) ** 2).mean())
    assert doubt == pytest.approx(1, abs=0.15)
    turn_doubt = np.sqrt((((out[:, 104:107] - held.turn) / out[:, 107:]) ** 2).mean())
    assert turn_doubt == pytest.approx(1, abs=0.15)


def test_two_readings_together_vary_as_one_does_and_their_doubt_is_true() -> None:
    rng = np.random.default_rng(8)
    truth = rng.uniform(0, 1, (4000, 52)).astype(np.float32)
    turn = rng.normal(0, 0.2, (4000, 3)).astype(np.float32)

    def readings(true: np.ndarray) -> np.ndarray:
        return np.asarray(0.2 + 0.6 * true + rng.normal(0, 0.15, true.shape), np.float32)

    class Prior(ExpressionPrior):
        def read(self, landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
            return np.concatenate([readings(expression), turns + rng.normal(0, 0.1, turns.shape)], axis=1)

    faces = made_up(rng, 8000)
    expression, turns = np.repeat(truth, 2, axis=0), np.repeat(turn, 2, axis=0)
    expression[1::2], turns[1::2] = mirrored_expression(truth), turn * [1, -1, -1]
    pairs = replace(faces, expression=expression, turn=turns, head=np.repeat(np.arange(4000), 2))
    packaged = packaged_weights(EXPRESSION_ASSET)
    weights = training.calibrate_together(Prior(packaged), pairs)
    prior = Prior(packaged | weights)
    read = prior.read(pairs.landmarks, pairs.features)
    found = prior.together(read[::2], read[1::2])
    mean = (read[::2, :52] + mirrored_expression(read[1::2, :52])) / 2
    assert (mean * weights["mirrored.gain"]).std(axis=0) == pytest.approx(read[::2, :52].std(axis=0), rel=0.05)
    assert found[:, :52].mean(axis=0) == pytest.approx(truth.mean(axis=0), abs=0.02)
    assert np.sqrt((((found[:, :52] - truth) / found[:, 52:104]) ** 2).mean()) == pytest.approx(1, abs=0.1)
    assert float(weights["mirrored.turn"]) == pytest.approx(0.1 / np.sqrt(2), rel=0.05)


def test_the_shape_of_a_face_is_the_one_it_was_made_with(head: Head) -> None:
    shape = np.random.default_rng(6).normal(0, 1, len(head.shape_basis))
    assert shape_of(head.rest(shape)) == pytest.approx(shape, abs=0.02)
    assert np.abs(shape_of(head.rest(np.zeros_like(shape)))).max() < 1e-3
    twin = head.rest(shape_of(mirrored(head.rest(shape))))
    apart = head.landmarks(twin) - head.landmarks(head.rest(shape))[head.landmark_mirror] * [-1, 1, 1]
    assert np.linalg.norm(apart, axis=1).mean() < 0.0007, "metres: some modes are not quite even"


def test_shapes_are_read_from_what_tells_of_them_and_their_doubt_is_true() -> None:
    rng, prior = np.random.default_rng(13), ExpressionPrior.load()
    way = np.random.default_rng(1).normal(0, 1, (30, 288))

    def people(count: int) -> Samples:
        faces = made_up(rng, count)
        features = faces.features.copy()
        features[:, :288] = faces.shape @ way + rng.normal(0, 3, (count, 288))
        return replace(faces, features=features)

    learned, others, held = people(3000), people(400), people(400)
    weights = learn_shape(learned, others)
    reached = share_missed(weights, learned, held)
    assert reached < 0.85
    unread = {**weights, "weight": np.zeros_like(weights["weight"]), "bias": learned.shape.mean(axis=0)}
    assert share_missed(unread, learned, held) == pytest.approx(1, abs=1e-5)
    errors = HeadShapePrior(weights).evaluate(prior.reduced(held.landmarks, held.features)) - held.shape
    doubt = np.einsum("ni,ij,nj->n", errors, np.linalg.inv(weights["covariance"]), errors).mean() / 30
    assert doubt == pytest.approx(1, abs=0.15)


def test_errors_are_told_where_predictions_lie() -> None:
    rng = np.random.default_rng(12)
    predicted = rng.uniform(0, 1, (20000, 52))
    wrong = 0.05 + 0.3 * predicted
    told = training.deviations(predicted, predicted + wrong * rng.normal(size=predicted.shape))
    # Around a knot, as far as the next ones: the middle of a triangle is the mean of its corners.
    corners = np.pad(DEVIATION_KNOTS, 1, mode="edge")
    middle = (corners[:-2] + corners[1:-1] + corners[2:]) / 3
    assert told == pytest.approx(np.repeat(0.05 + 0.3 * middle[:, None], 52, axis=1), rel=0.07)
    predicted[:, 3] *= 0.01
    few = training.deviations(predicted, predicted + wrong * rng.normal(size=predicted.shape))
    assert few[-1, 3] == pytest.approx(few[-1, :3].mean(), rel=0.1), "of what was never predicted, the others tell"


def test_linear_is_ridge_regression() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(2, 3, (80, 5)), rng.normal(1, 1, (80, 2))
    matrix, bias = training.linear(x, y, 7.0)
    # The same as least squares with rows of their own for the penalty.
    normal = (x - x.mean(axis=0)) / x.std(axis=0)
    rows = np.concatenate([normal, np.sqrt(7.0) * np.eye(5)])
    known, *_ = np.linalg.lstsq(rows, np.concatenate([y - y.mean(axis=0), np.zeros((5, 2))]), rcond=None)
    assert x @ matrix + bias == pytest.approx(normal @ known + y.mean(axis=0), abs=1e-4)


def test_scores_of_known_predictions() -> None:
    truth = made_up(np.random.default_rng(9), 400)
    half = scores(0.5 * truth.expression + 0.1, truth.turn, truth)
    assert half["correlation"] == pytest.approx(1)
    assert half["gain"] == pytest.approx(0.5)
    assert half["turn"] == pytest.approx(0, abs=0.02)
    turned = axis_angle(rotation_matrices(truth.turn) @ rotation_matrices(np.array([0.0, np.radians(5), 0.0])))
    assert scores(truth.expression, turned, truth)["turn"] == pytest.approx(5, abs=0.05)


def test_the_turn_is_the_one_in_the_windows_axes(models: tuple[Model, ...]) -> None:
    scene = sample_scene(np.random.default_rng(11), models)
    window = making._jittered(making.face_tracking_region(scene.marks), (0, 0, 0), np.random.default_rng(0))
    back = window_rotation(scene.camera, window.to_array()) @ rotation_matrices(making._turn(scene, window))
    assert back == pytest.approx(scene.rotation)


def test_agreement_with_scores_that_are_known() -> None:
    rng = np.random.default_rng(8)
    count = 240

    class Told:
        """Reads what the features say."""

        def evaluate(self, landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
            return features

    clip = np.repeat(np.arange(4), count // 4)
    moved, habit = rng.uniform(0, 0.5, (count, 52)), 0.4 * rng.uniform(0, 1, (4, 52))[clip]
    landmarks = np.zeros((count, 478, 3))
    same = agreement(Told(), RealFaces(landmarks, moved + habit, clip, moved))  # type: ignore[arg-type]
    assert same["within clips"] == pytest.approx(1), "what is a clip's own is no disagreement"
    assert same["all"] < 0.95
    assert same["gaze"] == pytest.approx(1)
    other = agreement(Told(), RealFaces(landmarks, rng.uniform(0, 1, (count, 52)), clip, moved))  # type: ignore[arg-type]
    assert abs(other["within clips"]) < 0.05
    still = agreement(Told(), RealFaces(landmarks, moved, clip, moved * (np.arange(52) < 8)))  # type: ignore[arg-type]
    assert still["all"] == pytest.approx(1), "only what is seen counts"
    assert same["browDownLeft, median"] == pytest.approx(np.median((moved + habit)[:, 0]))
