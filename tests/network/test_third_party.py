"""Parity with the published layers, where these are installed; none of them is needed."""

from __future__ import annotations

import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from dice_core.geometry.rotations import axis_angle  # noqa: E402
from dice_core.geometry.rotations import rotation_matrices as mesh_rotations  # noqa: E402
from dice_core.network.body_models.mano import ManoHand  # noqa: E402
from dice_core.network.body_models.skinning import rotation_matrices  # noqa: E402
from dice_core.network.files.body_files import HandFile, read_mano  # noqa: E402
from dice_core.network.model.cameras import view_in_frame  # noqa: E402
from dice_core.network.model.crop import Crop  # noqa: E402
from tests.network.synthetic import mano_content, write_licensed_files  # noqa: E402

# Metres; single precision on both sides.
TOLERANCE = 2e-6


@pytest.fixture(scope="module")
def hand_file(tmp_path_factory: pytest.TempPathFactory) -> HandFile:
    return read_mano(write_licensed_files(tmp_path_factory.mktemp("licensed"))["MANO_RIGHT.pkl"])


def _parameters(count: int = 4) -> list[torch.Tensor]:
    rng = np.random.default_rng(5)
    scales = {10: 1.0, 3: 1.2, 45: 0.5}
    return [torch.from_numpy(rng.normal(size=(count, n)) * scales[n]).float() for n in (10, 3, 45, 3)]


@pytest.mark.parametrize("components", [0, 45])
def test_manopth(monkeypatch: pytest.MonkeyPatch, hand_file: HandFile, components: int) -> None:
    if "mano.webuser" not in sys.modules:
        loader = types.ModuleType("mano.webuser.smpl_handpca_wrapper_HAND_only")
        loader.ready_arguments = lambda *_: None
        for name in ("mano", "mano.webuser"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        monkeypatch.setitem(sys.modules, loader.__name__, loader)
    manolayer = pytest.importorskip("manopth.manolayer")
    content = mano_content()
    chumpy_like = {key: SimpleNamespace(r=content[key]) for key in ("shapedirs", "posedirs", "v_template", "weights")}
    regressor = SimpleNamespace(toarray=lambda: content["J_regressor"])
    arguments = {**content, **chumpy_like, "betas": SimpleNamespace(r=np.zeros(10)), "J_regressor": regressor}
    monkeypatch.setattr(manolayer, "ready_arguments", lambda *_: arguments)
    theirs = manolayer.ManoLayer(use_pca=bool(components), ncomps=45, flat_hand_mean=True, mano_root="")
    betas, rotation, pose, translation = _parameters()
    expected, joints = theirs(torch.cat([rotation, pose], dim=1), betas, translation)
    ours = ManoHand(hand_file)
    angles = ours.pose_of_components(pose) if components else pose
    vertices, posed = ours(betas, rotation, angles, translation)
    assert float((vertices - expected / 1000).abs().max()) < TOLERANCE
    order = [0, 13, 14, 15, 1, 2, 3, 4, 5, 6, 10, 11, 12, 7, 8, 9]
    places = [k for k in range(21) if k not in (4, 8, 12, 16, 20)]
    assert float((posed[:, order] - joints[:, places] / 1000).abs().max()) < TOLERANCE


def test_mano_package(hand_file: HandFile) -> None:
    model = pytest.importorskip("mano.model")
    struct = SimpleNamespace(**mano_content())
    theirs = model.MANO("", data_struct=struct, num_pca_comps=45, batch_size=4, flat_hand_mean=True)
    betas, rotation, pose, translation = _parameters()
    result = theirs(
        betas=betas, global_orient=rotation, hand_pose=pose, transl=translation, return_verts=True, return_tips=True
    )
    vertices, joints = ManoHand(hand_file)(betas, rotation, pose, translation)
    assert float((vertices - result.vertices).abs().max()) < TOLERANCE
    assert float((joints - result.joints).abs().max()) < TOLERANCE


def test_pytorch3d_cameras() -> None:
    renderer = pytest.importorskip("pytorch3d.renderer")
    parameter = np.array([-21.0, 108.0, 95.0])
    camera = renderer.OrthographicCameras(
        focal_length=torch.tensor([10 * abs(parameter[0])]).float(),
        principal_point=torch.from_numpy(parameter[None, 1:]).float(),
        R=torch.diag(torch.tensor([-1.0, -1.0, 1.0]))[None],
        T=torch.tensor([[0.0, 0.0, 1.0]]),
        in_ndc=False,
        image_size=torch.tensor([[224.0, 224.0]]),
    )
    points = np.random.default_rng(6).normal(size=(30, 3)) * 0.1
    expected = camera.transform_points_screen(torch.from_numpy(points[None]).float())[0, :, :2].numpy()
    ours = view_in_frame(parameter, Crop(0, 0, 224)).project(points) + 0.5
    assert np.abs(ours - expected).max() < 1e-3


def test_pytorch3d_rotations() -> None:
    transforms = pytest.importorskip("pytorch3d.transforms")
    axes = np.random.default_rng(7).normal(size=(200, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angles = np.concatenate([np.linspace(0, 3.1, 150), np.geomspace(1e-8, 1e-2, 50)])
    turns = torch.from_numpy(axes * angles[:, None])
    expected = transforms.axis_angle_to_matrix(turns)
    assert float((rotation_matrices(turns) - expected).abs().max()) < 1e-7
    assert float((rotation_matrices(turns.float()) - expected).abs().max()) < 1e-6
    back = transforms.matrix_to_axis_angle(torch.from_numpy(mesh_rotations(turns.numpy()))).numpy()
    assert np.abs(axis_angle(expected.numpy()) - back).max() < 1e-6
