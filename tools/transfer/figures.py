"""How well a transfer keeps what the take shows, measured on the character's own mesh as Blender will show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dice_core.bodies import load_head
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.contact.touch_events import OUTER_REGION
from dice_core.geometry.closest_point import Closest, SurfaceIndex
from dice_core.geometry.mesh import boundary_vertices
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.transfer.hand_rig import HandRig
from dice_core.transfer.performance import Performance
from dice_core.transfer.solve import Solution
from dice_core.transfer.target import TargetHead

__all__ = [
    "HandTracks",
    "as_mixtures",
    "contact_figures",
    "hand_tracks",
    "jitter",
    "key_figures",
    "rotation_figures",
    "winding_numbers",
    "with_gains",
]

TOUCHING = 0.5
"""Contact of a vertex of the take that counts as touching."""

TOUCH = 0.0035
"""Metres of a person at which contact is as likely as not: a character's hand this near touches."""

BEGUN = 0.002
"""Metres within which a touch that the take does not have counts as one."""

MEASURED = 800
"""Vertices of a hand's skin that distances and depths are measured at: about one every 5 mm."""

INSIDE = 0.5
"""Times that a head winds around a point from which it is inside; a head is open at its neck."""

REACH = 0.1
"""Metres up to which the nearest skin is looked for: more than the depth of any point in a head."""

FREE = 0.03
"""Metres from the face beyond which a hand is off contact."""


@dataclass(frozen=True)
class HandTracks:
    """What a character's hand does in T frames, in metres of a person, the head's own axes (as our head's).

    skin : (T, n, 3) of `HandRig.skin`; face : (T, m, 3) dented and bare : (T, m, 3) undented skin of the head,
    `TargetHead.skin_vertices`; absent frames are NaN.
    """

    skin: np.ndarray
    face: np.ndarray
    bare: np.ndarray


def hand_tracks(solution: Solution, posed: Any, rig: HandRig, tracked: np.ndarray) -> HandTracks:
    """posed : `posing.Posed` of the motion."""
    target = solution.target
    frames = len(tracked)
    head = target.character.roles.get("head")
    bone = target.character.bone_names.index(head) if head else -1
    used = target.skin_vertices
    skin = np.full((frames, len(rig.skin), 3), np.nan)
    face, bare = np.full((frames, len(used), 3), np.nan), np.full((frames, len(used), 3), np.nan)
    for k in np.flatnonzero(tracked):
        back = np.linalg.inv(posed.carries(k)[bone]) if bone >= 0 else np.eye(4)

        def still(points: np.ndarray, back: np.ndarray = back) -> np.ndarray:
            return target.similarity.to_ours(points @ back[:3, :3].T + back[:3, 3])

        vertices = posed.vertices(k)
        skin[k], face[k] = still(vertices[rig.skin]), still(vertices[used])
        bare[k] = still(posed.vertices(k, dents=False)[used])
    return HandTracks(skin, face, bare)


def contact_figures(
    target: TargetHead, performance: Performance, side: str, rig: HandRig, tracks: HandTracks
) -> dict[str, Any]:
    """Touches kept and added, distances of touching points, penetration beyond the tissue's limit."""
    hand = performance.hands[side]
    index = _FaceIndex(target)
    limits = head_tissue(load_head()).dent_limit
    limit = np.einsum("nk,nk->n", target.skin_on_ours.weights, limits[target.skin_on_ours.corners])
    ours = _SourceTouch(performance, target)
    touching = kept = free = added = 0
    distances: list[np.ndarray] = []
    deepest = 0.0
    some = slice(None, None, max(1, len(rig.skin) // MEASURED))
    for k in np.flatnonzero(hand.tracked):
        pairs = ours.pairs(k, hand.vertices[k], hand.contact[k])
        skin = tracks.skin[k][some]
        near = np.linalg.norm(skin - target.registered.mean(axis=0), axis=1).min() < 0.25
        if pairs is not None:
            touching += 1
            regions = np.unique(ours.region[pairs[1]])
            kept += bool(index.region_gap(tracks.face[k], skin, regions) <= TOUCH)
            hand_points = rig.places.chosen(pairs[0]).of(tracks.skin[k])
            face_points = index.place(target, tracks.face[k], pairs[1], pairs[2])
            distances.append(np.linalg.norm(hand_points - face_points, axis=1))
        elif ours.gap(k, hand.vertices[k]) > TOUCH:
            free += 1
            added += bool(near and -index.distance(tracks.face[k], skin).max() <= BEGUN)
        if near:
            deepest = max(deepest, float(index.excess(tracks.bare[k], skin, limit).max(initial=0)))
    every = np.concatenate(distances) if distances else np.zeros(0)
    return {
        "touching": touching,
        "kept": kept,
        "free": free,
        "added": added,
        "distances": every,
        "deepest": deepest,
        "face_height": face_height(target),
    }


def face_height(target: TargetHead) -> float:
    """Metres from the chin to the top of the forehead, by the landmarks 152 and 10, our axes."""
    points = load_head().landmarks(target.registered)
    return float(np.linalg.norm(points[152] - points[10]))


def rotation_figures(solution: Solution, performance: Performance, side: str) -> np.ndarray:
    """Degrees by which bones of the hand differ in direction and roll from the take's, in frames off contact."""
    hand, frames = performance.hands[side], solution.hands[side]
    axes = frames.turn @ frames.rig.anatomy.axes
    wanted = hand.rotation[:, frames.rig.our_joint] @ frames.rig.our_axes
    off = hand.tracked & (frames.gaps.min(axis=1) > FREE)
    difference = axes[off] @ np.swapaxes(wanted[off], -1, -2)
    cosine = (np.trace(difference, axis1=-2, axis2=-1) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1))).ravel()


def jitter(points: np.ndarray, tracked: np.ndarray) -> float:
    """Mean length of the second difference over time of points (T, n, 3), metres a frame squared."""
    inside = tracked[:-2] & tracked[1:-1] & tracked[2:]
    second = points[2:] - 2 * points[1:-1] + points[:-2]
    return float(np.linalg.norm(second[inside], axis=2).mean()) if inside.any() else 0.0


def key_figures(made: np.ndarray, true: np.ndarray) -> float:
    """Share of the motion of true keys (E, V, 3) that made ones explain: 1 - |made - true|^2 / |true|^2, over all."""
    return float(1 - ((made - true) ** 2).sum() / max(float((true**2).sum()), 1e-12))


def with_gains(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Made keys (E, V, 3), each by the factor that suits the true one best, so that strength does not count."""
    gain = np.einsum("evx,evx->e", made, true) / np.maximum(np.einsum("evx,evx->e", made, made), 1e-12)
    return made * gain[:, None, None]


def as_mixtures(made: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The mixtures of made keys (E, V, 3) that suit each true one best, so that which is which does not count."""
    flat = made.reshape(len(made), -1).T
    shares = np.linalg.lstsq(flat, true.reshape(len(true), -1).T, rcond=None)[0]
    return (flat @ shares).T.reshape(true.shape)


def winding_numbers(triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n,) how often a surface winds around points: 1 inside, 0 outside, between at an open end.

    triangles : (m, 3, 3); points : (n, 3). Solid angles after van Oosterom and Strackee (1983).
    """
    found = np.zeros(len(points))
    for k, point in enumerate(points):
        a, b, c = (triangles[:, corner] - point for corner in range(3))
        la, lb, lc = (np.linalg.norm(side, axis=1) for side in (a, b, c))
        across = np.einsum("nx,nx->n", a, np.cross(b, c))
        along = la * lb * lc + np.einsum("nx,nx->n", a, b) * lc
        along += np.einsum("nx,nx->n", a, c) * lb + np.einsum("nx,nx->n", b, c) * la
        found[k] = np.arctan2(across, along).sum() / (2 * np.pi)
    return found


class _SourceTouch:
    """What touches what in the take."""

    def __init__(self, performance: Performance, target: TargetHead) -> None:
        every = mesh_triangles(load_head().mesh)
        self.triangles = every[target.tissue.touchable[every].all(axis=1)]
        self._performance = performance
        self._index = SurfaceIndex(performance.vertices[0], self.triangles)
        mesh = load_head().mesh
        outer = np.array([OUTER_REGION.get(name, name) for name in mesh.region_names])[mesh.region]
        self.region = outer[self.triangles[:, 0]]

    def _found(self, frame: int, points: np.ndarray) -> Any:
        surface = self._performance.vertices[frame] + self._performance.deformation[frame]
        return self._index.moved(surface.astype(np.float64)).query(points.astype(np.float64), 0.05)

    def gap(self, frame: int, points: np.ndarray) -> float:
        """Metres from the hand to the face."""
        return float(-self._found(frame, points).distance.max())

    def pairs(
        self, frame: int, points: np.ndarray, contact: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Touching vertices of the hand, and the triangle and weights of the face that each touches."""
        rows = np.flatnonzero(contact >= TOUCHING)
        if not len(rows):
            return None
        found = self._found(frame, points[rows])
        near = np.abs(found.distance) < TOUCH
        if not near.any():
            return None
        return rows[near], found.triangle[near], found.barycentric[near]


class _FaceIndex:
    """The character's face of any frame."""

    def __init__(self, target: TargetHead) -> None:
        used = target.skin_vertices
        local = np.full(len(target.vertices), -1)
        local[used] = np.arange(len(used))
        self._local = local
        on_ours = target.skin_on_ours
        mesh = load_head().mesh
        outer = np.array([OUTER_REGION.get(name, name) for name in mesh.region_names])[mesh.region]
        nearest = on_ours.corners[np.arange(len(used)), on_ours.weights.argmax(axis=1)]
        self.region = outer[nearest]
        touchable = target.tissue.touchable[nearest]
        triangles = self._head = local[target.triangles]
        self._triangles = triangles[touchable[triangles].any(axis=1)]
        self._index = SurfaceIndex(target.vertices[used], self._triangles)
        self._rim = boundary_vertices(self._triangles, len(used))
        self._every = mesh_triangles(mesh)[target.tissue.touchable[mesh_triangles(mesh)].all(axis=1)]

    def distance(self, face: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(n,) metres, positive inside."""
        found = self._index.moved(face).query(points, 0.05)
        outside = self._outside(face, points, found)
        return np.where(outside, -np.abs(found.distance), found.distance)

    def excess(self, face: np.ndarray, points: np.ndarray, limit: np.ndarray) -> np.ndarray:
        """(n,) metres by which points are deeper than the limit (V,) of the nearest vertex, 0 where they are not."""
        found = self._index.moved(face).query(points, REACH)
        vertex = self._triangles[found.triangle, found.barycentric.argmax(axis=1)]
        excess = np.where(found.triangle >= 0, found.distance - limit[vertex], 0.0)
        deep = np.flatnonzero((excess > 0) & ~self._beside(found))
        inside = deep[winding_numbers(face[self._head], points[deep]) >= INSIDE]
        result = np.zeros(len(points))
        result[inside] = excess[inside]
        return result

    def region_gap(self, face: np.ndarray, points: np.ndarray, regions: np.ndarray) -> float:
        """Metres from the hand's nearest point to the regions of the face."""
        own = np.isin(self.region, regions)
        triangles = self._triangles[own[self._triangles].any(axis=1)]
        if not len(triangles):
            return np.inf
        return float(np.abs(SurfaceIndex(face, triangles).query(points, 0.1).distance).min())

    def _outside(self, face: np.ndarray, points: np.ndarray, found: Closest) -> np.ndarray:
        """(n,) bool: points that the closest triangle says nothing about, or that the head does not wind around.

        In the folds of lids and ears the closest triangle faces the wrong way.
        """
        outside = self._beside(found)
        doubtful = np.flatnonzero(~outside & (found.distance > 0))
        outside[doubtful] = winding_numbers(face[self._head], points[doubtful]) < INSIDE
        return outside

    def _beside(self, found: Closest) -> np.ndarray:
        """(n,) bool: closest points on an open edge, such as a lid's, beside which there is no inside."""
        return self._rim[self._triangles[found.triangle]].any(axis=1)

    def place(self, target: TargetHead, face: np.ndarray, triangle: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(n, 3) where points of our head are on the character's in this frame."""
        corners = self._every[triangle]
        places = target.places
        ours = np.einsum("vk,vkx->vx", places.weights, face[self._local[places.corners]])
        return np.einsum("nk,nkx->nx", weights, ours[corners])
