"""How far one take is from the truth: errors of the head and of every hand, frame by frame, as plain JSON values.

From the take and the truth alone. Lengths in millimetres, angles in degrees. What needs the same points on both bodies
uses the 468 landmarks and the 21 key points, or, where the head's polygons differ, the nearest surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from accuracy.gaze import gaze_angles
from dice_core.bodies import load_head
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles
from dice_core.geometry.rotations import rotation_matrices
from dice_core.geometry.signed_distance import PartsIndex
from dice_core.metrics.accuracy import CONTACT_THRESHOLD, ContactScore, mean_distance, procrustes
from dice_core.metrics.keypoints import Keypoints, landmark_error
from dice_core.take import Take
from dice_core.take.frames import Body, Frame, FrameReader

__all__ = ["item_figures", "surface_error"]

MATCHED = 0.5
"""Of the true hand's size in the picture: a hand whose key points are nearer than this on average is that hand."""

VISIBLE = 0.7
"""Share of key points in the picture from which a hand counts as there to be found."""

FURTHEST = 0.1
"""Metres from the head beyond which a hand's gap is not measured."""

SIDED = ("brow", "eye", "cheek", "jaw")
FACE_REGIONS = ("forehead", "nose", "lips", "chin", *(f"{name}.{side}" for name in SIDED for side in "LR"))
ALIGNING_STEPS = 5


@dataclass(frozen=True)
class _Pair:
    """A take and its truth, and their key points by mesh name."""

    take: Take
    truth: Take
    keypoints: dict[str, Keypoints]
    true_keypoints: dict[str, Keypoints]

    def same(self, name: str) -> bool:
        """Whether both have a mesh with the same polygons."""
        meshes = self.take.meshes
        return name in meshes and np.array_equal(meshes[name].face_corners, self.truth.meshes[name].face_corners)


def item_figures(take: Take, truth: Take) -> dict[str, Any]:
    """Errors of a take.

    Returns "frames": a row for each frame of the truth with "head" (None where the take has none), "hands" (a row for
    each true hand in the picture), "phantoms" (hands of the take where none is); and "identity", the mean distance of
    the face at rest from the true one beside that of the mean head, or None.
    """
    pair = _Pair(
        take,
        truth,
        {name: Keypoints(mesh) for name, mesh in take.meshes.items()},
        {name: Keypoints(mesh) for name, mesh in truth.meshes.items()},
    )
    found, true = FrameReader(take), FrameReader(truth)
    expressions = _expressions(take), _expressions(truth)
    rows, index = [], None
    for frame in true:
        other = found.read(frame.index) if frame.index in found else Frame(frame.index, {})
        if frame.hands:
            surface = frame.bodies["head"].surface
            # Refitting is faster than a new index; the mesh is the same in all frames.
            index = PartsIndex(surface, triangles(truth.meshes["head"])) if index is None else index.moved(surface)
        row = {"frame": frame.index, "head": _head_row(pair, other, frame), **_hand_rows(pair, other, frame, index)}
        if row["head"] is not None:
            row["head"]["expression"] = [values.get(frame.index) for values in expressions]
        rows.append(row)
    return {"frames": rows, "identity": _identity(pair)}


def _expressions(take: Take) -> dict[int, list[float]]:
    """Weights by frame; nothing where the take has none."""
    if not take.has("head.expression"):
        return {}
    values = take.array("head.expression")
    return {int(frame): np.round(row, 4).tolist() for frame, row in zip(take.frames, values, strict=True)}


def _head_row(pair: _Pair, found: Frame, true: Frame) -> dict[str, Any] | None:
    if "head" not in found.bodies:
        return None
    head, true_head = found.bodies["head"], true.bodies["head"]
    centre, true_centre = head.surface.mean(axis=0), true_head.surface.mean(axis=0)
    row: dict[str, Any] = {"turn": None, "gaze": None, "contact": None, "dent": None, "pve": None}
    if head.rotation is not None and true_head.rotation is not None:
        turn = rotation_matrices(head.rotation[0]) @ rotation_matrices(true_head.rotation[0]).T
        row["turn"] = _angle(turn)
    if pair.same("head"):
        row["pve_head"] = 1000 * mean_distance(head.surface - centre, true_head.surface - true_centre)
        names = [name for name in true.bodies if name in found.bodies and pair.same(name)]
        surfaces = [np.concatenate([frame.bodies[n].surface for n in names]) for frame in (found, true)]
        row["pve"] = 1000 * mean_distance(surfaces[0] - centre, surfaces[1] - true_centre)
        row["contact"] = _contact(head.contact, true_head.contact)
        row["gaze"] = [gaze_angles(body) for body in (head, true_head)]
        row["dent"] = [1000 * float(np.linalg.norm(b.deformation, axis=1).max()) for b in (head, true_head)]
    else:
        row["pve_head"] = 1000 * surface_error(pair.take, head.surface, pair.truth, true_head.surface)
    if true_head.landmarks is not None and head.landmarks is not None:
        true_points = pair.true_keypoints["head"].landmarks(true_head)
        if true_points is not None:
            row["detected"] = landmark_error(head.landmarks, true_points, pair.truth.camera)
    return row


def _hand_rows(pair: _Pair, found: Frame, true: Frame, index: PartsIndex | None) -> dict[str, Any]:
    """Rows of the true hands that can be seen, and the number of hands that are not there."""
    camera = pair.truth.camera
    there = {}
    for name, body in true.hands.items():
        points = pair.true_keypoints[name].joints(body)
        assert points is not None
        pixels = camera.project(points)
        inside = ((pixels >= 0) & (pixels < [camera.width, camera.height])).all(axis=1)
        there[name] = points, pixels, float(inside.mean())
    claims = []
    for name, body in found.hands.items():
        points = pair.keypoints[name].joints(body)
        if points is None or len(points) != 21:
            continue
        pixels = pair.take.camera.project(points)
        for true_name, (_, true_pixels, _) in there.items():
            size = float(np.ptp(true_pixels, axis=0).max())
            claims.append((float(np.linalg.norm(pixels - true_pixels, axis=1).mean()) / size, true_name, name))
    matched: dict[str, tuple[float, str]] = {}
    for error, true_name, name in sorted(claims):
        if error < MATCHED and true_name not in matched and name not in {other for _, other in matched.values()}:
            matched[true_name] = error, name
    rows = []
    for name, (points, _, share) in there.items():
        if share >= VISIBLE:
            assert index is not None
            rows.append(_hand_row(pair, found, true, name, points, matched.get(name), index))
    return {"hands": rows, "phantoms": len(found.hands) - len(matched)}


def _hand_row(
    pair: _Pair,
    found: Frame,
    true: Frame,
    name: str,
    points: np.ndarray,
    match: tuple[float, str] | None,
    index: PartsIndex,
) -> dict[str, Any]:
    body = true.bodies[name]
    gap = -float(index.query(body.surface, FURTHEST).distance.max())
    row: dict[str, Any] = {
        "hand": name,
        "found": match is not None,
        "gap": 1000 * gap,
        "touches": _touches(body),
        "called": False,
        "contact": _contact(np.zeros_like(body.contact), body.contact),
    }
    if match is None:
        return row
    row["pixels"], other = 100 * match[0], match[1]
    seen = found.bodies[other]
    row["wrong_side"], row["called"] = other != name, _touches(seen)
    if len(seen.contact) == len(body.contact):
        row["contact"] = _contact(seen.contact, body.contact)
    joints = pair.keypoints[other].joints(seen)
    assert joints is not None
    row["pa_mpjpe"] = 1000 * mean_distance(procrustes(joints, points), points)
    if "head" in found.bodies:
        centres = [frame.bodies["head"].surface.mean(axis=0) for frame in (found, true)]
        row["mpjpe"] = 1000 * mean_distance(joints - centres[0], points - centres[1])
        depth = joints[:, 2].mean() - centres[0][2], points[:, 2].mean() - centres[1][2]
        row["depth"] = 1000 * float(depth[0] - depth[1])
    return row


def _touches(body: Body) -> bool:
    return bool((body.contact > CONTACT_THRESHOLD).any())


def _contact(found: np.ndarray, true: np.ndarray) -> list[int]:
    """Hits, false alarms, misses and agreements, to be added up."""
    score = ContactScore()
    score.add(found, true)
    return [score.hits, score.false_alarms, score.misses, score.agreed_free]


def _angle(rotation: np.ndarray) -> float:
    """Degrees of a rotation (3, 3)."""
    sine = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    return float(np.degrees(np.arctan2(np.linalg.norm(sine), np.trace(rotation) - 1)))


def surface_error(take: Take, surface: np.ndarray, truth: Take, true_surface: np.ndarray) -> float:
    """Mean distance, metres, from the true face's vertices to the nearest point of a head of any topology.

    surface, true_surface : (V, 3) and (W, 3) of the two takes' heads. The head is first moved, not turned, to where
    the distances cancel out.
    """
    face = true_surface[truth.meshes["head"].region_vertices(*FACE_REGIONS)].astype(np.float64)
    faces = triangles(take.meshes["head"])
    index = SurfaceIndex(surface.astype(np.float64), faces)
    shift = surface.mean(axis=0) - true_surface.mean(axis=0)
    for _ in range(ALIGNING_STEPS):
        shift = shift + (index.query(face + shift).points(surface, faces) - face - shift).mean(axis=0)
    return float(np.abs(index.query(face + shift).distance).mean())


def _identity(pair: _Pair) -> list[float] | None:
    """Distance of the resting face from the true one, and that of the mean head's."""
    if "head" not in pair.take.meshes or not pair.same("head"):
        return None
    face = pair.truth.meshes["head"].region_vertices(*FACE_REGIONS)
    faces = [
        mesh.rest_vertices[face]
        for mesh in (pair.take.meshes["head"], pair.truth.meshes["head"], load_head().mesh)
        if len(mesh.rest_vertices) == len(face)
    ]
    found, true, mean = (points - points.mean(axis=0) for points in faces)
    return [1000 * mean_distance(found, true), 1000 * mean_distance(mean, true)]
