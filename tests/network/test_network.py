"""The fused network against the plain one, on narrow layers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from dice_core.network.model.dice import DiceNetwork, Outputs, build_network  # noqa: E402
from dice_core.network.model.fused import FusedNetwork  # noqa: E402
from dice_core.network.model.winograd import WinogradConv, worthwhile_tile  # noqa: E402
from tests.network.tiny import tiny_state  # noqa: E402


@pytest.fixture(scope="module")
def tiny() -> DiceNetwork:
    return build_network(tiny_state())


@pytest.mark.parametrize("gate", [True, False])
def test_fused_equals_plain(tiny: DiceNetwork, images: torch.Tensor, positions: torch.Tensor, gate: bool) -> None:
    plain = tiny(images, positions[0], gate).as_dict()
    fused = FusedNetwork(tiny, positions[0])(images, gate).as_dict()
    for name, expected in plain.items():
        assert fused[name].shape == expected.shape
        assert float((fused[name] - expected).abs().max()) <= 3e-5 * max(float(expected.std()), 0.01), name


@pytest.fixture
def undecided(images: torch.Tensor, positions: torch.Tensor) -> DiceNetwork:
    """The narrow network with a bias by which the gate is open for one of the two images and closed for the other."""
    state = tiny_state()
    presence = build_network(state)(images, positions).contact_presence.double()
    state["contact_classifier.0.bias"] = state["contact_classifier.0.bias"] - torch.logit(presence).mean().float()
    return build_network(state)


@pytest.mark.parametrize("fused", [False, True])
def test_gate_zeroes_the_deformation_without_contact(
    undecided: DiceNetwork, images: torch.Tensor, positions: torch.Tensor, fused: bool
) -> None:
    def run(gate: bool) -> Outputs:
        return FusedNetwork(undecided, positions[0])(images, gate) if fused else undecided(images, positions, gate)

    gated, free = run(True), run(False)
    is_open = (free.contact_presence > 0.5).flatten().tolist()
    assert sorted(is_open) == [False, True]
    assert bool(free.deform.abs().amax(dim=(1, 2)).min() > 0)
    for image in range(2):
        expected = free.deform[image] if is_open[image] else torch.zeros_like(free.deform[image])
        assert torch.equal(gated.deform[image], expected)


def test_results_do_not_depend_on_the_batch(tiny: DiceNetwork, images: torch.Tensor, positions: torch.Tensor) -> None:
    network = FusedNetwork(tiny, positions[0])
    together = network(images).as_dict()
    alone = network(images[1:]).as_dict()
    for name, values in together.items():
        assert float((values[1:] - alone[name]).abs().max()) <= 2e-5 * max(float(values.std()), 0.01), name


def test_bfloat16_stays_close(tiny: DiceNetwork, images: torch.Tensor, positions: torch.Tensor) -> None:
    plain = tiny(images, positions[0]).head_vs
    half = FusedNetwork(tiny, positions[0], torch.bfloat16)(images).head_vs
    assert half.dtype == torch.float32
    # bfloat16 rounds to 1 in 256; the error measured here is 0.0035 of the deviation.
    assert float((half - plain).abs().mean() / plain.std()) < 0.01


@pytest.mark.parametrize(
    ("channels", "size", "count"), [(64, 56, 2), (128, 28, 2), (256, 14, 3), (128, 7, 2), (64, 21, 1)]
)
def test_minimal_filtering_equals_the_convolution(channels: int, size: int, count: int) -> None:
    generator = torch.Generator().manual_seed(channels)
    conv = torch.nn.Conv2d(channels, channels, 3, padding=1)
    images = torch.randn(count, channels, size, size, generator=generator).contiguous(memory_format=torch.channels_last)
    tile = worthwhile_tile(conv)
    assert tile is not None
    expected = conv.double()(images.double())
    found = WinogradConv(conv.float(), tile)(images)
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) < 5e-5


def test_minimal_filtering_is_kept_to_where_it_holds() -> None:
    assert worthwhile_tile(torch.nn.Conv2d(128, 128, 3, stride=2, padding=1)) is None
    assert worthwhile_tile(torch.nn.Conv2d(128, 128, 1)) is None
    assert worthwhile_tile(torch.nn.Conv2d(128, 256, 3, padding=1)) is None
