"""MediaPipe's landmarks over a clip, as its examples run them: `python tools/mediapipe_loop.py CLIP`.

For `tools/benchmark.py --peer`, in an environment of its own with `mediapipe==0.10.21`; it needs nothing of this
project. Both graphs track from frame to frame, for two hands and one face with irises. Prints the number of frames.
"""

import sys

import cv2
import mediapipe as mp


def main() -> None:
    """Go through the clip once."""
    frames = 0
    hands = mp.solutions.hands.Hands(static_image_mode=False, max_num_hands=2, model_complexity=1)
    faces = mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=True)
    clip = cv2.VideoCapture(sys.argv[1])
    with hands, faces:
        while True:
            read, image = clip.read()
            if not read:
                break
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            image.flags.writeable = False
            hands.process(image)
            faces.process(image)
            frames += 1
    print(frames)


if __name__ == "__main__":
    main()
