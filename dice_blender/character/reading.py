"""A character out of Blender: its surface, bones and keys at rest, as the solver reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np

from dice_core.errors import InputError
from dice_core.transfer.files import INFLUENCES, Character
from dice_core.transfer.names import POINT_NAMES

from ..scene.object_data import shape_keys_of
from ..scene.scene_settings import unit_of
from .expression_names import match_expressions
from .face_skin import face_skin
from .mapping import CharacterMap
from .objects import CharacterObjects, at_rest
from .own_parts import list_transfers, noted, transfer_of
from .rig import Rig, find_bones, read_rig
from .skin import Surface, read_surface, shape_key_deltas, skin_of
from .take_source import TakeSource

__all__ = ["ReadCharacter", "find_map", "read_character"]


# How the shape keys of dents begin, which show no expression.
_DENTS = "contact."


@dataclass(frozen=True)
class ReadCharacter:
    """character : for the solver; rig : how its bones are keyed; objects : where it stands in the file."""

    character: Character
    rig: Rig
    objects: CharacterObjects


def find_map(objects: CharacterObjects, take: TakeSource | None = None) -> CharacterMap:
    """Which bone has which role and which key shows which expression, as far as names and shapes tell.

    take : whose earlier transfer is going to be replaced: the keys that it made do not count.
    """
    convention, bones = find_bones(objects)
    owner = ""
    # Where several takes are on a character, the keys that one has made are there for all.
    if take is not None and len(list_transfers(objects.armature)) == 1:
        _, owner = transfer_of(objects.armature, take)
    names = [
        name
        for item in objects.meshes
        for name in _keys_of(item)
        if name not in noted(item, owner, "made") and not name.startswith(_DENTS)
    ]
    return CharacterMap(bones, match_expressions(dict.fromkeys(names)), convention)


def read_character(
    objects: CharacterObjects,
    mapping: CharacterMap,
    scene: bpy.types.Scene,
    landmarks: Mapping[str, np.ndarray] | None = None,
) -> ReadCharacter:
    """Read a character in its rest pose; the file is the same afterwards.

    landmarks : points of the face that are set by hand, (3,) world coordinates in the scene's units, by name.
    Raises InputError where bones or keys of the map are not there, or the character has no head or hand.
    """
    unit = unit_of(scene)
    bones, expressions = mapping.bones, mapping.expressions
    if is_mirrored(objects.armature):
        # What was the left when it was named stands on the right.
        bones = {_other_side(role): bone for role, bone in bones.items()}
        expressions = [replace(e, source=_other_side(e.source)) for e in expressions]
    with at_rest(objects.armatures):
        rig = read_rig(objects, bones, unit)
        surfaces = [read_surface(item, unit) for item in objects.meshes]
    counts = [len(surface.vertices) for surface in surfaces]
    starts = np.concatenate([[0], np.cumsum(counts)])
    index = {name: number for number, name in enumerate(rig.names)}
    skins = [skin_of(item, objects.armatures, index) for item in objects.meshes]
    skin_bones = np.concatenate([bones for bones, _ in skins]).reshape(-1, INFLUENCES)
    skin_weights = np.concatenate([weights for _, weights in skins]).reshape(-1, INFLUENCES)
    vertices = np.concatenate([surface.vertices for surface in surfaces])
    triangles = np.concatenate([s.triangles + start for s, start in zip(surfaces, starts, strict=False)])
    key_names, key_objects, deltas = _keys(objects, surfaces, starts, mapping)
    points = np.full((len(POINT_NAMES), 3), np.nan, np.float32)
    for name, point in (landmarks or {}).items():
        points[POINT_NAMES.index(name)] = point * unit
    character = Character(
        vertices=vertices.astype(np.float32),
        triangles=triangles.astype(np.int32),
        object=np.repeat(np.arange(len(counts)), counts).astype(np.int32),
        object_names=tuple(item.name for item in objects.meshes),
        object_vertex=np.concatenate([np.arange(count) for count in counts]).astype(np.int32),
        object_matrix=np.array([surface.matrix for surface in surfaces]),
        bone_names=tuple(rig.names),
        bone_parents=rig.parents,
        bone_matrices=rig.matrices,
        bone_lengths=rig.lengths.astype(np.float32),
        skin_bones=skin_bones,
        skin_weights=skin_weights,
        shape_key_names=tuple(key_names),
        shape_key_deltas=deltas,
        shape_key_object=np.array(key_objects, np.int32),
        roles=rig.roles,
        expressions=[{"source": e.source, "target": e.target, "gain": e.gain, "offset": e.offset} for e in expressions],
        head_vertices=face_skin(vertices, triangles, int(counts[0]), skin_bones, skin_weights, rig),
        landmarks=points,
    )
    return ReadCharacter(character, rig, objects)


def is_mirrored(armature: bpy.types.Object) -> bool:
    """Whether a negative scale shows a character as in a mirror."""
    return armature.matrix_world.determinant() < 0


def _other_side(name: str) -> str:
    """A role or an ARKit expression of the other side."""
    for one, other in ((".L", ".R"), (".R", ".L"), ("Left", "Right"), ("Right", "Left")):
        if name.endswith(one):
            return name.removesuffix(one) + other
    return name


def _keys(
    objects: CharacterObjects, surfaces: list[Surface], starts: np.ndarray, mapping: CharacterMap
) -> tuple[list[str], list[int], np.ndarray]:
    """Names, objects and (S, V, 3) deltas of the shape keys that show expressions; the others stay as they are."""
    wanted = {expression.target for expression in mapping.expressions}
    found = [(name, number) for number, item in enumerate(objects.meshes) for name in _keys_of(item) if name in wanted]
    missing = wanted - {name for name, _ in found}
    if missing:
        raise InputError(f"No mesh has the shape key {min(missing)}: choose another in the list of expressions.")
    deltas = np.zeros((len(found), starts[-1], 3), np.float32)
    for row, (name, number) in enumerate(found):
        own = slice(starts[number], starts[number + 1])
        deltas[row, own] = shape_key_deltas(objects.meshes[number], name, surfaces[number].matrix[:3, :3])
    return [name for name, _ in found], [number for _, number in found], deltas


def _keys_of(item: bpy.types.Object) -> list[str]:
    keys = shape_keys_of(item)
    if keys is None or not keys.use_relative:
        return []
    return [block.name for block in keys.key_blocks if block != keys.reference_key]
