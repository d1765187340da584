"""The network's output as bodies of a take: axes, sides, signs, and the rig."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")
pytest.importorskip("safetensors")

from dice_core.bodies import load_head  # noqa: E402
from dice_core.geometry.camera import Camera  # noqa: E402
from dice_core.geometry.mesh import Mesh, skin, triangles, vertex_normals  # noqa: E402
from dice_core.geometry.rotations import rotation_matrices  # noqa: E402
from dice_core.network.body_models.posing import BodyLayers, TakeBodies  # noqa: E402
from dice_core.network.body_models.regions import FACE_MESH_68, corresponding_vertices, head_regions  # noqa: E402
from dice_core.network.loading import load_layers  # noqa: E402
from dice_core.network.model.crop import Crop  # noqa: E402
from dice_core.network.model.inference import NetworkResult  # noqa: E402
from tests.network.synthetic import write_licensed_files  # noqa: E402

CAMERA = Camera(900.0, 900.0, 320.0, 240.0, 641, 481)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> BodyLayers:
    return load_layers(write_licensed_files(tmp_path_factory.mktemp("licensed")))


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    sizes = {"rh_betas": 10, "rh_transl": 3, "rh_rot": 3, "rh_pose": 45}
    sizes |= {"face_shape": 100, "face_exp": 50, "face_pose": 6, "face_rot": 3, "face_transl": 3}
    values = {name: rng.normal(0, 0.3, size).astype(np.float32) for name, size in sizes.items()}
    values["rh_transl"] *= 0.3
    values["face_rot"] = np.array([np.pi - 0.2, 0.1, 0.05], np.float32)  # FLAME's y points up, the network's down
    values["cam_param"] = np.array([-45.0, 130.0, 100.0], np.float32)
    values["deform"] = rng.normal(0, 0.005, (5023, 3)).astype(np.float32)
    values["head_contact"] = rng.uniform(0, 1, (5023, 1)).astype(np.float32)
    values["hand_contact"] = rng.uniform(0, 1, (778, 1)).astype(np.float32)
    return values


def _bodies(layers: BodyLayers, outputs: dict[str, np.ndarray], mirrored: bool = False) -> TakeBodies:
    return TakeBodies(layers, outputs["face_shape"], outputs["rh_betas"], mirrored)


def _posed(bodies: TakeBodies, outputs: dict[str, np.ndarray], crop: Crop) -> tuple[np.ndarray, ...]:
    """Head, hand and deformed head in camera space."""
    head, hand, _ = bodies.read(NetworkResult(crop, outputs), CAMERA)
    local = bodies.head_local(head.expression[None], head.jaw[None])
    vertices = bodies.head_vertices(local, head.rotation[None], head.translation[None])[0]
    dented = bodies.head_vertices(local + head.deformation, head.rotation[None], head.translation[None])[0]
    side = "left" if crop.mirrored else "right"
    return vertices, bodies.hand_vertices(side, hand.rotation[None], hand.translation[None])[0], dented


def test_bodies_lie_where_the_layers_put_them(layers: BodyLayers, outputs: dict[str, np.ndarray]) -> None:
    crop = Crop(200, 120, 300)
    bodies = _bodies(layers, outputs)
    head, hand, dented = _posed(bodies, outputs, crop)
    aligned = bodies.read(NetworkResult(crop, outputs), CAMERA)[2]

    def tensor(name: str) -> torch.Tensor:
        return torch.from_numpy(outputs[name])[None]

    with torch.no_grad():
        names = ("face_shape", "face_exp", "face_pose", "face_rot", "face_transl")
        expected_head = layers.head(*map(tensor, names))[0].numpy()
        expected_hand = layers.hand(*map(tensor, ("rh_betas", "rh_rot", "rh_pose", "rh_transl")))[0][0].numpy()
    centre = expected_head.mean(0)
    assert np.abs(head - aligned.apply(expected_head - centre)).max() < 2e-6
    assert np.abs(hand - aligned.apply(expected_hand - centre)).max() < 2e-6
    removed = outputs["deform"].copy()
    removed[layers.neck] = 0
    assert np.abs(dented - aligned.apply(expected_head - removed - centre)).max() < 2e-6
    # The head's middle appears where the network's camera shows it.
    middle = CAMERA.project(head.mean(0)[None])[0]
    assert np.abs(middle - (np.array([130, 100]) * 300 / 224 + [200, 120] - np.array(0.5))).max() < 4


def test_mirrored_views_give_the_mirror_image(layers: BodyLayers, outputs: dict[str, np.ndarray]) -> None:
    head, hand, dented = _posed(_bodies(layers, outputs), outputs, Crop(200, 120, 300))
    seen = Crop(641 - 200 - 300, 120, 300, mirrored=True)
    found = _posed(_bodies(layers, outputs, mirrored=True), outputs, seen)
    for expected, mirrored in zip((head, hand, dented), found, strict=True):
        assert np.abs(mirrored - expected * [-1, 1, 1]).max() < 1e-5


def test_second_view_keeps_the_hand_at_the_head(layers: BodyLayers, outputs: dict[str, np.ndarray]) -> None:
    bodies = _bodies(layers, outputs)
    _, right, aligned = bodies.read(NetworkResult(Crop(200, 120, 300), outputs), CAMERA)
    second = NetworkResult(Crop(180, 100, 320, mirrored=True), outputs)
    _, left, again = bodies.read(second, CAMERA, aligned)
    assert again is aligned
    # In the head-centred space both hands are mirror images of each other.
    back = [(hand.translation - aligned.translation) @ aligned.rotation for hand in (right, left)]
    assert np.abs(back[1] - back[0] * [-1, 1, 1]).max() < 1e-9


def test_second_view_gives_the_contact_of_the_other_side(layers: BodyLayers, outputs: dict[str, np.ndarray]) -> None:
    bodies = _bodies(layers, outputs)
    template = layers.head.body.template.numpy()
    spot = np.linalg.norm(template - template[template[:, 0].argmax()], axis=1) < 0.03
    touching = {**outputs, "head_contact": spot[:, None].astype(np.float32)}
    touching["deform"] = spot[:, None] * np.array([0.004, 0.001, 0.002], np.float32)
    first, _, aligned = bodies.read(NetworkResult(Crop(200, 120, 300), touching), CAMERA)
    second, _, _ = bodies.read(NetworkResult(Crop(180, 100, 320, mirrored=True), touching), CAMERA, aligned)
    rest = bodies.head_mesh().rest_vertices
    there, mirrored = rest[first.contact > 0.5].mean(0), rest[second.contact > 0.5].mean(0)
    assert there[0] > 0.03  # the touch is far from the middle
    assert np.abs(mirrored - there * [-1, 1, 1]).max() < 0.01  # the person is not quite symmetric
    dent, other = first.deformation[first.contact > 0.5].mean(0), second.deformation[second.contact > 0.5].mean(0)
    assert np.linalg.norm(dent) == pytest.approx(np.linalg.norm([4, 1, 2]) / 1000, rel=1e-3)
    assert np.abs(other - dent * [-1, 1, 1]).max() < 1e-6
    assert not second.deformation[second.contact < 0.5].any()


def _normals(mesh: Mesh) -> np.ndarray:
    return vertex_normals(mesh.rest_vertices, triangles(mesh))


@pytest.mark.parametrize("mirrored", [False, True])
def test_meshes_rest_as_takes_want_them(layers: BodyLayers, outputs: dict[str, np.ndarray], mirrored: bool) -> None:
    bodies = _bodies(layers, outputs, mirrored)
    head = bodies.head_mesh()
    assert head.rest_vertices.shape == (5023, 3)
    assert len(head.face_sizes) == 9976
    outward = np.einsum("vd,vd->v", _normals(head), head.rest_vertices - head.rest_vertices.mean(0))
    assert np.mean(outward > 0) > 0.95
    # FLAME looks along +z with y up, a take's head along -z with y down.
    assert head.rest_vertices[np.argmax(layers.head.body.template[:, 2].numpy()), 2] < -0.05
    assert head.rest_vertices[np.argmax(layers.head.body.template[:, 1].numpy()), 1] < 0
    eyes = {name: head.region_vertices(name) for name in ("eyeball.L", "eyeball.R")}
    assert head.rest_vertices[eyes["eyeball.L"], 0].mean() > 0 > head.rest_vertices[eyes["eyeball.R"], 0].mean()
    for side in ("left", "right"):
        hand = bodies.hand_mesh(side)
        assert hand.name == f"hand_{side}"
        assert np.allclose(hand.joints[0], 0)
        outward = np.einsum("vd,vd->v", _normals(hand), hand.rest_vertices - hand.rest_vertices.mean(0))
        assert np.mean(outward > 0) > 0.95
        assert set(np.unique(hand.region)) == set(range(len(hand.region_names)))
        palm = _normals(hand)[hand.region_vertices("palm")].mean(0)
        assert palm[1] < -0.5
        tip = hand.rest_vertices[hand.region_vertices("index")].mean(0) - hand.rest_vertices.mean(0)
        assert tip[2] > 0


def test_rig_poses_what_the_vertices_are(layers: BodyLayers, outputs: dict[str, np.ndarray]) -> None:
    plain = {**outputs, "face_pose": np.zeros(6, np.float32), "face_exp": np.clip(outputs["face_exp"], -3, 3)}
    bodies = _bodies(layers, plain)
    head, hand, _ = bodies.read(NetworkResult(Crop(200, 120, 300), plain), CAMERA)
    mesh = bodies.head_mesh()
    keys = bodies.expression_keys(head.expression[None])[0]
    assert keys.min() >= 0
    assert keys.max() <= 1
    shaped = mesh.rest_vertices + np.einsum("s,svd->vd", keys, mesh.shape_key_deltas.astype(np.float64))
    found = skin(mesh, shaped, head.rotation[None], head.translation)
    local = bodies.head_local(head.expression[None], head.jaw[None])
    expected = bodies.head_vertices(local, head.rotation[None], head.translation[None])[0]
    assert np.abs(found - expected).max() < 1e-4
    for side in ("right", "left"):
        mesh = bodies.hand_mesh(side)
        rigged = skin(mesh, mesh.rest_vertices.astype(np.float64), hand.rotation, hand.translation)
        posed = bodies.hand_vertices(side, hand.rotation[None], hand.translation[None])[0]
        # Pose correctives and more than four joints a vertex are millimetres; a wrong joint would be centimetres.
        assert np.abs(rigged - posed).mean() < 0.002
        wrist = np.linalg.norm(mesh.rest_vertices, axis=1).argmin()
        assert np.abs(rigged[wrist] - posed[wrist]).max() < 0.005


def test_shapes_of_the_person_are_kept(layers: BodyLayers, outputs: dict[str, np.ndarray]) -> None:
    bodies = _bodies(layers, outputs)
    other = {**outputs, "face_shape": outputs["face_shape"] + 1, "rh_betas": outputs["rh_betas"] - 1}
    result = NetworkResult(Crop(200, 120, 300), other)
    hand = bodies.read(result, CAMERA)[1]
    flat = replace(hand, rotation=np.zeros((16, 3)), translation=np.zeros(3))
    vertices = bodies.hand_vertices("right", flat.rotation[None], flat.translation[None])[0]
    assert np.abs(vertices - bodies.hand_mesh("right").rest_vertices).max() < 1e-6


def test_regions_are_those_of_the_same_places_of_the_open_head() -> None:
    head = load_head()
    template = head.mesh.rest_vertices.astype(np.float64)
    turn = rotation_matrices(np.array([0.3, -0.2, 0.1]))
    landmarks = head.landmarks(template)[list(FACE_MESH_68)]
    found = corresponding_vertices(1.2 * template @ turn.T + 0.05, 1.2 * landmarks @ turn.T + 0.05)
    assert np.mean(found == np.arange(len(template))) > 0.98
    weights = np.zeros((len(template), 5))
    for joint, name in ((3, "eyeball.L"), (4, "eyeball.R")):
        weights[head.mesh.region_vertices(name), joint] = 1
    region, names = head_regions(found, weights, template)
    assert names == head.mesh.region_names
    assert np.mean(region == head.mesh.region) > 0.98
