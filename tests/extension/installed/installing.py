"""Installation, and what is there afterwards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy
from harness import FOLDER, MODULE, ZIP, classes, handlers, part, state, step


@step
def install() -> dict[str, Any]:
    state["before"] = (classes(), handlers(), set(sys.path))
    bpy.ops.extensions.package_install_files(filepath=str(ZIP), repo="user_default", enable_on_install=True)
    assert MODULE in bpy.context.preferences.addons, "installation failed"
    part("preferences").preferences().takes_folder = str(FOLDER / "takes")
    state["python_of"] = part("jobs.environment").python_of
    return {"blender": bpy.app.version_string, "python": sys.version.split()[0], "operators": sorted(dir(bpy.ops.dice))}


@step
def nothing_heavy_is_imported() -> None:
    assert "cv2" not in sys.modules
    assert "torch" not in sys.modules
    site = [path for path in sys.path if ".local" in path]
    assert site, "the wheels are on the path"
    assert not any((Path(path) / "numpy").exists() for path in site), "no numpy is bundled"
    first, *others = part("jobs.environment").python_of("open").folders
    assert ".local" in first, "the worker gets the bundled OpenCV, whatever else is installed"
    assert len(others) == 1, "and Blender's numpy"


@step
def tooltips_and_translations() -> dict[str, Any]:
    german = part("translations").GERMAN
    untold, untranslated = [], []
    for name in sorted(dir(bpy.types)):
        if not name.startswith("DICE_"):
            continue
        is_operator = "_OT_" in name
        operator = getattr(bpy.ops.dice, name.removeprefix("DICE_OT_"), None)
        rna = operator.get_rna_type() if is_operator else getattr(bpy.types, name).bl_rna
        words = [rna.name, rna.description] if is_operator else []
        if is_operator and not rna.description:
            untold.append(name)
        for prop in rna.properties:
            if prop.identifier in {"rna_type", "name"} or prop.is_hidden or prop.identifier.startswith("bl_"):
                continue
            own = prop.identifier in getattr(getattr(bpy.types, name), "__annotations__", {})
            shown = own and (is_operator or name in {"DICE_PG_settings", "DICE_preferences"}) and prop.name
            internal = prop.identifier.startswith("footage_") or prop.identifier in {"takes", "directory", "filepath"}
            if not shown or internal:
                continue
            words += [prop.name, prop.description]
            if not prop.description:
                untold.append(f"{name}.{prop.identifier}")
            if prop.type == "ENUM":
                words += [text for item in prop.enum_items for text in (item.name, item.description)]
        untranslated += [f"{name}: {text}" for text in words if text and text not in german]
    assert not untold, untold
    assert not untranslated, untranslated
    return {"german": len(german)}
