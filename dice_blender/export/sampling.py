"""The motion and the surface of what is exported, frame by frame, as Blender evaluates it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

import bpy
import numpy as np

from dice_core.errors import InputError

from ..scene.object_data import armature_of, mesh_of, pose_of, shape_keys_of
from .export_scene import Body, ExportScene
from .visibility import hidden_now, shown_frames

__all__ = ["BodySample", "RigSample", "Samples", "place", "sample"]

# Share of an object's largest scale below which it counts as hidden: nothing is to be seen of it.
_VANISHED = 1e-3


@dataclass
class RigSample:
    """World transforms of one armature over T frames, metres.

    rest : bone name to (4, 4) in the armature's space; world : (T, 4, 4) of the object; pose : bone name to (T, 4, 4)
    of the posed bone in the world. parents, lengths : bone name to parent's name or None, and to metres.
    deforming : names of the bones that move vertices.
    """

    armature: bpy.types.Object
    world: np.ndarray
    rest: dict[str, np.ndarray]
    pose: dict[str, np.ndarray]
    parents: dict[str, str | None]
    lengths: dict[str, float]
    deforming: set[str]


@dataclass
class BodySample:
    """One body over T frames, metres.

    source : (T,) int, for each frame the one whose motion it has: itself where the body is visible.
    world : (T, 4, 4) of the mesh object; visible : (T,) bool; weights : (T, K) of its shape keys but for the basis.
    surface : (T, V, 3) float32 in the world, as evaluated.
    In frames in which it is not visible, everything is as where it will be visible again.
    """

    body: Body
    rig: RigSample | None
    world: np.ndarray
    visible: np.ndarray
    source: np.ndarray
    weights: np.ndarray
    surface: np.ndarray


@dataclass
class Samples:
    """bodies : those that any frame shows. cameras : object to (T, 4, 4)."""

    bodies: list[BodySample]
    rigs: list[RigSample]
    cameras: dict[bpy.types.Object, np.ndarray]


def sample(copies: ExportScene) -> Samples:
    """Everything that is exported, in the frames of the animation, in metres whatever the scene's unit is.

    Modifiers that change the number of vertices are left out, and `copies.notes` says so.
    Raises InputError where no frame shows anything, or where a mesh changes its number of vertices on the way.
    """
    frames = range(copies.first, copies.last + 1)
    for body in copies.bodies:
        copies.notes += _without_new_vertices(body)
    rigs = {a: _empty_rig(a, len(frames)) for a in dict.fromkeys(b.armature for b in copies.bodies) if a is not None}
    bodies = [_empty_body(body, rigs, len(frames)) for body in copies.bodies]
    cameras = {camera: np.empty((len(frames), 4, 4)) for camera in copies.cameras}
    hidden = np.empty((len(bodies), len(frames), 2), bool)
    for t, frame in enumerate(frames):
        copies.scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for b, item in enumerate(bodies):
            hidden[b, t] = hidden_now(item.body.mesh.evaluated_get(graph))
            _read_body(item, t, graph)
        for rig in rigs.values():
            armature = rig.armature.evaluated_get(graph)
            rig.world[t] = np.array(armature.matrix_world)
            for bone in pose_of(armature).bones:
                rig.pose[bone.name][t] = rig.world[t] @ np.array(bone.matrix)
        for camera, matrices in cameras.items():
            matrices[t] = np.array(camera.evaluated_get(graph).matrix_world)
    for item, states in zip(bodies, hidden, strict=True):
        scale = np.abs(np.linalg.det(item.world[:, :3, :3])) ** (1 / 3)
        item.visible = shown_frames(states, item.body.shown) & (scale > _VANISHED * scale.max())
    seen = [item for item in bodies if item.visible.any()]
    copies.notes += [f"{item.body.name} is left out: hidden in every frame." for item in bodies if item not in seen]
    if not seen:
        raise InputError("Nothing is to be seen in the frames that are exported: show something, or choose others.")
    used = [rig for rig in rigs.values() if any(item.rig is rig for item in seen)]
    _wait_where_they_appear(seen, used)
    samples = Samples(seen, used, cameras)
    if copies.unit != 1.0:
        place(samples, copies.unit, np.zeros(3))
    return samples


def place(samples: Samples, scale: float, shift: np.ndarray) -> None:
    """Scale all samples, in place, about the world's origin, and shift them by (3,) metres."""
    poses = [matrices for rig in samples.rigs for matrices in (rig.world, *rig.pose.values())]
    for matrices in (*(item.world for item in samples.bodies), *poses, *samples.cameras.values()):
        matrices[:, :3] *= scale
        matrices[:, :3, 3] += shift
    for item in samples.bodies:
        item.surface *= np.float32(scale)
        item.surface += shift.astype(np.float32)


def _without_new_vertices(body: Body) -> list[str]:
    """Switch off the modifiers of a copy that change its number of vertices. Returns what there is to say about it."""
    item, count = body.mesh, len(mesh_of(body.mesh).vertices)
    if _evaluated_count(item) == count:
        return []
    enabled = [modifier for modifier in item.modifiers if modifier.show_viewport]
    for modifier in enabled:
        modifier.show_viewport = False
    changing = []
    for modifier in enabled:
        modifier.show_viewport = True
        if _evaluated_count(item) != count:
            modifier.show_viewport = False
            changing.append(modifier.name)
    return [f"{body.name} is exported without {', '.join(changing)}, which would change its number of vertices."]


def _evaluated_count(item: bpy.types.Object) -> int:
    return len(mesh_of(item.evaluated_get(bpy.context.evaluated_depsgraph_get())).vertices)


def _empty_rig(armature: bpy.types.Object, frames: int) -> RigSample:
    bones = list(armature_of(armature).bones)
    return RigSample(
        armature,
        world=np.empty((frames, 4, 4)),
        rest={bone.name: np.array(bone.matrix_local) for bone in bones},
        pose={bone.name: np.empty((frames, 4, 4)) for bone in bones},
        parents={bone.name: None if bone.parent is None else bone.parent.name for bone in bones},
        lengths={bone.name: bone.length for bone in bones},
        deforming={bone.name for bone in bones if bone.use_deform},
    )


def _empty_body(body: Body, rigs: dict[bpy.types.Object, RigSample], frames: int) -> BodySample:
    keys = shape_keys_of(body.mesh)
    count = len(mesh_of(body.mesh).vertices)
    surface = _on_disk(frames, count)
    return BodySample(
        body,
        rigs[body.armature] if body.armature is not None else None,
        world=np.empty((frames, 4, 4)),
        visible=np.ones(frames, bool),
        source=np.arange(frames),
        weights=np.zeros((frames, 0 if keys is None else len(keys.key_blocks) - 1)),
        surface=surface,
    )


def _on_disk(frames: int, count: int) -> np.ndarray:
    """(frames, count, 3) float32, in a temporary file that goes with the array: long takes have gigabytes of it."""
    with tempfile.TemporaryFile() as file:
        surface: np.ndarray = np.memmap(file, np.float32, "w+", shape=(frames, max(count, 1), 3))
    return surface[:, :count]


def _read_body(item: BodySample, t: int, graph: bpy.types.Depsgraph) -> None:
    evaluated = item.body.mesh.evaluated_get(graph)
    world = np.array(evaluated.matrix_world)
    item.world[t] = world
    if item.weights.shape[1]:
        item.weights[t] = _key_weights(evaluated)
    vertices = mesh_of(evaluated).vertices
    if len(vertices) != item.surface.shape[1]:
        raise InputError(
            f"{item.body.name} changes its number of vertices during the take: switch off the modifier that does it."
        )
    points = np.empty(len(vertices) * 3, np.float32)
    vertices.foreach_get("co", points)
    item.surface[t] = points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def _key_weights(evaluated: bpy.types.Object) -> np.ndarray:
    """(K,) weights by which the shape keys act, without the basis."""
    keys = shape_keys_of(evaluated)
    assert keys is not None
    blocks = keys.key_blocks
    if evaluated.show_only_shape_key:
        return np.eye(len(blocks))[evaluated.active_shape_key_index][1:]
    if not keys.use_relative:
        return np.zeros(len(blocks) - 1)
    return np.array([0.0 if block.mute else block.value for block in blocks[1:]])


def _wait_where_they_appear(bodies: list[BodySample], rigs: list[RigSample]) -> None:
    """Give bodies and armatures in hidden frames the motion of where they are seen next."""
    for item in bodies:
        source = item.source = _sources(item.visible)
        item.world, item.weights = item.world[source], item.weights[source]
        for t in np.flatnonzero(source != np.arange(len(source))).tolist():
            item.surface[t] = item.surface[source[t]]
    for rig in rigs:
        source = _sources(np.any([item.visible for item in bodies if item.rig is rig], axis=0))
        rig.world = rig.world[source]
        rig.pose = {name: matrices[source] for name, matrices in rig.pose.items()}


def _sources(visible: np.ndarray) -> np.ndarray:
    """(T,) frames whose motion each frame gets: its own where visible, else that of the next visible frame.

    The first frame of a longer gap stays where the body was last, and so does all after the last visible frame: what
    readers interpolate while the body shrinks or grows then stands still.
    """
    frames = np.arange(len(visible))
    after = np.minimum.accumulate(np.where(visible, frames, len(frames))[::-1])[::-1]
    before = np.maximum.accumulate(np.where(visible, frames, -1))
    source = np.where(after < len(frames), after, before)
    leaves = ~visible & np.roll(visible, 1) & ~np.roll(visible, -1)
    leaves[[0, -1]] = False
    source[leaves] = before[leaves]
    return source
