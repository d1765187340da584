"""The tool that makes training pictures of photos, on frames of the bundled clip and a depth network made here."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))

import prepare_pictures  # noqa: E402

from dice_core.media.opening import open_footage  # noqa: E402
from dice_core.network.training.data.in_the_wild import InTheWildPictures  # noqa: E402
from dice_core.network.training.samples import has  # noqa: E402
from dice_core.sample import sample_clip  # noqa: E402


def _field(number: int, value: int | bytes | str) -> bytes:
    """One field of a protocol buffer: a small number, or bytes with their length."""
    if isinstance(value, int):
        return bytes([number << 3]) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)


def _tensor_info(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, sizes)))


def _brightness_network(path: Path, size: int) -> None:
    """An ONNX file that gives each pixel the mean of its normalised colours as its depth."""
    axes = _field(1, "axes") + _field(8, 1) + bytes([20 << 3 & 127 | 128, 1, 7])
    keep = _field(1, "keepdims") + _field(3, 0) + bytes([20 << 3 & 127 | 128, 1, 2])
    node = _field(1, "image") + _field(2, "depth") + _field(4, "ReduceMean") + _field(5, axes) + _field(5, keep)
    graph = _field(1, node) + _field(2, "depth")
    graph += _field(11, _tensor_info("image", (1, 3, size, size))) + _field(12, _tensor_info("depth", (1, size, size)))
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(2, 13)))


def test_photos_become_pictures_that_training_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = open_footage(sample_clip())
    (tmp_path / "photos").mkdir()
    frame = clip.read(36)
    cv2.imwrite(str(tmp_path / "photos/a.png"), frame[..., ::-1])
    cv2.imwrite(str(tmp_path / "photos/b.png"), np.ascontiguousarray(frame[:, ::-1, ::-1]))  # mirrored: a left hand
    cv2.imwrite(str(tmp_path / "photos/c.png"), np.full((200, 200, 3), 90, np.uint8))
    _brightness_network(tmp_path / "depth.onnx", 64)
    words = ["prepare_pictures.py", str(tmp_path / "photos"), str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", [*words, "--depth", str(tmp_path / "depth.onnx"), "--size", "64"])
    assert prepare_pictures.main() == 0
    pictures = InTheWildPictures(tmp_path / "out")
    assert len(pictures) == 2
    one, other = pictures.sample(0), pictures.sample(1)
    assert has(one, "depth")
    assert (one["keypoint_depth"] > 0).all()
    # A mirrored photo gives the same picture, and the same key points, to the tracker's own differences.
    assert np.abs(one["pixels"].astype(int) - other["pixels"]).mean() < 12
    assert np.abs(one["keypoints"] - other["keypoints"]).max() < 0.06
    assert ((one["keypoints"] > 0) & (one["keypoints"] < 1)).all()
