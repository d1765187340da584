"""Wavefront OBJ: text, polygons as they are, texture coordinates."""

from __future__ import annotations

import numpy as np

from dice_core.geometry.mesh import Mesh

__all__ = ["ObjWriter"]

_DECIMALS = 7
"""Digits after the point: 0.1 micrometres in metres, a tenth of the step in which takes store vertices."""


class ObjWriter:
    """Makes OBJ files of one mesh; all but the vertices is worked out once.

    Quads stay quads, each corner has its own texture coordinate (v up, from 0 to 1, as in the take), and the surface is
    marked as smooth.
    """

    suffix = ".obj"

    def __init__(self, mesh: Mesh) -> None:
        self._name = mesh.name
        self._vertices = f"v %.{_DECIMALS}f %.{_DECIMALS}f %.{_DECIMALS}f\n" * len(mesh.rest_vertices)
        coordinates, place = np.unique(mesh.uv, axis=0, return_inverse=True)
        pairs = np.stack([mesh.face_corners, place.reshape(-1)], axis=1) + 1
        texts = [f"{vertex}/{coordinate}" for vertex, coordinate in pairs.tolist()]
        ends = np.cumsum(mesh.face_sizes).tolist()
        faces = [" ".join(texts[end - size : end]) for end, size in zip(ends, mesh.face_sizes.tolist(), strict=True)]
        lines = [*(f"vt {u:.6f} {v:.6f}" for u, v in coordinates.tolist()), "s 1", *(f"f {face}" for face in faces)]
        self._rest = "\n".join(lines) + "\n"

    def encode(self, vertices: np.ndarray, contact: np.ndarray, title: str) -> bytes:
        """The file for one frame.

        vertices : (V, 3) as they shall stand in the file; contact : (V,), which OBJ has no place for; title : what is
        said in a comment, one line.
        """
        text = self._vertices % tuple(vertices.reshape(-1).tolist())
        return f"# {title}\no {self._name}\n{text}{self._rest}".encode("ascii")
