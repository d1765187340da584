"""A take whose footage shows a painted head and a green hand, for textures whose truth is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dice_core.bodies import load_hand, load_head
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, triangles
from dice_core.geometry.rasterizer import rasterize
from dice_core.media.opening import open_footage
from dice_core.take import Source, Take, TakeWriter, open_take
from dice_core.texture.atlas import Atlas, atlas_of
from dice_core.texture.sampling import colours_at

SIZE, PICTURE = 512, 320
CAMERA = Camera.from_fov(PICTURE, PICTURE, 30.0)
GREEN = np.array([40, 200, 40])
PLACES = {"head": (0.0, 0.0, 0.62), "hand_right": (-0.03, 0.20, 0.46)}
HAND_TURN = 0.4
YAWS = (-0.6, -0.3, 0.0, 0.3, 0.6)


def painted_texture(mesh: Mesh) -> tuple[Atlas, np.ndarray]:
    """A texture (SIZE, SIZE, 3) of soft stripes across the face in skin colours, and its atlas."""
    atlas = atlas_of(mesh, SIZE)
    points = atlas.interpolate(mesh.rest_vertices)
    stripes = 0.5 + 0.5 * np.sin(points[:, :1] * 180) * np.cos(points[:, 1:2] * 140)
    colours = np.array([0.80, 0.60, 0.52]) - stripes * np.array([0.20, 0.22, 0.20])
    return atlas, atlas.padded(atlas.image(colours.astype(np.float32)), 8)


def render(bodies: dict[str, tuple[Mesh, np.ndarray, np.ndarray | None]], background: int = 90) -> np.ndarray:
    """(PICTURE, PICTURE, 3) uint8: bodies as they are painted, in an even light. A body without a texture is green."""
    picture = np.full((PICTURE, PICTURE, 3), float(background))
    nearest = np.full((PICTURE, PICTURE), np.inf)
    for mesh, vertices, texture in bodies.values():
        faces = triangles(mesh)
        raster = rasterize(vertices, faces, CAMERA)
        front = raster.covered & (raster.depth < nearest)
        nearest = np.where(front, raster.depth, nearest)
        if texture is None:
            picture[front] = GREEN
            continue
        starts = np.cumsum(mesh.face_sizes) - mesh.face_sizes
        corners = np.stack([np.repeat(starts, 2), np.repeat(starts, 2), np.repeat(starts, 2)], axis=1)
        corners += np.tile([[0, 1, 2], [0, 2, 3]], (len(starts), 1))
        uv = (mesh.uv[corners[raster.triangle[front]]] * raster.barycentric[front][..., None]).sum(axis=1)
        places = np.stack([uv[:, 0] * SIZE - 0.5, (1 - uv[:, 1]) * SIZE - 0.5], axis=1)
        picture[front] = 255 * colours_at(texture, places)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def write_painted_take(folder: Path) -> tuple[Take, Atlas, np.ndarray]:
    """Five pictures of a striped head that turns, a green hand before its neck; the take, the atlas and the truth."""
    head, hand = load_head(), load_hand("right")
    meshes = {"head": head.mesh, "hand_right": hand.mesh}
    atlas, texture = painted_texture(head.mesh)
    (folder / "pictures").mkdir()
    arrays: dict[str, list[np.ndarray]] = {"head": [], "hand_right": []}
    for number, yaw in enumerate(YAWS):
        face = head.pose(np.zeros(1), np.zeros(52), np.array([0, yaw, 0]), np.array(PLACES["head"]))
        palm = hand.pose(np.zeros(1), 1.0, np.array([0, 0, HAND_TURN]), np.zeros(22), np.array(PLACES["hand_right"]))
        picture = render({"head": (head.mesh, face, texture), "hand_right": (hand.mesh, palm, None)})
        cv2.imwrite(str(folder / "pictures" / f"{number:03d}.png"), picture[..., ::-1])
        arrays["head"].append(face)
        arrays["hand_right"].append(palm)
    digest = open_footage(folder / "pictures").sha256
    source = Source(str(folder / "pictures"), "sequence", PICTURE, PICTURE, 24.0, 0, len(YAWS), digest)
    writer = TakeWriter(folder / "painted.dicetake", source, {"name": "open", "settings": {}, "models": {}})
    writer.set_camera(CAMERA)
    chunk: dict[str, np.ndarray] = {"frame": np.arange(len(YAWS), dtype=np.int32)}
    for name, mesh in meshes.items():
        writer.add_mesh(mesh)
        vertices = np.array(arrays[name], np.float32)
        chunk |= {
            f"tracked_{name}": np.ones(len(YAWS), np.uint8),
            f"{name}.vertices": vertices,
            f"{name}.deformation": np.zeros_like(vertices),
            f"{name}.contact": np.zeros(vertices.shape[:2], np.float32),
            f"{name}.rotation": np.zeros((len(YAWS), len(mesh.joints), 3), np.float32),
            f"{name}.translation": np.tile(np.array(PLACES[name], np.float32), (len(YAWS), 1)),
        }
    chunk["head.rotation"][:, 0, 1] = YAWS
    chunk["hand_right.rotation"][:, 0, 2] = HAND_TURN
    chunk["head.expression"] = np.zeros((len(YAWS), 52), np.float32)
    writer.write_chunk(chunk)
    writer.finish(complete=True)
    return open_take(folder / "painted.dicetake"), atlas, texture
