"""Bodies and takes of known shape for tests: spheres that stand for a head and a hand."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.take import Source, Take, TakeWriter, TouchEvent, open_take

HEAD_RADIUS, HAND_RADIUS = 0.1, 0.03
HEAD_CENTRE = np.array([0.0, 0.0, 0.6])


def sphere(
    rings: int, sectors: int, radius: float, centre: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Sphere of outward triangles, poles along y."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, sectors, endpoint=False), indexing="ij"
    )
    points = np.stack([np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)], axis=-1)
    grid = np.arange((rings + 1) * sectors).reshape(rings + 1, sectors)
    a, b = grid[:-1], np.roll(grid, -1, axis=1)[:-1]
    c, d = np.roll(grid, -1, axis=1)[1:], grid[1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    corner = points.reshape(-1, 3)[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(normal, axis=1)
    inward = (normal * corner.mean(axis=1)).sum(axis=1) < 0
    faces[inward] = faces[inward][:, ::-1]
    return points.reshape(-1, 3) * radius + np.array(centre), faces[area > 1e-9].astype(np.int32)


def sphere_mesh(name: str, rings: int, sectors: int, radius: float) -> Mesh:
    """A mesh without rig whose two regions are its upper and lower half."""
    vertices, faces = sphere(rings, sectors, radius, (0.0, 0.0, 0.0))
    return Mesh(
        name=name,
        rest_vertices=vertices.astype(np.float32),
        face_corners=faces.ravel(),
        face_sizes=np.full(len(faces), 3, np.int32),
        uv=np.zeros((faces.size, 2), np.float32),
        region=(vertices[:, 1] > 0).astype(np.uint8),
        region_names=("upper", "lower"),
    )


def sphere_take(
    folder: Path,
    hand_positions: np.ndarray,
    *,
    head_shift: np.ndarray | None = None,
    tracked: np.ndarray | None = None,
    first_frame: int = 0,
    footage: Path = Path("missing.mp4"),
) -> Take:
    """A take in two chunks.

    hand_positions : (T, 3) centres of the hand; head_shift : (T, 3) added to HEAD_CENTRE; tracked : (T,) of the hand.
    Contact is 1 on every hand vertex within 5 mm of the head's sphere; the head is never in contact.
    """
    count = len(hand_positions)
    shift = np.zeros((count, 3)) if head_shift is None else head_shift
    tracked = np.ones(count, np.uint8) if tracked is None else tracked
    digest = hashlib.sha256(footage.read_bytes()).hexdigest() if footage.is_file() else "0" * 64
    source = Source(str(footage), "video", 320, 240, 30.0, first_frame, count, digest)
    writer = TakeWriter(folder, source, {"name": "open", "settings": {}, "models": {}})
    writer.set_camera(Camera(400.0, 400.0, 159.5, 119.5, 320, 240))
    meshes = sphere_mesh("head", 30, 40, HEAD_RADIUS), sphere_mesh("hand_right", 16, 20, HAND_RADIUS)
    arrays = {"frame": np.arange(first_frame, first_frame + count, dtype=np.int32)}
    for mesh, centre, present in zip(
        meshes, (HEAD_CENTRE + shift, hand_positions), (np.ones(count, np.uint8), tracked), strict=True
    ):
        writer.add_mesh(mesh)
        vertices = mesh.rest_vertices + centre[:, None]
        gap = np.abs(np.linalg.norm(vertices - (HEAD_CENTRE + shift)[:, None], axis=2) - HEAD_RADIUS)
        contact = (gap <= 0.005) & (mesh.name != "head")
        arrays |= {
            f"tracked_{mesh.name}": present.astype(np.uint8),
            f"{mesh.name}.vertices": vertices.astype(np.float32),
            f"{mesh.name}.deformation": np.zeros_like(vertices, np.float32),
            f"{mesh.name}.contact": contact.astype(np.float32),
        }
    half = max(1, count // 2)
    for part in (slice(0, half), slice(half, count)):
        if part.start < part.stop:
            writer.write_chunk({key: value[part] for key, value in arrays.items()})
    writer.set_events([TouchEvent("head", "cheek.R", "hand_right", first_frame, first_frame + count - 1, 1.25)])
    writer.finish(complete=True)
    return open_take(folder)
