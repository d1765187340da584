"""The open bodies in the licensed form, written once; everything here needs torch, and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from dice_core.network.training.bodies import TrainingBodies  # noqa: E402
from dice_core.network.training.body_folder import write_open_bodies  # noqa: E402
from dice_core.network.training.samples import Sample  # noqa: E402
from dice_core.network.training.synthetic.scenes import scenes_of_person  # noqa: E402
from tests.network.training.runs import write_scenes  # noqa: E402


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


@pytest.fixture(scope="session")
def scenes() -> list[Sample]:
    """The scenes of one person; some touch, some do not."""
    return scenes_of_person(5, 0)


@pytest.fixture(scope="session")
def scene_cache(tmp_path_factory: pytest.TempPathFactory, scenes: list[Sample]) -> Path:
    """A cache that holds them."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, scenes)
    return folder
