"""Stanford PLY: binary, polygons as they are, contact as a property of each vertex."""

from __future__ import annotations

import numpy as np

from dice_core.geometry.mesh import Mesh

__all__ = ["PlyWriter"]

_VERTEX = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("contact", "<f4")])


class PlyWriter:
    """Makes little-endian PLY files of one mesh; all but the vertices is worked out once. Quads stay quads."""

    suffix = ".ply"

    def __init__(self, mesh: Mesh) -> None:
        corners, parts, start = mesh.face_corners.astype("<i4"), [], 0
        for size in mesh.face_sizes.tolist():
            parts += [bytes((size,)), corners[start : start + size].tobytes()]
            start += size
        self._faces = b"".join(parts)
        self._count = len(mesh.rest_vertices)
        vertex = "".join(f"property float {name}\n" for name in _VERTEX.names or ())
        self._header = (
            f"element vertex {self._count}\n{vertex}"
            f"element face {len(mesh.face_sizes)}\nproperty list uchar int vertex_indices\nend_header\n"
        )

    def encode(self, vertices: np.ndarray, contact: np.ndarray, title: str) -> bytes:
        """The file for one frame.

        vertices : (V, 3) as they shall stand in the file; contact : (V,) 0 to 1; title : what is said in a comment, one
        line.
        """
        rows = np.empty(self._count, _VERTEX)
        for axis, name in enumerate("xyz"):
            rows[name] = vertices[:, axis]
        rows["contact"] = contact
        head = f"ply\nformat binary_little_endian 1.0\ncomment {title}\n{self._header}"
        return head.encode("ascii") + rows.tobytes() + self._faces
