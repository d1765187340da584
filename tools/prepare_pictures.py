"""Photos as training pictures: crops around head and hand, key points, and depth by any monocular network in ONNX.

    python tools/prepare_pictures.py PHOTOS OUT [--depth MODEL.onnx] [--size 518] [--disparity]
                                     [--mean R G B] [--deviation R G B]

Writes the layout that `dice train` reads as `in-the-wild`. Pictures without a face and a hand are left out; those of a
left hand are mirrored, because the network knows right hands only. The depth network takes (1, 3, size, size), colours
from 0 to 1 less the mean, divided by the deviation, and gives one number a pixel: a depth, or with --disparity what is
larger where things are nearer, of which the inverse is taken after shifting its smallest value to a small one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np
from tqdm import tqdm

from dice_core.errors import InputError
from dice_core.landmarks import FrameLandmarks, HandDetection, LandmarkTracker
from dice_core.media.opening import open_footage
from dice_core.network.body_models.posing import mirrored_landmarks
from dice_core.network.body_models.regions import FACE_MESH_68
from dice_core.network.model.crop import INPUT_SIZE, Crop, crop_around, cut

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".heic")
NEAREST_SHARE = 0.05
"""Of the range of disparities, added to all of them: nothing is infinitely far away. Set by hand."""
QUALITY = 95


class DepthNetwork:
    """A monocular depth network. size : pixels of its square input; mean, deviation : of its normalisation."""

    def __init__(self, path: Path, size: int, mean: list[float], deviation: list[float], disparity: bool) -> None:
        try:
            self._network = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error:
            raise InputError(f"{path} cannot be read as a network: give an ONNX file.") from None
        self._size, self._mean, self._deviation, self._disparity = size, mean, deviation, disparity

    def depth(self, pixels: np.ndarray) -> np.ndarray:
        """(h, w) positive, larger is farther, of a picture (s, s, 3) uint8 RGB."""
        scaled = cv2.resize(pixels, (self._size, self._size), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
        self._network.setInput((((scaled - self._mean) / self._deviation).transpose(2, 0, 1)[None]).astype(np.float32))
        found = np.squeeze(self._network.forward())
        if found.ndim != 2:
            raise InputError(f"The depth network gives {found.shape}, not one number a pixel: use another one.")
        low, high = float(found.min()), float(found.max())
        if self._disparity:
            found = 1 / (found - low + NEAREST_SHARE * max(high - low, 1e-6))
        elif low <= 0:
            found = found - low + NEAREST_SHARE * max(high - low, 1e-6)
        return np.asarray(found, np.float32)


def main() -> int:
    """Run the command."""
    options = _parser().parse_args()
    try:
        network = None
        if options.depth is not None:
            network = DepthNetwork(options.depth, options.size, options.mean, options.deviation, options.disparity)
        photos = sorted(path for path in options.photos.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not photos:
            raise InputError(f"{options.photos} holds no photos.")
        tracker = LandmarkTracker()
        bar = tqdm(photos, disable=not sys.stderr.isatty())
        written = sum(prepare(path, options.photos, options.out, tracker, network) for path in bar)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{written} pictures of {len(photos)} photos.")
    return 0


def prepare(path: Path, photos: Path, out: Path, tracker: LandmarkTracker, network: DepthNetwork | None) -> int:
    """Write what training needs of a photo; returns how many pictures that gave, one a hand."""
    image = open_footage(path).read(0)
    found = tracker.detect(image)
    if found.face is None:
        return 0
    for hand in found.hands:
        name = path.relative_to(photos).with_suffix("")
        _write(image, found, hand, out, name.with_name(f"{name.name}_{hand.side}"), network)
    return len(found.hands)


def _write(
    image: np.ndarray, found: FrameLandmarks, hand: HandDetection, out: Path, name: Path, network: DepthNetwork | None
) -> None:
    assert found.face is not None
    crop = crop_around(found.face.points, [hand.points], hand.side == "left")
    assert crop is not None
    pixels = cut(image, crop)
    face = found.face.points[list(FACE_MESH_68), :2]
    if crop.mirrored:
        face = face[mirrored_landmarks()]
    for kind, points, trust in (
        ("face_keypoints", face, found.face.confidence),
        ("hand_keypoints", hand.points[:, :2], hand.presence),
    ):
        file = _place(out / kind / name, ".npy")
        np.save(file, np.column_stack([in_crop(points, crop), np.full(len(points), trust)]).astype(np.float32))
    _, encoded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    _place(out / "images" / name, ".jpg").write_bytes(encoded.tobytes())
    if network is not None:
        np.save(_place(out / "depth_maps" / name.with_name(f"{name.name}_pred"), ".npy"), network.depth(pixels))


def in_crop(points: np.ndarray, crop: Crop) -> np.ndarray:
    """(n, 2) units of the crop's side, from its corner, of frame pixels (n, 2)."""
    places = (points - [crop.left - 0.5, crop.top - 0.5]) / (crop.scale * INPUT_SIZE)
    return np.column_stack([1 - places[:, 0], places[:, 1]]) if crop.mirrored else places


def _place(path: Path, suffix: str) -> Path:
    file = path.with_name(path.name + suffix)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--depth", type=Path, metavar="MODEL.onnx", help="without it there are no depth maps")
    parser.add_argument("--size", type=int, default=518, help="pixels of the depth network's input")
    parser.add_argument("--disparity", action="store_true", help="its numbers are larger where things are near")
    parser.add_argument("--mean", type=float, nargs=3, default=[0.485, 0.456, 0.406])
    parser.add_argument("--deviation", type=float, nargs=3, default=[0.229, 0.224, 0.225])
    return parser


if __name__ == "__main__":
    sys.exit(main())
