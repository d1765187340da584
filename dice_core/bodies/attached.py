"""What the bodies show beside their skin: the packaged teeth, lashes and irises, and lids on neck and wrist."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dice_core.geometry.mesh import Attachment, Mesh, triangle_edges, triangles

__all__ = ["cap", "head_parts", "merged"]

# Sizes are set by hand, by the look of the lids.
_RIM, _RISE = 0.16, 0.10
"""Shares of an opening's radius: how far its lid is rounded off at the rim, and how far it stands out in the middle."""
_CAP = "cap"


def cap(mesh: Mesh, layout: str) -> Attachment:
    """A lid on the one opening of a body, whose rim is joined to the skin.

    layout : what the body's UVs are laid out as. The lid's UVs are those of the rim. Its points move with the rim's.
    """
    rim = _opening(triangles(mesh))
    count, vertices = len(rim), mesh.rest_vertices.astype(np.float64)
    middle = vertices[rim].mean(axis=0)
    normal = np.linalg.svd(vertices[rim] - middle)[2][2]
    normal *= np.sign(normal @ (middle - vertices.mean(axis=0)))
    radius = float(np.linalg.norm(vertices[rim] - middle, axis=1).mean())
    ring = np.eye(count) * (1 - _RIM) + _RIM / count
    shares = np.concatenate([ring, np.full((1, count), 1 / count)])
    lift = np.array([*[0.5 * _RISE] * count, _RISE])[:, None] * radius * normal
    own = len(vertices) + np.arange(count)
    following = np.roll(np.arange(count), -1)
    quads = np.stack([rim, rim[following], own[following], own], axis=1)
    fans = np.stack([own, own[following], np.full(count, len(vertices) + count)], axis=1)
    corner = np.zeros(len(vertices), np.int64)
    corner[mesh.face_corners] = np.arange(len(mesh.face_corners))  # of several the last
    uv = mesh.uv[corner[rim]].astype(np.float32)
    weights = np.zeros((count, len(mesh.joints)))
    np.add.at(weights, (np.arange(count)[:, None], mesh.skin_joints[rim]), mesh.skin_weights[rim])
    weights = shares @ weights
    columns = mesh.skin_joints.shape[1]
    strongest = np.argsort(-weights, axis=1, kind="stable")[:, :columns]
    kept = np.take_along_axis(weights, strongest, axis=1)
    deltas = mesh.shape_key_deltas
    carried = np.einsum("ar,src->sac", shares, deltas[:, rim].astype(np.float64)) if len(deltas) else None
    return Attachment(
        rest_vertices=(shares @ vertices[rim] + lift).astype(np.float32),
        face_corners=np.concatenate([quads.ravel(), fans.ravel()]).astype(np.int32),
        face_sizes=np.repeat([4, 3], count).astype(np.int32),
        uv=np.concatenate([uv[_corners(count, 4)], uv[_corners(count, 3)]]).astype(np.float32),
        region=np.zeros(count + 1, np.uint8),
        region_names=(_CAP,),
        skin_joints=strongest.astype(np.int32),
        skin_weights=(kept / kept.sum(axis=1, keepdims=True)).astype(np.float32),
        shape_key_deltas=np.zeros((0, count + 1, 3), np.float16) if carried is None else carried.astype(np.float16),
        followed=np.append(rim, rim[0])[:, None].astype(np.int32),
        followed_weights=np.append(np.full(count, 1 - _RIM), 0.0)[:, None].astype(np.float32),
        layout=layout,
    )


def head_parts(asset: dict[str, np.ndarray], rest: np.ndarray, joints: int, vertices: int, layout: str) -> Attachment:
    """Teeth, lashes and irises of one person.

    asset : arrays of head_attached.npz; rest : (A, 3) metres; joints : columns of the head's skin weights;
    vertices : of the head.
    """
    count = len(rest)
    skin_joints, skin_weights = np.zeros((count, joints), np.int32), np.zeros((count, joints), np.float32)
    skin_joints[:, 0], skin_weights[:, 0] = asset["joint"], 1.0
    return Attachment(
        rest_vertices=rest.astype(np.float32),
        face_corners=asset["face_corners"].astype(np.int32) + vertices,
        face_sizes=asset["face_sizes"].astype(np.int32),
        uv=asset["uv"],
        region=asset["region"],
        region_names=tuple(str(name) for name in asset["region_names"]),
        skin_joints=skin_joints,
        skin_weights=skin_weights,
        shape_key_deltas=asset["expressions"],
        followed=asset["followed"].astype(np.int32),
        followed_weights=asset["followed_weights"],
        layout=layout,
    )


def merged(one: Attachment, other: Attachment, vertices: int) -> Attachment:
    """Two attachments of one body as one; vertices : of the body's skin. Both follow as many vertices and joints."""
    corners = other.face_corners
    names = (*one.region_names, *other.region_names)

    def both(name: str, axis: int = 0) -> np.ndarray:
        return np.concatenate([getattr(one, name), getattr(other, name)], axis=axis)

    return replace(
        one,
        rest_vertices=both("rest_vertices"),
        face_corners=np.concatenate(
            [one.face_corners, np.where(corners < vertices, corners, corners + len(one.rest_vertices))]
        ).astype(np.int32),
        face_sizes=both("face_sizes"),
        uv=both("uv"),
        region=np.concatenate([one.region, other.region + len(one.region_names)]).astype(np.uint8),
        region_names=names,
        skin_joints=both("skin_joints"),
        skin_weights=both("skin_weights"),
        shape_key_deltas=both("shape_key_deltas", axis=1),
        followed=both("followed"),
        followed_weights=both("followed_weights"),
    )


def _corners(count: int, size: int) -> np.ndarray:
    """Of a lid's polygons, the rim vertex whose UV each corner has: so the skin's colour runs on to the middle."""
    here, following = np.arange(count), np.roll(np.arange(count), -1)
    columns = [here, following, following, here] if size == 4 else [here, following, here]
    return np.stack(columns, axis=1).ravel()


def _opening(faces: np.ndarray) -> np.ndarray:
    """Vertices around the longest boundary of triangles, in the order that closes it with outward polygons."""
    edges = triangle_edges(faces)
    key = edges.min(axis=1) * (np.int64(faces.max()) + 1) + edges.max(axis=1)
    _, first, times = np.unique(key, return_index=True, return_counts=True)
    alone = edges[np.sort(first[times == 1])]
    following = {int(b): int(a) for a, b in alone}  # against the skin's own direction
    loops = []
    while following:
        start, loop = next(iter(following)), []
        vertex = start
        while vertex in following:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(loop)
    return np.array(max(loops, key=len))
