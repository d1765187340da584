"""Characters that several armatures pose: a face's or the hands' beside the body's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from dice_core.transfer.names import ARM_ROLES

from ..scene.object_data import armature_of, mesh_of, pose_of
from ..scene.parts import PART_PROPERTY
from .bone_names import roles_by_name

__all__ = [
    "armature_modifier",
    "bone_called",
    "full_name",
    "joined_armatures",
    "most_of_head",
    "moving_groups",
    "moving_skin",
    "poses",
]

# A vertex is a bone's where the bone and those below it have at least this share of it. Set by hand.
_SHARE = 0.5
# Metres, of a person's: two heads' joints that lie nearer may be one. A head's joint and its neighbours are 8 cm apart.
_ONE_JOINT = 0.05
# Metres and bones: armatures of which so many bones with the same names rest in the same places are parts of one.
_SAME_PLACE, _SAME_BONES = 0.01, 2
_PARTS = ("head", "hand.L", "hand.R")


def full_name(first: bpy.types.Object, armature: bpy.types.Object, bone: str) -> str:
    """How a bone is called among those of a character's armatures, the first of which has the plain names."""
    return bone if armature == first else f"{armature.name}/{bone}"


def bone_called(first: bpy.types.Object, name: str) -> tuple[bpy.types.Object, str] | None:
    """The armature and the bone that `full_name` has named, None where there is no such bone."""
    if name in armature_of(first).bones:
        return first, name
    other, _, bone = name.partition("/")
    item = bpy.data.objects.get(other)
    return (item, bone) if item is not None and item.type == "ARMATURE" and bone in armature_of(item).bones else None


def armature_modifier(item: bpy.types.Object, armature: bpy.types.Object) -> bpy.types.ArmatureModifier | None:
    """The modifier by which an armature poses a mesh."""
    for modifier in item.modifiers:
        if isinstance(modifier, bpy.types.ArmatureModifier) and modifier.object == armature:
            return modifier
    return None


def poses(armature: bpy.types.Object, item: bpy.types.Object) -> bool:
    """Whether an armature moves a mesh object, by a modifier or as the parent of a bone's."""
    if armature_modifier(item, armature) is not None:
        return True
    return item.parent == armature and item.parent_type == "BONE" and item.parent_bone in armature_of(armature).bones


def moving_groups(item: bpy.types.Object, armature: bpy.types.Object) -> dict[int, str]:
    """Index of a mesh's vertex group -> the bone that moves its vertices."""
    if armature_modifier(item, armature) is None:
        return {}
    bones = armature_of(armature).bones
    return {group.index: group.name for group in item.vertex_groups if _deforms(bones.get(group.name))}


def moving_skin(armature: bpy.types.Object, meshes: Iterable[bpy.types.Object]) -> list[str]:
    """Bones that have vertices to move."""
    found: dict[str, None] = {}
    for item in meshes:
        if item.parent == armature and item.parent_type == "BONE":
            found[item.parent_bone] = None
        groups = moving_groups(item, armature)
        used = {g.group for vertex in mesh_of(item).vertices for g in vertex.groups if g.weight > 0}
        found |= dict.fromkeys(groups[index] for index in used & set(groups))
    return list(found)


def joined_armatures(
    scene: bpy.types.Scene, armature: bpy.types.Object, given: Iterable[bpy.types.Object], unit: float
) -> list[bpy.types.Object]:
    """All armatures that pose one character: those that carry others before these, the body's before its parts'.

    armature : one of them; given : others that the user has named. Another one of the scene is a part of the character
    where it is bound to one of them or rests in the same places, and moves more of the head or of a hand than they do.
    unit : metres a unit of the scene.
    """
    meshes = [item for item in scene.objects if item.type == "MESH"]
    named = list(dict.fromkeys([armature, *given]))
    others = [item for item in scene.objects if item.type == "ARMATURE" and item not in named]
    others = [item for item in others if not item.get(PART_PROPERTY) and any(poses(item, mesh) for mesh in meshes)]
    if len(named) == 1 and not others:
        return named
    supply = {item: _supply(item, meshes, unit) for item in (*named, *others)}
    group = list(named)
    while True:
        more = [
            item
            for item in others
            if item not in group
            and any(_bound(item, one) or _in_the_same_places(item, one, unit) for one in group)
            and _adds(supply[item], [supply[one] for one in group])
        ]
        if not more:
            break
        group += more
    # What was chosen and moves neither head nor hands has led to the others, and is none of them.
    group = [item for item in group if any(supply[item].counts.values())] or group
    return sorted(group, key=lambda item: (_depth(item, group), -supply[item].limbs, -supply[item].hands))


def most_of_head(armatures: list[bpy.types.Object], meshes: list[bpy.types.Object]) -> bpy.types.Object:
    """The armature that moves most vertices of the head."""
    if len(armatures) == 1:
        return armatures[0]
    return max(armatures, key=lambda item: _supply(item, meshes, 1.0).counts["head"])


@dataclass(frozen=True)
class _Supply:
    """counts : by part of `_PARTS`, how many vertices an armature moves; head : (3,) metres, its joint, or None;
    limbs : how many bones of neck, head and arms it has."""

    counts: dict[str, int]
    head: np.ndarray | None
    limbs: int

    @property
    def hands(self) -> int:
        return self.counts["hand.L"] + self.counts["hand.R"]


def _supply(armature: bpy.types.Object, meshes: list[bpy.types.Object], unit: float) -> _Supply:
    bones = armature_of(armature).bones
    own = [item for item in meshes if poses(armature, item)]
    _, roles = roles_by_name(bones.keys(), moving_skin(armature, own), least=1)
    counts = dict.fromkeys(_PARTS, 0)
    for part in _PARTS:
        if part in roles:
            below = {roles[part], *(bone.name for bone in bones[roles[part]].children_recursive)}
            counts[part] = sum(_owned(item, armature, below) for item in own)
    head = armature.matrix_world @ bones[roles["head"]].head_local * unit if "head" in roles else None
    limbs = sum(role.partition(".")[0] in ("head", "neck", *ARM_ROLES) for role in roles)
    return _Supply(counts, None if head is None else np.array(head), limbs)


def _owned(item: bpy.types.Object, armature: bpy.types.Object, bones: set[str]) -> int:
    """How many vertices of a mesh some bones move."""
    if item.parent == armature and item.parent_type == "BONE":
        return len(mesh_of(item).vertices) if item.parent_bone in bones else 0
    groups = {index for index, bone in moving_groups(item, armature).items() if bone in bones}
    shares = (sum(g.weight for g in vertex.groups if g.group in groups) for vertex in mesh_of(item).vertices)
    return sum(share >= _SHARE for share in shares)


def _adds(one: _Supply, group: list[_Supply]) -> bool:
    """Whether an armature moves more of a part than those of a group, and is not a character by itself."""
    heads = [other.head for other in group if other.head is not None]
    if one.head is not None and any(np.linalg.norm(one.head - head) > _ONE_JOINT for head in heads):
        return False
    most = {part: max(other.counts[part] for other in group) for part in _PARTS}
    hands = most["hand.L"] + most["hand.R"]
    whole = min(one.hands, hands) > 0 and min(one.counts["head"], most["head"]) > 0
    return not whole and any(one.counts[part] > most[part] for part in _PARTS)


def _bound(one: bpy.types.Object, other: bpy.types.Object) -> bool:
    """Whether one of two armatures hangs from the other."""
    return _leads_to(one, other) or _leads_to(other, one)


def _depth(item: bpy.types.Object, group: list[bpy.types.Object]) -> int:
    """From how many of a group an armature hangs."""
    return sum(_leads_to(item, other) for other in group if other != item)


def _leads_to(item: bpy.types.Object, other: bpy.types.Object) -> bool:
    """Whether an armature hangs from another, by parents or constraints."""
    above = item.parent
    while above is not None:
        if above == other:
            return True
        above = above.parent
    constraints = [*item.constraints, *(part for bone in pose_of(item).bones for part in bone.constraints)]
    return any(target == other for constraint in constraints for target in _targets(constraint))


def _targets(constraint: Any) -> Iterator[Any]:
    if constraint.type == "ARMATURE":
        yield from (target.target for target in constraint.targets)
    else:
        yield getattr(constraint, "target", None)


def _in_the_same_places(one: bpy.types.Object, other: bpy.types.Object, unit: float) -> bool:
    bones, others = armature_of(one).bones, armature_of(other).bones
    apart = [
        (one.matrix_world @ bone.head_local - other.matrix_world @ others[bone.name].head_local).length * unit
        for bone in bones
        if bone.name in others
    ]
    return sum(distance < _SAME_PLACE for distance in apart) >= _SAME_BONES


def _deforms(bone: bpy.types.Bone | None) -> bool:
    return bone is not None and bone.use_deform
