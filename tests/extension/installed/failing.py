"""Captures that end badly or early, and the ones after them."""

# ruff: noqa: PT017 (no pytest in here)

from __future__ import annotations

import time

import bpy
from harness import check_import, children, drive, fresh, part, step, submit, use_stub


@step
def cancel_keeps_frames() -> dict[str, float]:
    fresh()
    capture = submit("frames=1000,pause=0.05")
    drive(lambda: capture.done >= 3)
    start = time.monotonic()
    assert bpy.ops.dice.cancel() == {"FINISHED"}
    drive(lambda: capture.state.over)
    seconds = time.monotonic() - start
    assert seconds < 2
    part("jobs.runner").run_until_done()
    entry = bpy.context.scene.dice.takes[0]
    assert entry.collection is None, "a cancelled capture is offered, not imported"
    assert bpy.ops.dice.reimport_take(keys="per-frame") == {"FINISHED"}
    check_import(entry)
    return {"seconds": seconds}


@step
def kill_9_shows_and_the_next_works() -> dict[str, str]:
    fresh()
    use_stub("frames=6,die")
    try:
        bpy.ops.dice.capture()
    except RuntimeError as error:
        assert "killed" in str(error)
    else:
        raise AssertionError("no error")
    failed = part("jobs.runner").queue.captures[0]
    assert bpy.ops.dice.copy_report(number=failed.number) == {"FINISHED"}
    bpy.ops.dice.cancel(number=failed.number)
    assert not part("jobs.runner").queue.captures
    assert not children(), "no zombie"
    use_stub("frames=4")
    assert bpy.ops.dice.capture() == {"FINISHED"}
    assert len(bpy.context.scene.dice.takes) == 1
    return {"error": failed.error}


@step
def takes_are_never_overwritten() -> None:
    use_stub("frames=4")
    assert bpy.ops.dice.capture() == {"FINISHED"}
    names = [entry.name for entry in bpy.context.scene.dice.takes]
    assert names == ["frames=4", "frames=4.002"]
