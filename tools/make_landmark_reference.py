"""Landmarks of the reference pipeline, MediaPipe 0.10.21, for given pictures: what our own are tested against.

MediaPipe needs an environment of its own (Python 3.9 to 3.12, numpy below 2):

    python3.11 -m venv REF && REF/bin/pip install mediapipe==0.10.21
    REF/bin/python tools/make_landmark_reference.py PICTURE... -o tests/fixtures/landmarks_reference.npz

A picture is an image file, or VIDEO@N for frame N of a video, from 0. Each is read as a still (`first`), and then shown
again to the tracking mode until the windows of the landmark networks no longer move (`refined`, what
`LandmarkTracker.detect` gives). The fixture holds, for each picture by its file name, `NAME/face/first` and
`NAME/face/refined` (478, 3) and, in the order in which they are found, `NAME/hand0/first` and so on (21, 3),
float32, x, y and z in pixels, to a hundredth of one; and `NAME/size`, width and height.
The repository's own fixture was made from four frames of the bundled clip alone, dice_core/sample/sample.mp4:
@4, @20, @36 and @48.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import mediapipe
import numpy as np

HAND_SHOWINGS, FACE_SHOWINGS = 4, 3
"""One reading more than the refinements in dice_core/landmarks/hand_search.py."""


def main() -> None:
    """Write the reference landmarks of the pictures named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    reference: dict[str, np.ndarray] = {}
    for picture in arguments.pictures:
        image = read(picture)
        title = Path(picture).name
        reference[f"{title}/size"] = np.array(image.shape[1::-1])
        for kind, showings in (("first", 1), ("refined", max(HAND_SHOWINGS, FACE_SHOWINGS))):
            for name, points in landmarks(image, showings).items():
                reference[f"{title}/{name}/{kind}"] = points
    np.savez_compressed(arguments.output, **reference)


def read(picture: str) -> np.ndarray:
    """An image, or a frame of a video named VIDEO@N, as (h, w, 3) uint8 RGB."""
    path, _, frame = picture.partition("@")
    if not frame:
        return cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    capture = cv2.VideoCapture(path)
    for _ in range(int(frame)):
        capture.grab()
    return cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)


def landmarks(image: np.ndarray, showings: int) -> dict[str, np.ndarray]:
    """What MediaPipe finds in an image, (h, w, 3) uint8 RGB, that it is shown so many times."""
    still = showings == 1
    with mediapipe.solutions.hands.Hands(static_image_mode=still, max_num_hands=2, model_complexity=1) as hands:
        for _ in range(min(showings, HAND_SHOWINGS)):
            found = hands.process(image).multi_hand_landmarks or []
    result = {f"hand{index}": pixels(hand, image) for index, hand in enumerate(found)}
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=still, refine_landmarks=True) as faces:
        for _ in range(min(showings, FACE_SHOWINGS)):
            found = faces.process(image).multi_face_landmarks or []
    return result | ({"face": pixels(found[0], image)} if found else {})


def pixels(landmark_list: object, image: np.ndarray) -> np.ndarray:
    """MediaPipe's shares of the image as pixels, (n, 3) float32."""
    height, width = image.shape[:2]
    points = [(point.x * width, point.y * height, point.z * width) for point in landmark_list.landmark]
    return np.round(points, 2).astype(np.float32)


if __name__ == "__main__":
    main()
