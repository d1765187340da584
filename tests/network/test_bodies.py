"""MANO and FLAME: files of the licensed kind are read, and posed as the published layers pose them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from dice_core.errors import InputError  # noqa: E402
from dice_core.geometry.rotations import rotation_matrices  # noqa: E402
from dice_core.network.body_models.flame import FlameHead  # noqa: E402
from dice_core.network.body_models.mano import ManoHand  # noqa: E402
from dice_core.network.files import body_files  # noqa: E402
from tests.network.synthetic import flame_content, mano_content, write_licensed_files  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_licensed_files(tmp_path_factory.mktemp("licensed"))


def _skinned(content: dict[str, np.ndarray], shape: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Independent of the layers: one body, 4x4 matrices, double precision. Returns vertices and joints."""
    template = content["v_template"] + content["shapedirs"] @ shape
    rest = content["J_regressor"] @ template
    turns = rotation_matrices(pose)
    template = template + content["posedirs"] @ (turns[1:] - np.eye(3)).ravel()
    parents = content["kintree_table"][0]
    world = []
    for joint, turn in enumerate(turns):
        local = np.eye(4)
        local[:3, :3] = turn
        local[:3, 3] = rest[joint] - (rest[parents[joint]] if joint else 0)
        world.append(world[parents[joint]] @ local if joint else local)
    bind = [np.block([[np.eye(3), -place[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]]) for place in rest]
    moves = np.stack([pose_matrix @ inverse for pose_matrix, inverse in zip(world, bind, strict=True)])
    blended = np.einsum("vj,jab->vab", content["weights"], moves)
    homogeneous = np.concatenate([template, np.ones((len(template), 1))], axis=1)
    vertices = np.einsum("vab,vb->va", blended, homogeneous)[:, :3]
    return vertices, np.stack([matrix[:3, 3] for matrix in world])


def test_files_are_read(files: dict[str, Path]) -> None:
    mano, flame = mano_content(), flame_content()
    hand, head = body_files.read_mano(files["MANO_RIGHT.pkl"]), body_files.read_flame(files["generic_model.pkl"])
    for read, content in ((hand, mano), (head, flame)):
        assert np.array_equal(read.template, content["v_template"])
        assert np.array_equal(read.shape_basis, content["shapedirs"])
        assert np.array_equal(read.pose_basis, content["posedirs"])
        assert np.array_equal(read.joint_regressor, content["J_regressor"])
        assert np.array_equal(read.triangles, content["f"])
        assert read.parents[0] == -1
    assert np.array_equal(hand.components, mano["hands_components"])
    embedding = body_files.read_landmark_embedding(files["landmark_embedding.npy"])
    assert embedding.triangle.shape == (68,)
    assert np.allclose(embedding.barycentric.sum(1), 1)
    assert [step.shape for step in body_files.read_downsamplers(files["head_mesh_transforms.pt"])] == [
        (1675, 5023),
        (559, 1675),
    ]
    assert np.array_equal(body_files.read_reference(files["rh_ref_vs.pt"]), mano["v_template"])
    assert body_files.read_indices(files["neck_idx.npy"]).min() >= 0


@pytest.mark.parametrize("name", ["MANO_RIGHT.pkl", "generic_model.pkl", "landmark_embedding.npy", "neck_idx.npy"])
def test_damaged_files_are_named(files: dict[str, Path], tmp_path: Path, name: str) -> None:
    readers = {
        "MANO_RIGHT.pkl": body_files.read_mano,
        "generic_model.pkl": body_files.read_flame,
        "landmark_embedding.npy": body_files.read_landmark_embedding,
        "neck_idx.npy": body_files.read_indices,
    }
    data = files[name].read_bytes()
    for broken in (data[: len(data) // 2], b"", data[7:]):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(InputError):
            readers[name](tmp_path / name)


def test_hand_equals_skinning_by_matrices(files: dict[str, Path]) -> None:
    content = mano_content()
    layer = ManoHand(body_files.read_mano(files["MANO_RIGHT.pkl"]), torch.float64)
    rng = np.random.default_rng(1)
    betas, rotation, pose, translation = (rng.normal(size=(2, n)) for n in (10, 3, 45, 3))
    vertices, joints = layer(*(torch.from_numpy(value) for value in (betas, rotation, pose, translation)))
    for k in range(2):
        angles = np.concatenate([rotation[k], pose[k]]).reshape(16, 3)
        expected, expected_joints = _skinned(content, betas[k], angles)
        assert np.abs(vertices[k].numpy() - expected - translation[k]).max() < 1e-12
        assert np.abs(joints[k, :16].numpy() - expected_joints - translation[k]).max() < 1e-12
        tips = expected[[744, 320, 443, 554, 671]] + translation[k]
        assert np.abs(joints[k, 16:].numpy() - tips).max() < 1e-12
    keypoints = layer.keypoints(joints)[0]
    assert torch.equal(keypoints[0], joints[0, 0])
    assert torch.equal(keypoints[5], joints[0, 1])
    assert torch.allclose(keypoints[20], joints[0, 9] + 0.7 * (joints[0, 20] - joints[0, 9]))
    of_mesh = layer.vertex_keypoints(layer.body.template[None])
    assert torch.equal(of_mesh[0, 12], layer.body.template[445])


def test_components_pose_the_hand(files: dict[str, Path]) -> None:
    content = mano_content()
    layer = ManoHand(body_files.read_mano(files["MANO_RIGHT.pkl"]), torch.float64)
    coefficients = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64)
    expected = coefficients.numpy() @ content["hands_components"][:3]
    assert np.allclose(layer.pose_of_components(coefficients).numpy(), expected)
    assert np.allclose(
        layer.pose_of_components(coefficients, flat_mean=False).numpy(), expected + content["hands_mean"]
    )


def test_head_equals_skinning_by_matrices(files: dict[str, Path]) -> None:
    content = flame_content()
    embedding = body_files.read_landmark_embedding(files["landmark_embedding.npy"])
    layer = FlameHead(body_files.read_flame(files["generic_model.pkl"]), embedding, torch.float64)
    rng = np.random.default_rng(2)
    shape, expression, pose, rotation, translation = (rng.normal(size=(1, n)) for n in (100, 50, 6, 3, 3))
    values = (torch.from_numpy(value) for value in (shape, expression, pose, rotation, translation))
    vertices = layer(*values)
    coefficients = np.zeros(400)
    coefficients[:100], coefficients[300:350] = shape[0], expression[0]
    angles = np.zeros((5, 3))
    angles[0], angles[2] = pose[0, :3], pose[0, 3:]
    posed, _ = _skinned(content, coefficients, angles)
    centre = posed.mean(0)
    expected = (posed - centre) @ rotation_matrices(rotation[0]).T + centre + translation[0]
    assert np.abs(vertices[0].numpy() - expected).max() < 1e-12
    corners = expected[content["f"][embedding.triangle]]
    landmarks = np.einsum("ncd,nc->nd", corners, embedding.barycentric)
    assert np.abs(layer.landmarks(vertices)[0].numpy() - landmarks).max() < 1e-12
