"""A character's bones as the solver sees them: roles that can be keyed, and what hangs from what in fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector

from dice_core.errors import InputError

from ..scene.object_data import armature_of, mesh_of
from .bone_names import roles_by_name
from .bone_shapes import Skeleton, roles_by_shape
from .controls import Controls, find_controls
from .following import bones_that_follow
from .ik_trials import try_ik_arms
from .objects import CharacterObjects, moving_groups
from .roles import ROLES
from .vrm import roles_by_vrm

__all__ = ["Rig", "find_bones", "read_rig", "rest_matrices"]

# Of the roles that names tell, those of the arms and fingers below which shapes are asked as well.
_FEW_ROLES = 12


@dataclass(frozen=True)
class Rig:
    """names : (B,) all bones; parents : (B,) what each hangs from in fact, -1 for nothing.

    matrices : (B, 4, 4) rest matrices, world space, metres, turns only; lengths : (B,) metres.
    roles : role -> bone of the skin, of those that a control moves; controls : what is keyed for them.
    """

    names: list[str]
    parents: np.ndarray
    matrices: np.ndarray
    lengths: np.ndarray
    roles: dict[str, str]
    controls: Controls


def find_bones(objects: CharacterObjects) -> tuple[str, dict[str, str]]:
    """Roles of an armature's bones by its own humanoid map, by their names, or by their shapes.

    Returns what told them, such as the name of a convention, and role -> bone.
    """
    bones = armature_of(objects.armature).bones
    skin = _moving_skin(objects)
    mapped = roles_by_vrm(armature_of(objects.armature))
    if mapped:
        return "VRM", mapped
    convention, roles = roles_by_name([bone.name for bone in bones], skin)
    if len(roles) < _FEW_ROLES:
        shaped = roles_by_shape(_skeleton(objects.armature, skin))
        taken = set(roles.values())
        more = {role: bone for role, bone in shaped.items() if role not in roles and bone not in taken}
        if more:
            convention = convention or "Shapes"
            roles |= more
    necks = [roles.pop(role) for role in ROLES if role.startswith("neck.") and role in roles]
    necks = [bone for bone in necks if not _carries_arms(bones[bone], roles)]
    roles |= {f"neck.{number}": bone for number, bone in enumerate(necks, start=1)}
    return convention, {role: roles[role] for role in ROLES if role in roles}


def _carries_arms(bone: bpy.types.Bone, roles: Mapping[str, str]) -> bool:
    """Whether an arm hangs from a bone, which is then none of the neck's, whatever its name."""
    below = {child.name for child in bone.children_recursive}
    return any(roles.get(f"{part}.{side}") in below for part in ("shoulder", "upper_arm") for side in ("L", "R"))


def read_rig(objects: CharacterObjects, bones: Mapping[str, str], unit: float) -> Rig:
    """The bones of a character for the solver. bones : role -> bone; unit : metres a unit of the scene.

    Raises InputError where a bone is not there, or where no head and no hand can be moved.
    """
    armature = objects.armature
    there = armature_of(armature).bones
    for role, bone in bones.items():
        if bone not in there:
            raise InputError(f"{armature.name} has no bone {bone}, which is to be its {role}: choose another.")
    controls = find_controls(armature, bones)
    if controls.arms:
        controls = try_ik_arms(armature, bones, controls)
    names = [bone.name for bone in there]
    parents = np.array([-1 if bone.parent is None else names.index(bone.parent.name) for bone in there], np.int32)
    kept = {role: bones[role] for role in controls.of}
    if any(controls.of[role] != bone for role, bone in kept.items()):
        followers = _one_role_a_control(bones_that_follow(armature, kept, controls), controls)
        kept = {role: kept[role] for role in followers}
        _hang_by_followers(names, parents, kept, followers)
    if not any(role.startswith("hand.") for role in kept) or "head" not in kept:
        missing = "hand" if "head" in kept else "head"
        raise InputError(f"No {missing} was found on {armature.name}: choose its bone in the list of bones.")
    matrices, lengths = rest_matrices(armature, unit)
    arms = {side: arm for side, arm in controls.arms.items() if f"hand.{side}" in kept}
    used = Controls({role: controls.of[role] for role in kept}, controls.switches, arms)
    return Rig(names, parents, matrices, lengths, kept, used)


def rest_matrices(armature: bpy.types.Object, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """(B, 4, 4) float64 where an armature's bones rest in the world, without scale or mirroring, and (B,) lengths."""
    bones = armature_of(armature).bones
    world = np.array(armature.matrix_world, np.float64)
    world[:3] *= unit
    matrices = world @ np.array([bone.matrix_local for bone in bones], np.float64).reshape(-1, 4, 4)
    along = matrices[:, :3, 1]
    lengths = np.linalg.norm(along, axis=1) * np.array([bone.length for bone in bones])
    y = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    x = matrices[:, :3, 0]
    x = x - np.einsum("bi,bi->b", x, y)[:, None] * y
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    matrices[:, :3, :3] = np.stack([x, y, np.cross(x, y)], axis=2)
    return matrices, lengths


def _moving_skin(objects: CharacterObjects) -> list[str]:
    """Bones that have vertices to move."""
    found: dict[str, None] = {}
    for item in objects.meshes:
        if item.parent == objects.armature and item.parent_type == "BONE":
            found[item.parent_bone] = None
        groups = moving_groups(item, objects.armature)
        used = {g.group for vertex in mesh_of(item).vertices for g in vertex.groups if g.weight > 0}
        found |= dict.fromkeys(groups[index] for index in used & set(groups))
    return list(found)


def _skeleton(armature: bpy.types.Object, skin: list[str]) -> Skeleton:
    bones = armature_of(armature).bones
    names = [bone.name for bone in bones]
    world = np.array(armature.matrix_world, np.float64)

    def placed(points: list[Vector]) -> np.ndarray:
        return np.array(points, np.float64).reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]

    return Skeleton(
        names,
        np.array([-1 if bone.parent is None else names.index(bone.parent.name) for bone in bones]),
        placed([bone.head_local for bone in bones]),
        placed([bone.tail_local for bone in bones]),
        np.array([name in skin for name in names]),
    )


def _one_role_a_control(followers: dict[str, set[str]], controls: Controls) -> dict[str, set[str]]:
    """Without the roles whose control another role has already, such as the bones that a neck's control turns."""
    taken: set[str] = set()
    kept = {}
    for role, bones in followers.items():
        if controls.of[role] not in taken:
            taken.add(controls.of[role])
            kept[role] = bones
    return kept


def _hang_by_followers(
    names: list[str], parents: np.ndarray, roles: Mapping[str, str], followers: Mapping[str, set[str]]
) -> None:
    """Have each bone hang from the nearest role that it goes along with, in place."""
    above: dict[str, list[str]] = {}
    for role, bones in followers.items():
        for bone in bones:
            above.setdefault(bone, []).append(role)
    own = {bone: role for role, bone in roles.items()}
    tree = parents.copy()
    for index, name in enumerate(names):
        along = followers.get(own.get(name, ""), set())
        leading = [role for role in above.get(name, []) if roles[role] != name and roles[role] not in along]
        if leading:
            # The nearest one goes along with all the others itself.
            nearest = max(leading, key=lambda role: len(above.get(roles[role], [])))
            parents[index] = names.index(roles[nearest])
            continue
        # In the tree a bone may hang from one that goes along with itself.
        while parents[index] >= 0 and names[parents[index]] in along:
            parents[index] = tree[parents[index]]
