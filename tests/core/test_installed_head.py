"""Captures with an installed head: our own in ICT's layout gives what the packaged head gives; and the real one.

What the layout holds, how it is read, and what is refused, is in test_head_import.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.bodies.head_model import HeadModel, load_head_model, model_of_mesh
from dice_core.cli import main
from dice_core.geometry.attachment import attached_vertices
from dice_core.geometry.rotations import axis_angle
from dice_core.head_import import ict_layout as layout
from dice_core.head_import.installing import add_head
from dice_core.metrics import measure
from dice_core.sample import sample_clip
from dice_core.take import Take, open_take
from dice_core.transfer.foreign_head import lay_on_head
from dice_core.transfer.performance import read_performance
from tests.core.command_line import image, sentence
from tests.core.ict_folders import write_own_head, write_packed_model

PACKED = Path(__file__).resolve().parents[3] / "shared" / "heads" / "ict_facekit.npz"
FRAMES = "14:38"
"""Of the sample: the hand comes to the cheek and presses it."""
LANDMARKS_68 = {8: 152, 27: 168, 30: 4, 33: 2, 36: 33, 39: 133, 42: 362, 45: 263, 48: 61, 54: 291, 51: 0, 57: 17}
"""Points of the usual 68 whose meaning is that of one of the face network's: chin, nose, corners of eyes and mouth."""


@dataclass(frozen=True)
class Own:
    """place : (V,) our vertices among those that an installed head shows, -1 for those that it shows as parts."""

    data: Path
    model: HeadModel
    place: np.ndarray
    shares: list[float]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """The packaged head, exported in ICT's layout and installed from there."""
    folder = tmp_path_factory.mktemp("own")
    place = write_own_head(folder / "FaceXModel", load_head())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DICE_DATA", str(folder / "data"))
        shares: list[float] = []
        assert add_head(folder / "FaceXModel", shares.append).state == "present"
        number = np.full(layout.VERTEX_COUNT, -1)
        kept = np.r_[: layout.HEAD_COUNT, layout.EYEBALLS["L"], layout.EYEBALLS["R"]]
        number[kept] = np.arange(len(kept))
        yield Own(folder / "data", load_head_model("ict"), number[place], shares)


@pytest.fixture(scope="module")
def takes(own: Own, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Take]:
    folder = tmp_path_factory.mktemp("takes")
    for head in ("open", "ict"):
        command = ["capture", str(sample_clip()), "--frames", FRAMES, "-o", str(folder / f"{head}.dicetake")]
        assert main([*command, "--head", head]) == 0
    return {head: open_take(folder / f"{head}.dicetake") for head in ("open", "ict")}


def _ours(own: Own, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (..., V, 3) of the head that is shown at our vertices, and which of ours those are."""
    rows = np.flatnonzero(own.place >= 0)
    return values[..., own.place[rows], :], rows


def test_the_head_comes_back_as_it_was(own: Own) -> None:
    head, model = load_head(), own.model
    found, rows = _ours(own, model.shown.mesh.rest_vertices)
    # The pivot and the nod are found by the networks: all of the head is moved by as much.
    gap = found - head.mesh.rest_vertices[rows]
    assert np.linalg.norm(gap.mean(axis=0)) < 0.003
    assert np.linalg.norm(gap - gap.mean(axis=0), axis=1).mean() < 0.001
    assert np.linalg.norm(model.proxy.mesh.rest_vertices - head.mesh.rest_vertices, axis=1).mean() < 0.003
    for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkRight", "browInnerUp"):
        key = head.expression_names.index(name)
        moved, _ = _ours(own, model.shown.expressions[key])
        assert np.linalg.norm(moved - head.expressions[key][rows], axis=1).max() < 0.0015, name
        proxy = head.landmarks(model.proxy.expressions[key]) - head.landmarks(head.expressions[key])
        assert np.linalg.norm(proxy, axis=1).mean() < 0.0005, name
    assert np.allclose(model.proxy.expression_gain, 1, atol=0.06)
    for mode in range(len(head.shape_basis)):
        shape, _ = _ours(own, model.shown.shape_basis[mode])
        length = np.linalg.norm(head.shape_basis[mode], axis=1).mean()
        assert np.linalg.norm(shape - head.shape_basis[mode][rows], axis=1).mean() < 0.1 * length + 5e-5, mode


def test_regions_landmarks_and_parts_are_ours(own: Own) -> None:
    head, shown = load_head(), own.model.shown
    assert shown.mesh.region_names == head.mesh.region_names
    _, rows = _ours(own, shown.mesh.rest_vertices)
    assert (shown.mesh.region[own.place[rows]] == head.mesh.region[rows]).mean() > 0.95
    offset = shown.landmarks(shown.mesh.rest_vertices) - head.landmarks(head.mesh.rest_vertices)
    assert np.median(np.linalg.norm(offset, axis=1)) < 0.003
    irises = shown.irises(shown.mesh.rest_vertices) - head.irises(head.mesh.rest_vertices)
    assert np.linalg.norm(irises, axis=1).max() < 0.004
    part = shown.mesh.attached
    assert part is not None
    assert {"teeth_upper", "teeth_lower", "gums", "lashes.L", "iris.R", "pupil.L", "cap"} <= set(part.region_names)
    teeth = part.rest_vertices[part.region == part.region_names.index("teeth_upper")]
    assert len(teeth) == layout.UPPER_TEETH.stop - layout.UPPER_TEETH.start
    jaw = part.shape_key_deltas[shown.expression_names.index("jawOpen")].astype(float)
    lower = jaw[part.region == part.region_names.index("teeth_lower")]
    assert np.linalg.norm(lower, axis=1).max() > 0.02, "the lower teeth go with the jaw"


def test_dents_come_and_go_between_proxy_and_what_is_shown(own: Own) -> None:
    model, head = own.model, load_head()
    points = model.proxy.mesh.rest_vertices.astype(float)
    field = 0.006 * np.exp(-(((points - points[head.landmark_triangles[205, 0]]) / 0.02) ** 2).sum(axis=1))
    back = model.on_proxy(model.on_shown(field))
    outside = ~(head.rigid_vertices | head.socket_vertices | head.mesh.region_vertices("mouth_inner", "tongue"))
    assert np.abs(back - field)[outside].max() < 0.0015
    assert np.abs(back - field)[outside].mean() < 2e-5
    shoulders = model.shown.mesh.rest_vertices[:, 1] > head.mesh.rest_vertices[:, 1].max() + 0.03
    assert not model.on_shown(field)[shoulders].any()


def test_progress_is_told_as_it_grows(own: Own) -> None:
    assert own.shares == sorted(own.shares)
    assert own.shares[0] < 0.1
    assert own.shares[-1] == pytest.approx(1.0, abs=0.2)
    assert len(own.shares) > 100


def test_the_listing_says_that_it_is_there(own: Own, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    (head,) = json.loads(capsys.readouterr().out)["heads"]
    assert (head["name"], head["state"], head["sha256"]) == ("ict", "present", own.model.sha256)
    assert main(["models"]) == 0
    assert "present  ICT-FaceKit" in capsys.readouterr().out


def test_the_capture_is_that_of_the_packaged_head(own: Own, takes: dict[str, Take]) -> None:
    """Within what the networks err by when they find the landmarks on the folder's head: 5 mm, most of it distance."""
    found, rows = _ours(own, takes["ict"].array("head.vertices"))
    true = takes["open"].array("head.vertices")[:, rows]
    assert np.linalg.norm(found - true, axis=2).mean() < 0.008
    across = (found - true)[..., :2]
    assert np.linalg.norm(across, axis=2).mean() < 0.003
    expression = takes["ict"].array("head.expression") - takes["open"].array("head.expression")
    assert np.abs(expression).mean() < 0.01
    hands = takes["ict"].array("hand_right.vertices") - takes["open"].array("hand_right.vertices")
    assert np.linalg.norm(hands, axis=2)[takes["open"].array("tracked_hand_right") > 0].mean() < 0.012


def test_touches_and_dents_are_those_of_the_packaged_head(own: Own, takes: dict[str, Take]) -> None:
    regions = {head: {event.region for event in take.events} for head, take in takes.items()}
    assert "cheek.R" in regions["open"]
    assert regions["ict"] == regions["open"]
    for head, take in takes.items():
        contact = take.array("head.contact")
        assert contact.max() > 0.9, head
        assert 0.002 < np.linalg.norm(take.array("head.deformation"), axis=2).max() < 0.02, head
        figures = measure(take)
        assert figures["max_penetration_mm"] < 2.5, head
        assert figures["landmark_error_percent"]["head"]["median"] < 4, head


def test_the_take_says_which_head_it_was(own: Own, takes: dict[str, Take]) -> None:
    engines = {head: take.info["engine"] for head, take in takes.items()}
    assert engines["ict"]["settings"]["head"] == "ict"
    assert engines["ict"]["models"]["head_ict"] == own.model.sha256
    assert engines["open"]["settings"]["head"] == "open"
    assert not any(name.startswith("head_") for name in engines["open"]["models"])
    mesh = takes["ict"].meshes["head"]
    found = model_of_mesh(mesh)
    assert found is not None
    assert found.name == "ict"
    assert mesh.shape_key_names == load_head().expression_names
    part = attached_vertices(
        mesh,
        takes["ict"].array("head.rotation"),
        takes["ict"].array("head.translation"),
        takes["ict"].array("head.expression"),
    )
    assert np.isfinite(part).all()


def test_a_take_goes_on_with_its_own_head_alone(
    takes: dict[str, Take], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = ["capture", str(sample_clip()), "--frames", FRAMES, "-o", str(takes["ict"].path)]
    assert main(command) == 2
    assert "other footage or settings" in sentence(capsys.readouterr().err)
    assert main([*command, "--head", "ict"]) == 0
    monkeypatch.setenv("DICE_DATA", str(tmp_path))
    assert main([*command, "--head", "ict"]) == 2


def test_a_take_moves_other_characters_like_one_of_the_packaged_head(takes: dict[str, Take]) -> None:
    ours, other = (read_performance(takes[head], ("right",), lambda: None) for head in ("open", "ict"))
    assert other.vertices.shape == ours.vertices.shape
    points = [load_head().landmarks(one.vertices) for one in (ours, other)]
    assert np.linalg.norm(points[0] - points[1], axis=2).mean() < 0.004
    assert np.abs(ours.expression - other.expression).mean() < 0.01
    assert (ours.contact.max(axis=0) * other.contact.max(axis=0)).max() > 0.5, "the same skin is touched"


def test_a_take_of_a_head_that_is_not_installed_moves_characters_too(
    takes: dict[str, Take], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = read_performance(takes["open"], ("right",), lambda: None)
    monkeypatch.setenv("DICE_DATA", str(tmp_path))
    assert model_of_mesh(takes["ict"].meshes["head"]) is None
    found = read_performance(takes["ict"], ("right",), lambda: None)
    points = [load_head().landmarks(one.vertices) for one in (ours, found)]
    assert np.linalg.norm(points[0] - points[1], axis=2).mean() < 0.002
    assert np.abs(ours.expression - found.expression).mean() < 0.015
    assert (ours.contact.max(axis=0) * found.contact.max(axis=0)).max() > 0.5, "the same skin is touched"


def test_a_head_that_is_missing_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DICE_DATA", str(tmp_path))
    take = tmp_path / "a.dicetake"
    assert main(["capture", str(image(tmp_path / "a.png")), "--head", "ict", "-o", str(take)]) == 2
    assert "dice models add FOLDER" in sentence(capsys.readouterr().err)
    assert not take.exists()
    assert main(["capture", str(image(tmp_path / "a.png")), "--engine", "dice", "--head", "ict"]) == 2
    assert "leave out --head" in sentence(capsys.readouterr().err)


@pytest.mark.skipif(not PACKED.exists(), reason="the real model is not here")
def test_the_real_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_packed_model(tmp_path / "FaceXModel", PACKED)
    monkeypatch.setenv("DICE_DATA", str(tmp_path / "data"))
    assert add_head(tmp_path / "FaceXModel").state == "present"
    model = load_head_model("ict")
    rest = model.shown.mesh.rest_vertices
    assert np.ptp(rest[:, 1]) == pytest.approx(0.338, abs=0.005), "in true size, upright"
    with np.load(PACKED) as archive:
        marked = archive["landmarks68"]
    landmarks = model.shown.landmarks(rest)
    for of_68, ours in LANDMARKS_68.items():
        assert np.linalg.norm(rest[marked[of_68]] - landmarks[ours]) < 0.006, (of_68, ours)
    laid = lay_on_head(model.shown.mesh, lambda: None)
    assert laid.eyes
    assert laid.size == pytest.approx(1, abs=0.05)
    assert np.degrees(np.linalg.norm(axis_angle(laid.turn))) < 2, "both look straight ahead"
    points = load_head().landmarks(laid.mesh.rest_vertices @ laid.turn.T + laid.place)
    for of_68, ours in LANDMARKS_68.items():
        assert np.linalg.norm(rest[marked[of_68]] - points[ours]) < 0.007, (of_68, ours)
    names = model.shown.expression_names
    jaw = np.linalg.norm(model.shown.landmarks(model.shown.expressions[names.index("jawOpen")]), axis=1)
    assert jaw[152] > 0.02
    assert jaw[10] < 0.001
    assert (
        np.linalg.norm(
            model.shown.landmarks(rest) - model.proxy.landmarks(model.proxy.mesh.rest_vertices), axis=1
        ).mean()
        < 3e-4
    )
