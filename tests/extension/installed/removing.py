"""Disabling, enabling again, uninstalling."""

from __future__ import annotations

import bpy
from harness import FOLDER, MODULE, children, classes, drawn, drive, handlers, state, step, submit


@step
def disable() -> None:
    capture = submit("frames=1000,pause=0.05,deaf")
    drive(lambda: capture.done >= 1)
    bpy.ops.preferences.addon_disable(module=MODULE)
    left = classes() - state["before"][0]
    assert not left, left
    assert handlers() == state["before"][1]
    assert not hasattr(bpy.types.Scene, "dice")
    for kind in ("TOPBAR_MT_file_import", "TOPBAR_MT_file_export", "STATUSBAR_HT_header"):
        assert not drawn(kind), kind
    assert not children()
    assert not dir(bpy.ops.dice)


@step
def enable_again_and_uninstall() -> None:
    bpy.ops.preferences.addon_enable(module=MODULE)
    assert hasattr(bpy.types.Scene, "dice")
    bpy.ops.extensions.package_uninstall(repo_index=_repository(), pkg_id="dice_blender")
    assert MODULE not in bpy.context.preferences.addons
    assert not hasattr(bpy.types.Scene, "dice")
    assert not classes() - state["before"][0]
    profile = FOLDER / "profile" / "extensions"
    assert not (profile / "user_default" / "dice_blender").exists()
    assert not list(profile.glob(".local/lib/python*/site-packages/cv2*"))
    assert not list(profile.glob(".local/lib/python*/site-packages/dice_core*"))


def _repository() -> int:
    names = [repository.module for repository in bpy.context.preferences.extensions.repos]
    return names.index("user_default")
