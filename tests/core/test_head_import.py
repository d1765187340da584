"""The files of a head model from a stranger: what is read of them, and what is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.cli import main
from dice_core.errors import InputError, MissingModelError
from dice_core.head_import import ict_layout as layout
from dice_core.head_import import installing
from dice_core.head_import.displacements import EyeTurns, without_rigid_and_size
from dice_core.head_import.ict_folder import find_model, read_model
from dice_core.head_import.obj_reading import read_mesh, read_vertices
from dice_core.head_import.surface_matching import HeadSurface, matched
from dice_core.user_data import installed_heads
from tests.core.command_line import sentence

QUAD = (
    "# a comment\nmtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0.5\nvt 0 0\nvt 1 0\nvt 1 1\nvn 0 0 1\nusemtl skin\n"
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DICE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "models"


def obj(folder: Path, text: str) -> Path:
    (folder / "a.obj").write_text(text)
    return folder / "a.obj"


def test_an_obj_is_read(tmp_path: Path) -> None:
    mesh = read_mesh(obj(tmp_path, QUAD + "f 1/1 2/2/1 3/3\nf 1/1/1 3/3/1 4/2/1\n"), 4)
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.5]]
    assert mesh.corners.tolist() == [0, 1, 2, 0, 2, 3]
    assert mesh.sizes.tolist() == [3, 3]
    assert mesh.uv.tolist() == [[0, 0], [1, 0], [1, 1], [0, 0], [1, 1], [1, 0]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (QUAD.replace("v 1 0 0", "v 1 nan 0") + "f 1/1 2/2 3/3\n", "not 3 finite numbers"),
        (QUAD.replace("v 1 0 0", "v 1 1e9 0") + "f 1/1 2/2 3/3\n", "not 3 finite numbers"),
        (QUAD.replace("v 1 0 0", "v 1 0") + "f 1/1 2/2 3/3\n", "not 3 finite numbers"),
        (QUAD.replace("v 1 0 0", "v 1 one 0") + "f 1/1 2/2 3/3\n", "no numbers"),
        (QUAD + "v 0 0 0\nf 1/1 2/2 3/3\n", "5 vertices, not 4"),
        (QUAD, "vertices that it does not have"),
        (QUAD + "f 1/1 2/2 5/3\n", "vertices that it does not have"),
        (QUAD + "f 1/1 2/2 -1/3\n", "vertices that it does not have"),
        (QUAD + "f 1/1 2/2 3/4\n", "vertices that it does not have"),
        (QUAD + "f 1 2 3\n", "do not name vertices and texture coordinates"),
        (QUAD + "f 1/1 2/2\n", "a polygon of 2 corners"),
        (QUAD + "f " + "1/1 " * 9 + "\n", "a polygon of 9 corners"),
    ],
)
def test_a_broken_obj_is_refused_in_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        read_mesh(obj(tmp_path, text), 4)
    assert "a.obj" in str(error.value)


def test_a_file_that_is_too_large_or_a_link_is_not_read(tmp_path: Path) -> None:
    path = obj(tmp_path, QUAD)
    (tmp_path / "link.obj").symlink_to(path)
    with pytest.raises(InputError, match="it is a link"):
        read_vertices(tmp_path / "link.obj", 4)
    with path.open("r+b") as file:
        file.truncate(17_000_000)
    with pytest.raises(InputError, match="more than 16 MB"):
        read_vertices(path, 4)
    with pytest.raises(InputError, match="it is missing"):
        read_vertices(tmp_path / "none.obj", 4)


def test_every_expression_has_its_files() -> None:
    files = layout.expression_files()
    assert tuple(files) == EXPRESSION_NAMES
    assert files["mouthSmileLeft"] == ("mouthSmile_L.obj",)
    assert files["mouthLeft"] == ("mouthLeft.obj",)
    assert files["browInnerUp"] == ("browInnerUp_L.obj", "browInnerUp_R.obj")
    assert files["tongueOut"] == ()
    assert len({name for names in files.values() for name in names}) == 53  # as ICT's README says


def test_the_folder_is_found_where_archives_have_it(tmp_path: Path) -> None:
    assert find_model(tmp_path) is None
    inner = tmp_path / "ICT-FaceKit-master" / "FaceXModel"
    inner.mkdir(parents=True)
    assert find_model(tmp_path) is None
    (inner / layout.NEUTRAL).touch()
    for named in (tmp_path, tmp_path / "ICT-FaceKit-master", inner):
        assert find_model(named) == inner
    assert find_model(inner / layout.NEUTRAL) is None


def test_a_folder_that_is_not_whole_says_what_it_lacks(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    (folder / layout.NEUTRAL).write_text(QUAD)
    assert main(["models", "add", str(folder)]) == 2
    said = sentence(capsys.readouterr().err)
    assert "browDown_L.obj" in said
    assert "and 149 more" in said
    assert not (data / "ict_head.npz").exists()
    assert not list(data.glob("*")), "nothing is left of the attempt"


def _whole_folder(folder: Path, neutral: str) -> Path:
    """A folder with all the files of a model, whose vertices are all the same."""
    folder.mkdir()
    others = "v 0 0 0\n" * layout.VERTEX_COUNT
    names = [layout.identity_file(k) for k in range(layout.IDENTITY_COUNT)]
    names += [name for files in layout.expression_files().values() for name in files]
    (folder / "first.obj").write_text(others)
    for name in names:
        (folder / name).hardlink_to(folder / "first.obj")
    (folder / layout.NEUTRAL).write_text(neutral)
    return folder


@pytest.mark.parametrize(
    ("height", "face", "reason"),
    [
        (34, "f 1/1 2/1 20000/1", "another topology"),
        (3400, "f 1/1 2/1 3/1", "34 m high"),
        (34, "f 1/1 2/1 99999/1", "vertices that it does not have"),
    ],
)
def test_another_mesh_is_not_the_model(tmp_path: Path, height: float, face: str, reason: str) -> None:
    lines = ["v 0 0 0"] * (layout.VERTEX_COUNT - 1) + [f"v 0 {height} 0", "vt 0 0", face]
    folder = _whole_folder(tmp_path / "FaceXModel", "\n".join(lines) + "\n")
    with pytest.raises(InputError, match=reason):
        read_model(folder, lambda share: None)


def test_a_model_without_a_face_is_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(-17, 17, (layout.VERTEX_COUNT, 3))
    lines = [f"v {x:.3f} {y:.3f} {z:.3f}" for x, y, z in points] + ["vt 0 0"]
    lines += [f"f {k}/1 {k + 1}/1 {k + 2}/1" for k in range(1, 300)]
    folder = _whole_folder(tmp_path / "FaceXModel", "\n".join(lines) + "\n")
    assert main(["models", "add", str(folder)]) == 2
    assert "No face with two eyes was found" in sentence(capsys.readouterr().err)
    assert not (data / "ict_head.npz").exists()


def test_a_process_that_dies_is_said_in_a_sentence(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _whole_folder(tmp_path / "FaceXModel", QUAD)
    monkeypatch.setattr(installing, "MEMORY", 1_000_000)
    with pytest.raises(InputError, match="could not be made into a head within 1 MB"):
        installing.add_head(folder)
    assert not list(data.glob("*"))


def test_size_place_and_turn_are_taken_out_of_a_mode() -> None:
    rng = np.random.default_rng(2)
    rest = rng.normal(size=(200, 3))
    weight = rng.uniform(0.5, 1.5, 200)
    centred = rest - (weight @ rest) / weight.sum()
    # A shape that has nothing of the seven others: what is left of noise after they are fitted by least squares.
    moves = [np.tile(axis, (200, 1)) for axis in np.eye(3)]
    moves += [np.cross(axis, centred) for axis in np.eye(3)] + [centred]
    basis = np.stack([move.ravel() for move in moves], axis=1) * np.sqrt(np.repeat(weight, 3))[:, None]
    noise = rng.normal(size=600)
    root = np.sqrt(np.repeat(weight, 3))
    shape = ((noise - basis @ np.linalg.lstsq(basis, noise, rcond=None)[0]) / root).reshape(200, 3)
    mode = shape + 0.3 * centred + np.array([1.0, -2.0, 0.5]) + np.cross([0.1, 0.2, -0.3], centred)
    found = without_rigid_and_size(mode[None].astype(np.float32), rest, (rest, mode[None], weight))
    assert np.allclose(found[0], shape, atol=1e-5)


def test_eyes_turn_as_ours_do_about_their_own_middle() -> None:
    head = load_head()
    centre, radius = np.array([0.03, -0.04, -0.08]), 0.0155
    turns = EyeTurns.of(head, {"L": (centre, radius)})
    points = centre + radius * np.array([[0, 0, -1.0], [1, 0, 0], [0, 1, 0]])
    moved = turns.displacements("L", points)
    assert np.allclose(np.linalg.norm(points + moved - centre, axis=2), radius)
    names = head.expression_names
    front = moved[:, 0]
    assert front[names.index("eyeLookUpLeft"), 1] < -0.002, "y points down"
    assert front[names.index("eyeLookInLeft"), 0] < -0.002, "towards the nose"
    assert np.abs(front[names.index("eyeLookInRight")]).max() < 1e-6, "the other eye"
    ball = head.mesh.region_vertices("eyeball.L")
    rest = head.mesh.rest_vertices[ball].astype(float)
    key = head.expressions[names.index("eyeLookOutLeft")][ball].astype(float)
    middle = (rest.min(axis=0) + rest.max(axis=0)) / 2
    own = EyeTurns.of(head, {"L": (middle, 1.0)}).displacements("L", rest)
    front = rest[:, 2] < np.quantile(rest[:, 2], 0.2)
    # Our own eyeball moves aside as it turns, which no turn about its middle does.
    assert np.linalg.norm(own[names.index("eyeLookOutLeft")] - key, axis=1)[front].mean() < 1e-3


def test_lips_that_lie_on_each_other_are_told_apart() -> None:
    """Two sheets in one place, one of which moves as the jaw opens."""
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2) * 0.01
    sheet = np.column_stack([grid, np.zeros(25)])
    cells = [(5 * r + c, 5 * r + c + 1, 5 * r + c + 6, 5 * r + c + 5) for r in range(4) for c in range(4)]
    faces = np.array([[(a, b, c), (a, c, d)] for a, b, c, d in cells]).reshape(-1, 3)
    both = np.concatenate([faces, faces + 25])
    vertices = np.concatenate([sheet, sheet + np.array([0, 0, 1e-4])])
    mouth, inner = np.ones(50, bool), np.zeros(50, bool)
    drop = np.repeat([0.1, 0.9], 25)
    one = HeadSurface(vertices, both, inner, mouth, drop)
    # On the other head the sheet that drops is the nearer one to the first's still sheet.
    other = HeadSurface(vertices[::-1].copy(), 49 - both, inner, mouth, drop[::-1].copy())
    points = matched(one, other)
    assert np.allclose(points.of(other.vertices)[:, :2], vertices[:, :2], atol=1e-9)
    assert np.allclose(points.of(other.drop), drop)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"\x93NUMPY"])
def test_a_damaged_head_is_said_to_be_one(
    data: Path, content: bytes, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from dice_core.bodies.head_model import load_head_model

    assert installed_heads() == ()
    with pytest.raises(MissingModelError, match="dice models add FOLDER"):
        load_head_model("ict")
    data.mkdir(parents=True)
    (data / "ict_head.npz").write_bytes(content)
    assert installed_heads() == ("ict",)
    with pytest.raises(MissingModelError, match="add the head model's folder again"):
        load_head_model("ict")
    (status,) = installing.head_statuses()
    assert (status.state, status.sha256) == ("damaged", "")
