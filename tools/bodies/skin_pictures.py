"""The neutral skins that ship: lips, brows and a little red, knuckles and nails, painted into the UVs of the bodies."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from sample.paint import PIXEL, SKIN, Picture, paint_face, paint_hand

from dice_core.bodies import Hand, Head
from dice_core.geometry.mesh import Mesh, triangles, vertex_normals
from dice_core.texture.atlas import Atlas, atlas_of
from dice_core.texture.sampling import colours_at

__all__ = ["write_skins"]

SIZES = {"head": 2048, "hand": 512}
"""Pixels along each side: 0.3 mm on the face, as fine as brows need."""
QUALITY = 88
"""Of the JPEG."""
PALM = np.array([0.78, 0.60, 0.53])
"""sRGB, a little redder than the back of the hand; set by hand, as all that `sample.paint` paints."""
PADDING = 8
"""Pixels beyond the edge of an island that are painted, too."""


def write_skins(head: Head, hand: Hand, folder: Path) -> None:
    """Write head.jpg and hand.jpg. hand : the right one."""
    folder.mkdir(parents=True, exist_ok=True)
    face = paint_face(head, head.mesh.rest_vertices)
    joints, keypoints = hand.mesh.joints, hand.keypoint_rest
    back = paint_hand(hand, hand.mesh.rest_vertices, joints, keypoints)
    for name, mesh, picture, plain, forward in (
        ("head", head.mesh, face, SKIN, -1.0),
        ("hand", hand.mesh, back, PALM, 1.0),
    ):
        image = _unwrapped(mesh, picture, plain, forward, SIZES[name])
        pixels = np.rint(image[..., ::-1] * 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{name}.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _unwrapped(mesh: Mesh, picture: Picture, plain: np.ndarray, forward: float, size: int) -> np.ndarray:
    """(size, size, 3) sRGB in the mesh's UVs. picture : seen along z; forward : sign of z of the side that it shows."""
    atlas: Atlas = atlas_of(mesh, size)
    rest = mesh.rest_vertices.astype(np.float64)
    points = atlas.interpolate(rest)
    normals = atlas.interpolate(vertex_normals(rest, triangles(mesh)))
    smooth = cv2.GaussianBlur(picture.colour.astype(np.float32), (0, 0), 1.2)
    colours = colours_at(smooth, (points[:, :2] - picture.origin) / PIXEL)
    share = np.clip(forward * normals[:, 2:] * 2 - 0.3, 0, 1)  # seen from the side, the picture would be stretched
    image = atlas.padded(atlas.image(plain + share * (colours - plain)), PADDING)
    # What no skin shows is plain, so that small copies of the picture do not darken at the islands' edges.
    return np.where(image.sum(axis=2, keepdims=True) > 0, np.clip(image, 0, 1), plain)
