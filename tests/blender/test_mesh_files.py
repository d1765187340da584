"""Meshes that `dice mesh` writes, read by Blender's own importers: they stand where the take's do in the scene."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from dice_blender.scene.axes import to_blender
from dice_core.interchange import write_meshes
from dice_core.sample import sample_truth
from dice_core.take import open_take

FRAME = 30


@pytest.mark.parametrize(("format", "axes"), [("obj", "y-up"), ("ply", "z-up")])
def test_blender_reads_what_was_written(tmp_path: Path, format: str, axes: str) -> None:
    take = open_take(sample_truth())
    write_meshes(take, tmp_path, format=format, axes=axes, frames=(FRAME, FRAME + 1))
    file = str(tmp_path / f"head.{FRAME:06d}.{format}")
    if format == "obj":
        bpy.ops.wm.obj_import(filepath=file)
    else:
        bpy.ops.wm.ply_import(filepath=file, forward_axis="Y", up_axis="Z", import_attributes=True)
    (item,) = bpy.context.selected_objects
    mesh = item.data
    places = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", places)
    seen = places.reshape(-1, 3) @ np.array(item.matrix_world)[:3, :3].T
    row = take.frames.tolist().index(FRAME)
    expected = to_blender(take.array("head.vertices")[row] + take.array("head.deformation")[row])
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    head = take.meshes["head"]
    assert [len(polygon.vertices) for polygon in mesh.polygons] == head.face_sizes.tolist()
    if format == "obj":
        uv = np.empty(2 * len(mesh.loops), np.float32)
        mesh.uv_layers[0].data.foreach_get("uv", uv)
        np.testing.assert_allclose(uv.reshape(-1, 2), head.uv, atol=1e-5)
    else:
        contact = np.empty(len(mesh.vertices), np.float32)
        mesh.attributes["contact"].data.foreach_get("value", contact)
        np.testing.assert_allclose(contact, take.array("head.contact")[row], atol=1e-6)
        assert contact.max() > 0.5
