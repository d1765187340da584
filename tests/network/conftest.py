"""Networks and inputs that several tests share; everything here needs torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.network.model.dice import DiceNetwork, build_network, reference_positions  # noqa: E402
from tests.network import parity_weights  # noqa: E402

SHARED = Path(__file__).resolve().parents[3] / "shared" / "reference" / "dice"


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(autouse=True)
def _no_network_of_another_test() -> Iterator[None]:
    yield
    if "dice_core.network.loading" in sys.modules:
        sys.modules["dice_core.network.loading"].LoadedNetwork.release()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of further reference files, which the repository does not hold."""
    if not SHARED.is_dir():
        pytest.skip("the shared reference files are not here")
    return SHARED


@pytest.fixture(scope="session")
def published_state() -> dict[str, torch.Tensor]:
    """A state dict with the names and shapes of the published network."""
    keys = parity_weights.state_dict_keys()
    return {name: torch.from_numpy(np.asarray(parity_weights.make(name, shape))) for name, shape, _ in keys}


@pytest.fixture(scope="session")
def published(published_state: dict[str, torch.Tensor]) -> DiceNetwork:
    """The network of that state dict."""
    return build_network(published_state)


@pytest.fixture(scope="session")
def positions() -> torch.Tensor:
    """Token positions for the two reference images: (2, 843, 3)."""
    parts = [torch.from_numpy(parity_weights.make_input(name)) for name in parity_weights.REFERENCE_SHAPES]
    return reference_positions(*parts)


@pytest.fixture(scope="session")
def images() -> torch.Tensor:
    """The two reference images: (2, 3, 224, 224)."""
    return torch.from_numpy(parity_weights.make_image())
