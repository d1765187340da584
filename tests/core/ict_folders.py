"""Folders in the layout of ICT-FaceKit: one made from the packaged head, and one from a file with the real model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dice_core.bodies import Head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.geometry.mesh import Attachment
from dice_core.head_import import ict_layout as layout

OWN_ZERO = ("tongueOut",)
_TO_ICT = layout.TO_OURS / layout.UNIT


def write_own_head(folder: Path, head: Head) -> np.ndarray:
    """The packaged head as a folder of ICT-FaceKit: its vertices where ICT has the same part, the others unused.

    Returns (V,) where each vertex of ours is among ICT's.
    """
    mesh, part = head.mesh, head.mesh.attached
    assert part is not None
    place = np.full(len(mesh.rest_vertices), -1)
    ranges = [(mesh.region_vertices("mouth_inner"), layout.MOUTH_SOCKET), (mesh.region_vertices("tongue"), layout.GUMS)]
    for side in "LR":
        ranges.append((mesh.region_vertices(f"eyeball.{side}"), layout.EYEBALLS[side]))
        socket = head.socket_vertices & mesh.region_vertices(f"eye.{side}")
        socket[np.flatnonzero(socket)[layout.EYE_SOCKETS[side].stop - layout.EYE_SOCKETS[side].start :]] = False
        ranges.append((socket, layout.EYE_SOCKETS[side]))
    for chosen, where in ranges:
        rows = np.flatnonzero(chosen)
        place[rows] = where.start + np.arange(len(rows))
    rows = np.flatnonzero(place < 0)
    place[rows] = np.arange(len(rows))
    corners, sizes, moved = [place[mesh.face_corners]], [mesh.face_sizes], [place]
    teeth = np.full(len(part.rest_vertices), -1)
    for name, where in (("teeth_upper", layout.UPPER_TEETH), ("teeth_lower", layout.LOWER_TEETH)):
        own = np.flatnonzero(part.region == part.region_names.index(name))
        teeth[own] = where.start + np.arange(len(own))
    tooth_corners, tooth_sizes = _faces(part, teeth, len(mesh.rest_vertices))
    corners.append(tooth_corners)
    sizes.append(tooth_sizes)
    moved.append(teeth[teeth >= 0])

    def spread(of_head: np.ndarray, of_parts: np.ndarray) -> np.ndarray:
        values = np.full((layout.VERTEX_COUNT, 3), np.nan)
        values[np.concatenate(moved)] = np.concatenate([of_head, of_parts[teeth >= 0]]) @ _TO_ICT
        for _, where in ranges:  # unused vertices lie on used ones of their part
            part = values[where]
            used = part[np.isfinite(part[:, 0])]
            values[where] = np.resize(used, part.shape)
        return np.nan_to_num(values)

    assert head.parts
    neutral = spread(mesh.rest_vertices, part.rest_vertices[: len(teeth)])
    modes = [
        spread(one, np.concatenate([other, np.zeros((len(teeth) - len(other), 3))]))
        for one, other in zip(head.shape_basis, head.parts["shape_basis"].astype(float), strict=True)
    ]
    keys = {
        name: spread(head.expressions[k], part.shape_key_deltas[k].astype(float))
        for k, name in enumerate(EXPRESSION_NAMES)
        if name not in OWN_ZERO
    }
    write_folder(folder, neutral, np.concatenate(corners), np.concatenate(sizes), modes, keys)
    return place


def _faces(part: Attachment, number: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Polygons of an attachment whose corners all have a new number; first : the number of its first vertex."""
    starts = np.cumsum(part.face_sizes) - part.face_sizes
    corners = part.face_corners - first
    new = np.where(corners >= 0, number[np.maximum(corners, 0)], -1)
    kept = np.minimum.reduceat(new, starts) >= 0
    return new[np.repeat(kept, part.face_sizes)], part.face_sizes[kept]


def write_packed_model(folder: Path, file: Path) -> None:
    """A real model from an .npz with vertices, polygons, 57 expressions and some of the identity modes, in metres."""
    with np.load(file, allow_pickle=False) as archive:
        data = {name: archive[name] for name in archive.files}
    scale = 1 / layout.UNIT
    deltas = dict(zip(data["expression_names"].tolist(), data["expression_deltas"].astype(float) * scale, strict=True))
    keys = {name: sum(deltas[file.removesuffix(".obj")] for file in files)
            for name, files in layout.expression_files().items() if files}  # fmt: skip
    modes = list(data["identity_deltas"].astype(float) * scale)
    write_folder(folder, data["vertices"] * scale, data["face_corners"], data["face_sizes"], modes, keys)


def write_folder(
    folder: Path,
    neutral: np.ndarray,
    corners: np.ndarray,
    sizes: np.ndarray,
    modes: list[np.ndarray],
    keys: dict[str, np.ndarray],
) -> None:
    """OBJ files in ICT's units and axes. modes, keys : displacements (26719, 3); modes that are missing are still."""
    folder.mkdir(parents=True)
    starts = np.cumsum(sizes) - sizes
    faces = "".join(
        "f " + " ".join(f"{corner + 1}/1" for corner in corners[start : start + size]) + "\n"
        for start, size in zip(starts, sizes, strict=True)
    )
    still = _vertices(neutral)
    (folder / layout.NEUTRAL).write_text(f"# a head\nmtllib none.mtl\n{still}vt 0.25 0.75\n{faces}")
    for number in range(layout.IDENTITY_COUNT):
        text = _vertices(neutral + modes[number]) if number < len(modes) else still
        (folder / layout.identity_file(number)).write_text(text)
    for name, files in layout.expression_files().items():
        for k, file in enumerate(files):  # all of an expression in two halves is in the first
            (folder / file).write_text(still if k else _vertices(neutral + keys[name]))


def _vertices(points: np.ndarray) -> str:
    return ("v %.5f %.5f %.5f\n" * len(points)) % tuple(points.ravel().tolist())
