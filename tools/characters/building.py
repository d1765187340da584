"""From a recipe to a character in an empty Blender scene."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from . import names as naming
from .blender_parts import Part, add_keys, add_weights, build_rig, build_skin
from .face_rig import give_face_rig
from .heads import foreign_head, product_head
from .makehuman import BODY_PARTS, MakeHuman, RigBone
from .recipes import Recipe
from .remeshing import remeshed
from .rigify import RIGIFY_BONES, generated
from .stylised import exaggerated

__all__ = ["build"]

_EYES = {"Eye.L": ("helper-l-eye",), "Eye.R": ("helper-r-eye",)}
_MOUTH = ("helper-tongue", "helper-upper-teeth", "helper-lower-teeth")
# Bones of MakeHuman's default rig whose names a convention does not have are dropped, their weights going to the bone
# above; these are the ones that carry them.
_HELPED = {"elbow": "forearm", "shoulder": "upper_arm", "knee": "shin", "pelvis": "thigh"}
_DROPPED = re.compile(r"^(levator|oculi|orbicularis|oris|risorius|special|temporalis|tongue|toe|breast)")


def build(recipe: Recipe, source: MakeHuman, foreign: Path | None) -> bpy.types.Object:
    """Make a character in an empty scene. foreign : file of the head that a recipe may ask for.

    Returns its armature.
    """
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    points = source.shape(recipe.body)
    deltas = source.expressions()
    bones = source.bones(recipe.rig, points)
    weights = dict(source.weights(recipe.weights))
    points, deltas = exaggerated(points, deltas, source) if recipe.stylised else (points, deltas)
    if recipe.rig.startswith("rigify"):
        bones = [bone for bone in bones if RIGIFY_BONES.match(bone.name)]
        kept = {bone.name for bone in bones}
        weights = _merged(weights, kept, source.rig_entries(recipe.rig), recipe.names == "rigify")
    elif recipe.rig.endswith("default"):
        bones, weights = _simplified(bones, weights)
    other = _names(recipe, [bone.name for bone in bones])
    armature = build_rig("Armature", bones, other)
    if recipe.names == "rigify":
        armature = generated(armature, source.rig_entries(recipe.rig), bones)
        other = {name: name if name.startswith("DEF-") else f"DEF-{name}" for name in weights}
    parts = _parts(recipe, source, points)
    if recipe.remeshed:
        parts = [remeshed(part) for part in parts]
    style = naming.KEY_STYLES.get(recipe.keys)
    keys = {} if style is None else {style(name): delta for name, delta in deltas.items()}
    for part in parts:
        if keys and part.item.name in ("Head", "Body", "Eyes", "Mouth"):
            add_keys(part, keys)
        add_weights(part, armature, weights, other)
    if recipe.head:
        _replace_head(recipe, armature, other, source, points, foreign)
    if recipe.face_rig:
        give_face_rig(armature, [part.item for part in parts if part.item.name in ("Head", "Eyes", "Mouth")])
    _unusual(recipe, armature)
    return armature


def _merged(
    weights: Mapping[str, Sequence[tuple[int, float]]], kept: set[str], entries: Mapping[str, dict], twists: bool
) -> dict[str, list[tuple[int, float]]]:
    """Weights on the bones of Rigify's body: those of the face go to the head, those of helpers to what they help.

    twists : whether upper arms and forearms have a second bone of the skin, as Rigify generates them.
    """
    merged: dict[str, list[tuple[int, float]]] = {}
    for bone, pairs in weights.items():
        owner = bone.removeprefix("DEF-")
        helper = re.match(r"^(elbow|shoulder|knee|pelvis)-helper.*\.([LR])$", owner)
        twist = re.match(r"^((?:upper_arm|forearm|thigh|shin)\.[LR])\.001$", owner)
        if helper:
            owner = f"{_HELPED[helper[1]]}.{helper[2]}"
        elif twist:
            owner = owner if twists else twist[1]
        else:
            while owner and owner not in kept:
                owner = entries[owner]["parent"] if owner in entries else ""
        merged.setdefault(owner or "spine.006", []).extend(pairs)
    return merged


def _simplified(
    bones: list[RigBone], weights: Mapping[str, Sequence[tuple[int, float]]]
) -> tuple[list[RigBone], dict[str, list[tuple[int, float]]]]:
    """MakeHuman's default rig without its muscles of the face and its toes."""
    parents = {bone.name: bone.parent for bone in bones}
    names = {bone.name for bone in bones if not _DROPPED.match(bone.name)}

    def kept_above(bone: str) -> str:
        while bone and bone not in names:
            bone = parents[bone]
        return bone

    kept = [replace(bone, parent=kept_above(bone.parent)) for bone in bones if bone.name in names]
    merged: dict[str, list[tuple[int, float]]] = {}
    for bone, pairs in weights.items():
        merged.setdefault(kept_above(bone), []).extend(pairs)
    return kept, merged


def _names(recipe: Recipe, bones: list[str]) -> dict[str, str]:
    """Bone in the wheel -> bone in the armature."""
    makers = {
        "biped": naming.biped_names,
        "vroid": naming.vroid_names,
        "arp": naming.arp_names,
        "unreal": naming.unreal_names,
    }
    if recipe.names == "meaningless":
        return naming.meaningless_names(bones)
    return makers[recipe.names]() if recipe.names in makers else {}


def _parts(recipe: Recipe, source: MakeHuman, points: np.ndarray) -> list[Part]:
    """The mesh as one object, or as several."""
    if not recipe.parts:
        return [build_skin("Body", points, source.faces(BODY_PARTS))]
    parts = []
    faces = source.faces(("body",))
    height = _chin_height(source, points)
    head = [face for face in faces if points[face, 2].min() > height and np.abs(points[face, 0]).max() < 0.2]
    body = [face for face in faces if not (points[face, 2].min() > height and np.abs(points[face, 0]).max() < 0.2)]
    parts.append(build_skin("Body" if recipe.head else "Torso", points, body))
    if not recipe.head:
        parts.append(build_skin("Head", points, head))
        parts.append(build_skin("Eyes", points, source.faces(("helper-l-eye", "helper-r-eye"))))
        parts.append(build_skin("Mouth", points, source.faces(_MOUTH)))
    return parts


def _chin_height(source: MakeHuman, points: np.ndarray) -> float:
    """Where a head is cut off: in the middle of the neck."""
    neck = points[source.groups["joint-neck"]].mean(axis=0)
    head = points[source.groups["joint-head"]].mean(axis=0)
    return float(0.5 * neck[2] + 0.5 * head[2])


def _replace_head(
    recipe: Recipe,
    armature: bpy.types.Object,
    other: Mapping[str, str],
    source: MakeHuman,
    points: np.ndarray,
    foreign: Path | None,
) -> None:
    joint = points[source.groups["joint-head"]].mean(axis=0)
    eyes = np.stack([points[source.groups[f"joint-{side}-eye"]].mean(axis=0) for side in "lr"])
    names = {role: other.get(bone, bone) for role, bone in {"head": "head", "neck": "neck01"}.items()}
    if recipe.head == "product":
        product_head(armature, names, eyes, naming.KEY_STYLES[recipe.keys])
        return
    if foreign is None:
        raise SystemExit("foreign_head_unreal needs --foreign, a file with a head.")
    foreign_head(foreign, armature, names, eyes, joint)


def _unusual(recipe: Recipe, armature: bpy.types.Object) -> None:
    """Transforms, units and modifiers."""
    scene = bpy.context.scene
    scale = np.array(recipe.scale) / recipe.unit
    armature.scale = scale.tolist()
    armature.location = (np.array(recipe.place) / recipe.unit).tolist()
    armature.rotation_euler = (0.0, 0.0, recipe.turn)
    scene.unit_settings.scale_length = recipe.unit
    if recipe.subdivision:
        for item in scene.objects:
            if item.type == "MESH":
                item.modifiers.new("Subdivision", "SUBSURF")
    bpy.context.view_layer.update()
