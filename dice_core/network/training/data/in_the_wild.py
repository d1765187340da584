"""Pictures from anywhere, with key points and depth by estimators: the weakly supervised part of the recipe.

FOLDER/images/*.jpg (or .png; in folders below, if wished), square crops around head and hand, the hand a right one;
beside `images`, under the same names: `face_keypoints/*.npy` (68, 2 or 3) and `hand_keypoints/*.npy` (21, 2 or 3),
in units of the picture's sides, 0 to 1, a third column being how far each is trusted; and, where there is one,
`depth_maps/*_pred.npy` (h, w), larger is farther, positive. This is the release's layout. `tools/prepare_pictures.py`
makes all of it from photos and any monocular depth network in ONNX.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dice_core.errors import InputError
from dice_core.network.model.crop import INPUT_SIZE
from dice_core.network.model.dice import HAND_KEYPOINTS, HEAD_KEYPOINTS
from dice_core.network.training.samples import Sample

__all__ = ["InTheWildPictures"]

_SUFFIXES = (".jpg", ".jpeg", ".png")


class InTheWildPictures:
    """folder : as above. Raises InputError where pictures or their key points are missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        images = folder / "images"
        if not images.is_dir():
            raise InputError(f"{folder} lacks the folder images.")
        self._names = sorted(path.relative_to(images) for path in images.rglob("*") if path.suffix.lower() in _SUFFIXES)
        if not self._names:
            raise InputError(f"{images} holds no pictures.")
        for name in self._names:
            for kind in ("face_keypoints", "hand_keypoints"):
                if not (folder / kind / name.with_suffix(".npy")).is_file():
                    raise InputError(f"{folder / kind} lacks {name.with_suffix('.npy')}, the key points of {name}.")

    def __len__(self) -> int:
        return len(self._names)

    def sample(self, number: int) -> Sample:
        """Picture, key points, and depth where there is a map."""
        name = self._names[number]
        image = cv2.imread(str(self._folder / "images" / name), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError(f"{self._folder / 'images' / name} cannot be read as a picture.")
        size = (INPUT_SIZE, INPUT_SIZE)
        way = cv2.INTER_AREA if min(image.shape[:2]) > INPUT_SIZE else cv2.INTER_LINEAR
        pixels = np.ascontiguousarray(cv2.resize(image, size, interpolation=way)[..., ::-1])
        hand = self._points("hand_keypoints", name, HAND_KEYPOINTS)
        face = self._points("face_keypoints", name, HEAD_KEYPOINTS)
        points = np.concatenate([hand, face]).astype(np.float32)
        inside = np.asarray(((points[:, :2] >= 0) & (points[:, :2] <= 1)).all(axis=1))
        sample = {"pixels": pixels, "keypoints": points[:, :2], "keypoint_confidence": points[:, 2] * inside}
        path = self._folder / "depth_maps" / name.parent / f"{name.stem}_pred.npy"
        return sample | self._depth(path, points[:, :2], inside) if path.is_file() else sample

    def _points(self, kind: str, name: Path, count: int) -> np.ndarray:
        """(count, 3)"""
        path = self._folder / kind / name.with_suffix(".npy")
        points = _load(path)
        if points.shape == (count, 2):
            points = np.concatenate([points, np.ones((count, 1))], axis=1)
        if points.shape != (count, 3) or not np.isfinite(points).all():
            raise InputError(f"{path} must hold ({count}, 2) or ({count}, 3) numbers, not {points.shape}.")
        return points

    @staticmethod
    def _depth(path: Path, points: np.ndarray, inside: np.ndarray) -> Sample:
        depth = _load(path)
        if depth.ndim != 2 or depth.size == 0:
            raise InputError(f"{path} must hold one depth a pixel, not an array of {depth.shape}.")
        height, width = depth.shape
        columns = np.clip((points[:, 0] * width).astype(int), 0, width - 1)
        rows = np.clip((points[:, 1] * height).astype(int), 0, height - 1)
        at = depth[rows, columns]
        known = inside & np.isfinite(at) & (at > 0)
        scale = float(np.median(at[known])) if known.any() else 1.0
        return {
            "keypoint_depth": np.where(known, at / scale, 1.0).astype(np.float32),
            "keypoint_depth_weight": known.astype(np.float32),
        }


def _load(path: Path) -> np.ndarray:
    try:
        values: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise InputError(f"{path} is damaged, or not an array of numbers.") from None
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path} does not hold numbers.")
    return values.astype(np.float64)
