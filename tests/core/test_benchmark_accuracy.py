"""The accuracy benchmark on one item: its picture shows what its truth says, and known errors give known figures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.metrics import measure
from dice_core.take import open_take
from dice_core.take.format import load_arrays, write_arrays
from tests.core.accuracy_recipe import easy_recipe

# The import above puts the tools where Python finds them.
# isort: split
from accuracy.capturing import capture_item, figures_of, take_path
from accuracy.figures import item_figures, surface_error
from accuracy.making import footage_path, item_names, make_item, truth_path
from accuracy.tables import FACTORS, format_factors, format_overall, summary

ALL_TRUE = "all landmarks, field of view, person"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with one item, and its name."""
    folder = tmp_path_factory.mktemp("set")
    recipe = easy_recipe()
    make_item(folder, recipe, "rasterizer")
    return folder, recipe.name


@pytest.fixture(scope="module")
def captured(made: tuple[Path, str]) -> dict[str, dict[str, Any]]:
    """Figures of the item, captured as it is and told all of the truth."""
    folder, name = made
    result = {}
    for replaced in ("nothing", ALL_TRUE):
        capture_item(name, folder=folder, replaced=replaced)
        result[replaced] = figures_of(folder, name, replaced)
    return result


def altered(made: tuple[Path, str], folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> Path:
    """A copy of the truth with changed arrays."""
    path = folder / "altered.dicetake"
    shutil.copytree(truth_path(*made), path)
    for file in (path / "chunks").glob("*.npz"):
        arrays = load_arrays(file)
        change(arrays)
        write_arrays(file, arrays)
    return path


def test_the_same_recipe_gives_the_same_picture_and_truth(made: tuple[Path, str], tmp_path: Path) -> None:
    folder, name = made
    make_item(tmp_path, easy_recipe(), "rasterizer")
    assert item_names(tmp_path) == [name]
    assert footage_path(tmp_path, name).read_bytes() == footage_path(folder, name).read_bytes()
    first, second = (open_take(truth_path(where, name)) for where in (folder, tmp_path))
    for key in ("head.vertices", "head.deformation", "hand_right.vertices", "head.contact"):
        np.testing.assert_array_equal(first.array(key), second.array(key))


def test_a_touch_touches_and_a_near_miss_keeps_its_gap(made: tuple[Path, str], tmp_path: Path) -> None:
    truth = open_take(truth_path(*made))
    touching = item_figures(truth, truth)["frames"][0]["hands"][0]
    assert touching["touches"]
    assert [event.region for event in truth.events]
    make_item(tmp_path, replace(easy_recipe(), gap=0.03), "rasterizer")
    truth = open_take(truth_path(tmp_path, made[1]))
    missing = item_figures(truth, truth)["frames"][0]["hands"][0]
    assert not missing["touches"]
    assert missing["gap"] == pytest.approx(30, abs=4)


def test_a_perfect_take_has_no_errors(made: tuple[Path, str]) -> None:
    truth = open_take(truth_path(*made))
    row = item_figures(truth, truth)
    values = summary([{"name": "x", "recipe": easy_recipe().to_json(), **row}])
    for key in (
        "pve",
        "pve_head",
        "mpjpe",
        "depth_p90",
        "turn",
        "gaze",
        "missed",
        "wrong_side",
        "phantoms",
        "identity",
    ):
        assert values[key] == pytest.approx(0, abs=1e-3), key
    assert values["pa_mpjpe"] == pytest.approx(0, abs=1e-3)
    assert (values["found"], values["face_found"], values["f_head"], values["f_hand"]) == (100, 100, 1, 1)
    assert values["dent"] is not None
    assert values["dent_error"] == 0


def test_a_hand_that_is_too_far_is_off_in_depth(made: tuple[Path, str], tmp_path: Path) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays["hand_right.translation"][:, 2] += 0.02
        arrays["hand_right.vertices"][:, :, 2] += 0.02
        arrays["hand_right.contact"][:] = 0

    truth = open_take(truth_path(*made))
    hand = item_figures(open_take(altered(made, tmp_path, change)), truth)["frames"][0]["hands"][0]
    assert hand["depth"] == pytest.approx(20, abs=0.01)
    assert hand["mpjpe"] == pytest.approx(20, abs=0.01)
    assert hand["pa_mpjpe"] == pytest.approx(0, abs=0.01)
    assert not hand["called"]


def test_a_turned_head_is_turned(made: tuple[Path, str], tmp_path: Path) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays["head.rotation"][:, 0] = [0, np.radians(7), 0]

    truth = open_take(truth_path(*made))
    head = item_figures(open_take(altered(made, tmp_path, change)), truth)["frames"][0]["head"]
    assert head["turn"] == pytest.approx(7, abs=0.01)


def test_a_take_without_bodies_misses_them(made: tuple[Path, str], tmp_path: Path) -> None:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays["tracked_head"][:] = arrays["tracked_hand_right"][:] = 0

    truth = open_take(truth_path(*made))
    row = item_figures(open_take(altered(made, tmp_path, change)), truth)
    values = summary([{"name": "x", "recipe": {}, **row}])
    assert (values["found"], values["face_found"], values["missed"], values["f_hand"]) == (0, 0, 100, 0)
    assert values["pve"] is None


def test_a_hand_on_the_wrong_side_is_found_there(made: tuple[Path, str], captured: dict[str, dict[str, Any]]) -> None:
    """The left hand of another take, held where the right one is."""
    folder, name = made
    take, truth = open_take(take_path(folder, name, ALL_TRUE)), open_take(truth_path(folder, name))
    hand = item_figures(take, truth)["frames"][0]["hands"][0]
    assert hand["found"]
    assert not hand["wrong_side"]
    info = {**take.info, "meshes": ["head", "hand_left"]}
    mirrored = folder / "mirrored.dicetake"
    shutil.copytree(take.path, mirrored)
    shutil.copy(mirrored / "meshes" / "hand_right.npz", mirrored / "meshes" / "hand_left.npz")
    rename_hand(mirrored, info)
    row = item_figures(open_take(mirrored), truth)["frames"][0]
    assert row["hands"][0]["wrong_side"]
    assert row["phantoms"] == 0


def rename_hand(path: Path, info: dict[str, Any]) -> None:
    """Give a take's right hand the left one's name, and the left one's mesh."""
    import json

    from dice_core.bodies import load_hand
    from dice_core.take.format import mesh_to_arrays

    (path / "take.json").write_text(json.dumps(info), encoding="utf-8")
    write_arrays(path / "meshes" / "hand_left.npz", mesh_to_arrays(load_hand("left").mesh))
    for file in (path / "chunks").glob("*.npz"):
        arrays = load_arrays(file)
        write_arrays(file, {key.replace("hand_right", "hand_left"): value for key, value in arrays.items()})


def test_figures_agree_with_the_product(made: tuple[Path, str], captured: dict[str, dict[str, Any]]) -> None:
    folder, name = made
    values = summary([captured[ALL_TRUE]])
    product = measure(open_take(take_path(folder, name, ALL_TRUE)), open_take(truth_path(folder, name)))
    assert values["pve"] == pytest.approx(product["pve_mm"])
    assert values["mpjpe"] == pytest.approx(product["mpjpe_mm"], abs=1e-3)
    assert values["pa_mpjpe"] == pytest.approx(product["pa_mpjpe_mm"], abs=1e-3)
    assert values["f_head"] == pytest.approx(product["contact"]["head"]["f"])
    assert values["f_hand"] == pytest.approx(product["contact"]["hand"]["f"])


def test_the_networks_see_the_picture_and_the_truth_helps(captured: dict[str, dict[str, Any]]) -> None:
    found, told = (summary([captured[key]]) for key in ("nothing", ALL_TRUE))
    assert found["face_found"] == 100
    assert found["pve_head"] is not None
    assert told["pve_head"] is not None
    assert told["pve_head"] < min(found["pve_head"], 4.0)
    assert told["found"] == 100
    assert told["identity"] == pytest.approx(0, abs=1e-3)


def test_heads_of_another_topology_are_compared_by_their_surface(made: tuple[Path, str], tmp_path: Path) -> None:
    truth = open_take(truth_path(*made))
    surface = truth.array("head.vertices")[0]
    moved = surface + np.array([0.02, -0.01, 0.3])
    assert surface_error(truth, moved, truth, surface) == pytest.approx(0, abs=1e-5)
    larger = surface.mean(axis=0) + 1.05 * (surface - surface.mean(axis=0))
    assert 0.0005 < surface_error(truth, larger, truth, surface) < 0.01


def row_of(truths: np.ndarray, found: np.ndarray) -> list[dict[str, Any]]:
    """Frames with expressions alone."""
    head = {"pve": None, "pve_head": None, "contact": None, "dent": None, "gaze": None}
    return [
        {"head": {**head, "expression": [one.tolist(), other.tolist()]}, "hands": [], "phantoms": 0}
        for one, other in zip(found, truths, strict=True)
    ]


def test_expressions_that_follow_halfway_have_half_the_gain() -> None:
    truths = np.zeros((12, len(EXPRESSION_NAMES)))
    truths[:, 3] = np.linspace(0, 1, 12)
    truths[:, 8] = np.linspace(1, 0, 12) ** 2
    item = {"name": "x", "recipe": {}, "identity": None, "frames": row_of(truths, 0.5 * truths + 0.1)}
    values = summary([item])
    assert values["correlation"] == pytest.approx(1)
    assert values["gain"] == pytest.approx(0.5)
    still = {**item, "frames": row_of(truths, 0 * truths)}
    assert summary([still])["correlation"] == 0


def test_touches_missed_and_called() -> None:
    def hand(gap: float, *, touches: bool, called: bool, found: bool = True) -> dict[str, Any]:
        return {
            "found": found,
            "wrong_side": False,
            "gap": gap,
            "touches": touches,
            "called": called,
            "contact": [0, 0, 0, 9],
        }

    hands = [
        hand(0, touches=True, called=True),
        hand(0, touches=True, called=False),
        hand(0, touches=True, called=False, found=False),
        hand(0, touches=True, called=True),
        hand(12, touches=False, called=True),
        hand(50, touches=False, called=False),
        hand(5, touches=False, called=True),  # too near to be an error
    ]
    frames = [{"head": None, "hands": hands, "phantoms": 1}]
    values = summary([{"name": "x", "recipe": {}, "identity": None, "frames": frames}])
    assert (values["missed"], values["called"], values["phantoms"]) == (50, 50, 100)
    assert values["f_hand"] is None


def test_tables_have_a_line_for_every_factor(captured: dict[str, dict[str, Any]]) -> None:
    figures = [captured["nothing"]]
    overall, factors = format_overall(figures), format_factors(figures)
    assert "PVE of the head alone, mm" in overall
    assert all(factor in factors for factor in FACTORS)
