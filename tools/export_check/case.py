"""A file to be read, with what Blender shows of its take at a few times."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from dice_blender.scene import ImportedTake

from .compare import Reference

__all__ = ["Case", "case_of"]

# Times at which a file is compared, from its first frame to its last.
_TIMES = 5


@dataclass
class Case:
    """A file and what Blender shows. seconds : (F,) times in the file; colours : linear, by material."""

    path: Path
    seconds: list[float]
    bodies: dict[str, Reference]
    colours: dict[str, list[float]]
    influences: int | None
    view: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)
    distances: dict[str, float] = field(default_factory=dict)


def case_of(imported: ImportedTake, path: Path, first: int, last: int) -> Case:
    """What Blender shows of a take from frame `first` to frame `last`, both included, for the file at `path`."""
    scene = bpy.context.scene
    frames = np.linspace(first, last, _TIMES).round().astype(int).tolist()
    fps = scene.render.fps / scene.render.fps_base
    found: dict[str, list[tuple[np.ndarray, bool, float]]] = {item.name: [] for item in imported.objects.values()}
    for frame in frames:
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for name, values in found.items():
            item = bpy.data.objects[name]
            hidden = item.hide_viewport
            mesh = item.evaluated_get(graph).data
            points = np.empty(len(mesh.vertices) * 3, np.float32)
            mesh.vertices.foreach_get("co", points)
            world = np.array(item.evaluated_get(graph).matrix_world)
            points = points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
            points = points[:, [0, 2, 1]] * [1, 1, -1]
            mesh.calc_loop_triangles()
            corners = np.empty(len(mesh.loop_triangles) * 3, np.int32)
            mesh.loop_triangles.foreach_get("vertices", corners)
            a, b, c = points[corners.reshape(-1, 3)].transpose(1, 0, 2)
            # A mirrored object shows its faces the other way round.
            volume = np.einsum("ij,ij->", a, np.cross(b, c)) * np.sign(np.linalg.det(world[:3, :3]))
            values.append((points, not hidden, float(volume)))
    bodies = {name: Reference(*map(np.array, zip(*values, strict=True))) for name, values in found.items()}
    colours = {}
    for item in imported.objects.values():
        for slot in item.material_slots:
            shader = next(node for node in slot.material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
            colours[slot.material.name] = list(shader.inputs["Base Color"].default_value[:3])
    return Case(path, [(frame - first) / fps for frame in frames], bodies, colours, None)
