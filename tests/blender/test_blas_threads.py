"""Compact keys are planned in one thread of linear algebra, and everybody else gets back what they had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dice_blender.scene.keys import blas_threads, decomposition

CONTROLS = blas_threads._controls()
pytestmark = pytest.mark.skipif(CONTROLS is None, reason="this numpy's BLAS cannot be told")


@pytest.fixture
def two_threads() -> Any:
    assert CONTROLS is not None
    before = CONTROLS[0]()
    CONTROLS[1](2)
    yield CONTROLS[0]
    CONTROLS[1](before)


def test_the_count_comes_back(two_threads: Any) -> None:
    with blas_threads.one_blas_thread():
        assert two_threads() == 1
    assert two_threads() == 2


def test_the_count_comes_back_after_an_error(two_threads: Any) -> None:
    with pytest.raises(KeyError), blas_threads.one_blas_thread():
        raise KeyError
    assert two_threads() == 2


def test_components_are_fitted_in_one_thread(two_threads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = []
    fit = decomposition.fit_components

    def noting(*arguments: Any, **options: Any) -> Any:
        noted.append(two_threads())
        return fit(*arguments, **options)

    monkeypatch.setattr(decomposition, "fit_components", noting)
    motion = np.random.default_rng(5).normal(size=(6, 30, 3)).astype(np.float32)
    decomposition.decompose(decomposition.Offsets.of(motion), tolerance=1e-4, limit=4)
    assert noted
    assert set(noted) == {1}
    assert two_threads() == 2
