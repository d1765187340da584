"""What bodies show beside their skin: where it lies, how it follows, and that nothing else knows of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dice_core.bodies import Head, load_hand, load_head
from dice_core.bodies.head import head_without_parts
from dice_core.errors import InputError, ShapeError
from dice_core.geometry.attachment import attached_deformation, attached_vertices, joined
from dice_core.geometry.mesh import Mesh, boundary_vertices, skin, triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.preview.shading import Painter
from dice_core.take.format import load_arrays, load_mesh, mesh_to_arrays, write_arrays
from dice_core.take.frames import Body, Frame

PARTS = ("teeth_upper", "teeth_lower", "lashes.L", "lashes.R", "iris.L", "iris.R", "pupil.L", "pupil.R", "cap")


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def part_vertices(mesh: Mesh, name: str) -> np.ndarray:
    assert mesh.attached is not None
    return mesh.attached.region == mesh.attached.region_names.index(name)


def expressed(head: Head, **weights: float) -> np.ndarray:
    """(A, 3) the head's attachment at rest with some expressions."""
    row = np.zeros((1, 52), np.float32)
    for name, value in weights.items():
        row[0, head.expression_names.index(name)] = value
    return attached_vertices(head.mesh, np.zeros((1, 5, 3)), np.zeros((1, 3)), row)[0]


def test_the_head_itself_is_unchanged(head: Head) -> None:
    plain = head_without_parts()
    assert plain.mesh.attached is None
    for name in ("rest_vertices", "face_corners", "region", "uv", "shape_key_deltas", "skin_weights"):
        assert np.array_equal(getattr(plain.mesh, name), getattr(head.mesh, name)), name
    assert len(head.mesh.rest_vertices) == 4570


def test_everything_is_there(head: Head) -> None:
    assert head.mesh.attached is not None
    assert head.mesh.attached.region_names == PARTS
    assert head.mesh.attached.layout == "open_head"
    for name in PARTS:
        assert part_vertices(head.mesh, name).sum() >= 29, name


@pytest.mark.parametrize("name", ["head", "left", "right"])
def test_neck_and_wrist_are_closed(head: Head, name: str) -> None:
    mesh = head.mesh if name == "head" else load_hand(name).mesh
    assert mesh.attached is not None
    own = triangles(mesh)
    assert boundary_vertices(own, len(mesh.rest_vertices)).sum() == (42 if name == "head" else 20)
    whole = joined(mesh)
    of_cap = np.concatenate([np.ones(len(mesh.rest_vertices), bool), part_vertices(mesh, "cap")])
    faces = triangles(whole)
    faces = faces[of_cap[faces].all(axis=1)]
    assert not boundary_vertices(faces, len(of_cap)).any()
    corners = whole.rest_vertices[faces].astype(np.float64)
    # A closed surface with outward polygons has a positive volume, and no edge runs the same way twice.
    assert np.einsum("tc,tc->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges)


def test_irises_are_round(head: Head) -> None:
    assert head.mesh.attached is not None
    for side, centre in zip("LR", head.irises(head.mesh.rest_vertices)[[5, 0]], strict=True):
        for name, radius in (("iris", 5.9e-3), ("pupil", 2.2e-3)):
            points = head.mesh.attached.rest_vertices[part_vertices(head.mesh, f"{name}.{side}")].astype(np.float64)
            distance = np.linalg.norm(points - centre, axis=1)
            rim = points[distance > 0.9 * distance.max()] - points.mean(axis=0)
            assert len(rim) >= 24
            normal = np.linalg.svd(rim)[2][2]
            across = np.linalg.norm(rim - (rim @ normal)[:, None] * normal, axis=1)
            assert across == pytest.approx(radius, abs=0.5e-3), "polygons of the eyeball are no sphere"
            assert np.ptp(across) < 0.6e-3


def test_lower_teeth_follow_the_jaw_and_upper_ones_do_not(head: Head) -> None:
    rest, opened = expressed(head), expressed(head, jawOpen=1.0)
    upper, lower = (part_vertices(head.mesh, f"teeth_{row}") for row in ("upper", "lower"))
    jaw = head.expressions[head.expression_names.index("jawOpen")]
    chin = jaw[head.mesh.region_vertices("chin"), 1].mean()
    assert np.abs(opened - rest)[upper].max() < 1e-3
    assert (opened - rest)[lower, 1].mean() > 0.5 * chin > 0.005


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_lashes_go_down_with_the_lid(head: Head, side: str) -> None:
    assert head.mesh.attached is not None
    closed, rest = expressed(head, **{f"eyeBlink{side}": 1.0}), expressed(head)
    own, other = (part_vertices(head.mesh, f"lashes.{letter}") for letter in (side[0], "RL"[side == "Right"]))
    centre = np.median(rest[own, 1])
    upper = own & (rest[:, 1] < centre)
    assert (closed - rest)[upper, 1].mean() > 0.003
    assert np.abs(closed - rest)[other].max() < 1e-4
    lid = head.landmarks(head.mesh.rest_vertices)[[386, 159][side == "Right"]]
    assert np.linalg.norm(rest[upper] - lid, axis=1).min() < 0.004


def test_irises_turn_with_the_eyes(head: Head) -> None:
    moved = expressed(head, eyeLookOutLeft=1.0) - expressed(head)
    rest, looking = (
        head.irises(shape)
        for shape in (
            head.mesh.rest_vertices,
            head.deform(head.mesh.rest_vertices, np.eye(52)[head.expression_names.index("eyeLookOutLeft")]),
        )
    )
    assert moved[part_vertices(head.mesh, "pupil.L")].mean(axis=0) == pytest.approx((looking - rest)[5], abs=4e-4)
    assert not moved[part_vertices(head.mesh, "pupil.R")].any()


def test_teeth_are_hidden_behind_closed_lips(head: Head) -> None:
    """In front of every tooth there is skin, whatever a closed mouth does."""
    for name in (None, "mouthPucker", "mouthPressLeft", "mouthSmileLeft", "mouthFrownRight", "cheekPuff", "mouthLeft"):
        chosen = {} if name is None else {name: 1.0}
        row = np.zeros(52)
        if name is not None:
            row[head.expression_names.index(name)] = 1.0
        skin_points = head.deform(head.mesh.rest_vertices, row)
        inner = head.mesh.region_vertices("mouth_inner", "tongue", "eyeball.L", "eyeball.R")
        faces = triangles(head.mesh)
        faces = faces[~inner[faces].all(axis=1)]
        teeth = expressed(head, **chosen)[
            part_vertices(head.mesh, "teeth_upper") | part_vertices(head.mesh, "teeth_lower")
        ]
        flat = skin_points[faces][:, :, :2].astype(np.float64)
        a, b, c = flat[:, 0], flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
        area = b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0]
        area = np.where(np.abs(area) < 1e-12, np.inf, area)
        offset = teeth[:, None, :2] - a
        v = (offset[..., 0] * c[:, 1] - offset[..., 1] * c[:, 0]) / area
        w = (b[:, 0] * offset[..., 1] - b[:, 1] * offset[..., 0]) / area
        inside = (v >= 0) & (w >= 0) & (v + w <= 1)
        z = skin_points[faces][:, :, 2]
        depth = z[:, 0] + v * (z[:, 1] - z[:, 0]) + w * (z[:, 2] - z[:, 0])
        nearest = np.where(inside, depth, np.inf).min(axis=1)
        assert (nearest < teeth[:, 2]).mean() > 0.99, name


def test_the_whole_follows_as_the_skin_does(head: Head) -> None:
    """Independently: what is attached is skinned by the function that skins bodies, frame by frame."""
    rng = np.random.default_rng(3)
    hand = load_hand("left").mesh
    for mesh in (hand, head.mesh):
        whole = joined(mesh)
        frames, count = 3, len(mesh.rest_vertices)
        rotation = rng.normal(0, 0.3, (frames, len(mesh.joints), 3))
        translation = rng.normal(0, 0.2, (frames, 3))
        weights = rng.uniform(0, 1, (frames, 52)) if mesh.name == "head" else None
        deformation = rng.normal(0, 1e-3, (frames, count, 3))
        vertices = attached_vertices(mesh, rotation, translation, weights)
        moved = attached_deformation(mesh, deformation)
        for t in range(frames):
            shaped = whole.rest_vertices.astype(np.float64)
            if weights is not None:
                shaped = shaped + np.tensordot(weights[t], whole.shape_key_deltas.astype(np.float64), axes=1)
            assert vertices[t] == pytest.approx(skin(whole, shaped, rotation[t], translation[t])[count:], abs=2e-6)
        part = mesh.attached
        assert part is not None
        followers = np.flatnonzero(part.followed_weights[:, 0] > 0)
        assert len(followers)
        for vertex in followers[::97]:
            expected = part.followed_weights[vertex, 0] * deformation[:, part.followed[vertex, 0]]
            assert moved[:, vertex] == pytest.approx(expected, abs=1e-6)


def test_a_persons_teeth_are_in_their_mouth(head: Head) -> None:
    rng = np.random.default_rng(8)
    for _ in range(5):
        mesh = head.person_mesh(rng.normal(0, 1, len(head.shape_basis)))
        assert mesh.attached is not None
        mouth = mesh.rest_vertices[mesh.region_vertices("mouth_inner", "lips")]
        teeth = mesh.attached.rest_vertices[part_vertices(mesh, "teeth_upper")]
        assert (teeth > mouth.min(axis=0)).all()
        assert (teeth < mouth.max(axis=0)).all()


def test_the_left_hands_lid_mirrors_the_rights() -> None:
    left, right = (load_hand(side).mesh.attached for side in ("left", "right"))
    assert left is not None
    assert right is not None
    distance = np.linalg.norm(left.rest_vertices[:, None] * [-1, 1, 1] - right.rest_vertices, axis=2)
    assert distance.min(axis=1).max() < 1e-6


def test_a_mesh_without_an_attachment_is_joined_as_it_is() -> None:
    plain = head_without_parts().mesh
    assert joined(plain) is plain
    with pytest.raises(ShapeError, match="has no attachment"):
        attached_vertices(plain, np.zeros((1, 5, 3)), np.zeros((1, 3)), None)
    with pytest.raises(ShapeError, match="has no attachment"):
        attached_deformation(plain, np.zeros((1, 4570, 3)))
    with pytest.raises(ShapeError, match="rotation of 5 joints"):
        attached_vertices(load_head().mesh, np.zeros((1, 4, 3)), np.zeros((1, 3)), None)


def test_a_take_keeps_it(head: Head, tmp_path: Path) -> None:
    for mesh in (head.mesh, load_hand("right").mesh):
        write_arrays(tmp_path / "mesh.npz", mesh_to_arrays(mesh))
        read = load_mesh(tmp_path / "mesh.npz", mesh.name)
        assert mesh.attached is not None
        assert read.attached is not None
        for name, value in vars(mesh.attached).items():
            assert np.array_equal(value, getattr(read.attached, name)), name


def test_a_take_of_an_older_version_has_none(head: Head, tmp_path: Path) -> None:
    arrays = {name: value for name, value in mesh_to_arrays(head.mesh).items() if not name.startswith("attached_")}
    write_arrays(tmp_path / "mesh.npz", arrays)
    assert load_mesh(tmp_path / "mesh.npz", "head").attached is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attached_face_corners", 10**5),
        ("attached_skin_joints", 99),
        ("attached_followed", 4570),
        ("attached_region", 200),
        ("attached_rest_vertices", np.nan),
        ("attached_followed", None),
        ("attached_rest_vertices", None),
    ],
)
def test_what_does_not_fit_is_refused(head: Head, tmp_path: Path, name: str, value: float | None) -> None:
    arrays = mesh_to_arrays(head.mesh)
    if value is None:
        del arrays[name]
    else:
        arrays[name] = arrays[name].copy()
        arrays[name].flat[0] = value
    write_arrays(tmp_path / "mesh.npz", arrays)
    with pytest.raises(InputError, match="cannot be read"):
        load_mesh(tmp_path / "mesh.npz", "head")
    assert load_arrays(tmp_path / "mesh.npz")


def test_the_preview_draws_it(head: Head) -> None:
    mesh = head.mesh
    expression = np.zeros(52, np.float32)
    rotation = np.zeros((5, 3), np.float32)
    rotation[0] = (0.1, 0.2, 0)
    place = np.array([0, 0, 0.6], np.float32)
    vertices = head.pose(np.zeros(30), expression, rotation[0], place)
    body = Body(vertices, np.zeros_like(vertices), np.zeros(len(vertices)), rotation, place, None, True, expression)
    painted = Painter({"head": mesh}).paint(Frame(0, {"head": body}))
    assert mesh.attached is not None
    assert len(painted.vertices) == len(vertices) + len(mesh.attached.rest_vertices)
    expected = mesh.attached.rest_vertices @ rotation_matrices(rotation[0]).T + place
    assert painted.vertices[len(vertices) :] == pytest.approx(expected, abs=1e-6)
    assert painted.faces.max() == len(painted.vertices) - 1
    # Without the rig's motion there is nowhere to put it, and nothing of it is seen.
    lost = Painter({"head": mesh}).paint(Frame(0, {"head": replace(body, rotation=None, translation=None)}))
    assert np.ptp(lost.vertices[len(vertices) :], axis=0) == pytest.approx(0)
