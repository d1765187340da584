"""Compare textures that were baked from the sample clip with what the sample was painted with.

    dice texture TAKE -o textures            a capture of the sample, or its truth with the footage
    python tools/compare_texture.py textures TAKE

Prints for head and hand the mean difference in the skin that the clip shows, as a share of full brightness: as it
stands, and after one gain for each channel, since no camera tells a lamp's strength and colour from the skin's. Hair,
the neck under the collar and the palm, which no picture was painted for, are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from sample.paint import PIXEL, Picture, paint_face, paint_hand  # noqa: E402
from sample.performance import HAND_SCALE, HAND_SHAPE  # noqa: E402
from sample.physics import person_meshes  # noqa: E402

from dice_core.bodies import load_hand, load_head  # noqa: E402
from dice_core.geometry.mesh import Mesh, triangles, vertex_normals  # noqa: E402
from dice_core.take import Take, open_take  # noqa: E402
from dice_core.take.frames import FrameReader  # noqa: E402
from dice_core.texture.atlas import Atlas, atlas_of  # noqa: E402
from dice_core.texture.sampling import colours_at  # noqa: E402
from dice_core.texture.views import look_at, spread  # noqa: E402

FRAMES = 12
"""Of the clip, by which it is decided what is seen."""
FACING = {"head": -1.0, "hand_right": 1.0}
"""Sign of z, in the rest pose, of the side that was painted."""


def main() -> None:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("textures", type=Path)
    parser.add_argument("take", type=Path)
    arguments = parser.parse_args()
    print(json.dumps(compare(arguments.textures, open_take(arguments.take)), indent=1))


def compare(textures: Path, take: Take) -> dict[str, dict[str, float]]:
    """Mean differences of each body that has a texture: `raw`, and `gained` after one gain for each channel."""
    head, hand = person_meshes()
    keypoints = load_hand("right").keypoints_rest(HAND_SHAPE, HAND_SCALE)
    pictures = {
        "head": (head, paint_face(load_head(), head.rest_vertices)),
        "hand_right": (hand, paint_hand(load_hand("right"), hand.rest_vertices, hand.joints, keypoints)),
    }
    result = {}
    for name, (mesh, picture) in pictures.items():
        baked = cv2.imread(str(textures / f"{name}.png"), cv2.IMREAD_COLOR_RGB)
        if baked is None or name not in take.meshes:
            continue
        atlas = atlas_of(mesh, baked.shape[0])
        truth = painted(mesh, atlas, picture)
        some = shown(take, mesh, atlas) & skin_alone(mesh, atlas)
        found, truth = atlas.values(baked)[some] / 255.0, truth[some]
        gain = (found * truth).sum(axis=0) / (found * found).sum(axis=0)
        result[name] = {
            "raw": round(float(np.abs(found - truth).mean()), 4),
            "gained": round(float(np.abs(found * gain - truth).mean()), 4),
            "texels": int(some.sum()),
        }
    return result


def painted(mesh: Mesh, atlas: Atlas, picture: Picture) -> np.ndarray:
    """(n, 3) sRGB: the picture that the sample's material shows at each texel."""
    pixels = (atlas.interpolate(mesh.rest_vertices)[:, :2] - picture.origin) / PIXEL
    return colours_at(picture.colour.astype(np.float32), pixels)


def shown(take: Take, mesh: Mesh, atlas: Atlas) -> np.ndarray:
    """(n,) bool: texels that some of the clip's frames show, by the take's own geometry."""
    reader = FrameReader(take)
    camera = take.camera.squared()
    blank = np.zeros((camera.height, camera.width, 3), np.uint8)
    seen = np.zeros(len(atlas.place), bool)
    for index in spread(take.frames, FRAMES).tolist():
        frame = reader.read(index)
        if mesh.name in frame.bodies:
            surface = frame.bodies[mesh.name].surface.astype(np.float32)
            normals = atlas.interpolate(vertex_normals(surface, triangles(mesh)))
            normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
            view = look_at(frame, take.meshes, blank, camera)
            seen |= view.weight(mesh.name, atlas.interpolate(surface), normals)[0] > 0.05
    return seen


def skin_alone(mesh: Mesh, atlas: Atlas) -> np.ndarray:
    """(n,) bool: texels whose colour is the picture's alone."""
    rest = mesh.rest_vertices.astype(np.float64)
    normals = atlas.interpolate(vertex_normals(rest, triangles(mesh)))
    clear = normals[:, 2] * FACING[mesh.name] > 0.3
    others = [name for name in ("scalp", "neck", "ear.L", "ear.R") if name in mesh.region_names]
    return clear & ~mesh.region_vertices(*others)[atlas.corners].any(axis=1) if others else clear


if __name__ == "__main__":
    main()
