"""The bundled clip and its ground truth: sizes, agreement with each other, physics, and whether the networks see it."""

from __future__ import annotations

import re
from hashlib import sha256

import cv2
import numpy as np
import pytest

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.mesh import skin, triangles
from dice_core.geometry.rasterizer import rasterize
from dice_core.geometry.signed_distance import PartsIndex
from dice_core.landmarks import FrameLandmarks, LandmarkTracker
from dice_core.media.footage import Footage
from dice_core.media.opening import open_footage
from dice_core.metrics.plausibility import hand_distances, is_touching
from dice_core.sample import sample_clip, sample_truth
from dice_core.take import Take, open_take

ROUNDING = 2.0**-16
"""Metres: the grid of the truth's vertices."""

LEFT_INSIDE = 0.0005
"""Metres of penetration that the tissue solver leaves; it stops at 0.3 mm in this clip."""

REACH_PIXELS = 4
"""How far the outline is looked for around where the truth has it."""


@pytest.fixture(scope="module")
def truth() -> Take:
    return open_take(sample_truth())


@pytest.fixture(scope="module")
def footage() -> Footage:
    return open_footage(sample_clip())


@pytest.fixture(scope="module")
def tracked(footage: Footage) -> list[FrameLandmarks]:
    tracker = LandmarkTracker()
    return [tracker.track(image) for _, image in footage.frames()]


def test_is_small_enough_to_ship(truth: Take) -> None:
    assert sample_clip().stat().st_size <= 1_500_000
    assert sum(file.stat().st_size for file in truth.path.rglob("*") if file.is_file()) <= 4_000_000


def test_truth_is_of_this_clip(truth: Take, footage: Footage) -> None:
    source = truth.info["source"]
    assert source["path"] == sample_clip().name
    assert source["sha256"] == sha256(sample_clip().read_bytes()).hexdigest()
    assert (source["width"], source["height"]) == (footage.width, footage.height)
    assert source["frame_count"] == footage.count == len(truth.frames) == sum(1 for _ in footage.frames())
    assert footage.fps == pytest.approx(truth.fps)
    assert footage.count >= 60
    assert truth.complete


def test_licence_file_names_this_clip() -> None:
    text = (sample_clip().parent / "LICENSES.md").read_text("utf-8")
    assert re.findall(r"`([0-9a-f]{64})`", text) == [sha256(sample_clip().read_bytes()).hexdigest()]


@pytest.mark.parametrize("name", ["head", "hand_right"])
def test_vertices_are_the_rigs(truth: Take, name: str) -> None:
    mesh = truth.meshes[name]
    present = np.flatnonzero(truth.array(f"tracked_{name}"))
    vertices, rotation = truth.array(f"{name}.vertices"), truth.array(f"{name}.rotation")
    translation = truth.array(f"{name}.translation")
    for k in present[::5]:
        rest = mesh.rest_vertices
        if name == "head":
            keys = mesh.shape_key_deltas.astype(np.float32)
            rest = rest + np.einsum("e,evx->vx", truth.array("head.expression")[k], keys)
        expected = skin(mesh, rest, rotation[k], translation[k])
        np.testing.assert_allclose(vertices[k], expected, atol=0.51 * ROUNDING + 2e-6)


def test_meshes_have_the_open_bodies_topology(truth: Take) -> None:
    for body in (load_head(), load_hand("right")):
        mesh = truth.meshes[body.mesh.name]
        np.testing.assert_array_equal(mesh.face_corners, body.mesh.face_corners)
        np.testing.assert_array_equal(mesh.region, body.mesh.region)
        np.testing.assert_allclose(mesh.uv, body.mesh.uv, atol=1e-6)


def test_hand_is_absent_while_it_is_out_of_the_picture(truth: Take) -> None:
    present = truth.array("tracked_hand_right") > 0
    assert not present[0]
    assert not present[-1]
    assert 0.6 <= present.mean() < 1
    for key in ("vertices", "contact", "rotation", "translation"):
        assert not truth.array(f"hand_right.{key}")[~present].any()
    assert not truth.array("landmarks_hand_right")[~present].any()
    pixels = truth.camera.project(truth.array("hand_right.vertices")[present])
    inside = ((pixels > -1) & (pixels < [truth.camera.width, truth.camera.height])).all(axis=2)
    assert inside.any(axis=1).all()


def test_skin_gives_way_and_nothing_passes_through_it(truth: Take) -> None:
    head = truth.array("head.vertices") + truth.array("head.deformation")
    hand, present = truth.array("hand_right.vertices"), truth.array("tracked_hand_right") > 0
    index = PartsIndex(head[0].astype(np.float64), triangles(truth.meshes["head"]))
    touching = set()
    for k in np.flatnonzero(present):
        distance = hand_distances(index.moved(head[k].astype(np.float64)), hand[k].astype(np.float64))
        assert distance.max() < LEFT_INSIDE
        if is_touching(distance):
            touching.add(int(k))
    told = {k for event in truth.events for k in range(event.first_frame, event.last_frame + 1)}
    assert len(touching) >= 20
    assert told <= touching
    assert not truth.array("head.deformation")[[k for k in range(len(head)) if k not in touching]].any()


def test_the_cheek_is_pressed_deeply_and_then_the_jaw(truth: Take) -> None:
    by_region = {event.region: event for event in truth.events}
    assert {"cheek.R", "jaw.R"} <= set(by_region)
    assert all(event.hand == "hand_right" for event in truth.events)
    assert by_region["cheek.R"].peak_depth_mm >= 8
    assert by_region["cheek.R"].first_frame < by_region["jaw.R"].first_frame
    fingers = truth.meshes["hand_right"].region_vertices("index", "middle")
    contact = truth.array("hand_right.contact")
    assert contact[:, fingers].max() > 0.9
    assert contact.min() >= 0
    assert contact.max() <= 1


@pytest.mark.parametrize("name", ["head", "hand_right"])
def test_picture_shows_the_truth_where_it_says(truth: Take, footage: Footage, name: str) -> None:
    """The strongest edges lie along the projected outline, and nowhere else within reach."""
    frame = 0 if name == "head" else int(np.argmax(truth.array("hand_right.contact").max(axis=1)))
    vertices = truth.array(f"{name}.vertices")[frame] + truth.array(f"{name}.deformation")[frame]
    seen = rasterize(vertices, triangles(truth.meshes[name]), truth.camera).covered.astype(np.uint8)
    outline = seen - cv2.erode(seen, np.ones((3, 3), np.uint8))
    # Below, the neck and the wrist end in clothes.
    rows, columns = np.nonzero(outline)
    corner = truth.camera.project(vertices).mean(axis=0)
    free = (rows < corner[1]) & (rows >= REACH_PIXELS) & (columns >= REACH_PIXELS) & (columns < truth.camera.width - 5)
    rows, columns = rows[free], columns[free]
    grey = cv2.GaussianBlur(cv2.cvtColor(footage.read(frame), cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    shifts = range(-REACH_PIXELS, REACH_PIXELS + 1)
    strength = np.array([[edges[rows + dy, columns + dx].mean() for dx in shifts] for dy in shifts])
    dy, dx = np.unravel_index(strength.argmax(), strength.shape)
    assert max(abs(dy - REACH_PIXELS), abs(dx - REACH_PIXELS)) <= 1


def test_face_is_found_where_it_is(truth: Take, tracked: list[FrameLandmarks]) -> None:
    points = truth.array("landmarks_head")
    assert all(found.face is not None for found in tracked)
    eyes = np.linalg.norm(points[:, [33, 133]].mean(axis=1) - points[:, [362, 263]].mean(axis=1), axis=1)
    errors = [
        np.linalg.norm(found.face.points[:468, :2] - points[k], axis=1).mean() / eyes[k]
        for k, found in enumerate(tracked)
        if found.face is not None
    ]
    assert np.median(errors) < 0.06


def test_hand_is_found_where_it_is(truth: Take, tracked: list[FrameLandmarks]) -> None:
    points, size = truth.array("landmarks_hand_right"), [truth.camera.width, truth.camera.height]
    whole = ((points > 0) & (points < size)).all(axis=(1, 2)) & (truth.array("tracked_hand_right") > 0)
    absent = truth.array("tracked_hand_right") == 0
    found = {k: landmarks.hands[0] for k, landmarks in enumerate(tracked) if landmarks.hands}
    assert np.mean([k in found for k in np.flatnonzero(whole)]) > 0.95
    assert not any(k in found for k in np.flatnonzero(absent))
    assert {hand.side for hand in found.values()} == {"right"}
    errors = [
        np.linalg.norm(found[k].points[:, :2] - points[k], axis=1).mean() / np.ptp(points[k], axis=0).max()
        for k in np.flatnonzero(whole)
        if k in found
    ]
    assert np.median(errors) < 0.08
