"""Contact as vertex groups, attribute and keyed properties; markers."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from dice_blender.scene import import_take
from dice_core.take import Take

from .surfaces import present


def _group_weights(item: bpy.types.Object, name: str) -> np.ndarray:
    index = item.vertex_groups[name].index
    weights = np.zeros(len(item.data.vertices))
    for vertex in item.data.vertices:
        for group in vertex.groups:
            if group.group == index:
                weights[vertex.index] = group.weight
    return weights


def test_the_group_holds_the_largest_contact(scene: bpy.types.Scene, take: Take) -> None:
    for mesh, item in import_take(take).objects.items():
        peak = take.array(f"{mesh}.contact")[present(take, mesh)].max(axis=0)
        weights = _group_weights(item, "contact")
        assert np.abs(weights - np.where(peak >= 0.1, peak, 0)).max() < 1e-6
        values = np.empty(len(peak), np.float32)
        item.data.attributes["contact"].data.foreach_get("value", values)
        assert np.abs(values - peak).max() < 1e-6


def test_regions_have_groups_of_their_own(scene: bpy.types.Scene, take: Take) -> None:
    head = import_take(take).objects["head"]
    names = {group.name for group in head.vertex_groups}
    assert "contact.cheek.R" in names
    assert "contact.nose" not in names
    body = take.meshes["head"]
    cheek = body.region_vertices("cheek.R")
    assert np.flatnonzero(_group_weights(head, "contact.cheek.R"))[0] in np.flatnonzero(cheek)
    assert not _group_weights(head, "contact.cheek.R")[~cheek].any()
    assert np.array_equal(_group_weights(head, "region.cheek.R") == 1, cheek)


def test_regions_have_keyed_properties(scene: bpy.types.Scene, take: Take) -> None:
    head = import_take(take).objects["head"]
    cheek = take.meshes["head"].region_vertices("cheek.R")
    contact = take.array("head.contact")
    assert contact[:, cheek].max() > 0.9
    for index in range(0, len(take.frames), 3):
        scene.frame_set(scene.frame_start + index)
        assert head["contact_cheek_R"] == pytest.approx(contact[index, cheek].max(), abs=1e-6)
        assert head["contact"] == pytest.approx(contact[index].max(), abs=1e-6)


def test_a_hand_says_how_far_it_can_be_relied_on(scene: bpy.types.Scene, take: Take) -> None:
    objects = import_take(take).objects
    told = take.array("reliability_hand_right")
    assert told.min() < 0 < told.max(), "there are frames without the hand"
    for index in range(len(take.frames)):
        scene.frame_set(scene.frame_start + index)
        assert objects["hand_right"]["reliability"] == pytest.approx(max(told[index], 0), abs=1e-6)
    assert "reliability" not in objects["head"]


def test_vertices_know_when_they_are_touched(scene: bpy.types.Scene, take: Take) -> None:
    head = import_take(take, start_frame=50).objects["head"]
    touching = take.array("head.contact") >= 0.1
    values = {}
    for name in ("contact_time", "contact_reach"):
        values[name] = np.empty(touching.shape[1], np.float32)
        head.data.attributes[name].data.foreach_get("value", values[name])
    ever = touching.any(axis=0)
    for index in range(0, len(take.frames), 4):
        scene.frame_set(50 + index)
        assert head["footage_frame"] == take.frames[index]
        shown = np.abs(values["contact_time"] - head["footage_frame"]) <= values["contact_reach"]
        first, last = touching.argmax(axis=0), len(touching) - 1 - touching[::-1].argmax(axis=0)
        assert np.array_equal(shown & ever, (first <= index) & (index <= last) & ever)


def test_times_are_those_of_the_contact_up_to_its_edge(scene: bpy.types.Scene, take: Take) -> None:
    """Shading interpolates along edges: halfway to a vertex without contact the time has to be the contact's still."""
    data = import_take(take).objects["head"].data
    ever = (take.array("head.contact") >= 0.1).any(axis=0)
    spans = {}
    for name in ("contact_time", "contact_reach"):
        spans[name] = np.empty(len(ever), np.float32)
        data.attributes[name].data.foreach_get("value", spans[name])
    edges = np.array([edge.vertices for edge in data.edges])
    border = edges[ever[edges].sum(axis=1) == 1]
    assert len(border) > 10
    first = spans["contact_time"] - spans["contact_reach"]
    earliest = first[ever].min()
    assert first[border].min() >= earliest - 1e-3
    assert (spans["contact_time"] == -1).sum() > len(ever) / 2


def test_an_absent_hand_touches_nothing(scene: bpy.types.Scene, take: Take) -> None:
    hand = import_take(take).objects["hand_right"]
    scene.frame_set(scene.frame_start + 19)
    assert hand["contact"] == 0
    scene.frame_set(scene.frame_start + 15)
    assert hand["contact"] > 0.9


def test_touches_are_marked(scene: bpy.types.Scene, take: Take) -> None:
    import_take(take, start_frame=101)
    (event,) = take.events
    marks = {marker.name: marker.frame for marker in scene.timeline_markers}
    assert marks == {
        "cheek.R touch (R)": 101 + event.first_frame,
        "cheek.R release (R)": 101 + event.last_frame,
    }


def test_the_material_turns_red_where_it_touches(scene: bpy.types.Scene, take: Take) -> None:
    imported = import_take(take)
    scene.frame_set(scene.frame_start + 15)
    assert _red_pixels(scene) < 5
    for item in imported.objects.values():
        item["show_contact"] = 1.0
        item.update_tag()
    assert _red_pixels(scene) > 25


def _red_pixels(scene: bpy.types.Scene) -> int:
    """How many pixels of a small Cycles render are lit and much redder than skin."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 4
    scene.cycles.use_denoising = False
    scene.render.resolution_percentage = 15
    scene.view_settings.view_transform = "Standard"
    if scene.world is None:
        scene.world = bpy.data.worlds.new("White")
        if scene.world.node_tree is None:
            scene.world.use_nodes = True
        scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    path = f"{bpy.app.tempdir}contact.png"
    scene.render.filepath = path
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(path, check_existing=False)
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    red, green = pixels.reshape(-1, 4).T[:2]
    return int(((red > 0.3) & (red > 2 * green)).sum())
