"""CPU time of the soft tissue: building a person's skin, and a frame of a finger that slides over the cheek."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dice_core.bodies import load_hand, load_head
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.geometry.mesh import triangles, vertex_normals

CHEEK = 425
FRAMES = 40


def main() -> None:
    head, hand = load_head(), load_hand("right")
    rest, faces = head.mesh.rest_vertices.astype(np.float64), triangles(head.mesh)
    start = time.process_time()
    skin = SoftTissue.for_head(head, rest)
    print(f"build {time.process_time() - start:.2f} s")
    normal = head.landmark_barycentric[CHEEK] @ vertex_normals(rest, faces)[head.landmark_triangles[CHEEK]]
    # The palm looks to the head, fingers up; its deepest point slides over the cheek.
    palm = hand.pose(np.zeros(0), 1.0, np.array([0, np.pi, 0]), hand.dof_mean, np.zeros(3)).astype(np.float64)
    hand_faces = triangles(hand.mesh)
    target = head.landmarks(rest)[CHEEK]
    for label, gap in (("far off", 0.3), ("near", 0.006), ("touching", -0.004), ("pressing", -0.012)):
        seconds, deepest, left = [], 0.0, 0.0
        for frame in range(FRAMES):
            slide = np.array([0, 0.02 * np.sin(frame * 0.3), 0])
            lowest = palm[np.argmax(-(palm @ normal))]
            vertices = palm - lowest + target + slide + normal * gap
            start = time.process_time()
            response = skin.solve(rest, vertices, hand_faces)
            seconds.append(time.process_time() - start)
            deepest, left = max(deepest, response.largest_indentation), max(left, response.penetration_left)
        print(
            f"{label:9s} median {np.median(seconds) * 1e3:5.1f} ms, slowest {max(seconds) * 1e3:5.1f} ms, "
            f"deepest dent {deepest * 1e3:4.1f} mm, left inside {left * 1e3:4.2f} mm"
        )


if __name__ == "__main__":
    main()
