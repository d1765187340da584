"""The open bodies in the licensed form, written once; everything here needs torch, and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from dice_core.network.training.bodies import TrainingBodies  # noqa: E402
from dice_core.network.training.body_folder import write_open_bodies  # noqa: E402


@pytest.fixture(autouse=True)
def _gradients(_no_gradients: None) -> Iterator[None]:
    """The network's other tests switch gradients off."""
    with torch.enable_grad():
        yield


@pytest.fixture(scope="session")
def body_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open_bodies")
    write_open_bodies(folder)
    return folder


@pytest.fixture(scope="session")
def bodies(body_folder: Path) -> TrainingBodies:
    return TrainingBodies(body_folder)
