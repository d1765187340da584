"""The five packaged networks and their runtime, OpenCV's DNN module."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from dice_core.errors import DiceError, MissingModelError
from dice_core.prefetch import in_background

__all__ = [
    "FACE_DETECTOR",
    "FACE_FEATURES",
    "FACE_LANDMARKS",
    "HAND_LANDMARKS",
    "PALM_DETECTOR",
    "POSE_LANDMARKS",
    "Network",
    "NetworkSpec",
    "loading_networks",
    "model_identities",
    "packaged_network",
]

_log = logging.getLogger(__name__)

ASSETS = Path(__file__).parent / "assets"

OPENCV_MAJOR = 5
"""OpenCV 4 loses biases of the hand network and is wrong by several pixels: never run on it."""


@dataclass(frozen=True)
class NetworkSpec:
    """A network's file, the side of its square input in pixels, its input's range and its outputs.

    outputs : all that the file lists, since OpenCV wants them all asked for.
    """

    name: str
    side: int
    low: float
    high: float
    outputs: tuple[str, ...]

    @property
    def path(self) -> Path:
        return ASSETS / f"{self.name}.onnx"


PALM_DETECTOR = NetworkSpec("palm_detection_full", 192, 0.0, 1.0, ("Identity", "Identity_1"))
HAND_LANDMARKS = NetworkSpec(
    "hand_landmark_full", 224, 0.0, 1.0, ("Identity", "Identity_1", "Identity_2", "Identity_3")
)
FACE_DETECTOR = NetworkSpec("face_detection_short_range", 128, -1.0, 1.0, ("regressors", "classificators"))
FACE_FEATURES: dict[str, int] = {
    # Before the outputs: mesh, lips, then contour and iris of the eye on the picture's left, and of the other one.
    "p_re_lu_19": 288,
    **dict.fromkeys(("p_re_lu_32", "p_re_lu_45", "p_re_lu_52", "p_re_lu_65", "p_re_lu_72"), 128),
    # One block before, in the same order.
    "p_re_lu_17": 1152,
    **dict.fromkeys(("p_re_lu_30", "p_re_lu_43", "p_re_lu_50", "p_re_lu_63", "p_re_lu_70"), 512),
    # Maps of the face, 6 x 6, of the lips and of both eyes, 4 x 4.
    "p_re_lu_14": 4608,
    **dict.fromkeys(("p_re_lu_27", "p_re_lu_40", "p_re_lu_60"), 2048),
}
"""Inner layers of the face network, which its file lists as outputs, and how many values each has."""

FACE_LANDMARKS = NetworkSpec(
    "face_landmark_with_attention",
    192,
    0.0,
    1.0,
    (
        "output_mesh_identity",
        "output_lips",
        "output_left_eye",
        "output_right_eye",
        "output_left_iris",
        "output_right_iris",
        "conv_faceflag",
        *FACE_FEATURES,
    ),
)

POSE_LANDMARKS = NetworkSpec("pose_landmark_lite", 256, 0.0, 1.0, ("Identity", "Identity_1", "Identity_3"))

ALL = (FACE_DETECTOR, FACE_LANDMARKS, PALM_DETECTOR, HAND_LANDMARKS, POSE_LANDMARKS)
"""In the order in which a capture needs them first."""


class Network:
    """A packaged network, ready to run, by one thread after the other."""

    def __init__(self, spec: NetworkSpec) -> None:
        """Raises MissingModelError if the packaged file is missing or damaged, DiceError on a wrong OpenCV."""
        if int(cv2.__version__.split(".")[0]) < OPENCV_MAJOR:
            raise DiceError(
                f"OpenCV {cv2.__version__} computes wrong landmarks: install opencv-python-headless 5 or newer."
            )
        self.spec = spec
        self._running = threading.Lock()
        begun = time.monotonic()
        try:
            # Handing over the content instead of the path keeps OpenCV away from non-ASCII Windows paths.
            self._net = cv2.dnn.readNetFromONNX(np.fromfile(spec.path, np.uint8))
        except (OSError, cv2.error) as error:
            raise MissingModelError(
                f"The landmark model {spec.path.name} of this installation is missing or damaged: install again."
            ) from error
        _log.debug("loaded %s in %.2f s", spec.path.name, time.monotonic() - begun)

    def __call__(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """Run once.

        picture : (side, side, 3) uint8 RGB.
        Returns each output by name, flattened to one dimension, float32.
        """
        scale = (self.spec.high - self.spec.low) / 255
        values = (picture.astype(np.float32) * np.float32(scale) + np.float32(self.spec.low))[None]
        with self._running:
            self._net.setInput(values)
            outputs = self._net.forward(list(self.spec.outputs))
            return {name: value.reshape(-1).copy() for name, value in zip(self.spec.outputs, outputs, strict=True)}


_loading: dict[NetworkSpec, Future[Network]] = {}
_asking = threading.Lock()


def packaged_network(spec: NetworkSpec) -> Network:
    """The process's one instance of a network, loaded when it is first asked for. Raises as `Network`."""
    with _asking:
        found = _loading.get(spec)
        future = _loading.setdefault(spec, Future())
    if found is None:
        try:
            future.set_result(Network(spec))
        except BaseException as error:
            del _loading[spec]  # it may be there the next time
            future.set_exception(error)
    return future.result()


@contextlib.contextmanager
def loading_networks() -> Iterator[None]:
    """All networks are loaded in a thread of its own meanwhile, before they are asked for; whoever asks for one that
    cannot be loaded hears of it. That thread has ended when the context is left, and the process may end."""

    def load() -> None:
        for spec in ALL:
            with contextlib.suppress(DiceError):
                packaged_network(spec)

    loading = in_background(load, "networks")
    try:
        yield
    finally:
        loading.result()


@cache
def model_identities() -> dict[str, str]:
    """sha256 of each packaged network by file name: what a take records about its origin."""
    try:
        return {spec.path.name: hashlib.sha256(spec.path.read_bytes()).hexdigest() for spec in ALL}
    except OSError as error:
        raise MissingModelError(
            "A landmark model of this installation is missing or unreadable: install again."
        ) from error
