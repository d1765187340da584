"""A take's head of another topology, such as FLAME's, carried onto ours: all of it that a transfer needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dice_core.bodies import Head, load_head
from dice_core.bodies.names import EXPRESSION_NAMES
from dice_core.contact.tissue.stiffness import head_tissue
from dice_core.geometry.closest_point import SurfaceIndex
from dice_core.geometry.mesh import Mesh, vertex_areas
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.transfer.bare_head import TO_WORLD, bare_head
from dice_core.transfer.expression_fit import fit_expressions
from dice_core.transfer.gaze import iris_vertices
from dice_core.transfer.registration import fit_similarity
from dice_core.transfer.shape_fit import fit_surface_shape
from dice_core.transfer.surface_points import SurfacePoints
from dice_core.transfer.target import NO_LANDMARKS, TargetHead, find_face, lay_on

__all__ = ["ForeignHead", "lay_on_head"]

ON_SKIN = 0.002
"""Metres from the take's skin up to which a vertex of ours is on it: beyond, its contact and dents are another place's.
Where the heads differ too much, as below a short neck, vertices of ours are left as far as 6 mm off. Set by hand."""

NECK_SHARE = 0.01
"""Skin weight of the neck from which a vertex says nothing about where a head is, as for our own shapes."""


@dataclass(frozen=True)
class ForeignHead:
    """A take's head at rest, and ours on it.

    mesh : our topology in the person's shape, our axes; turn : (3, 3) from our axes to the take's, and place : (3,) of
    our origin in the take's; size : of the head, in that of ours.
    rest : (n, 3) the take's vertices at rest, our axes; places : each of our vertices as a point of the take's;
    skin : (V,) bool, ours that follow the take's surface, the others being behind it; on_skin : (V,) bool, those of
    them that lie on it; eyes : whether it has eyeballs.
    """

    mesh: Mesh
    turn: np.ndarray
    place: np.ndarray
    size: float
    rest: np.ndarray
    places: SurfacePoints
    skin: np.ndarray
    on_skin: np.ndarray
    eyes: bool

    def carried(self, values: np.ndarray) -> np.ndarray:
        """What lies on the take's skin, (T, n, ...), on ours: (T, V, ...), 0 where ours has no part in it."""
        carried = np.stack([self.places.of(one) for one in values])
        carried[:, ~self.on_skin] = 0
        return carried.astype(values.dtype)

    def moved(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Our head as the take's moves, vertices : (T, n, 3) in our axes, the head at rest.

        Returns the vertices (T, V, 3) float64 and the expressions (T, 52).
        """
        away = self.places.of_each(vertices - self.rest)
        # Also in size: a full expression is as much larger as the head is.
        basis = self.size * load_head().expressions.astype(np.float64)
        expression = self._expressions(away, basis)
        behind = np.flatnonzero(~self.skin)
        away[:, behind] = np.einsum("te,enx->tnx", expression, basis[:, behind])
        return self.mesh.rest_vertices + away, expression

    def _expressions(self, away: np.ndarray, basis: np.ndarray) -> np.ndarray:
        """(T, 52) that explain displacements (T, V, 3) best, of the full ones (52, V, 3).

        Where the eyes look is told by the eyeballs alone, since lids that go along would be mistaken for lids that
        close; a tongue is not looked for.
        """
        head = load_head()
        area = vertex_areas(self.mesh.rest_vertices, mesh_triangles(head.mesh))
        looks = np.array([name.startswith("eyeLook") for name in EXPRESSION_NAMES])
        found = np.zeros((len(away), len(EXPRESSION_NAMES)))
        if self.eyes:
            front = np.concatenate([iris_vertices(letter) for letter in "LR"])
            found = fit_expressions(away[:, front], basis[:, front], area[front], looks)
        rows = np.flatnonzero(self.on_skin & ~head.rigid_vertices)
        left = away[:, rows] - np.einsum("te,enx->tnx", found, basis[:, rows])
        others = ~looks & (np.array(EXPRESSION_NAMES) != "tongueOut")
        return found + fit_expressions(left, basis[:, rows], area[rows], others)


def lay_on_head(mesh: Mesh, should_stop: Callable[[], None]) -> ForeignHead:
    """Our head on a take's, by its face.

    mesh : of the take, its axes those of takes; should_stop : called now and then; raises to stop.
    Raises InputError where no face is found on it, in a sentence about a character.
    """
    head = load_head()
    triangles = mesh_triangles(mesh)
    face = find_face(bare_head(mesh.rest_vertices, triangles), should_stop)
    start = fit_surface_shape(head, head_tissue(head), face.start, (face.vertices, face.triangles), should_stop)
    target = lay_on(face, start, NO_LANDMARKS, should_stop)
    ours = target.similarity.to_target(target.registered) @ TO_WORLD
    turn, place, size = _axes(head, ours)
    rest, own = (mesh.rest_vertices - place) @ turn, (ours - place) @ turn
    places = _places(head, target, triangles)
    eyes = len(target.balls) == 2
    skin = target.tissue.touchable | (head.rigid_vertices & eyes)
    on_skin = skin & (np.linalg.norm(places.of(rest) - own, axis=1) < ON_SKIN)
    shaped = replace(head.mesh, rest_vertices=own.astype(np.float32), attached=None)
    return ForeignHead(shaped, turn, place, size, rest, places, skin, on_skin, eyes)


def _axes(head: Head, ours: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Turn (3, 3), place (3,) and size of a head against ours: (V, 3) our head on it, its own axes.

    By all of the head but neck and eyes, of which our shapes have no turn and no size: so heads look straight ahead
    alike, whatever the person's shape.
    """
    neck = head.mesh.skin_joints == head.mesh.joint_names.index("neck")
    deciding = ((head.mesh.skin_weights * neck).sum(axis=1) < NECK_SHARE) & ~head.rigid_vertices
    template = head.mesh.rest_vertices.astype(np.float64)
    found = fit_similarity(template, ours, deciding.astype(float))
    middle, other = template[deciding].mean(axis=0), ours[deciding].mean(axis=0)
    return found.rotation, other - found.rotation @ middle, found.scale


def _places(head: Head, target: TargetHead, triangles: np.ndarray) -> SurfacePoints:
    """Each of our vertices as a point of the take's head: skin on skin, eyes on eyes."""
    corners, weights, triangle = (part.copy() for part in vars(target.places).values())
    for side, ball in target.balls.items():
        rows = np.flatnonzero(head.mesh.region_vertices(f"eyeball.{side}"))
        number = np.flatnonzero(np.isin(triangles, ball.vertices).all(axis=1))
        nearest = SurfaceIndex(target.vertices, triangles[number]).query(target.registered[rows])
        corners[rows], weights[rows] = triangles[number[nearest.triangle]], nearest.barycentric
        triangle[rows] = number[nearest.triangle]
    return SurfacePoints(corners, weights, triangle)
