"""A character of boxes with a round head, whose every bone, vertex and key is known."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from dice_blender.scene.armature import add_armature_modifier, editing

__all__ = ["FINGERS", "make_character"]

FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
_KEYS = ("eyeBlink_L", "eyeBlink_R", "jawOpen", "mouthSmile_L")


def bones() -> dict[str, tuple[str, tuple[float, float, float], tuple[float, float, float]]]:
    """Name -> parent, head, tail, in metres, facing -y, arms hanging aside."""
    found = {
        "Hips": ("", (0, 0, 1.0), (0, 0, 1.1)),
        "Spine": ("Hips", (0, 0, 1.1), (0, 0, 1.45)),
        "Neck": ("Spine", (0, 0, 1.45), (0, -0.01, 1.55)),
        "Head": ("Neck", (0, -0.01, 1.55), (0, -0.01, 1.75)),
    }
    for side, x in (("Left", 1), ("Right", -1)):
        found[f"{side}Shoulder"] = ("Spine", (0.02 * x, 0, 1.42), (0.16 * x, 0, 1.42))
        found[f"{side}Arm"] = (f"{side}Shoulder", (0.16 * x, 0, 1.42), (0.34 * x, 0.02, 1.22))
        found[f"{side}ForeArm"] = (f"{side}Arm", (0.34 * x, 0.02, 1.22), (0.5 * x, -0.04, 1.02))
        found[f"{side}Hand"] = (f"{side}ForeArm", (0.5 * x, -0.04, 1.02), (0.54 * x, -0.06, 0.96))
        for k, finger in enumerate(FINGERS):
            start = np.array([0.54 * x, -0.09 + 0.022 * k, 0.95])
            if finger == "Thumb":
                start = np.array([0.5 * x, -0.09, 0.99])
            step = np.array([0.012 * x, -0.02 if finger == "Thumb" else -0.002, -0.025])
            above = f"{side}Hand"
            for n in (1, 2, 3):
                name = f"{side}Hand{finger}{n}"
                found[name] = (above, tuple(start + (n - 1) * step), tuple(start + n * step))
                above = name
    return found


def make_character(
    prefix: str = "", *, keys: bool = True, name: str = "Hero"
) -> tuple[bpy.types.Object, bpy.types.Object]:
    """The armature and the mesh, linked to the scene. prefix : of the bones' names; keys : with four expressions."""
    skeleton = bones()
    armature: Any = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    with editing(armature):
        for bone, (above, head, tail) in skeleton.items():
            edit = armature.data.edit_bones.new(prefix + bone)
            edit.head, edit.tail = Vector(head), Vector(tail)
            if above:
                edit.parent = armature.data.edit_bones[prefix + above]
                edit.use_connect = (edit.parent.tail - edit.head).length < 1e-6
    scene: Any = bpy.context.scene
    scene.collection.objects.link(armature)
    points, faces, weights = _boxes(skeleton)
    mesh = bpy.data.meshes.new(f"{name} Body")
    mesh.from_pydata(points.tolist(), [], faces)
    body = bpy.data.objects.new(f"{name} Body", mesh)
    scene.collection.objects.link(body)
    for bone, vertices in weights.items():
        body.vertex_groups.new(name=prefix + bone).add(vertices, 1.0, "REPLACE")
    body.parent = armature
    add_armature_modifier(body, armature)
    if keys:
        _add_keys(body, points, weights["Head"])
    bpy.context.view_layer.update()
    return armature, body


def _boxes(skeleton: dict) -> tuple[np.ndarray, list[list[int]], dict[str, list[int]]]:
    """A box along each bone, and for the head a sphere."""
    points: list[np.ndarray] = []
    faces: list[list[int]] = []
    weights: dict[str, list[int]] = {}
    for bone, (_, head, tail) in skeleton.items():
        start = sum(len(part) for part in points)
        if bone == "Head":
            own, polygons = _sphere(np.array([0, -0.02, 1.65]), 0.1)
        else:
            own, polygons = _box(np.array(head, float), np.array(tail, float))
        points.append(own)
        faces += [[start + v for v in face] for face in polygons]
        weights[bone] = list(range(start, start + len(own)))
    return np.concatenate(points), faces, weights


def _box(head: np.ndarray, tail: np.ndarray) -> tuple[np.ndarray, list[list[int]]]:
    along = tail - head
    side = np.cross(along, [0.3, 1.0, 0.2])
    side /= np.linalg.norm(side)
    other = np.cross(along, side) / np.linalg.norm(along)
    size = 0.2 * np.linalg.norm(along)
    corners = [
        head + a * along + size * (b * side + c * other)
        for a in (0.05, 0.95)
        for b, c in ((1, 1), (-1, 1), (-1, -1), (1, -1))
    ]
    quads = [[3, 2, 1, 0], [4, 5, 6, 7], *([k, (k + 1) % 4, 4 + (k + 1) % 4, 4 + k] for k in range(4))]
    return np.array(corners), quads


def _sphere(centre: np.ndarray, radius: float) -> tuple[np.ndarray, list[list[int]]]:
    rings, around = 8, 12
    points = []
    for r in range(1, rings):
        polar = np.pi * r / rings
        for k in range(around):
            turn = 2 * np.pi * k / around
            points.append([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)])
    points += [[0, 0, 1], [0, 0, -1]]
    top, bottom = len(points) - 2, len(points) - 1
    faces = []
    for r in range(rings - 2):
        for k in range(around):
            a, b = r * around + k, r * around + (k + 1) % around
            faces.append([a, a + around, b + around, b])
    faces += [[top, k, (k + 1) % around] for k in range(around)]
    last = (rings - 2) * around
    faces += [[bottom, last + (k + 1) % around, last + k] for k in range(around)]
    return centre + radius * np.array(points), faces


def _add_keys(body: bpy.types.Object, points: np.ndarray, head: list[int]) -> None:
    body.shape_key_add(name="Basis", from_mix=False)
    for number, name in enumerate(_KEYS):
        block = body.shape_key_add(name=name, from_mix=False)
        moved = points.copy()
        moved[head[number * 6 : number * 6 + 12], 1] -= 0.01
        block.points.foreach_set("co", moved.astype(np.float32).ravel())
