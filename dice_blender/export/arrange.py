"""What is written to a file: meshes that move as objects or on a skeleton, with their motion baked frame by frame.

Files begin at frame 0, wherever the take begins in the scene: an engine plays them from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix

from ..scene.animation import CurveWriter
from ..scene.object_data import camera_of, mesh_of
from .body_motion import keyed_motion, shrinking, standing_point
from .bones import STAND_IN_LENGTH, bones_of, reference_frame, stand_in
from .carriers import Carrier, ObjectCarrier, SkinCarrier, add_remainder
from .export_scene import ExportScene
from .presets import Preset
from .sampling import BodySample, Samples, place
from .shapes import Shapes, limit_influences, read_shapes, skin_weights, write_shapes, write_weights
from .skeleton import Bone, bind, build_armature, key_channels
from .transforms import constant_part, decompose, is_mirrored

__all__ = ["Arranged", "arrange"]

_ROOT = "root"
# Game engines' importers know this name and do not import the object as one more bone.
_SKELETON_NAME = "Armature"


@dataclass
class Arranged:
    """objects : what is to be written. errors : metres, body name to the largest distance from what Blender shows.

    influence_error : metres, what leaving out all but the strongest bones moved a vertex at most, before keys for it.
    targets : the most shape keys on a mesh; shrinking : names of meshes and bones that shrink where out of sight.
    """

    objects: list[bpy.types.Object]
    errors: dict[str, float] = field(default_factory=dict)
    influence_error: float = 0.0
    targets: int = 0
    shrinking: set[str] = field(default_factory=set)


@dataclass
class _Placed:
    """A body on its carrier. shapes : in the file's space of the mesh; full : with all bones, where some are left out.

    names, weights : of the bones that move it, (V, B); none for an object that moves by itself.
    """

    sample: BodySample
    shapes: Shapes
    carrier: Carrier
    mirrored: bool
    names: list[str] = field(default_factory=list)
    weights: np.ndarray | None = None
    armature: bpy.types.Object | None = None
    full: Carrier | None = None


def arrange(
    copies: ExportScene, samples: Samples, preset: Preset, *, at_origin: bool, camera: bool, under_armature: bool
) -> Arranged:
    """Turn the sampled copies into what is written, and name everything.

    at_origin : have the head (or else the first body) stand on the world's origin where it is first seen.
    camera : whether the take's camera comes along; under_armature : whether skinned meshes are its children.
    """
    frames = np.arange(len(samples.bodies[0].world))
    if at_origin:
        place(samples, 1.0, -standing_point(samples))
    for item in samples.bodies:
        copies.loan.give(item.body.mesh, item.body.name)
        copies.loan.give(mesh_of(item.body.mesh), copies.names.unused(f"{item.body.name} Mesh"))
    placed = _on_one_skeleton(copies, samples, preset, frames) if preset.engine else []
    if not preset.engine:
        placed = _by_themselves(copies, samples, preset, frames)
    arranged = Arranged(list(dict.fromkeys(p.armature for p in placed if p.armature is not None)))
    for part in placed:
        _finish(part, frames, arranged, under_armature)
    if camera:
        arranged.objects += [_bake_camera(copies, item, world, frames) for item, world in samples.cameras.items()]
    return arranged


def _on_one_skeleton(copies: ExportScene, samples: Samples, preset: Preset, frames: np.ndarray) -> list[_Placed]:
    """All bodies on one armature with one root bone, as game engines want a character."""
    armature = _new_armature(copies, copies.names.unused(_SKELETON_NAME))
    still = np.tile(np.eye(4), (len(frames), 1, 1))
    bones = [Bone(copies.names.unused(_ROOT), np.eye(4), still, -1, STAND_IN_LENGTH)]
    columns: list[tuple[BodySample, list[int]]] = []
    rigs: dict[int, list[int]] = {}
    for item in samples.bodies:
        start = len(bones)
        if item.rig is None:
            bones.append(stand_in(item, copies.names.unused(f"{item.body.name}_bone")))
            columns.append((item, [start]))
            continue
        if id(item.rig) not in rigs:
            bones += bones_of(copies, samples, item.rig, parent=0, offset=start)
            rigs[id(item.rig)] = list(range(start, len(bones)))
        columns.append((item, rigs[id(item.rig)]))
    deltas = build_armature(copies.scene, armature, bones, frames)
    placed = []
    for item, indices in columns:
        names = [bones[index].name for index in indices]
        if item.rig is None:
            origin = bones[indices[0]].rest[:3, 3]
            shapes, linear = _object_shapes(item)
            weights = np.ones((len(shapes.basis), 1))
            carrier = SkinCarrier(deltas[indices], weights)
            moved = shapes.transformed(np.eye(3), origin)
            placed.append(_Placed(item, moved, carrier, is_mirrored(linear), names, weights, armature))
        else:
            placed.append(_skinned(item, names, deltas[indices], armature, preset))
    return placed


def _by_themselves(copies: ExportScene, samples: Samples, preset: Preset, frames: np.ndarray) -> list[_Placed]:
    """Each body by itself: on an armature of its own where it has one, otherwise as a moving object."""
    built: dict[int, tuple[bpy.types.Object, list[str], np.ndarray]] = {}
    placed = []
    for item in samples.bodies:
        if item.rig is None:
            shapes, linear = _object_shapes(item)
            channels = keyed_motion(item, linear)
            mesh = item.body.mesh
            _detach(mesh)
            key_channels(CurveWriter(mesh, mesh.name), "", frames, channels, shrinking([item]))
            placed.append(_Placed(item, shapes, ObjectCarrier(channels.matrices), is_mirrored(linear)))
            continue
        if id(item.rig) not in built:
            armature = _new_armature(copies, copies.names.unused(item.rig.armature.name))
            bones = bones_of(copies, samples, item.rig, parent=-1, offset=0)
            deltas = build_armature(copies.scene, armature, bones, frames)
            built[id(item.rig)] = armature, [bone.name for bone in bones], deltas
        armature, names, deltas = built[id(item.rig)]
        placed.append(_skinned(item, names, deltas, armature, preset))
    return placed


def _finish(part: _Placed, frames: np.ndarray, arranged: Arranged, under_armature: bool) -> None:
    """Write a body's shapes, weights and binding, and what it lacks of what Blender shows."""
    item, mesh = part.sample, part.sample.body.mesh
    visible = item.visible
    if part.full is not None and part.weights is not None:
        arranged.influence_error = max(
            arranged.influence_error, _influence_error(part.shapes, part.carrier, part.full, visible)
        )
    shapes, after = add_remainder(part.shapes, part.carrier, item.surface, item.source)
    if part.armature is not None:
        _detach(mesh)
    write_shapes(mesh, shapes, frames)
    if part.mirrored:
        mesh_of(mesh).flip_normals()
    if part.armature is not None and part.weights is not None:
        write_weights(mesh, part.weights, part.names)
        bind(mesh, part.armature, parented=under_armature)
    else:
        mesh.vertex_groups.clear()
    arranged.objects.append(mesh)
    if not visible.all():
        arranged.shrinking |= {mesh.name, *part.names}
    arranged.errors[item.body.name] = after
    arranged.targets = max(arranged.targets, len(shapes.names))


def _influence_error(shapes: Shapes, limited: Carrier, full: Carrier, visible: np.ndarray) -> float:
    worst = 0.0
    for t in np.flatnonzero(visible).tolist():
        points = shapes.at(t)
        distance = np.linalg.norm(limited.forward(t, points) - full.forward(t, points), axis=1)
        worst = max(worst, float(distance.max(initial=0.0)))
    return worst


def _object_shapes(item: BodySample) -> tuple[Shapes, np.ndarray]:
    """The shapes of a body that moves as an object, with its constant scale and mirroring, and these."""
    linear = constant_part(item.world, item.visible)
    return read_shapes(item.body.mesh, item.weights).transformed(linear, np.zeros(3)), linear


def _skinned(
    item: BodySample, names: list[str], deltas: np.ndarray, armature: bpy.types.Object, preset: Preset
) -> _Placed:
    """A body on bones. deltas : (B, T, 4, 4) of all bones of its armature, in the armature's order."""
    assert item.rig is not None
    full = skin_weights(item.body.mesh, list(item.rig.rest), item.rig.deforming)
    weights = limit_influences(full, preset.influences)
    base = item.world[reference_frame(item.rig)]
    shapes = read_shapes(item.body.mesh, item.weights).transformed(base[:3, :3], base[:3, 3])
    return _Placed(
        item,
        shapes,
        SkinCarrier(deltas, weights),
        is_mirrored(base[:3, :3]),
        names,
        weights,
        armature,
        None if weights is full else SkinCarrier(deltas, full),
    )


def _new_armature(copies: ExportScene, name: str) -> bpy.types.Object:
    data = bpy.data.armatures.new("DICE export")
    armature = bpy.data.objects.new("DICE export", data)
    copies.loan.give(armature, name)
    copies.loan.give(data, copies.names.unused(f"{name} Bones"))
    return armature


def _detach(item: bpy.types.Object) -> None:
    """Free an object from everything that moved it, so that only the baked motion will."""
    item.animation_data_clear()
    item.modifiers.clear()
    item.constraints.clear()
    item.parent = None
    item.delta_location, item.delta_scale = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    item.delta_rotation_euler, item.delta_rotation_quaternion = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)
    item.rotation_mode = "QUATERNION"
    item.matrix_basis = Matrix()
    for name in list(item.keys()):
        del item[name]


def _bake_camera(
    copies: ExportScene, item: bpy.types.Object, world: np.ndarray, frames: np.ndarray
) -> bpy.types.Object:
    name = copies.names.unused(item.name)
    copies.loan.give(item, name)
    copies.loan.give(camera_of(item), copies.names.unused(f"{name} Lens"))
    _detach(item)
    channels = decompose(world)
    channels.scale[:] = 1.0
    key_channels(CurveWriter(item, name), "", frames, channels)
    return item
