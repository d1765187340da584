"""A take as OBJ and PLY files, read back by readers of this test's own and by trimesh."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dice_core.cli import main
from dice_core.sample import sample_truth
from dice_core.take import Take, open_take
from tests.core.command_line import content, sentence
from tests.core.roof_take import roof_take


def read_obj(path: Path) -> dict[str, list[list[str]]]:
    """The words of an OBJ file's lines by their first one."""
    lines: dict[str, list[list[str]]] = {}
    for line in path.read_text("ascii").splitlines():
        key, *words = line.split(" ")
        lines.setdefault(key, []).append(words)
    return lines


def read_ply(path: Path) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """(V, 4) of place and contact, and the polygons, by the header's own words."""
    head, body = path.read_bytes().split(b"end_header\n", 1)
    lines = head.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    counts = {words[1]: int(words[2]) for words in map(str.split, lines) if words[0] == "element"}
    assert [line for line in lines if line.startswith("property")] == [
        *(f"property float {name}" for name in ("x", "y", "z", "contact")),
        "property list uchar int vertex_indices",
    ]
    vertices = np.frombuffer(body, "<f4", counts["vertex"] * 4).reshape(-1, 4)
    place, polygons = vertices.nbytes, []
    for _ in range(counts["face"]):
        size = body[place]
        polygons.append(tuple(np.frombuffer(body, "<i4", size, place + 1).tolist()))
        place += 1 + 4 * size
    assert place == len(body)
    return vertices, polygons


def surface(take: Take, name: str, row: int) -> np.ndarray:
    """Deformed vertices with y up and z towards the camera, worked out here once more."""
    points = take.array(f"{name}.vertices")[row].astype(np.float64) + take.array(f"{name}.deformation")[row]
    return np.stack([points[:, 0], -points[:, 1], -points[:, 2]], axis=1)


def test_obj_has_the_deformed_surface_with_quads_and_texture_coordinates(tmp_path: Path) -> None:
    take = roof_take(tmp_path)
    assert main(["mesh", str(take.path), "-o", str(tmp_path / "out")]) == 0
    mesh = take.meshes["head"]
    for row in range(5):
        lines = read_obj(tmp_path / "out" / f"head.{10 + row:06d}.obj")
        assert lines["o"] == [["head"]]
        np.testing.assert_allclose(np.array(lines["v"], float), surface(take, "head", row), atol=1e-7)
        corners = [[int(part) - 1 for part in word.split("/")] for face in lines["f"] for word in face]
        assert [len(face) for face in lines["f"]] == [4, 4, 3, 3]
        assert [corner[0] for corner in corners] == mesh.face_corners.tolist()
        coordinates = np.array(lines["vt"], float)[[corner[1] for corner in corners]]
        np.testing.assert_allclose(coordinates, mesh.uv, atol=1e-6)


def test_ply_has_contact_on_every_vertex(tmp_path: Path) -> None:
    take = roof_take(tmp_path)
    assert main(["mesh", str(take.path), "-o", str(tmp_path / "out"), "--format", "ply"]) == 0
    vertices, polygons = read_ply(tmp_path / "out" / "head.000013.ply")
    np.testing.assert_allclose(vertices[:, :3], surface(take, "head", 3), atol=1e-7)
    np.testing.assert_array_equal(vertices[:, 3], take.array("head.contact")[3])
    assert polygons == [(0, 1, 5, 4), (2, 3, 4, 5), (3, 0, 4), (1, 2, 5)]


def test_an_absent_mesh_has_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take = roof_take(tmp_path)
    assert main(["mesh", str(take.path), "-o", str(tmp_path / "out")]) == 0
    assert "head in 5, right hand in 3 frames" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {name for name in names if name.startswith("hand")} == {f"hand_right.{n:06d}.obj" for n in (10, 13, 14)}
    assert len(names) == 8


def test_a_range_of_frames_reads_its_chunks_alone(tmp_path: Path) -> None:
    take = roof_take(tmp_path)
    (take.path / "chunks" / "000010.npz").write_bytes(
        (take.path / "chunks" / "000010.npz").read_bytes().replace(b"head.vertices", b"head.verticez")
    )
    assert main(["mesh", str(take.path), "-o", str(tmp_path / "out"), "--frames", "12:14"]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"head.000012.obj", "head.000013.obj", "hand_right.000013.obj"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--axes", "camera"], lambda p: p),
        (["--axes", "z-up"], lambda p: p[:, [0, 2, 1]] * [1, 1, -1]),
        (["--unit", "cm"], lambda p: 100 * p * [1, -1, -1]),
        (["--axes", "camera", "--unit", "mm"], lambda p: 1000 * p),
    ],
)
def test_axes_and_units(tmp_path: Path, options: list[str], expected: object) -> None:
    take = roof_take(tmp_path)
    assert main(["mesh", str(take.path), "-o", str(tmp_path / "out"), "--format", "ply", *options]) == 0
    vertices, _ = read_ply(tmp_path / "out" / "head.000010.ply")
    points = take.array("head.vertices")[0].astype(np.float64) + take.array("head.deformation")[0]
    np.testing.assert_allclose(vertices[:, :3], expected(points), rtol=1e-6, atol=1e-6)  # type: ignore[operator]


@pytest.mark.parametrize("format", ["obj", "ply"])
def test_trimesh_reads_the_sample_with_outward_faces(tmp_path: Path, format: str) -> None:
    take = open_take(sample_truth())
    command = ["mesh", str(take.path), "-o", str(tmp_path), "--format", format, "--frames", "30:31"]
    assert main(command) == 0
    loaded = trimesh.load(tmp_path / f"hand_right.000030.{format}", process=False, maintain_order=True)
    row = take.frames.tolist().index(30)
    expected = surface(take, "hand_right", row)
    assert loaded.bounds == pytest.approx(np.array([expected.min(axis=0), expected.max(axis=0)]), abs=1e-6)
    filled = trimesh.Trimesh(loaded.vertices, loaded.faces, process=True)
    trimesh.repair.fill_holes(filled)
    assert 5e-5 < filled.volume < 1e-3, "cubic metres of a hand, positive where the faces look outwards"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say what to write"),
        (["-o", "out", "--frames", "90:95"], "within 10:15"),
        (["-o", "out", "--frames", "5:5"], "within 10:15"),
        (["-o", "file/out"], "file/out cannot be written"),
        (["-o", "file"], "file cannot be written"),
        (["--contact", "a.txt"], "a.txt: change its ending"),
        (["--contact", "file/a.csv"], "cannot be written"),
        (["--curves", "c.csv"], "capture with --engine open"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(
    tmp_path: Path,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    take = roof_take(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("in the way")
    before = content(tmp_path)
    assert main(["mesh", str(take.path), *arguments]) == 2
    assert words in sentence(capsys.readouterr().err)
    assert content(tmp_path) == before


def test_no_take_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mesh", str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]) == 2
    assert "is not a take" in sentence(capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_a_link_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    take = roof_take(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    for name in ("out/head.000010.obj.tmp", "c.csv.tmp"):
        (tmp_path / name).symlink_to(tmp_path / "mine.txt")
    assert main(["mesh", str(take.path), "-o", str(tmp_path / "out"), "--contact", str(tmp_path / "c.csv")]) == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "c.csv").read_text().startswith("frame,")


def test_a_disk_that_is_full_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    take = roof_take(tmp_path)
    monkeypatch.setattr("dice_core.interchange.output.create_fresh", lambda path: Full())
    assert main(["mesh", str(take.path), "-o", str(tmp_path / "out")]) == 2
    assert "No space left" in sentence(capsys.readouterr().err)
    assert not list((tmp_path / "out").iterdir())
