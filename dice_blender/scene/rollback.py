"""All or nothing: what has been added to the file is removed again where a step fails half-way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

__all__ = ["all_blocks", "removed_on_failure"]

# Shape keys are removed together with the mesh that they belong to, and never by themselves.
_OWNED_BY_OTHERS = {"shape_keys"}


def all_blocks() -> set[bpy.types.ID]:
    """Every data block of the file that can be removed by itself."""
    kinds = (getattr(bpy.data, name) for name in dir(bpy.data) if name not in _OWNED_BY_OTHERS)
    return {block for kind in kinds if isinstance(kind, bpy.types.bpy_prop_collection) for block in kind}


@contextmanager
def removed_on_failure() -> Iterator[None]:
    """Remove every data block that was added within the block, where the block ends with an exception."""
    before = all_blocks()
    try:
        yield
    except BaseException:
        bpy.data.batch_remove(all_blocks() - before)
        raise
