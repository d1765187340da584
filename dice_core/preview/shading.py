"""Colours of the bodies, and smooth two-sided shading of what the rasteriser found.

Colours, light and strengths are set by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.attachment import joined
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, triangles, vertex_normals
from dice_core.geometry.rasterizer import interpolate, rasterize
from dice_core.preview.eyes import IRIS_COLOUR, PUPIL_COLOUR, eye_coordinates, paint_eyes
from dice_core.take.frames import Frame, whole_body

__all__ = ["CONTACT_COLOUR", "DENT_COLOUR", "Drawing", "PaintedMesh", "Painter", "draw"]

HEAD_COLOUR = (0.82, 0.75, 0.70)
HAND_COLOURS = {"hand_left": (0.62, 0.80, 0.66), "hand_right": (0.56, 0.72, 0.88)}
REGION_COLOURS = {
    "eyeball.L": (0.95, 0.95, 0.95),
    "eyeball.R": (0.95, 0.95, 0.95),
    "mouth_inner": (0.55, 0.30, 0.30),
    "tongue": (0.72, 0.42, 0.42),
    "gums": (0.72, 0.42, 0.42),
    "teeth_upper": (0.95, 0.93, 0.87),
    "teeth_lower": (0.95, 0.93, 0.87),
    "lashes.L": (0.16, 0.12, 0.10),
    "lashes.R": (0.16, 0.12, 0.10),
    "iris.L": IRIS_COLOUR,
    "iris.R": IRIS_COLOUR,
    "pupil.L": PUPIL_COLOUR,
    "pupil.R": PUPIL_COLOUR,
}
CONTACT_COLOUR = (1.0, 0.38, 0.08)
DENT_COLOUR = (0.45, 0.18, 0.78)

FULL_DENT = 0.008
"""Metres of deformation that are painted in the full colour: a clear press on a cheek."""
DENT_OPACITY, CONTACT_OPACITY = 0.8, 0.85
"""How much of the skin's own colour the two hide at most: the form stays visible below them."""
AMBIENT, KEY, HEADLIGHT = 0.30, 0.55, 0.25
"""Shares of light: even, from the upper left before the camera, and from the camera."""
BACK_FACING = 0.2
"""Cosine from which a smooth normal is taken to face away: at the outline, where it is near zero, it does not flip."""
KEY_DIRECTION = np.array([-0.45, -0.65, -0.61])
"""Unit vector toward the key light, camera axes."""


@dataclass(frozen=True)
class Drawing:
    """Bodies as a camera sees them.

    colour : (H, W, 3) float32, RGB in [0, 1], multiplied by the coverage; coverage : (H, W) float32 in [0, 1].
    """

    colour: np.ndarray
    coverage: np.ndarray


@dataclass(frozen=True)
class PaintedMesh:
    """All bodies of a frame.

    vertices : (V, 3) metres; faces : (T, 3) int; colours : (V, 3) RGB in [0, 1]; eyes : (V, 2), as of
    `eye_coordinates`.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    eyes: np.ndarray


class Painter:
    """Turns a frame of a take into one coloured triangle mesh.

    meshes : the take's, by name.
    """

    def __init__(self, meshes: dict[str, Mesh]) -> None:
        self._meshes = meshes
        whole = {name: joined(mesh) for name, mesh in meshes.items()}
        self._triangles = {name: triangles(mesh) for name, mesh in whole.items()}
        self._base = {name: _base_colours(mesh) for name, mesh in whole.items()}
        self._eyes = {name: eye_coordinates(mesh) for name, mesh in whole.items()}

    def paint(self, frame: Frame) -> PaintedMesh:
        """All bodies in the frame, deformed, with what is attached to them."""
        vertices, faces, colours, count = [np.zeros((0, 3))], [np.zeros((0, 3), np.int32)], [np.zeros((0, 3))], 0
        eyes = [np.zeros((0, 2))]
        for name, skin in frame.bodies.items():
            body = whole_body(self._meshes[name], skin)
            dent = np.minimum(np.linalg.norm(body.deformation, axis=1) / FULL_DENT, 1)
            colour = _mix(self._base[name], DENT_COLOUR, dent * DENT_OPACITY)
            vertices.append(body.surface.astype(np.float64))
            faces.append(self._triangles[name] + count)
            colours.append(_mix(colour, CONTACT_COLOUR, body.contact * CONTACT_OPACITY))
            eyes.append(self._eyes[name])
            count += len(body.vertices)
        return PaintedMesh(*(np.concatenate(parts) for parts in (vertices, faces, colours, eyes)))


def draw(mesh: PaintedMesh, camera: Camera) -> Drawing:
    """Shade a mesh, whose vertices are in the camera's space, smoothly and from both sides."""
    raster = rasterize(mesh.vertices, mesh.faces, camera)
    normals = vertex_normals(mesh.vertices, mesh.faces)
    attributes = np.concatenate([normals, mesh.colours, mesh.eyes], axis=1).astype(np.float32)
    seen = interpolate(raster, mesh.faces, attributes)
    normal, colour = seen[:, :3], seen[:, 3:6]
    paint_eyes(colour, seen[:, 6:])
    normal /= np.maximum(np.sqrt(np.einsum("nx,nx->n", normal, normal)), 1e-6)[:, None]
    # The view axis stands for the direction to the eye. An open neck or wrist shows its inside, lit like the outside.
    normal *= np.where(normal[:, 2:] > BACK_FACING, -1, 1).astype(np.float32)
    key = np.maximum(normal @ KEY_DIRECTION.astype(np.float32), 0)
    light = AMBIENT + KEY * key + HEADLIGHT * np.maximum(-normal[:, 2], 0)
    image = np.zeros((camera.height * camera.width, 3), np.float32)
    image[np.flatnonzero(raster.covered)] = np.minimum(colour * light[:, None], 1)
    return Drawing(image.reshape(camera.height, camera.width, 3), raster.covered.astype(np.float32))


def _base_colours(mesh: Mesh) -> np.ndarray:
    body = HAND_COLOURS.get(mesh.name, HEAD_COLOUR)
    table = np.array([REGION_COLOURS.get(name, body) for name in mesh.region_names])
    return table[mesh.region] if len(table) else np.tile(body, (len(mesh.rest_vertices), 1))


def _mix(colours: np.ndarray, other: tuple[float, float, float], share: np.ndarray) -> np.ndarray:
    return colours + share[:, None] * (np.array(other) - colours)
