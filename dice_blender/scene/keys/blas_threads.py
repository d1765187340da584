"""Matrix products in one thread.

OpenBLAS, which numpy brings, shares a product among as many threads as there are cores and waits for the last of them.
Where other programs keep the cores busy, that is a wait for the scheduler in every product: on two such cores a plan of
compact keys took 21 seconds instead of 1.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import numpy  # noqa: F401 (its parts are looked up below)

__all__ = ["one_blas_thread"]

# The part of numpy that is linked with OpenBLAS, in numpy 2 and 1.
_LINKED = ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath")
# How the functions are called in numpy's own wheels, and elsewhere.
_SPELLINGS = ("scipy_openblas_{}64_", "scipy_openblas_{}", "openblas_{}64_", "openblas_{}")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have numpy's matrix products run in one thread until the end of the block, where its OpenBLAS can be told."""
    controls = _controls()
    if controls is None:
        yield
        return
    count, choose = controls
    before = count()
    choose(1)
    try:
        yield
    finally:
        choose(before)


@cache
def _controls() -> tuple[Callable[[], int], Callable[[int], object]] | None:
    """What tells and what sets the number of threads; None with another BLAS, and on Windows, which hides it."""
    path = next((sys.modules[name].__file__ for name in _LINKED if name in sys.modules), None)
    if path is None:
        return None
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return None
    for spelling in _SPELLINGS:
        count = getattr(library, spelling.format("get_num_threads"), None)
        choose = getattr(library, spelling.format("set_num_threads"), None)
        if count is not None and choose is not None:
            return count, choose
    return None
