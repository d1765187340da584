"""The network computes what the official code computes, with the same weights and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import ShapeError  # noqa: E402
from dice_core.network.model.dice import DiceNetwork, Outputs, build_network, reference_positions  # noqa: E402
from dice_core.network.model.fused import FusedNetwork  # noqa: E402
from tests.network import parity_weights  # noqa: E402

# Largest absolute error, as a share of each output's standard deviation (the scale); measured: 4e-5.
TOLERANCE = 1e-4


def assert_parity(outputs: Outputs, expected: Mapping[str, np.ndarray], tolerance: float = TOLERANCE) -> None:
    found = outputs.as_dict()
    assert set(found) == set(expected)
    for name, values in found.items():
        assert values.shape == expected[name].shape, name
        scale = max(float(expected[name].std()), 1e-3)
        error = float(np.abs(values.numpy() - expected[name]).max())
        assert error <= tolerance * scale or error <= 1e-6, f"{name}: {error:.2e} at a scale of {scale:.2f}"


@pytest.fixture(scope="module")
def synthetic() -> dict[str, np.ndarray]:
    with np.load(parity_weights.FIXTURES / "outputs_synthetic.npz") as archive:
        return dict(archive)


def test_network_equals_official_outputs(
    published: DiceNetwork, images: torch.Tensor, positions: torch.Tensor, synthetic: dict[str, np.ndarray]
) -> None:
    assert_parity(published(images, positions), synthetic)


def test_fused_network_equals_official_outputs(
    published: DiceNetwork, images: torch.Tensor, positions: torch.Tensor, synthetic: dict[str, np.ndarray]
) -> None:
    outputs = FusedNetwork(published, positions[0])(images[:1]).as_dict()
    for name, values in outputs.items():
        error = float(np.abs(values.numpy() - synthetic[name][:1]).max())
        assert error <= TOLERANCE * float(synthetic[name].std()), f"{name}: {error:.2e}"


def test_network_equals_official_outputs_on_photos(published: DiceNetwork, shared: Path) -> None:
    with np.load(shared / "reference_inputs.npz") as archive:
        inputs = dict(archive)
    with np.load(shared / "reference_outputs.npz") as archive:
        gated = {name[5:]: archive[name] for name in archive.files if name.startswith("eval/")}
    positions = reference_positions(*(torch.from_numpy(inputs[name]) for name in parity_weights.REFERENCE_SHAPES))
    images = torch.from_numpy(inputs["image"])
    outputs = published(images, positions)
    assert_parity(outputs, gated)
    # The presence of the two photos lies on both sides of the gate.
    assert sorted((outputs.contact_presence > 0.5).flatten().tolist()) == [False, True]


def test_strict_load_names_what_does_not_fit(published_state: dict[str, torch.Tensor]) -> None:
    without = dict(published_state)
    del without["backbone.stage3.1.branches.2.3.bn1.running_var"]
    with pytest.raises(ShapeError, match=r"stage3\.1\.branches\.2\.3\.bn1\.running_var"):
        build_network(without)
    extra = dict(published_state, surprise=torch.zeros(1))
    with pytest.raises(ShapeError, match="surprise"):
        build_network(extra)
    with pytest.raises(ShapeError, match="not a DICE network"):
        build_network({"weight": torch.zeros(2, 2)})
