"""From the model's files to the arrays that captures use: the model as it is shown, and its proxy of our topology."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dice_core.bodies import Head, load_head
from dice_core.bodies.head_model import FORMAT, VERSION
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.geometry.mesh import triangles_of, vertex_normals
from dice_core.head_import import ict_layout as layout
from dice_core.head_import.attached import attached_parts
from dice_core.head_import.correspondence import Correspondence, find_correspondence
from dice_core.head_import.displacements import EyeTurns, without_rigid_and_size
from dice_core.head_import.ict_folder import IctModel
from dice_core.transfer.surface_points import closest_facing

__all__ = ["bake"]

NOISE_FLOOR = 2e-5
"""Metres: smaller displacements of an expression are rounding of its file, as for the packaged head."""

FRONT = 0.3
"""Least cosine between an eyeball's front and the vertices whose sphere the lids lie on."""

NECK_SHARE = 0.01
"""Skin weight of the neck from which a vertex is the neck's."""

GAIN_RANGE = (0.15, 1.5)
"""What a full expression of ours may amount to in the model's, whose sneers move six times as far. Set by hand."""

ABSOLUTE = ("eyeBlink", "eyeLook")
"""Expressions whose full strength means the same on any head: lids that are shut, eyes that look aside."""

_SIDES = ("L", "R")


def bake(model: IctModel, should_stop: Callable[[], None]) -> dict[str, np.ndarray]:
    """All arrays of an installed head, by their names in its file; see `dice_core.bodies.head_model`.

    should_stop : called now and then; raises to stop. Raises InputError where no face is found on the model.
    """
    found, head = find_correspondence(model, should_stop), load_head()
    identity = model.identity @ found.rotation.astype(np.float32)
    identity = without_rigid_and_size(
        identity, found.model, (found.ours, found.on_model.of_each(identity), _deciding(head))
    )
    expressions = model.expressions @ found.rotation.astype(np.float32)
    expressions[np.linalg.norm(expressions, axis=2) < NOISE_FLOOR] = 0
    turns = EyeTurns.of(head, {side: _front_sphere(found.model[own]) for side, own in layout.EYEBALLS.items()})
    for side, own in layout.EYEBALLS.items():
        expressions[:, own] = turns.displacements(side, found.model[own])
    proxy = _proxy(found, head, turns, identity, expressions)
    shown = _shown(model, found, head, proxy, identity, expressions)
    parts = attached_parts(model, found, turns, identity, expressions, proxy)
    arrays = {f"proxy.{name}": values for name, values in proxy.items()}
    arrays |= {f"shown.{name}": values for name, values in shown.items()}
    arrays |= {f"parts.{name}": values for name, values in parts.items()}
    arrays["expression_gain"] = _gains(head, proxy["expressions"])
    return {"format": np.array(FORMAT), "version": np.array(VERSION, np.int32)} | arrays


def _deciding(head: Head) -> np.ndarray:
    """(V,) how much each of our vertices counts for where a head is and how large: all the same but for the neck, as
    when the packaged head's own shapes were made. There are most in the face, whose size tells the distance."""
    neck = head.mesh.joint_names.index("neck")
    of_neck = (head.mesh.skin_weights * (head.mesh.skin_joints == neck)).sum(axis=1)
    return ((of_neck < NECK_SHARE) & ~head.rigid_vertices).astype(float)


def _front_sphere(ball: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of the front of an eyeball (n, 3), without what a cornea stands out."""
    middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
    offset = ball - middle
    length = np.linalg.norm(offset, axis=1)
    forward = -offset[:, 2] / length
    beside_cornea = (forward > FRONT) & (forward < np.cos(np.radians(35.0)))
    return middle, float(np.median(length[beside_cornea]))


def _proxy(
    found: Correspondence, head: Head, turns: EyeTurns, identity: np.ndarray, expressions: np.ndarray
) -> dict[str, np.ndarray]:
    """Our topology in the model's shape."""
    rest, places = found.ours.copy(), found.on_model
    own_identity, own_expressions = places.of_each(identity), places.of_each(expressions)
    joints = head.mesh.joints * _size(found, head)
    joint_identity = np.zeros((len(identity), len(joints), 3))
    for side in _SIDES:
        ball = head.mesh.region_vertices(f"eyeball.{side}")
        centre, radius = turns.spheres[side]
        offset = head.mesh.rest_vertices[ball].astype(np.float64)
        offset -= (offset.min(axis=0) + offset.max(axis=0)) / 2
        rest[ball] = centre + offset * radius / np.linalg.norm(offset, axis=1).mean()
        moved = identity[:, layout.EYEBALLS[side]].mean(axis=1)
        own_identity[:, ball] = moved[:, None]
        own_expressions[:, ball] = turns.displacements(side, rest[ball])
        eye = head.mesh.joint_names.index(f"eye.{side}")
        joints[eye], joint_identity[:, eye] = centre, moved
    return {
        "rest_vertices": rest.astype(np.float32),
        "joints": joints.astype(np.float32),
        "shape_basis": own_identity.astype(np.float16),
        "joint_shape_basis": joint_identity.astype(np.float32),
        "expressions": own_expressions.astype(np.float16),
        "corners": places.corners.astype(np.int32),
        "weights": places.weights.astype(np.float32),
    }


def _size(found: Correspondence, head: Head) -> float:
    """How large the model is against our head."""
    ours = head.mesh.rest_vertices.astype(np.float64)
    return float((found.ours * ours).sum() / (ours * ours).sum())


def _shown(
    model: IctModel,
    found: Correspondence,
    head: Head,
    proxy: dict[str, np.ndarray],
    identity: np.ndarray,
    expressions: np.ndarray,
) -> dict[str, np.ndarray]:
    """The model's own surface: its head and the outer shells of its eyes."""
    kept = np.concatenate([np.arange(layout.HEAD_COUNT), *(np.r_[own] for own in layout.EYEBALLS.values())])
    number = np.full(len(found.model), -1)
    number[kept] = np.arange(len(kept))
    starts = np.cumsum(model.mesh.sizes) - model.mesh.sizes
    own = np.minimum.reduceat(number[model.mesh.corners], starts) >= 0
    in_own = np.repeat(own, model.mesh.sizes)
    corners, sizes = number[model.mesh.corners[in_own]], model.mesh.sizes[own]
    rest = found.model[kept]
    places, weights = _followed(found, head, proxy["rest_vertices"].astype(np.float64), rest)
    region = _regions(head, places, weights)
    dense = np.zeros((len(head.mesh.rest_vertices), len(head.mesh.joints)))
    np.add.at(dense, (np.arange(len(dense))[:, None], head.mesh.skin_joints), head.mesh.skin_weights)
    skinned = np.einsum("nk,nkj->nj", weights, dense[places])
    strongest = np.argsort(-skinned, axis=1, kind="stable")[:, : head.mesh.skin_joints.shape[1]]
    strength = np.take_along_axis(skinned, strongest, axis=1)
    fading = np.ones(len(kept))
    fading[: layout.HEAD_COUNT] = found.following
    landmarks, shares = _landmarks(head, proxy["rest_vertices"].astype(np.float64), rest, triangles_of(corners, sizes))
    return {
        "rest_vertices": rest.astype(np.float32),
        "face_corners": corners.astype(np.int32),
        "face_sizes": sizes.astype(np.uint8),
        "uv": model.mesh.uv[in_own].astype(np.float32),
        "region": region,
        "skin_joints": strongest.astype(np.uint8),
        "skin_weights": (strength / strength.sum(axis=1, keepdims=True)).astype(np.float32),
        "shape_basis": identity[:, kept].astype(np.float16),
        "expressions": expressions[:, kept].astype(np.float16),
        "landmark_triangles": landmarks.astype(np.int32),
        "landmark_barycentric": shares.astype(np.float32),
        "corners": places.astype(np.int32),
        "weights": (weights * fading[:, None]).astype(np.float32),
    }


def _followed(found: Correspondence, head: Head, proxy: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n, 3) of the proxy and their weights (n, 3), for each vertex that is shown."""
    corners, weights = np.zeros((len(rest), 3), np.int64), np.zeros((len(rest), 3))
    corners[: layout.HEAD_COUNT], weights[: layout.HEAD_COUNT] = found.on_ours.corners, found.on_ours.weights
    every, start = mesh_triangles(head.mesh), layout.HEAD_COUNT
    for side, own in layout.EYEBALLS.items():
        rows = slice(start, start + own.stop - own.start)
        faces = every[head.mesh.region_vertices(f"eyeball.{side}")[every].all(axis=1)]
        nearest = SurfaceIndex(proxy, faces).query(rest[rows])
        corners[rows], weights[rows] = faces[nearest.triangle], nearest.barycentric
        start = rows.stop
    return corners, weights


def _regions(head: Head, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n,) uint8 index into HEAD_REGIONS of what is shown: of the nearest corner, or of the model's part."""
    names = head.mesh.region_names
    region = head.mesh.region[places[np.arange(len(places)), weights.argmax(axis=1)]].copy()
    skin = region[: layout.SKIN_COUNT]
    skin[skin == names.index("tongue")] = names.index("mouth_inner")
    region[layout.MOUTH_SOCKET] = names.index("mouth_inner")
    for side, own in layout.EYE_SOCKETS.items():
        region[own] = names.index(f"eye.{side}")
    return region.astype(np.uint8)


def _landmarks(head: Head, proxy: np.ndarray, rest: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(478, 3) corners of what is shown and their weights: where the proxy's landmarks and irises are."""
    every = mesh_triangles(head.mesh)
    normals = vertex_normals(proxy, every)
    skin = faces[(faces < layout.HEAD_COUNT).all(axis=1)]
    own = closest_facing(head.landmarks(proxy), head.landmarks(normals), rest, skin, np.arange(len(skin)))
    balls = faces[(faces >= layout.HEAD_COUNT).all(axis=1)]
    nearest = SurfaceIndex(rest, balls).query(head.irises(proxy))
    return (
        np.concatenate([own.corners, balls[nearest.triangle]]),
        np.concatenate([own.weights, nearest.barycentric]),
    )


def _gains(head: Head, expressions: np.ndarray) -> np.ndarray:
    """(52,) float32: the weight of each of the model's expressions that moves the face most as ours does fully."""
    gains = np.ones(len(expressions), np.float32)
    for k, name in enumerate(head.expression_names):
        ours, other = head.landmarks(head.expressions[k]), head.landmarks(expressions[k].astype(np.float32))
        if other.any() and not name.startswith(ABSOLUTE):
            gains[k] = np.clip((ours * other).sum() / (other * other).sum(), *GAIN_RANGE)
    return gains
