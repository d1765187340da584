"""Decaf's frames (Shimada et al., SIGGRAPH Asia 2023): pictures with MANO, FLAME, deformation and contact.

FOLDER as the data set and its tools make it, MODE being `train` or `test`, S a subject, CAM a camera:
MODE/params/S/params_smoothed.pkl, MODE/cameras/S/cameras.pkl, MODE/deformations/S/deforms.npy (T, 5023, 3),
MODE/contacts/S/contacts_head.npy (T, 5023) and contacts_rh.npy (T, 778), assets/transformation/MODE/
S_RT_FromCanToRef_wo_poseparams.npy (T, 4, 4), and square crops around head and hand with their boxes in frame pixels,
single/MODE/cropped_images_with_bg/S/CAM/00000.jpg and single/MODE/cropped_bbs/S/CAM.npy (T, 4: left, top, right,
bottom). The pickles are read without running anything of them. S2, S4, S5, S7, S8 train, S1, S3, S6 test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from dice_core.errors import InputError
from dice_core.geometry.rotations import axis_angle, rotation_matrices
from dice_core.network.files.arrays import as_array
from dice_core.network.files.pickles import load
from dice_core.network.model.crop import INPUT_SIZE
from dice_core.network.training.bodies import TrainingBodies
from dice_core.network.training.samples import KEYPOINTS, Sample

__all__ = ["TEST_SUBJECTS", "TRAINING_SUBJECTS", "DecafFrames"]

TRAINING_SUBJECTS, TEST_SUBJECTS = ("S2", "S4", "S5", "S7", "S8"), ("S1", "S3", "S6")
_HEAD = {"shape_params": 100, "expression_params": 50, "pose_params": 6, "global_orient": 3, "transl": 3}
_HAND = {"betas": 10, "hand_pose": 45, "global_orient": 3, "transl": 3}
_HEAD_VERTICES, _HAND_VERTICES = 5023, 778


@dataclass(frozen=True)
class _Camera:
    """intrinsic : (3, 3); extrinsic : (4, 4) from the world to the camera; boxes : (T, 4); pictures : their folder."""

    intrinsic: np.ndarray
    extrinsic: np.ndarray
    boxes: np.ndarray
    pictures: Path


@dataclass(frozen=True)
class _Subject:
    """head, hand : parameters by name, (T, columns); posed : (T, 3, 3) turn of the head's own axes to the world's."""

    head: dict[str, np.ndarray]
    hand: dict[str, np.ndarray]
    deformation: np.ndarray
    head_contact: np.ndarray
    hand_contact: np.ndarray
    posed: np.ndarray
    cameras: dict[str, _Camera]


class DecafFrames:
    """folder : as above; subjects : empty for the training ones.

    Raises InputError with what is missing or malformed; pictures are looked at when they are read.
    """

    def __init__(self, folder: Path, subjects: tuple[str, ...], bodies: TrainingBodies) -> None:
        self._bodies = bodies
        self._subjects = [_read_subject(folder, name) for name in subjects or TRAINING_SUBJECTS]
        self._index = [
            (number, camera, frame)
            for number, subject in enumerate(self._subjects)
            for camera in sorted(subject.cameras)
            for frame in range(len(subject.deformation))
        ]

    def __len__(self) -> int:
        return len(self._index)

    def priors(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 55) hands and (N, 153) heads of all frames."""
        hands = [np.concatenate([s.hand["betas"], s.hand["hand_pose"]], axis=1) for s in self._subjects]
        heads = [
            np.concatenate([s.head["shape_params"], s.head["expression_params"], s.head["pose_params"][:, 3:]], axis=1)
            for s in self._subjects
        ]
        return np.concatenate(hands).astype(np.float32), np.concatenate(heads).astype(np.float32)

    def sample(self, number: int) -> Sample:
        """All but depth. Raises InputError where the picture is missing."""
        which, camera_name, frame = self._index[number]
        subject = self._subjects[which]
        camera = subject.cameras[camera_name]
        path = camera.pictures / f"{frame:05d}.jpg"
        image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
        if image is None:
            raise InputError(f"{path} is missing, or cannot be read as a picture.")
        pixels = cv2.resize(image, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)[..., ::-1]
        own, head, hand, world = self._posed(subject, frame, camera.extrinsic)
        turn = camera.extrinsic[:3, :3]
        # As the network has it: what is subtracted.
        deformation = subject.deformation[frame] @ (turn @ subject.posed[frame]).T
        sample = {
            "head_vs": head,
            "hand_vs": hand,
            "deform": deformation,
            "head_contact": subject.head_contact[frame],
            "hand_contact": subject.hand_contact[frame],
            **own,
            **self._keypoints(head, hand, world, camera, frame),
        }
        return {"pixels": np.ascontiguousarray(pixels)} | {k: np.asarray(v, np.float32) for k, v in sample.items()}

    def _posed(
        self, subject: _Subject, frame: int, extrinsic: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
        """Parameters and vertices in the camera's axes, head-centred, and the head's centre in camera space."""
        head = {name: values[frame] for name, values in subject.head.items()}
        hand = {name: values[frame] for name, values in subject.hand.items()}
        turn, move = extrinsic[:3, :3], extrinsic[:3, 3]
        parameters = {
            "rh_betas": hand["betas"],
            "rh_rot": axis_angle(turn @ rotation_matrices(hand["global_orient"])),
            "rh_pose": hand["hand_pose"],
            "face_shape": head["shape_params"],
            "face_exp": head["expression_params"],
            "face_pose": head["pose_params"],
            "face_rot": axis_angle(turn @ rotation_matrices(head["global_orient"])),
        }
        dtype = self._bodies.positions.dtype
        tensors = {name: torch.from_numpy(np.asarray(value))[None].to(dtype) for name, value in parameters.items()}
        with torch.no_grad():
            middle = self._bodies.head.posed(tensors["face_shape"], tensors["face_exp"], tensors["face_pose"]).mean(1)
            root = self._bodies.wrist(tensors["rh_betas"])
            centre = middle[0].double().numpy()
            world = turn @ (centre + head["transl"]) + move
            wrist = turn @ (root[0].double().numpy() + hand["transl"]) + move - world
            parameters |= {"face_transl": -centre, "rh_transl": wrist - root[0].double().numpy()}
            for name in ("face_transl", "rh_transl"):
                tensors[name] = torch.from_numpy(parameters[name])[None].to(dtype)
            vertices = self._bodies.posed_head(tensors)[0], self._bodies.posed_hand(tensors)[0]
        return parameters | {"wrist": wrist}, vertices[0].numpy(), vertices[1].numpy(), world

    def _keypoints(
        self, head: np.ndarray, hand: np.ndarray, world: np.ndarray, camera: _Camera, frame: int
    ) -> dict[str, np.ndarray]:
        dtype = self._bodies.positions.dtype
        meshes = (torch.from_numpy(each)[None].to(dtype) for each in (hand, head))
        points = torch.cat(self._bodies.keypoints(*meshes), dim=1)[0].double().numpy() + world
        seen = points @ camera.intrinsic.T
        left, top, right, bottom = camera.boxes[frame].astype(float)
        places = (seen[:, :2] / seen[:, 2:] - [left, top]) / [max(right - left, 1), max(bottom - top, 1)]
        inside = ((places >= 0) & (places <= 1)).all(axis=1)
        assert len(places) == KEYPOINTS
        return {"keypoints": places, "keypoint_confidence": inside.astype(np.float32)}


def _read_subject(folder: Path, name: str) -> _Subject:
    if name not in TRAINING_SUBJECTS + TEST_SUBJECTS:
        raise InputError(f"Decaf has no subject {name}: it has S1 to S8.")
    mode = "train" if name in TRAINING_SUBJECTS else "test"
    base = folder / mode
    deformation = _array(base / "deformations" / name / "deforms.npy", (None, _HEAD_VERTICES, 3))
    count = len(deformation)
    head_contact = _array(base / "contacts" / name / "contacts_head.npy", (count, _HEAD_VERTICES))
    hand_contact = _array(base / "contacts" / name / "contacts_rh.npy", (count, _HAND_VERTICES))
    to_world = folder / "assets" / "transformation" / mode / f"{name}_RT_FromCanToRef_wo_poseparams.npy"
    posed = _array(to_world, (count, 4, 4))[:, :3, :3]
    parameters = _pickle(base / "params" / name / "params_smoothed.pkl")
    frames = [parameters[key] for key in sorted(parameters)]
    if len(frames) != count:
        raise InputError(f"{base / 'params' / name} has {len(frames)} frames where deforms.npy has {count}.")
    path = base / "params" / name / "params_smoothed.pkl"
    head = {key: _column(frames, "head", key, columns, path) for key, columns in _HEAD.items()}
    hand = {key: _column(frames, "right_hand", key, columns, path) for key, columns in _HAND.items()}
    cameras = _cameras(folder, mode, name, count)
    return _Subject(head, hand, deformation, head_contact, hand_contact, posed, cameras)


def _cameras(folder: Path, mode: str, name: str, count: int) -> dict[str, _Camera]:
    path = folder / mode / "cameras" / name / "cameras.pkl"
    single = folder / "single" / mode
    cameras = {}
    for camera, values in _pickle(path).items():
        pictures = single / "cropped_images_with_bg" / name / str(camera)
        if not pictures.is_dir():
            continue  # not every camera of a subject is used
        intrinsic, extrinsic = (_entry(values, key, path) for key in ("intrinsic", "extrinsic"))
        if intrinsic.shape != (3, 3) or extrinsic.shape != (4, 4):
            raise InputError(f"{path} is malformed: camera {camera} needs intrinsic (3, 3) and extrinsic (4, 4).")
        boxes = _array(single / "cropped_bbs" / name / f"{camera}.npy", (count, 4))
        cameras[str(camera)] = _Camera(intrinsic, extrinsic, boxes, pictures)
    if not cameras:
        raise InputError(f"{single / 'cropped_images_with_bg' / name} holds no folder of any camera of {path}.")
    return cameras


def _pickle(path: Path) -> dict[Any, Any]:
    if not path.is_file():
        raise InputError(f"{path} is missing.")
    content = load(path.read_bytes())
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path} is malformed: it is not a dictionary.")
    return content


def _entry(values: Any, key: str, path: Path) -> np.ndarray:
    if not isinstance(values, dict) or key not in values:
        raise InputError(f"{path} is malformed: it lacks {key}.")
    return as_array(values[key]).astype(np.float64)


def _column(frames: list[Any], body: str, key: str, columns: int, path: Path) -> np.ndarray:
    rows = [_entry(frame.get(body) if isinstance(frame, dict) else None, key, path).ravel() for frame in frames]
    if any(row.shape != (columns,) for row in rows):
        raise InputError(f"{path} is malformed: {key} of {body} must have {columns} numbers.")
    return np.stack(rows)


def _array(path: Path, shape: tuple[int | None, ...]) -> np.ndarray:
    """Numbers of a file. Raises InputError where it is missing, damaged or of another shape."""
    if not path.is_file():
        raise InputError(f"{path} is missing.")
    try:
        values: np.ndarray = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        raise InputError(f"{path} is damaged, or not an array of numbers.") from None
    fits = values.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, values.shape, strict=True))
    if not fits:
        wanted = ", ".join("frames" if size is None else str(size) for size in shape)
        raise InputError(f"{path} must be ({wanted}), not {values.shape}.")
    return values
