"""The accuracy benchmark's set: what its recipes draw, how its clips move, Blender's pictures, and the command."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.core.accuracy_recipe import TOOLS, easy_recipe

# The import above puts the tools where Python finds them.
# isort: split
from accuracy.animation import animate
from accuracy.making import footage_path
from accuracy.performance import Performance
from accuracy.recipe import draw_recipe

from dice_core.network.training.synthetic.gestures import GESTURES


def test_recipes_follow_from_seed_and_place() -> None:
    assert draw_recipe(3, 7, "still") == draw_recipe(3, 7, "still")
    drawn = [draw_recipe(seed, index, "still") for seed in range(6) for index in range(24)]
    assert len({recipe.look for recipe in drawn}) == len(drawn)
    assert all(25 <= recipe.fov <= 70 and abs(recipe.yaw) <= 40 and abs(recipe.pitch) <= 25 for recipe in drawn)
    assert {recipe.gesture for recipe in drawn} == {*GESTURES, "free"}
    assert {recipe.sides for recipe in drawn} == {("left",), ("right",), ("left", "right")}
    for seed in range(6):  # small sets are not without touches, near misses or free hands
        gaps = [recipe.gap for recipe in drawn if recipe.seed == seed]
        assert 0.4 <= np.mean([gap == 0 for gap in gaps]) <= 0.8
        assert any(gap is not None and gap > 0 for gap in gaps)
        assert any(gap is None for gap in gaps)


def test_clips_differ_in_their_frame_rate() -> None:
    assert {draw_recipe(0, index, "clip", 24).fps for index in range(3)} == {24.0, 30.0, 60.0}


def test_a_clip_comes_touches_and_leaves() -> None:
    recipe = replace(easy_recipe(), kind="clip", frames=9)
    animation = animate(Performance(recipe))
    touching = (animation.arrays["hand_right.contact"] > 0.5).any(axis=1)
    assert touching[3:6].all()
    assert not touching[[0, -1]].any()
    assert animation.drift["hand_right"].shape == animation.surfaces["hand_right"].shape


def test_the_command_makes_and_measures_a_set(tmp_path: Path) -> None:
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, str(TOOLS / "benchmark_accuracy.py"), *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)

    assert command("run", str(tmp_path)).returncode == 2
    done = command("make", "--seed", "4", str(tmp_path), "--stills", "1", "--clips", "0", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    before = footage_path(tmp_path, "still_000").stat().st_mtime_ns
    assert command("make", "--seed", "4", str(tmp_path), "--stills", "1", "--clips", "0").returncode == 0
    assert footage_path(tmp_path, "still_000").stat().st_mtime_ns == before
    done = command("run", str(tmp_path), "--jobs", "1", "--json", str(tmp_path / "figures.txt"))
    assert done.returncode == 0, done.stderr
    assert "hand found, %" in done.stdout
    assert (tmp_path / "figures.txt").exists()


CYCLES = """
import sys
sys.path[:0] = [TOOLS, ROOT]
from dataclasses import replace
from accuracy.animation import animate
from accuracy.cycles import CyclesStudio
from accuracy.performance import Performance
from accuracy.pictures import Studio
from accuracy.recipe import draw_recipe
recipe = replace(draw_recipe(5, 0, "still"), width=64, height=64, gap=None, blur=False)
recipe = replace(recipe, light="soft", background="plain")
animation = animate(Performance(recipe))
pictures = [kind(animation).render(0).astype(float) for kind in (Studio, CyclesStudio)]
assert pictures[1].shape == (64, 64, 3)
print("difference", abs(pictures[0] - pictures[1]).mean(), "contrast", pictures[1].std())
"""


def test_cycles_shows_the_same_scene() -> None:
    """In a process of its own: Blender changes what it is imported into."""
    code = CYCLES.replace("TOOLS", repr(str(TOOLS))).replace("ROOT", repr(str(TOOLS.parent)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    words = next(line for line in done.stdout.splitlines() if line.startswith("difference")).split()
    assert float(words[1]) < 25
    assert float(words[3]) > 15
