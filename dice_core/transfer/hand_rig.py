"""A character's hand: its bones by anatomy, its skin, and which point of that skin each of our hand's vertices is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dice_core.geometry.mesh import Mesh, vertex_normals
from dice_core.geometry.mesh import triangles as mesh_triangles
from dice_core.transfer.hand_anatomy import HandAnatomy, hand_anatomy
from dice_core.transfer.head_mesh import outwards
from dice_core.transfer.names import FINGERS
from dice_core.transfer.surface_points import SurfacePoints, closest_facing
from dice_core.transfer.target import TargetHead

__all__ = ["OUR_JOINTS", "HandRig", "our_anatomy", "rig_hand"]

OWN = 0.5
"""Skin weight of a bone from which a vertex counts as its own; `HandRig.skin` has all with this much of the hand."""

OUR_JOINTS = {
    "hand": "wrist",
    "thumb.1": "thumb_cmc",
    "thumb.2": "thumb_mcp",
    "thumb.3": "thumb_ip",
    **{
        f"{role}.{number}": f"{ours}_{joint}"
        for role, ours in (("index", "index"), ("middle", "middle"), ("ring", "ring"), ("pinky", "little"))
        for number, joint in ((1, "mcp"), (2, "pip"), (3, "dip"))
    },
}
"""Our joint of each role, without the side."""


@dataclass(frozen=True)
class HandRig:
    """One hand of a character at rest, our axes, metres of a person.

    anatomy : of its bones; bones : (B,) int, the character's; our_axes : (B, 3, 3) anatomical axes of the same bones of
    our hand at rest; our_joint : (B,) int; our_palm : metres from our wrist to the knuckles.
    skin : (n,) int, the character's vertices of this hand; rest : (n, 3); weights : (n, B), rows sum to one;
    triangles : (m, 3) of indices into skin, triangle_number : (m,) the character's;
    places : where each of our hand's vertices is on it, corners being indices into skin.
    """

    anatomy: HandAnatomy
    bones: np.ndarray
    our_axes: np.ndarray
    our_joint: np.ndarray
    our_palm: float
    skin: np.ndarray
    rest: np.ndarray
    weights: np.ndarray
    triangles: np.ndarray
    triangle_number: np.ndarray
    places: SurfacePoints

    def posed(self, turn: np.ndarray, joints: np.ndarray) -> np.ndarray:
        """(n, 3) skin by linear blending; turn : (B, 3, 3) from rest, joints : (B, 3) where the bones are."""
        offset = joints - np.einsum("bij,bj->bi", turn, self.anatomy.joints)
        blended = (self.weights @ turn.reshape(-1, 9)).reshape(-1, 3, 3)
        return np.einsum("nij,nj->ni", blended, self.rest) + self.weights @ offset


def our_anatomy(mesh: Mesh) -> tuple[HandAnatomy, np.ndarray]:
    """Anatomy of our hand at rest, and the joint of each of its bones, (B,) int."""
    joints, points, number = {}, {}, {}
    for role, name in OUR_JOINTS.items():
        joint = mesh.joint_names.index(name)
        number[role] = joint
        joints[role] = mesh.joints[joint].astype(np.float64)
        own = np.where(mesh.skin_joints == joint, mesh.skin_weights, 0).sum(axis=1) >= OWN
        points[role] = mesh.rest_vertices[own].astype(np.float64)
    anatomy = hand_anatomy(joints, points)
    assert anatomy is not None
    return anatomy, np.array([number[name] for name in anatomy.names])


def rig_hand(target: TargetHead, side: str, mesh: Mesh) -> HandRig | None:
    """A character's hand, None where it has none that can be moved.

    side : "left" or "right"; mesh : our hand of that side, of the person in the take.
    """
    character, letter = target.character, side[0].upper()
    names = ("hand", *(f"{finger}.{number}" for finger in FINGERS for number in (1, 2, 3)))
    bone_of = {
        name: character.bone_names.index(character.roles[f"{name}.{letter}"])
        for name in names
        if f"{name}.{letter}" in character.roles
    }
    if "hand" not in bone_of:
        return None
    bone_joints = target.similarity.to_ours(character.bone_matrices[:, :3, 3])
    driver = _drivers(character.bone_parents, bone_of)
    moved = np.isin(driver, list(bone_of.values()))
    share = np.where(moved[character.skin_bones], character.skin_weights, 0)
    skin = np.flatnonzero(share.sum(axis=1) >= OWN)
    if not len(skin):
        return None
    points = {}
    for name, bone in bone_of.items():
        own = np.where(driver[character.skin_bones[skin]] == bone, share[skin], 0).sum(axis=1) >= OWN
        points[name] = target.vertices[skin[own]]
    anatomy = hand_anatomy({name: bone_joints[bone] for name, bone in bone_of.items()}, points)
    if anatomy is None:
        return None
    ours, our_joint = our_anatomy(mesh)
    kept = [ours.names.index(_stand_in(name, anatomy.names)) for name in anatomy.names]
    bones = np.array([bone_of[name] for name in anatomy.names])
    column = np.zeros(len(driver), np.int64)
    for k, bone in enumerate(bones):
        column[driver == bone] = k
    left_out = [bone for name, bone in bone_of.items() if name not in anatomy.names]
    for bone in left_out:  # the rest of a finger of which a bone is missing follows the hand
        column[driver == bone] = 0
    weights = np.zeros((len(skin), len(bones)))
    np.add.at(weights, (np.arange(len(skin))[:, None], column[character.skin_bones[skin]]), share[skin])
    weights /= weights.sum(axis=1, keepdims=True)
    index = np.full(len(character.vertices), -1)
    index[skin] = np.arange(len(skin))
    number = np.flatnonzero((index[character.triangles] >= 0).all(axis=1))
    rest = target.vertices[skin]
    triangles = outwards(rest, index[character.triangles[number]])
    places = _places(mesh, ours, anatomy, (rest, weights, triangles, number))
    return HandRig(
        anatomy,
        bones,
        ours.axes[kept],
        our_joint[kept],
        float(ours.lengths[0]),
        skin,
        rest,
        weights,
        triangles,
        number,
        places,
    )


def _stand_in(name: str, names: tuple[str, ...]) -> str:
    """Our bone that a bone follows: a finger that is one bone bends as the middle one of ours."""
    finger, _, number = name.partition(".")
    return f"{finger}.2" if number == "1" and f"{finger}.2" not in names else name


def _drivers(parents: np.ndarray, bone_of: dict[str, int]) -> np.ndarray:
    """(B,) the bone with a role in this hand that carries each bone of the character, -1 for none."""
    own = set(bone_of.values())
    driver = np.full(len(parents), -1)
    for bone in range(len(parents)):
        above = bone
        while above >= 0 and above not in own:
            above = int(parents[above])
        driver[bone] = above
    return driver


def _places(
    mesh: Mesh,
    whole: HandAnatomy,
    anatomy: HandAnatomy,
    skin: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> SurfacePoints:
    """Our hand warped onto the character's at rest, bone by bone in lengths and thicknesses, and the nearest skin."""
    rest, weights, triangles, number = skin
    own = _our_weights(mesh, whole)
    vertices = mesh.rest_vertices.astype(np.float64)
    column = [whole.names.index(name) for name in anatomy.names]
    # Bones that the character does not have are carried by the ones above them.
    share = np.zeros((len(vertices), len(column)))
    for k in range(len(whole.names)):
        above = k
        while above not in column:
            above = int(whole.parents[above])
        share[:, column.index(above)] += own[:, k]
    warped = np.zeros_like(vertices)
    for k, source in enumerate(column):
        length = anatomy.lengths[k] / whole.lengths[source]
        thick = _thickness(rest, weights[:, k], anatomy, k) / _thickness(vertices, share[:, k], whole, source)
        local = (vertices - whole.joints[source]) @ whole.axes[source] * [thick, length, thick]
        warped += share[:, k : k + 1] * (local @ anatomy.axes[k].T + anatomy.joints[k])
    normals = vertex_normals(warped, mesh_triangles(mesh))
    return closest_facing(warped, normals, rest, triangles, number)


def _our_weights(mesh: Mesh, anatomy: HandAnatomy) -> np.ndarray:
    """(W, B) skin weights of our hand's vertices, of metacarpals added to the hand's."""
    joint = [mesh.joint_names.index(OUR_JOINTS[name]) for name in anatomy.names]
    column = np.zeros(len(mesh.joints), np.int64)
    column[joint] = np.arange(len(joint))
    weights = np.zeros((len(mesh.rest_vertices), len(joint)))
    np.add.at(weights, (np.arange(len(weights))[:, None], column[mesh.skin_joints]), mesh.skin_weights)
    return weights


def _thickness(points: np.ndarray, weights: np.ndarray, anatomy: HandAnatomy, k: int) -> float:
    """Mean distance of a bone's skin from the line along it."""
    own = weights >= OWN
    if not own.any():
        own = weights >= weights.max()
    local = (points[own] - anatomy.joints[k]) @ anatomy.axes[k]
    return max(float(np.hypot(local[:, 0], local[:, 2]).mean()), 1e-4)
