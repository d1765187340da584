"""Which part of a character's mesh is its head: skin, what is inside it, and vertices that lie in one place."""

from __future__ import annotations

import numpy as np

from dice_core.errors import InputError
from dice_core.geometry.mesh import connected_components
from dice_core.transfer.files import Character
from dice_core.transfer.own_axes import own_axes

__all__ = ["HEAD_SHARE", "WELD", "bone_weight", "head_surface", "inside_head", "main_skin", "outwards", "twins"]

HEAD_SHARE = 0.5
"""Skin weight of the head's bones from which a vertex belongs to the head."""

TALL = 2.2
"""Height in widths from which something is a body and not a head; a head with its neck has up to 1.9. Set by hand."""

HEAD_OF_BODY = 7.0
"""Heights of the head in a body, where no bone says what the head is."""

WELD = 1e-6
"""Of the head's height: vertices nearer to each other are in one place."""

LOOSE = 0.2
"""Of the triangles of a head's largest part, below which a part is loose: a neck of its own has more, a tongue less."""


def head_surface(character: Character) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Triangles of the head's skin and their numbers, the head's height and its middle."""
    vertices, axes = character.vertices.astype(np.float64), own_axes(character)
    upright = vertices @ axes.T
    inside = character.head_vertices.copy()
    if not inside.any():
        raise InputError("The character has no mesh for a head: choose the object that is its head.")
    own = bone_weight(character, "head")
    if own is not None and (inside & (own >= HEAD_SHARE)).any():
        inside &= own >= HEAD_SHARE
    else:
        inside &= _upper_end(upright, inside)
    number = np.flatnonzero(character.head_vertices[character.triangles].all(axis=1))
    core = upright[inside]
    low, high = core.min(axis=0), core.max(axis=0)
    height = float((high - low).max())
    if height <= 0 or not inside[character.triangles].all(axis=1).any():
        raise InputError("The head's mesh has no surface: choose the object that is the character's head.")
    middle = (low + high) / 2 @ axes
    near = np.linalg.norm(vertices - middle, axis=1) < height
    number = number[near[character.triangles[number]].all(axis=1)]
    triangles = character.triangles[number]
    return outwards(vertices, triangles), number, height, middle


def outwards(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Triangles (m, 3) of a nearly closed surface, wound the other way where it is inside out, as mirrored ones are."""
    middle = vertices[triangles].mean(axis=(0, 1))
    a, b, c = (vertices[triangles[:, k]] - middle for k in range(3))
    return triangles[:, ::-1] if np.einsum("tx,tx->", a, np.cross(b, c)) < 0 else triangles


def inside_head(character: Character, middle: np.ndarray, height: float) -> np.ndarray:
    """(n, 3) triangles of all that is near the head: skin, eyes, teeth, hair."""
    near = np.linalg.norm(character.vertices - middle, axis=1) < 1.5 * height
    return character.triangles[near[character.triangles].all(axis=1)]


def twins(vertices: np.ndarray, distance: float) -> np.ndarray:
    """(V,) the first of the vertices that lie in each one's place, rounded to a distance."""
    _, first, inverse = np.unique(np.round(vertices / distance), axis=0, return_index=True, return_inverse=True)
    return first[inverse.ravel()]


def main_skin(triangles: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without triangles that are none, and without small loose parts such as a tongue, teeth or lashes."""
    a, b, c = triangles.T
    proper = (a != b) & (b != c) & (c != a)
    triangles, number = triangles[proper], number[proper]
    parts = connected_components(triangles)
    kept = np.concatenate([part for part in parts if len(part) >= LOOSE * len(parts[0])])
    return triangles[kept], number[kept]


def bone_weight(character: Character, role: str) -> np.ndarray | None:
    """(V,) skin weight of a role's bone and all bones below it, None where there is no such bone."""
    if role not in character.roles:
        return None
    wanted = character.bone_names.index(character.roles[role])
    below = np.zeros(len(character.bone_names), bool)
    for bone in range(len(below)):
        above = bone
        while above >= 0 and above != wanted:
            above = int(character.bone_parents[above])
        below[bone] = above == wanted
    return np.where(below[character.skin_bones], character.skin_weights, 0).sum(axis=1)


def _upper_end(vertices: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(V,) bool: all of a mesh that is no taller than a head with its neck, else the upper end of a body; vertices :
    (V, 3) in the character's own axes."""
    size = np.ptp(vertices[inside], axis=0)
    if size[2] < TALL * min(size[0], size[1]) * 1.2:
        return np.ones(len(vertices), bool)
    top = vertices[inside][:, 2].max()
    return vertices[:, 2] > top - size[2] / HEAD_OF_BODY
