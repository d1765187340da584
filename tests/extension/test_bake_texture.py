"""Bake Texture: the worker paints the bodies, Blender shows it, and exports carry it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
import pytest

from dice_blender import take_list
from dice_blender.export import export_fbx, export_glb
from dice_blender.jobs.bake_request import BakeRequest
from dice_blender.jobs.queue import CaptureQueue, State
from dice_blender.jobs.worker import Python
from dice_blender.scene.parts import parts_in
from dice_blender.scene.skin import PICTURE, pictures_of, show_textures
from dice_core.errors import InputError
from tests.blender.glb_reader import Glb
from tests.core.painted_take import write_painted_take

from .test_queue import drive

BODIES = ("head", "hand_right")


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_painted_take(tmp_path_factory.mktemp("painted"))[0].path


@pytest.fixture
def take(painted: Path, tmp_path: Path) -> Path:
    """A copy that a test may write into; its footage stays where it was."""
    shutil.copytree(painted, tmp_path / "painted.dicetake")
    return tmp_path / "painted.dicetake"


def write_plain(folder: Path) -> dict[str, np.ndarray]:
    """A small picture of one colour for each body."""
    folder.mkdir()
    colours = {"head": np.array([180, 120, 90], np.uint8), "hand_right": np.array([90, 60, 200], np.uint8)}
    for name, colour in colours.items():
        cv2.imwrite(str(folder / f"{name}.png"), np.tile(colour[::-1], (64, 64, 1)))
    return colours


def shown(collection: bpy.types.Collection) -> dict[str, bpy.types.Image]:
    """The picture on the skin of each body."""
    found = {}
    for name in BODIES:
        (picture,) = pictures_of(parts_in(collection)[name].material_slots[0].material)
        found[name] = picture
    return found


def imported(take: Path, keys: str = "rigged") -> bpy.types.Collection:
    bpy.ops.dice.import_take(filepath=str(take), keys=keys)
    return take_list.collection_of(take_list.active(bpy.context.scene))


def test_the_button_paints_the_bodies(extension: Any, take: Path) -> None:
    collection = imported(take, "per-frame")
    neutral = shown(collection)
    assert [image[PICTURE] for image in neutral.values()] == ["open_head", "open_hand"]
    assert bpy.ops.dice.bake_texture() == {"FINISHED"}
    baked = shown(collection)
    for name, image in baked.items():
        assert image[PICTURE] == name
        assert tuple(image.size) == (2048, 2048)
        assert image.packed_file is not None
        assert (take / "textures" / f"{name}.png").exists()
    hand = np.empty(2048 * 2048 * 4, np.float32)
    baked["hand_right"].pixels.foreach_get(hand)
    red, green, _, _ = hand.reshape(-1, 4).mean(axis=0)
    assert green > 1.5 * red, "the footage shows a green hand"
    assert {image[PICTURE] for image in bpy.data.images if image.get(PICTURE)} == set(BODIES), "the neutral ones went"


def test_without_footage_it_is_a_sentence_and_nothing_changes(extension: Any, take: Path) -> None:
    text = (take / "take.json").read_text()
    (take / "take.json").write_text(text.replace('/pictures"', '/pictures gone"'))
    collection = imported(take)
    before = shown(collection)
    with pytest.raises(RuntimeError, match="is not there to take a texture from"):
        bpy.ops.dice.bake_texture()
    assert shown(collection) == before
    assert not (take / "textures").exists()


def test_it_needs_an_imported_take(extension: Any) -> None:
    assert not bpy.ops.dice.bake_texture.poll()


def test_a_picture_baked_again_takes_the_first_ones_place(extension: Any, take: Path, tmp_path: Path) -> None:
    collection = imported(take)
    write_plain(tmp_path / "textures")
    assert show_textures(collection, tmp_path / "textures") == list(BODIES)
    first = len(bpy.data.images)
    show_textures(collection, tmp_path / "textures")
    assert len(bpy.data.images) == first
    bpy.ops.dice.remove_take()
    assert not [image.name for image in bpy.data.images if image.get(PICTURE)]


def test_pictures_that_are_missing_or_damaged_change_nothing(extension: Any, take: Path, tmp_path: Path) -> None:
    collection = imported(take)
    before, images = shown(collection), set(bpy.data.images)
    with pytest.raises(InputError, match="no texture for this take"):
        show_textures(collection, tmp_path / "nowhere")
    write_plain(tmp_path / "textures")
    (tmp_path / "textures" / "hand_right.png").write_bytes(b"no picture")
    with pytest.raises(InputError):
        show_textures(collection, tmp_path / "textures")
    assert shown(collection) == before
    assert set(bpy.data.images) == images


def test_the_picture_stays_when_the_take_is_imported_again(extension: Any, take: Path, tmp_path: Path) -> None:
    collection = imported(take, "per-frame")
    write_plain(tmp_path / "textures")
    show_textures(collection, tmp_path / "textures")
    bpy.ops.dice.reimport_take(keys="rigged")
    assert [image[PICTURE] for image in shown(collection).values()] == list(BODIES)


def skin_of(glb: Glb, mesh: str) -> dict[str, Any]:
    """The first material of a mesh in the file."""
    primitives = glb.document["meshes"][glb.mesh_nodes[mesh]["mesh"]]["primitives"]
    materials = [glb.document["materials"][primitive["material"]] for primitive in primitives]
    return next(material for material in materials if material["name"].endswith("Skin"))


def test_glb_carries_the_picture_and_its_uvs(extension: Any, take: Path, tmp_path: Path) -> None:
    collection = imported(take)
    colours = write_plain(tmp_path / "textures")
    show_textures(collection, tmp_path / "textures")
    export_glb(collection, tmp_path / "a.glb", preset="unity")
    glb = Glb(tmp_path / "a.glb")
    for mesh, name in (("Head", "head"), ("Hand.R", "hand_right")):
        colour = skin_of(glb, mesh)["pbrMetallicRoughness"]
        assert colour.get("baseColorFactor", [1, 1, 1, 1]) == [1, 1, 1, 1]
        texture = glb.document["textures"][colour["baseColorTexture"]["index"]]
        image = glb.document["images"][texture["source"]]
        view = glb.document["bufferViews"][image["bufferView"]]
        data = glb._binary[view.get("byteOffset", 0) :][: view["byteLength"]]
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert picture is not None
        assert np.abs(picture.reshape(-1, 3).astype(int) - colours[name]).max() <= 2
        assert glb.attribute(mesh, "TEXCOORD_0")
    names = {material["name"].split()[-1] for material in glb.document["materials"]}
    assert names >= {"Skin", "Eyes", "Teeth", "Lashes", "Irises", "Pupils", "Mouth"}


def test_fbx_carries_the_picture(extension: Any, take: Path, tmp_path: Path) -> None:
    collection = imported(take)
    write_plain(tmp_path / "textures")
    show_textures(collection, tmp_path / "textures")
    export_fbx(collection, tmp_path / "a.fbx", preset="unity")
    content = (tmp_path / "a.fbx").read_bytes()
    for name in BODIES:
        assert (tmp_path / "textures" / f"{name}.png").read_bytes() in content


def test_baking_can_be_cancelled(queue: CaptureQueue, stub_python: Python, tmp_path: Path) -> None:
    """As a capture: the worker is asked to stop, and the panel's progress is the same."""
    request = BakeRequest(tmp_path / "frames=200,pause=0.05.dicetake", tmp_path / "textures")
    assert request.arguments()[0] == "texture"
    assert request.name == "frames=200,pause=0.05: Bake Texture"
    baking = queue.submit(request, stub_python)
    drive(queue, lambda: baking.state is State.RUNNING)
    queue.cancel(baking)
    drive(queue)
    assert baking.state in (State.CANCELLED, State.FAILED)
    assert "DICE texture of" in baking.report()
