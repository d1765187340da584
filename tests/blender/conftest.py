"""Fixtures for tests inside Blender: an empty scene, and takes whose contents are known."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dice_core.take import Take

from .synthetic_take import Recipe, write_synthetic_take

if TYPE_CHECKING:
    import bpy

collect_ignore_glob = [] if importlib.util.find_spec("bpy") else ["test_*.py"]


@pytest.fixture
def scene() -> Iterator[bpy.types.Scene]:
    """An empty scene in an empty file, of 24 frames a second from frame 1."""
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    yield bpy.context.scene
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


@pytest.fixture(scope="session")
def take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """30 frames of a head and a hand that is absent in some."""
    return write_synthetic_take(tmp_path_factory.mktemp("takes") / "touch.dicetake")


@pytest.fixture(scope="session")
def small_take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """The same with fewer vertices, for what is tried in many ways."""
    return write_synthetic_take(tmp_path_factory.mktemp("takes") / "small.dicetake", Recipe(rings=10))


@pytest.fixture(scope="session")
def plain_take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """The same surfaces without joints, expressions and rigid motion."""
    folder = tmp_path_factory.mktemp("takes") / "plain.dicetake"
    return write_synthetic_take(folder, Recipe(rigged=False))
