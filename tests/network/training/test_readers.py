"""Readers of what users hold, on small folders of the same layouts; each fault has its sentence."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import InputError  # noqa: E402
from dice_core.geometry.rotations import rotation_matrices  # noqa: E402
from dice_core.network.training.bodies import TrainingBodies  # noqa: E402
from dice_core.network.training.configuration import read_configuration  # noqa: E402
from dice_core.network.training.data.decaf import DecafFrames  # noqa: E402
from dice_core.network.training.data.freihand import read_freihand  # noqa: E402
from dice_core.network.training.data.in_the_wild import InTheWildPictures  # noqa: E402
from dice_core.network.training.data.renderme import read_renderme  # noqa: E402
from dice_core.network.training.data.sources import Priors, open_sets  # noqa: E402
from dice_core.network.training.samples import GROUPS, collate, has  # noqa: E402

FRAMES, CAMERA = 3, "102"
NO_SHAPE: dict[int, dict[str, object]] = {frame: {"head": {}} for frame in range(FRAMES)}
INTRINSIC = np.array([[1500.0, 0, 960], [0, 1500, 540], [0, 0, 1]])


def _picture(path: Path, seed: int, size: int = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


def _save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)


def _extrinsic() -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrices(np.array([0.1, 2.0, -0.2]))
    matrix[:3, 3] = [0.05, -0.1, 0.9]
    return matrix


def _decaf(folder: Path) -> dict[int, dict[str, dict[str, np.ndarray]]]:
    """Subject S2, one camera; returns its parameters."""
    rng = np.random.default_rng(1)
    sizes = {
        "head": {"shape_params": 100, "expression_params": 50, "pose_params": 6, "global_orient": 3, "transl": 3},
        "right_hand": {"betas": 10, "hand_pose": 45, "global_orient": 3, "transl": 3},
    }
    scale = {"shape_params": 0.5, "expression_params": 0.2, "global_orient": 0.3, "betas": 0.5, "hand_pose": 0.2}
    parameters = {
        frame: {
            body: {key: rng.normal(0, scale.get(key, 0.05), count).astype(np.float32) for key, count in keys.items()}
            for body, keys in sizes.items()
        }
        for frame in range(FRAMES)
    }
    base = folder / "train"
    for path, content in (
        (base / "params/S2/params_smoothed.pkl", parameters),
        (base / "cameras/S2/cameras.pkl", {CAMERA: {"intrinsic": INTRINSIC, "extrinsic": _extrinsic()}}),
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(pickle.dumps(content, protocol=2))
    deformation = np.zeros((FRAMES, 5023, 3), np.float32)
    deformation[:, 7] = [0, 0, 0.004]
    _save(base / "deformations/S2/deforms.npy", deformation)
    _save(base / "contacts/S2/contacts_head.npy", rng.random((FRAMES, 5023)) < 0.02)
    _save(base / "contacts/S2/contacts_rh.npy", rng.random((FRAMES, 778)) < 0.05)
    turns = np.tile(np.eye(4), (FRAMES, 1, 1))
    turns[:, :3, :3] = rotation_matrices(np.array([0.0, 0.5, 0.0]))
    _save(folder / "assets/transformation/train/S2_RT_FromCanToRef_wo_poseparams.npy", turns)
    _save(folder / f"single/train/cropped_bbs/S2/{CAMERA}.npy", np.tile([700, 300, 1200, 800], (FRAMES, 1)))
    for frame in range(FRAMES):
        _picture(folder / f"single/train/cropped_images_with_bg/S2/{CAMERA}/{frame:05d}.jpg", frame)
    return parameters


@pytest.fixture
def decaf(tmp_path: Path) -> Path:
    _decaf(tmp_path)
    return tmp_path


def test_decaf_frames_are_in_the_cameras_axes(tmp_path: Path, bodies: TrainingBodies) -> None:
    parameters = _decaf(tmp_path)
    frames = DecafFrames(tmp_path, ("S2",), bodies)
    assert len(frames) == FRAMES
    sample = frames.sample(1)
    assert [group for group in GROUPS if has(sample, group)] == [group for group in GROUPS if group != "depth"]
    batch = collate([sample], bodies.counts)
    # What the parameters pose is what the meshes are; both are the world's meshes seen by the camera.
    assert (bodies.posed_hand(batch) - batch["hand_vs"]).abs().max() < 2e-5
    assert (bodies.posed_head(batch) - batch["head_vs"]).abs().max() < 2e-5
    head, hand = (
        {key: torch.from_numpy(value)[None] for key, value in parameters[1][name].items()}
        for name in ("head", "right_hand")
    )
    world_head = bodies.head(
        *(head[key] for key in ("shape_params", "expression_params", "pose_params", "global_orient", "transl"))
    )[0].numpy()
    world_hand = bodies.hand(*(hand[key] for key in ("betas", "global_orient", "hand_pose", "transl")))[0][0].numpy()
    turn, move = _extrinsic()[:3, :3], _extrinsic()[:3, 3]
    seen_head, seen_hand = world_head @ turn.T + move, world_hand @ turn.T + move
    centre = seen_head.mean(0)
    assert np.abs(sample["head_vs"] - (seen_head - centre)).max() < 2e-5
    assert np.abs(sample["hand_vs"] - (seen_hand - centre)).max() < 2e-5
    expected = 0.004 * turn @ rotation_matrices(np.array([0.0, 0.5, 0.0])) @ [0, 0, 1]
    assert np.allclose(sample["deform"][7], expected, atol=1e-7)
    assert np.count_nonzero(sample["deform"].any(1)) == 1
    points = bodies.keypoints(torch.from_numpy(seen_hand).float()[None], torch.from_numpy(seen_head).float()[None])
    pixels = torch.cat(points, 1)[0].numpy() @ INTRINSIC.T
    assert np.allclose(sample["keypoints"], (pixels[:, :2] / pixels[:, 2:] - [700, 300]) / 500, atol=1e-4)


def test_decaf_gives_real_parameters(tmp_path: Path, bodies: TrainingBodies) -> None:
    parameters = _decaf(tmp_path)
    hands, heads = DecafFrames(tmp_path, ("S2",), bodies).priors()
    assert np.allclose(hands[2, 10:], parameters[2]["right_hand"]["hand_pose"])
    assert np.allclose(heads[0, 150:], parameters[0]["head"]["pose_params"][3:])


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _instead(name: str, values: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: _save(folder / name, values)


def _pickled(name: str, content: Any) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(pickle.dumps(content, protocol=2)) and None


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_without("train/deformations/S2/deforms.npy"), r"deforms\.npy is missing"),
        (_without("train/params/S2/params_smoothed.pkl"), r"params_smoothed\.pkl is missing"),
        (
            _instead("train/contacts/S2/contacts_rh.npy", np.zeros((FRAMES, 700))),
            r"contacts_rh\.npy must be \(3, 778\), not \(3, 700\)",
        ),
        (
            _pickled("train/params/S2/params_smoothed.pkl", NO_SHAPE),
            "lacks shape_params",
        ),
        (_pickled("train/params/S2/params_smoothed.pkl", [1, 2]), "is not a dictionary"),
        (_pickled("train/cameras/S2/cameras.pkl", {CAMERA: {"intrinsic": INTRINSIC}}), "lacks extrinsic"),
        (lambda folder: shutil.rmtree(folder / "single/train/cropped_images_with_bg"), "holds no folder of any camera"),
    ],
)
def test_faults_of_decaf_are_told(
    decaf: Path, bodies: TrainingBodies, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(decaf)
    with pytest.raises(InputError, match=sentence):
        DecafFrames(decaf, ("S2",), bodies)


def test_missing_pictures_and_unknown_subjects_are_told(decaf: Path, bodies: TrainingBodies) -> None:
    (decaf / f"single/train/cropped_images_with_bg/S2/{CAMERA}/00001.jpg").unlink()
    with pytest.raises(InputError, match=r"00001\.jpg is missing"):
        DecafFrames(decaf, ("S2",), bodies).sample(1)
    with pytest.raises(InputError, match="no subject S9"):
        DecafFrames(decaf, ("S9",), bodies)


def test_freihands_hands(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(0, 1, (4, 61))
    (tmp_path / "training_mano.json").write_text(json.dumps([[list(row)] for row in rows]))
    hands = read_freihand(tmp_path)
    assert np.allclose(hands[:, :10], rows[:, 48:58], atol=1e-6)
    assert np.allclose(hands[:, 10:], rows[:, 3:48], atol=1e-6)
    (tmp_path / "training_mano.json").write_text(json.dumps([[1.0, 2.0]]))
    with pytest.raises(InputError, match="each hand needs 48 numbers"):
        read_freihand(tmp_path)
    (tmp_path / "training_mano.json").write_text("[[1, 2")
    with pytest.raises(InputError, match="is damaged"):
        read_freihand(tmp_path)
    with pytest.raises(InputError, match=r"lacks training_mano\.json"):
        read_freihand(tmp_path / "nothing")


def test_renderme_fits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    parts = {"shape": rng.normal(size=(5, 100)), "exp": rng.normal(size=(5, 50)), "jaw_pose": rng.normal(size=(5, 3))}
    (tmp_path / "0026").mkdir()
    np.savez(tmp_path / "0026/a.npz", **parts)
    heads = read_renderme(tmp_path)
    assert np.allclose(heads, np.concatenate(list(parts.values()), axis=1), atol=1e-6)
    np.savez(tmp_path / "0026/b.npz", shape=parts["shape"], exp=parts["exp"])
    with pytest.raises(InputError, match=r"b\.npz is malformed: it lacks jaw_pose"):
        read_renderme(tmp_path)
    np.savez(tmp_path / "0026/b.npz", **{**parts, "exp": parts["exp"][:, :40]})
    with pytest.raises(InputError, match=r"exp must be \(frames, 50\)"):
        read_renderme(tmp_path)
    (tmp_path / "0026/b.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match=r"b\.npz is damaged"):
        read_renderme(tmp_path)
    with pytest.raises(InputError, match="holds no fits"):
        read_renderme(tmp_path / "0026")


def _wild(folder: Path) -> Path:
    rng = np.random.default_rng(2)
    for name in ("one/a", "b"):
        _picture(folder / f"images/{name}.jpg", 1, 300)
        _save(folder / f"face_keypoints/{name}.npy", rng.uniform(0, 1, (68, 2)))
        _save(folder / f"hand_keypoints/{name}.npy", np.c_[rng.uniform(0, 1, (21, 2)), np.full(21, 0.5)])
    depth = np.tile(np.linspace(2, 4, 50), (50, 1))
    _save(folder / "depth_maps/one/a_pred.npy", depth)
    return folder


def test_pictures_from_anywhere(tmp_path: Path) -> None:
    pictures = InTheWildPictures(_wild(tmp_path))
    assert len(pictures) == 2
    without, sample = pictures.sample(0), pictures.sample(1)
    assert not has(without, "depth")
    assert sample["pixels"].shape == (224, 224, 3)
    assert (sample["keypoint_confidence"][:21] == 0.5).all()
    assert (sample["keypoint_confidence"][21:] == 1).all()
    across, depth = sample["keypoints"][:, 0], sample["keypoint_depth"]
    assert np.corrcoef(across, depth)[0, 1] > 0.999  # the map grows to the right
    assert np.median(depth) == pytest.approx(1)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_without("face_keypoints/one/a.npy"), r"lacks one/a\.npy, the key points of one/a\.jpg"),
        (_instead("hand_keypoints/b.npy", np.zeros((20, 2))), r"must hold \(21, 2\) or \(21, 3\)"),
        (_instead("depth_maps/one/a_pred.npy", np.zeros((5, 5, 3))), "one depth a pixel"),
        (lambda folder: (folder / "images/b.jpg").write_bytes(b"nothing") and None, "cannot be read as a picture"),
        (lambda folder: (folder / "face_keypoints/b.npy").write_bytes(b"nothing") and None, "is damaged"),
        (lambda folder: shutil.rmtree(folder / "images"), "lacks the folder images"),
    ],
)
def test_faults_of_pictures_are_told(tmp_path: Path, spoil: Callable[[Path], None], sentence: str) -> None:
    spoil(_wild(tmp_path))

    def read() -> None:
        pictures = InTheWildPictures(tmp_path)
        for number in range(len(pictures)):
            pictures.sample(number)

    with pytest.raises(InputError, match=sentence):
        read()


def test_sets_and_priors_of_a_configuration(tmp_path: Path, bodies: TrainingBodies) -> None:
    _decaf(tmp_path / "decaf")
    _wild(tmp_path / "wild")
    (tmp_path / "freihand").mkdir()
    (tmp_path / "freihand/training_mano.json").write_text(json.dumps([[0.0] * 61]))
    text = (
        '[[data]]\nkind = "decaf"\nfolder = "decaf"\nsubjects = ["S2"]\nknown = ["keypoints"]\n'
        '[[data]]\nkind = "in-the-wild"\nfolder = "wild"\nrepeat = 50\nonly = 1\n'
        '[[priors]]\nkind = "decaf"\nfolder = "decaf"\nsubjects = ["S2"]\nrepeat = 6\n'
        '[[priors]]\nkind = "freihand"\nfolder = "freihand"\nrepeat = 4\n'
    )
    (tmp_path / "a.toml").write_text(text)
    configuration = read_configuration(tmp_path / "a.toml")
    first, second = open_sets(configuration.data, configuration, bodies)
    assert (len(first), len(second)) == (FRAMES, 1)
    assert [group for group in GROUPS if has(first.sample(0), group)] == ["keypoints"]
    hands, heads = Priors(configuration, bodies).draw(400, np.random.default_rng(0))
    assert hands.shape == (400, 55)
    assert heads.shape == (400, 153)
    from_freihand = (hands == 0).all(1).float().mean()
    assert abs(float(from_freihand) - 0.4) < 0.08
    hands_alone = (
        text.split('[[priors]]\nkind = "decaf"', maxsplit=1)[0] + "[[priors]]" + text.rsplit("[[priors]]", 1)[1]
    )
    (tmp_path / "a.toml").write_text(hands_alone)
    with pytest.raises(InputError, match="has real heads"):
        Priors(read_configuration(tmp_path / "a.toml"), bodies)
