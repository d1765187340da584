"""A character is read as it rests, wherever and in whatever units it stands, and the file is the same afterwards."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from dice_blender.character.bone_shapes import Skeleton, roles_by_shape
from dice_blender.character.face_skin import face_skin
from dice_blender.character.objects import find_objects
from dice_blender.character.reading import find_map, read_character
from dice_core.errors import InputError
from dice_core.transfer.files import Character, write_character
from dice_core.transfer.files import read_character as read_file

from .small_character import bones, make_character

pytestmark = pytest.mark.usefixtures("scene")


def read(**names: object) -> Character:
    scene = bpy.context.scene
    objects = find_objects(scene, **names)
    return read_character(objects, find_map(objects), scene).character


def base_points(body: bpy.types.Object) -> np.ndarray:
    points = np.empty(len(body.data.vertices) * 3, np.float32)
    body.data.vertices.foreach_get("co", points)
    return points.reshape(-1, 3)


def test_roles_vertices_bones_and_keys() -> None:
    armature, body = make_character()
    found = read()
    assert found.roles["hand.L"] == "LeftHand"
    assert found.roles["index.2.R"] == "RightHandIndex2"
    assert len(found.roles) == 2 + 2 * (4 + 15)
    np.testing.assert_allclose(found.vertices, base_points(body), atol=1e-6)
    index = found.bone_names.index("LeftForeArm")
    np.testing.assert_allclose(found.bone_matrices[index][:3, 3], [0.34, 0.02, 1.22], atol=1e-6)
    along = found.bone_matrices[index][:3, 1] * found.bone_lengths[index]
    np.testing.assert_allclose(found.bone_matrices[index][:3, 3] + along, [0.5, -0.04, 1.02], atol=1e-6)
    assert found.bone_names[found.bone_parents[index]] == "LeftArm"
    assert [entry["source"] for entry in found.expressions] == [
        "eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthSmileLeft"
    ]  # fmt: skip
    row = found.shape_key_names.index("jawOpen")
    assert found.shape_key_deltas[row][:, 1].min() == pytest.approx(-0.01, abs=1e-6)
    head = found.skin_bones[:, 0] == found.bone_names.index("Head")
    np.testing.assert_array_equal(found.head_vertices, head)
    assert armature.data.pose_position == "POSE"


def test_a_pose_an_animation_and_modifiers_do_not_count() -> None:
    armature, body = make_character()
    rest = read()
    armature.pose.bones["LeftArm"].rotation_mode = "XYZ"
    armature.pose.bones["LeftArm"].rotation_euler.x = 1.0
    armature.pose.bones["LeftArm"].keyframe_insert("rotation_euler")
    body.data.shape_keys.key_blocks["jawOpen"].value = 1.0
    body.modifiers.new("Subdivision", "SUBSURF")
    posed = read()
    np.testing.assert_array_equal(posed.vertices, rest.vertices)
    np.testing.assert_allclose(posed.bone_matrices, rest.bone_matrices, atol=1e-6)
    assert armature.pose.bones["LeftArm"].rotation_euler.x == pytest.approx(1.0)
    assert body.data.shape_keys.key_blocks["jawOpen"].value == 1.0


@pytest.mark.parametrize("unit", [1.0, 0.01])
def test_transforms_and_units_end_up_in_metres(unit: float) -> None:
    armature, _ = make_character()
    rest = read()
    place = Matrix.Translation((3.0, -1.0, 0.5)) @ Matrix.Rotation(0.7, 4, "Z") @ Matrix.Diagonal((2.0, 2.0, 2.0, 1.0))
    armature.matrix_world = Matrix.Diagonal((1 / unit, 1 / unit, 1 / unit, 1.0)) @ place
    bpy.context.scene.unit_settings.scale_length = unit
    bpy.context.view_layer.update()
    moved = read()
    world = np.array(place)
    np.testing.assert_allclose(moved.vertices, rest.vertices @ world[:3, :3].T + world[:3, 3], atol=2e-5)
    joints = rest.bone_matrices[:, :3, 3] @ world[:3, :3].T + world[:3, 3]
    np.testing.assert_allclose(moved.bone_matrices[:, :3, 3], joints, atol=2e-5)
    np.testing.assert_allclose(np.linalg.det(moved.bone_matrices[:, :3, :3]), 1.0, atol=1e-6)
    np.testing.assert_allclose(moved.bone_lengths, 2 * rest.bone_lengths, rtol=1e-5)
    np.testing.assert_allclose(moved.shape_key_deltas, rest.shape_key_deltas @ world[:3, :3].T, atol=2e-5)


def test_a_mirrored_character_has_its_sides_where_they_are_seen() -> None:
    armature, _ = make_character()
    armature.scale = (-1.0, 1.0, 1.0)
    bpy.context.view_layer.update()
    found = read()
    assert found.roles["hand.L"] == "RightHand"
    left = found.bone_matrices[found.bone_names.index(found.roles["hand.L"])][0, 3]
    assert left > 0
    assert found.expressions[0] == {"source": "eyeBlinkRight", "target": "eyeBlink_L", "gain": 1.0, "offset": 0.0}
    v, t = found.vertices.astype(float), found.triangles
    volume = np.einsum("fi,fi->f", v[t[:, 0]], np.cross(v[t[:, 1]], v[t[:, 2]])).sum() / 6
    assert volume > 0


def test_a_mesh_that_hangs_from_a_bone_moves_with_it() -> None:
    armature, _ = make_character()
    mesh = bpy.data.meshes.new("Eye")
    mesh.from_pydata([(0, 0, 0), (0.01, 0, 0), (0, 0.01, 0)], [], [[0, 1, 2]])
    eye = bpy.data.objects.new("Eye", mesh)
    bpy.context.scene.collection.objects.link(eye)
    eye.parent, eye.parent_type, eye.parent_bone = armature, "BONE", "Head"
    bpy.context.view_layer.update()
    found = read()
    own = found.object == found.object_names.index("Eye")
    np.testing.assert_allclose(found.vertices[own][0], [0, -0.01, 1.75], atol=1e-6)
    assert found.bone_names[found.skin_bones[own][0, 0]] == "Head"
    assert not found.head_vertices[own].any()


def test_a_head_that_is_cut_off_goes_on_in_the_mesh_with_the_same_rim() -> None:
    # A fan of the head's mesh, one of the body's on the same rim, and a collar that has no vertex of it.
    head = np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0], [-1, 0, 0]])
    body = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, -1.0]])
    collar = body * 1.2
    vertices = np.concatenate([head, body, collar])
    below = np.array([[1, 0, 3], [2, 1, 3]])
    triangles = np.concatenate([[[0, 1, 2], [0, 2, 3]], below + 4, below + 8])
    rig: Any = SimpleNamespace(names=["Head"], parents=np.array([-1]), roles={"head": "Head"})
    bones, weights = np.zeros((12, 1), np.int32), np.ones((12, 1))
    skin = face_skin(vertices, triangles, 4, bones, weights, rig)
    np.testing.assert_array_equal(skin, [True] * 8 + [False] * 4)


def test_shapes_tell_what_names_do_not(tmp_path: object) -> None:
    skeleton = bones()
    names = list(skeleton)
    parents = np.array([-1 if not above else names.index(above) for above, _, _ in skeleton.values()])
    heads, tails = (np.array([entry[k] for entry in skeleton.values()], float) for k in (1, 2))
    found = roles_by_shape(Skeleton(names, parents, heads, tails, np.ones(len(names), bool)))
    _, body = make_character()
    assert body is not None
    expected = read().roles
    assert {role: found.get(role) for role in expected} == expected


def test_a_character_survives_its_file(tmp_path) -> None:
    make_character()
    found = read()
    write_character(tmp_path / "hero.npz", found)
    again = read_file(tmp_path / "hero.npz")
    np.testing.assert_array_equal(again.vertices, found.vertices)
    assert again.roles == found.roles


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda a, b: bpy.data.objects.remove(a), "no armature that poses a mesh"),
        (lambda a, b: b.modifiers.clear(), "no armature that poses a mesh"),
        (lambda a, b: setattr(b.modifiers.new("Mirror", "MIRROR"), "show_viewport", True), "Mirror modifier"),
        (lambda a, b: make_character(name="Other"), "several characters"),
        (lambda a, b: [setattr(bone, "name", f"x{k}") for k, bone in enumerate(list(a.data.bones)[:4])], "No head"),
    ],
)
def test_what_is_no_character_is_refused_in_one_sentence(spoil, words: str) -> None:
    armature, body = make_character()
    spoil(armature, body)
    with pytest.raises(InputError, match=words) as caught:
        read()
    assert str(caught.value).endswith(".")
    assert str(caught.value).count(". ") == 0
