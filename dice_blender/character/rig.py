"""A character's bones as the solver sees them: roles that can be keyed, and what hangs from what in fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np
from mathutils import Vector

from dice_core.errors import InputError

from ..scene.object_data import armature_of
from .bone_names import roles_by_name
from .bone_shapes import Skeleton, roles_by_shape
from .controls import Controls, find_controls
from .following import Limb, bones_that_follow
from .ik_arms import IkArm
from .ik_trials import try_ik_arms
from .joined import bone_called, full_name, moving_skin
from .objects import CharacterObjects
from .roles import ROLES
from .vrm import roles_by_vrm

__all__ = ["Rig", "RigPart", "find_bones", "read_rig", "rest_matrices"]

# Of the roles that names tell, those of the arms and fingers below which shapes are asked as well.
_FEW_ROLES = 12


@dataclass(frozen=True)
class RigPart:
    """What one armature has of a character. roles : role -> its bone of the skin; controls : what is keyed for them.

    world : (4, 4) where the armature rests in the world, metres; above : role -> the role that carries it, "" for none;
    carried : whether something else may move it, so that what it does has to be measured.
    """

    armature: bpy.types.Object
    roles: dict[str, str]
    controls: Controls
    world: np.ndarray
    above: dict[str, str]
    carried: bool


@dataclass(frozen=True)
class Rig:
    """names : (B,) all bones; parents : (B,) what each hangs from in fact, -1 for nothing.

    matrices : (B, 4, 4) rest matrices, world space, metres, turns only; lengths : (B,) metres.
    roles : role -> bone of the skin, of those that a control moves; parts : of the armatures, carriers first. Bones of
    armatures other than the first are called ARMATURE/BONE.
    """

    names: list[str]
    parents: np.ndarray
    matrices: np.ndarray
    lengths: np.ndarray
    roles: dict[str, str]
    parts: list[RigPart]

    @property
    def controls(self) -> Controls:
        """Those of the first armature."""
        return self.parts[0].controls

    @property
    def arms(self) -> dict[str, IkArm]:
        """By side, the arms that can follow IK controls."""
        return {side: arm for part in self.parts for side, arm in part.controls.arms.items()}


def find_bones(objects: CharacterObjects) -> tuple[str, dict[str, str]]:
    """Roles of the armatures' bones by their own humanoid map, by their names, or by their shapes.

    Returns what told them, such as the name of a convention, and role -> bone.
    """
    convention, roles = _bones_of_first(objects)
    for other in objects.others:
        more = _named_bones(other, objects, least=1)[1]
        roles |= {role: full_name(objects.armature, other, bone) for role, bone in more.items() if role not in roles}
    return convention, {role: roles[role] for role in ROLES if role in roles}


def _bones_of_first(objects: CharacterObjects) -> tuple[str, dict[str, str]]:
    mapped = roles_by_vrm(armature_of(objects.armature))
    if mapped:
        return "VRM", mapped
    convention, roles = _named_bones(objects.armature, objects)
    if len(roles) < _FEW_ROLES:
        shaped = roles_by_shape(_skeleton(objects.armature, moving_skin(objects.armature, objects.meshes)))
        taken = set(roles.values())
        more = {role: bone for role, bone in shaped.items() if role not in roles and bone not in taken}
        if more:
            convention = convention or "Shapes"
            roles = _neck_in_order(objects.armature, roles | more)
    return convention, roles


def _named_bones(armature: bpy.types.Object, objects: CharacterObjects, **options: int) -> tuple[str, dict[str, str]]:
    names = armature_of(armature).bones.keys()
    convention, roles = roles_by_name(names, moving_skin(armature, objects.meshes), **options)
    return convention, _neck_in_order(armature, roles)


def _neck_in_order(armature: bpy.types.Object, roles: dict[str, str]) -> dict[str, str]:
    """Roles with the neck's numbered from 1, without those that carry an arm."""
    bones = armature_of(armature).bones
    necks = [roles[role] for role in ROLES if role.startswith("neck.") and role in roles]
    necks = [bone for bone in necks if not _carries_arms(bones[bone], roles)]
    others = {role: bone for role, bone in roles.items() if not role.startswith("neck.")}
    return others | {f"neck.{number}": bone for number, bone in enumerate(necks, start=1)}


def _carries_arms(bone: bpy.types.Bone, roles: Mapping[str, str]) -> bool:
    """Whether an arm hangs from a bone, which is then none of the neck's, whatever its name."""
    below = {child.name for child in bone.children_recursive}
    return any(roles.get(f"{part}.{side}") in below for part in ("shoulder", "upper_arm") for side in ("L", "R"))


def read_rig(objects: CharacterObjects, bones: Mapping[str, str], unit: float) -> Rig:
    """The bones of a character for the solver, which rests meanwhile. bones : role -> bone; unit : metres a unit of the
    scene.

    Raises InputError where a bone is not there, or where no head and no hand can be moved.
    """
    first = objects.armature
    limbs = _limbs(objects, bones)
    names, parents, matrices, lengths = _all_bones(objects, unit)
    kept = {role: bones[role] for limb in limbs for role in limb.controls.of if role in limb.own}
    if len(limbs) > 1 or any(limb.controls.of[role] != limb.roles[role] for limb in limbs for role in limb.controls.of):
        followers = _one_role_a_control(bones_that_follow(first, limbs), limbs)
        kept = {role: kept[role] for role in followers}
        limbs = [_without_followers(first, limb, kept, followers) for limb in limbs]
        _hang_by_followers(names, parents, kept, followers)
        _hang_companions(first, names, parents, kept, limbs)
    if not any(role.startswith("hand.") for role in kept) or "head" not in kept:
        missing = "hand" if "head" in kept else "head"
        raise InputError(f"No {missing} was found on {first.name}: choose its bone in the list of bones.")
    above = {role: _role_above(names, parents, kept, role) for role in kept}
    parts = [_part(limb, kept, above, unit, carried=limb.armature != first) for limb in limbs]
    return Rig(names, parents, matrices, lengths, kept, parts)


def _limbs(objects: CharacterObjects, bones: Mapping[str, str]) -> list[Limb]:
    """What each armature has: the roles that are its own, and those of others that its bones have as well."""
    own: dict[str, dict[str, str]] = {item.name: {} for item in objects.armatures}
    for role, name in bones.items():
        called = bone_called(objects.armature, name)
        if called is None or called[0].name not in own:
            raise InputError(f"{objects.armature.name} has no bone {name}, which is to be its {role}: choose another.")
        own[called[0].name][role] = called[1]
    limbs = []
    for item in objects.armatures:
        here = own[item.name]
        if len(objects.armatures) > 1:
            named = _named_bones(item, objects, least=1)[1]
            here = here | {role: bone for role, bone in named.items() if role in bones and role not in here}
        controls = find_controls(item, here)
        if controls.arms:
            controls = try_ik_arms(item, here, controls)
        limbs.append(Limb(item, here, frozenset(own[item.name]), controls))
    return limbs


def _all_bones(objects: CharacterObjects, unit: float) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names, parents, rest matrices and lengths of all armatures' bones."""
    names: list[str] = []
    parents, matrices, lengths = [], [], []
    for item in objects.armatures:
        there = armature_of(item).bones
        index = {bone.name: len(names) + number for number, bone in enumerate(there)}
        names += [full_name(objects.armature, item, bone.name) for bone in there]
        parents += [-1 if bone.parent is None else index[bone.parent.name] for bone in there]
        placed, long = rest_matrices(item, unit)
        matrices.append(placed)
        lengths.append(long)
    return names, np.array(parents, np.int32), np.concatenate(matrices), np.concatenate(lengths)


def _without_followers(
    first: bpy.types.Object, limb: Limb, kept: Mapping[str, str], followers: Mapping[str, set[str]]
) -> Limb:
    """A limb without roles of other armatures whose bones go along with those anyway, or whose owner cannot move."""
    of = {
        role: control
        for role, control in limb.controls.of.items()
        if role in kept
        and (role in limb.own or full_name(first, limb.armature, limb.roles[role]) not in followers[role])
    }
    return replace(limb, controls=replace(limb.controls, of=of))


def _hang_companions(
    first: bpy.types.Object, names: list[str], parents: np.ndarray, kept: Mapping[str, str], limbs: list[Limb]
) -> None:
    """Have bones that are moved like those of another armature hang from these, in place."""
    for limb in limbs:
        for role in limb.controls.of:
            if role not in limb.own:
                bone = names.index(full_name(first, limb.armature, limb.roles[role]))
                parents[bone] = names.index(kept[role])


def _role_above(names: list[str], parents: np.ndarray, roles: Mapping[str, str], role: str) -> str:
    """The role whose bone of the skin carries that of another, "" for none."""
    own = {bone: name for name, bone in roles.items()}
    above = int(parents[names.index(roles[role])])
    while above >= 0 and names[above] not in own:
        above = int(parents[above])
    return own[names[above]] if above >= 0 else ""


def _part(limb: Limb, kept: Mapping[str, str], above: Mapping[str, str], unit: float, *, carried: bool) -> RigPart:
    of = {role: control for role, control in limb.controls.of.items() if role in kept}
    arms = {side: arm for side, arm in limb.controls.arms.items() if f"hand.{side}" in of}
    world = np.array(limb.armature.matrix_world, np.float64)
    world[:3] *= unit
    roles = {role: limb.roles[role] for role in of}
    return RigPart(limb.armature, roles, replace(limb.controls, of=of, arms=arms), world, dict(above), carried)


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


def _one_role_a_control(followers: dict[str, set[str]], limbs: list[Limb]) -> dict[str, set[str]]:
    """Without the roles whose control another role has already, such as the bones that a neck's control turns."""
    taken: set[tuple[str, str]] = set()
    kept = {}
    for role, bones in followers.items():
        limb = next(limb for limb in limbs if role in limb.own)
        control = (limb.armature.name, limb.controls.of[role])
        if control not in taken:
            taken.add(control)
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
