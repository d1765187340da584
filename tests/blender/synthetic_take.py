"""A take with known contents: a round head and a five-fingered hand that comes in, presses a cheek and leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh, skin
from dice_core.geometry.rotations import rotation_matrices
from dice_core.take import Source, Take, TakeWriter, TouchEvent, open_take

HEAD_REGIONS = ("scalp", "cheek.L", "cheek.R", "chin", "nose")
HAND_REGIONS = ("palm", "back", "index", "thumb", "middle", "ring", "little")
EXPRESSIONS = ("jawOpen", "mouthSmileLeft", "browInnerUp")
UNSURE_FRAMES = 3
"""Frames from the hand's coming in which it is unsure."""
FINGERS = ("thumb", "index", "middle", "ring", "little")


@dataclass(frozen=True)
class Recipe:
    """What a synthetic take looks like. Frames in [absent_from, absent_to) and before `enters` show no hand."""

    frames: int = 30
    rings: int = 24
    fps: float = 29.97
    first_frame: int = 0
    width: int = 640
    height: int = 480
    enters: int = 4
    absent_from: int = 18
    absent_to: int = 21
    rigged: bool = True
    two_hands: bool = False
    principal_point: tuple[float, float] = (331.0, 227.5)


def write_synthetic_take(folder: Path, recipe: Recipe = Recipe(), footage: str = "nowhere.mp4") -> Take:
    """Write the take of a recipe into `folder` and open it."""
    camera = Camera(700.0, 700.0, *recipe.principal_point, recipe.width, recipe.height)
    source = Source(
        path=footage,
        kind="sequence" if not footage.endswith(".mp4") else "video",
        width=recipe.width,
        height=recipe.height,
        fps=recipe.fps,
        first_frame=0,
        frame_count=recipe.first_frame + recipe.frames,
        sha256="0" * 64,
    )
    writer = TakeWriter(folder, source, {"name": "open", "settings": {}, "models": {}})
    writer.set_camera(camera)
    head, hand = head_mesh(recipe.rings), hand_mesh(recipe.rings)
    if not recipe.rigged:
        head, hand = _without_rig(head), _without_rig(hand)
    writer.add_mesh(head)
    writer.add_mesh(hand)
    arrays = _frames(recipe, head_mesh(recipe.rings), hand_mesh(recipe.rings))
    if recipe.two_hands:
        # The same hand once more, a metre to the side: what matters here is that it is another one.
        writer.add_mesh(replace(hand, name="hand_left"))
        arrays |= {key.replace("right", "left"): value.copy() for key, value in arrays.items() if "right" in key}
        for key in ("hand_left.vertices", "hand_left.translation"):
            arrays[key][..., 0] += 1.0
    if not recipe.rigged:
        arrays = {key: a for key, a in arrays.items() if not key.endswith(("rotation", "translation", "expression"))}
    half = recipe.frames // 2
    for part in (slice(0, half), slice(half, None)):
        if len(arrays["frame"][part]):
            writer.write_chunk({key: value[part] for key, value in arrays.items()})
    touching = np.flatnonzero(arrays["hand_right.contact"].max(axis=1) > 0)
    if len(touching):
        frames = arrays["frame"][touching]
        writer.set_events([TouchEvent("head", "cheek.R", "hand_right", int(frames[0]), int(frames[-1]), 3.0)])
    writer.finish(complete=True)
    return open_take(folder)


def head_mesh(rings: int) -> Mesh:
    """An egg of 2 * rings * rings vertices, about as large as a head, that looks towards -z."""
    rows, columns = rings, 2 * rings
    polar = np.linspace(0.12, np.pi - 0.12, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    unit = np.stack(
        [np.sin(polar) * np.sin(around), -np.cos(polar) + 0 * around, -np.sin(polar) * np.cos(around)], axis=-1
    ).reshape(-1, 3)
    rest = unit * [0.075, 0.115, 0.095]
    nose = np.exp(-((rest[:, 0] / 0.012) ** 2) - ((rest[:, 1] / 0.02) ** 2)) * (rest[:, 2] < 0)
    rest[:, 2] -= 0.02 * nose
    corners, sizes, uv = _grid(rows, columns)
    region = np.zeros(len(rest), np.uint8)
    front = rest[:, 2] < -0.02
    low = (rest[:, 1] > 0.0) & (rest[:, 1] < 0.06)
    region[front & low & (rest[:, 0] > 0.02)] = 1
    region[front & low & (rest[:, 0] < -0.02)] = 2
    region[front & (rest[:, 1] >= 0.06)] = 3
    region[nose > 0.3] = 4
    jaw = np.clip((rest[:, 1] - 0.02) / 0.08, 0, 1)[:, None] * np.where(front, 1.0, 0.2)[:, None]
    smile = np.exp(-(np.sum((rest - [0.03, 0.05, -0.07]) ** 2, axis=1) / 0.02**2))[:, None]
    brow = np.exp(-(np.sum((rest - [0.0, -0.05, -0.08]) ** 2, axis=1) / 0.03**2))[:, None]
    deltas = np.stack([jaw * [0, 0.02, 0.005], smile * [0.008, -0.01, 0.002], brow * [0, -0.008, 0]])
    return Mesh(
        name="head",
        rest_vertices=rest.astype(np.float32),
        face_corners=corners,
        face_sizes=sizes,
        uv=uv,
        region=region,
        region_names=HEAD_REGIONS,
        joints=np.array([[0, 0.08, 0.03], [0, 0.03, -0.02]], np.float32),
        parents=np.array([-1, 0], np.int32),
        joint_names=("head", "jaw"),
        skin_joints=np.zeros((len(rest), 1), np.int32),
        skin_weights=np.ones((len(rest), 1), np.float32),
        shape_key_names=EXPRESSIONS,
        shape_key_deltas=deltas.astype(np.float16),
    )


def hand_mesh(rings: int) -> Mesh:
    """A right hand of five tubes on a palm, wrist at the origin, fingers up (-y), palm towards the camera (-z)."""
    joints, parents, names = [np.zeros(3)], [-1], ["wrist"]
    parts, regions, skin_joints, skin_weights = [], [], [], []
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = np.stack([np.cos(around), 0 * around, np.sin(around)], axis=1)
    faces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def tube(base: np.ndarray, tip: np.ndarray, radii: np.ndarray, chain: list[int], region: int) -> None:
        along = np.linspace(0, 1, rings)
        points = base + along[:, None, None] * (tip - base) + circle[None] * radii
        offset = sum(len(p) for p in parts)
        corners, sizes, uv = _grid(rings, len(around))
        faces.append((corners + offset, sizes, uv))
        flat = points.reshape(-1, 3)
        parts.append(flat)
        back = flat[:, 2] > base[2] + 0.4 * radii[2]
        regions.append(np.where(back & (region == 0), 1, region))
        position = np.repeat(along * len(chain), len(around)) - 0.5
        low = np.clip(np.floor(position), 0, len(chain) - 1).astype(int)
        high = np.clip(low + 1, 0, len(chain) - 1)
        share = np.clip(position - low, 0, 1)
        skin_joints.append(np.array(chain)[np.stack([low, high], axis=1)])
        skin_weights.append(np.stack([1 - share, share], axis=1))

    tube(np.zeros(3), np.array([0, -0.085, 0]), np.array([0.04, 0, 0.014]), [0], 0)
    for index, finger in enumerate(FINGERS):
        base = np.array([-0.045, -0.03, 0]) if index == 0 else np.array([-0.03 + 0.02 * (index - 1), -0.09, 0])
        direction = np.array([-0.6, -0.8, 0]) if index == 0 else np.array([0.06 * (index - 2), -1.0, 0])
        chain = []
        for segment in range(3):
            chain.append(len(joints))
            parents.append(0 if segment == 0 else len(joints) - 1)
            names.append(f"{finger}-{segment + 1}")
            joints.append(base + direction * 0.026 * segment)
        tube(base, base + direction * 0.078, np.array([0.008, 0, 0.008]), chain, HAND_REGIONS.index(finger))
    rest = np.concatenate(parts)
    return Mesh(
        name="hand_right",
        rest_vertices=rest.astype(np.float32),
        face_corners=np.concatenate([f[0] for f in faces]).astype(np.int32),
        face_sizes=np.concatenate([f[1] for f in faces]),
        uv=np.concatenate([f[2] for f in faces]),
        region=np.concatenate(regions).astype(np.uint8),
        region_names=HAND_REGIONS,
        joints=np.array(joints, np.float32),
        parents=np.array(parents, np.int32),
        joint_names=tuple(names),
        skin_joints=np.concatenate(skin_joints).astype(np.int32),
        skin_weights=np.concatenate(skin_weights).astype(np.float32),
    )


def _frames(recipe: Recipe, head: Mesh, hand: Mesh) -> dict[str, np.ndarray]:
    count = recipe.frames
    phase = np.linspace(0, 1, max(count, 2))[:count]
    rest = head.rest_vertices
    out: dict[str, list[np.ndarray]] = {}
    for index, p in enumerate(phase):
        expression = np.array([0.5 - 0.5 * np.cos(2 * np.pi * p), p, 0.3 * np.sin(9 * p) ** 2], np.float32)
        turn = np.zeros((2, 3), np.float32)
        turn[0] = [0.1 * np.sin(5 * p), 0.35 * np.sin(2 * np.pi * p), 0.08 * np.cos(4 * p)]
        shift = np.array([0.02 * np.sin(6 * p), 0.01 * p, 0.6 + 0.02 * p], np.float32)
        shaped = rest + np.einsum("e,evi->vi", expression, head.shape_key_deltas.astype(np.float32))
        press = max(0.0, float(np.sin(np.pi * p)) - 0.3)
        spot = np.array([-0.045, 0.03 + 0.03 * p, -0.06])
        contact = np.exp(-np.sum((rest - spot) ** 2, axis=1) / 0.015**2) * min(1.0, 3 * press)
        contact[contact < 0.02] = 0
        depth = contact * 0.008 * press
        deformation = depth[:, None] * (rotation_matrices(turn[0]) @ np.array([0.5, 0.0, 0.86]))
        _put(
            out,
            "head",
            vertices=skin(head, shaped, turn, shift),
            deformation=deformation,
            contact=contact,
            rotation=turn,
            translation=shift,
        )
        out.setdefault("head.expression", []).append(expression)
        bend = np.zeros((len(hand.joints), 3), np.float32)
        bend[0] = [0.2 * np.sin(3 * p), 0.4 * p, 0.6 - 0.9 * p]
        for finger in range(5):
            curl = (0.5 + 0.1 * finger) * np.sin(np.pi * p)
            bend[1 + 3 * finger : 4 + 3 * finger, 0] = curl * np.array([1, 1.2, 0.7])
        place = np.array([-0.12 + 0.05 * np.sin(np.pi * p), 0.1 - 0.02 * p, 0.52], np.float32)
        tips = (hand.rest_vertices[:, 1] < -0.15).astype(np.float64)
        hand_contact = tips * min(1.0, 3 * press)
        squash = tips[:, None] * np.array([0, 0, -0.001]) * press
        _put(
            out,
            "hand_right",
            vertices=skin(hand, hand.rest_vertices, bend, place),
            deformation=squash,
            contact=hand_contact,
            rotation=bend,
            translation=place,
        )
        seen = index >= recipe.enters and not recipe.absent_from <= index < recipe.absent_to
        out.setdefault("tracked_head", []).append(np.uint8(1))
        out.setdefault("tracked_hand_right", []).append(np.uint8(seen))
        if not seen:
            for key in ("vertices", "deformation", "contact", "rotation", "translation"):
                out[f"hand_right.{key}"][-1] = np.zeros_like(out[f"hand_right.{key}"][-1])
    arrays = {key: np.array(value) for key, value in out.items()}
    for mesh, landmarks in (("head", 468), ("hand_right", 21)):
        arrays[f"landmarks_{mesh}"] = np.zeros((count, landmarks, 2), np.float32)
        arrays[f"confidence_{mesh}"] = np.ones(count, np.float32)
    there = arrays["tracked_hand_right"] > 0
    arrays["reliability_hand_right"] = np.where(there, 0.7, -1).astype(np.float32)
    arrays["reliability_hand_right"][np.flatnonzero(there)[:UNSURE_FRAMES]] = 0.1
    arrays["frame"] = np.arange(count, dtype=np.int32) + recipe.first_frame
    return arrays


def _put(out: dict[str, list[np.ndarray]], mesh: str, **values: np.ndarray) -> None:
    """Append one frame of a mesh."""
    for key, value in values.items():
        out.setdefault(f"{mesh}.{key}", []).append(np.asarray(value, np.float32))


def _grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads of a tube of rows x columns vertices: corners, sizes, UVs; outside is where the ring runs clockwise."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    row, column = row.ravel(), column.ravel()
    right = (column + 1) % columns
    corners = np.stack(
        [row * columns + column, row * columns + right, (row + 1) * columns + right, (row + 1) * columns + column], 1
    )
    u = np.stack([column, column + 1, column + 1, column], 1) / columns
    v = np.stack([row, row, row + 1, row + 1], 1) / (rows - 1)
    uv = np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32)
    return corners.ravel().astype(np.int32), np.full(len(corners), 4, np.int32), uv


def _without_rig(mesh: Mesh) -> Mesh:
    return Mesh(
        mesh.name,
        mesh.rest_vertices,
        mesh.face_corners,
        mesh.face_sizes,
        mesh.uv,
        mesh.region,
        mesh.region_names,
    )
