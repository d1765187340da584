"""Textures from footage: their parts on known answers, a painted head that is rendered and baked, and the sample."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.cli import main
from dice_core.errors import InputError, Stopped
from dice_core.sample import sample_clip, sample_truth
from dice_core.take import Take, open_take
from dice_core.take.format import write_json
from dice_core.texture import bake_textures
from dice_core.texture.atlas import Atlas, atlas_of
from dice_core.texture.fill import fill, plausible
from dice_core.texture.lighting import fit_lighting, from_linear, to_linear

from .painted_take import PICTURE, SIZE, write_painted_take

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compare_texture() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location("compare_texture", ROOT / "tools" / "compare_texture.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(ROOT / "tools"))


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Take, Atlas, np.ndarray]:
    return write_painted_take(tmp_path_factory.mktemp("painted"))


def read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return image / 255.0


def test_a_painted_head_is_baked_as_it_was_painted(painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path) -> None:
    take, atlas, truth = painted
    steps: list[tuple[int, int]] = []
    baked = bake_textures(take, tmp_path / "textures", size=SIZE, progress=lambda *pair: steps.append(pair))
    assert set(baked.files) == {"head", "hand_right"}
    assert steps == [(k, 7) for k in range(1, 8)]
    found, painted_colours = atlas.values(read(baked.files["head"])), atlas.values(truth)
    rest = take.meshes["head"].rest_vertices
    normals = atlas.interpolate(rest / np.linalg.norm(rest, axis=1, keepdims=True))
    skin = take.meshes["head"].region_vertices("forehead", "nose", "cheek.L", "cheek.R")[atlas.corners].all(axis=1)
    face = skin & (normals[:, 2] < -0.7) & (atlas.interpolate(rest)[:, 1] < 0.0)
    assert face.sum() > 1000
    difference = np.abs(found - painted_colours)[face]
    flat = np.abs(painted_colours[face].mean(axis=0) - painted_colours[face]).mean()
    assert difference.mean() < min(0.03, 0.6 * flat), "nearer than a texture of one colour"


def test_the_hand_leaves_no_colour_on_the_face(painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path) -> None:
    take, atlas, _ = painted
    baked = bake_textures(take, tmp_path, size=SIZE)
    head = atlas.values(read(baked.files["head"]))
    assert (head[:, 1] - head[:, 0]).max() < 0.0, "green skin"


def test_a_hole_is_skin_in_the_tone_of_the_footage(painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path) -> None:
    take, atlas, truth = painted
    baked = bake_textures(take, tmp_path, size=SIZE)
    assert 0.1 < baked.coverage["head"] < 0.6
    rest = take.meshes["head"].rest_vertices
    behind = atlas.interpolate(rest)[:, 2] > 0.06
    found = atlas.values(read(baked.files["head"]))[behind].mean(axis=0)
    assert np.abs(found - atlas.values(truth).mean(axis=0)).max() < 0.12
    image = read(baked.files["head"])
    empty = np.ones(SIZE * SIZE, bool)
    empty[atlas.place] = False
    assert image.reshape(-1, 3)[empty].min() > 0.1, "no black around the islands"


def test_an_atlas_knows_where_its_texels_lie() -> None:
    mesh = load_head().mesh
    atlas = atlas_of(mesh, 256)
    uv = np.zeros((len(mesh.rest_vertices), 2), np.float32)
    uv[mesh.face_corners] = mesh.uv  # of one of a vertex's corners
    row, column = np.divmod(atlas.place, 256)
    expected = np.stack([(column + 0.5) / 256, 1 - (row + 0.5) / 256], axis=1)
    # Where the triangle's vertices have no other corner across a seam, interpolated UVs are the texel's own.
    same = np.abs(atlas.interpolate(uv) - expected).max(axis=1) < 1e-3
    assert same.mean() > 0.9
    values = np.arange(len(atlas.place) * 2, dtype=np.float32).reshape(-1, 2)
    assert np.array_equal(atlas.values(atlas.image(values)), values)


def test_padding_repeats_the_edge() -> None:
    atlas = Atlas(8, np.array([27, 28]), np.zeros((2, 3), np.int32), np.ones((2, 3), np.float32) / 3, np.zeros((0, 3)))
    image = atlas.padded(atlas.image(np.array([[1.0], [2.0]], np.float32)), 2)[..., 0]
    assert image[3].tolist() == [0, 1, 1, 1, 2, 2, 2, 0]
    assert image[2, 3] == 1
    assert image[0, 3] == 0


def test_light_and_exposure_are_taken_out() -> None:
    """Albedo x light x exposure, all known, in two frames seen from two sides."""
    rng = np.random.default_rng(2)
    count = 4000
    plain = np.tile([[0.6, 0.35, 0.25]], (count, 1))
    albedo = plain * rng.uniform(0.9, 1.1, (count, 1))
    gains = (np.array([1.0, 1.0, 1.0]), np.array([0.7, 0.7, 0.7]))
    normals, colours = [], []
    for gain in gains:
        direction = rng.normal(0, 0.5, (count, 3)) - [0, 0, 1]
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        light = 0.8 + 0.35 * direction[:, :1] - 0.2 * direction[:, 1:2]
        normals.append(direction)
        colours.append(albedo * light * gain)
    weights = [np.ones(count)] * 2
    lighting = fit_lighting(colours, normals, weights, [plain] * 2)
    assert lighting.gains[1] / lighting.gains[0] == pytest.approx(gains[1], rel=0.03)
    for number in range(2):
        even = lighting.even(colours[number].astype(np.float32), normals[number], number)
        ratio = even / albedo
        assert np.median(ratio) == pytest.approx(ratio[0], rel=0.1)
        assert ratio.std() / ratio.mean() < 0.05, "was 0.2 before"
        assert (colours[number] / albedo).std() / (colours[number] / albedo).mean() > 0.15


def test_clothes_are_no_skin_and_hair_is_none_to_be_refused() -> None:
    plain = np.tile([[0.6, 0.35, 0.25]], (100, 1))
    colours = plain * np.random.default_rng(1).uniform(0.8, 1.2, (100, 1))
    colours[0] = (0.02, 0.045, 0.09)  # blue cloth
    colours[1] = (0.03, 0.018, 0.013)  # brown hair
    colours[2] = (4.0, 4.0, 4.0)  # a lamp behind an ear
    colours[3] = (0.33, 0.36, 0.38)  # a wall
    colours[4] = (0.009, 0.011, 0.012)  # black hair
    for outside in (False, True):
        share = plausible(colours, np.full(100, outside))
        assert max(share[0], share[2]) < 0.1
        assert share[3] < 0.1 or not outside
        assert share[4] > 0.8
        assert share[1] > 0.9
        assert share[5:].min() > 0.99


def test_what_is_seen_stays_and_holes_get_its_tone() -> None:
    mesh = load_head().mesh
    atlas = atlas_of(mesh, 128)
    plain = np.full((len(atlas.place), 3), 0.4, np.float32)
    seen = atlas.interpolate(mesh.rest_vertices)[:, 0] > 0
    colours = np.where(seen[:, None], [0.2, 0.1, 0.05], 0).astype(np.float32)
    result = fill(atlas, colours, seen.astype(np.float32), plain, len(mesh.rest_vertices))
    assert result[seen] == pytest.approx(np.tile([[0.2, 0.1, 0.05]], (seen.sum(), 1)), abs=1e-6)
    assert result[~seen] == pytest.approx(np.tile([[0.2, 0.1, 0.05]], ((~seen).sum(), 1)), rel=0.05)


def test_srgb_and_back() -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32)
    assert from_linear(to_linear(values)) == pytest.approx(values, abs=1e-5)
    assert to_linear(np.array(0.5)) == pytest.approx(0.21404, abs=1e-4)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """The sample's truth, with the open bodies as today's captures store them."""
    folder = tmp_path_factory.mktemp("sample") / "sample.dicetake"
    shutil.copytree(sample_truth(), folder)
    info = json.loads((folder / "take.json").read_text())
    info["source"]["path"] = str(sample_clip())
    write_json(folder / "take.json", info)
    return open_take(folder)


def test_the_sample_is_baked_as_it_was_painted(sample: Take, compare_texture: ModuleType, tmp_path: Path) -> None:
    bake_textures(sample, tmp_path, size=512)
    found = compare_texture.compare(tmp_path, sample)
    assert set(found) == {"head", "hand_right"}
    for name, difference in found.items():
        assert difference["texels"] > 3000, name
        assert difference["raw"] < 0.10, name
        assert difference["gained"] < 0.06, name


def test_without_footage_it_is_a_sentence_and_nothing_is_written(sample: Take, tmp_path: Path) -> None:
    lost = Take(sample.path, {**sample.info, "source": {**sample.info["source"], "path": str(tmp_path / "gone.mp4")}})
    with pytest.raises(InputError, match=r"no footage to take a texture from: .*gone\.mp4 does not exist"):
        bake_textures(lost, tmp_path / "out", size=512)
    other = Take(sample.path, {**sample.info, "source": {**sample.info["source"], "width": 640}})
    with pytest.raises(InputError, match="not of the size"):
        bake_textures(other, tmp_path / "out", size=512)
    assert not (tmp_path / "out").exists()


def test_moved_footage_is_named(sample: Take, tmp_path: Path) -> None:
    moved = Take(sample.path, {**sample.info, "source": {**sample.info["source"], "path": "/nowhere/sample.mp4"}})
    few = replace_frames(moved, 2)
    baked = bake_textures(few, tmp_path, size=512, footage=sample_clip())
    assert baked.files["head"].exists()


def test_other_footage_of_the_same_size_is_told(
    painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take = painted[0]
    pictures = shutil.copytree(take.info["source"]["path"], tmp_path / "pictures")
    cv2.imwrite(str(pictures / "000.png"), np.full((PICTURE, PICTURE, 3), 90, np.uint8))
    told: list[str] = []
    bake_textures(take, tmp_path / "out", size=512, footage=take.info["source"]["path"], on_warning=told.append)
    assert not told
    command = ["texture", str(take.path), "-o", str(tmp_path / "out"), "--size", "512", "--footage", str(pictures)]
    assert main(command) == 0
    assert "pictures is not the file that was captured" in capsys.readouterr().err


def replace_frames(take: Take, count: int) -> Take:
    """The take cut to its first chunk; `count` of its frames are enough."""
    chunks = take.info["chunks"][:1]
    assert chunks[0]["frames"] > count
    return Take(take.path, {**take.info, "chunks": chunks, "events": []})


def test_it_stops_when_asked(painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path) -> None:
    asked = iter([False] * 3)
    with pytest.raises(Stopped):
        bake_textures(painted[0], tmp_path / "out", size=SIZE, should_stop=lambda: next(asked, True))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_to(painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written to"):
        bake_textures(painted[0], tmp_path / "file", size=SIZE)


def test_the_command(
    painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take = str(painted[0].path)
    assert main(["texture", take, "-o", str(tmp_path / "out"), "--size", "512"]) == 0
    assert "head.png: head, " in capsys.readouterr().out
    assert main(["texture", take, "-o", str(tmp_path / "out"), "--size", "512", "--events"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["frame"] * 7 + ["done"]
    assert events[-2]["done"] == events[-2]["total"] == 7
    assert events[-1]["tracked"]["head"] > 0.1
    assert main(["texture", take, "-o", str(tmp_path / "out"), "--footage", str(tmp_path / "x"), "--events"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["event"] == "error"
    assert "There is no footage to take a texture from" in captured.err


def test_bodies_without_texture_coordinates_are_a_sentence(
    painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path
) -> None:
    plain = Take(painted[0].path, painted[0].info)
    plain.__dict__["meshes"] = {
        name: replace(mesh, uv=np.zeros_like(mesh.uv)) for name, mesh in painted[0].meshes.items()
    }
    with pytest.raises(InputError, match="no texture coordinates"):
        bake_textures(plain, tmp_path, size=SIZE)


def test_a_take_of_another_head_gets_a_texture_too(painted: tuple[Take, Atlas, np.ndarray], tmp_path: Path) -> None:
    """A body without a packaged skin is filled with plain skin."""
    take = painted[0]
    plain = Take(take.path, take.info)
    plain.__dict__["meshes"] = {name: replace(mesh, attached=None) for name, mesh in take.meshes.items()}
    assert read(bake_textures(plain, tmp_path, size=SIZE).files["head"]).min() > 0.1
