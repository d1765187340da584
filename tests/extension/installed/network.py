"""The other engine's settings, and a capture by the real worker."""

# ruff: noqa: PT017 (no pytest in here)

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import Any

import bpy
from harness import FOLDER, SAMPLE, check_import, children, fresh, part, state, step, use_stub


@step
def check_of_the_network_engine() -> dict[str, Any]:
    environment, check = part("jobs.environment"), part("jobs.engine_check")
    chosen = part("preferences").preferences()
    part("jobs.environment").python_of = state["python_of"]
    try:
        bpy.ops.dice.check_engine()
    except RuntimeError as error:
        assert "choose one" in str(error)
    else:
        raise AssertionError("there is no Python yet")
    chosen.dice_python = str(FOLDER / "nowhere" / "python")
    try:
        environment.python_of("dice")
    except part("jobs.worker").WorkerError as error:
        assert "There is no Python at" in str(error)
    chosen.dice_python = sys.executable
    assert bpy.ops.dice.check_engine() == {"FINISHED"}
    lines = check.findings().lines
    assert lines[0][0], lines
    assert any("MANO_RIGHT.pkl is missing" in text and "https://" in text for _good, text in lines), lines
    chosen.dice_python = "/bin/false"
    assert bpy.ops.dice.check_engine() == {"FINISHED"}
    assert not check.findings().lines[0][0]
    assert not children()
    return {"lines": [text for _good, text in lines][:6]}


@step
def settings_of_the_network_engine() -> dict[str, Any]:
    """They reach the worker, and an unfinished take is resumed where they are the same."""
    fresh()
    use_stub("frames=4")
    environment, queue, requests = part("jobs.environment"), part("jobs.runner").queue, []
    scene, chosen = bpy.context.scene, part("preferences").preferences()
    chosen.device, chosen.precision, chosen.presence_gate = "cpu", "half", False
    scene.dice.engine, scene.dice.refine_contact, scene.dice.import_result = "dice", True, False
    submit = queue.submit
    queue.submit = lambda request, python: requests.append(request) or submit(request, python)
    try:
        assert bpy.ops.dice.capture() == {"FINISHED"}
        scene.dice.engine = "open"
        assert bpy.ops.dice.capture() == {"FINISHED"}
    finally:
        del queue.submit
    request, without = requests
    given = ["--device", "cpu", "--precision", "half", "--gate", "off", "--contact", "solver"]
    assert request.arguments()[4:] == ["--engine", "dice", *given, "--events"]
    assert not set(given) & set(without.arguments()), "the built-in engine has none of them"
    about = json.loads((request.take / "take.json").read_text())
    about["source"]["path"] = request.footage
    about |= {"request": request.settings.request(None), "complete": False}
    (request.take / "take.json").write_text(json.dumps(about))
    assert environment.take_path(request, ()) == request.take
    gated = replace(request, settings=replace(request.settings, gate=True))
    assert environment.take_path(gated, ()) != request.take
    chosen.device = chosen.precision = "auto"
    chosen.presence_gate = True
    return {"options": given}


@step
def real_capture() -> dict[str, Any]:
    if SAMPLE is None:
        return {"skipped": True}
    fresh()
    part("jobs.environment").python_of = state["python_of"]
    bpy.ops.dice.open_footage(filepath=str(SAMPLE))
    settings = bpy.context.scene.dice
    assert settings.footage_frames >= 60
    start = time.monotonic()
    assert bpy.ops.dice.capture() == {"FINISHED"}
    seconds = time.monotonic() - start
    entry = settings.takes[0]
    assert entry.frames == settings.footage_frames
    assert entry.tracked_head > 0.95
    assert len(entry.touches) >= 1
    return check_import(entry) | {"frames": entry.frames, "seconds": round(seconds, 1)}
