"""The network that training makes: its tensors, its first outputs, masked tokens and drop-out."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import InputError  # noqa: E402
from dice_core.network.model.dice import build_network  # noqa: E402
from dice_core.network.training.architecture import PUBLISHED, REDUCED, tensor_shapes  # noqa: E402
from dice_core.network.training.bodies import TrainingBodies  # noqa: E402
from dice_core.network.training.forward import MASKED_VALUE, token_mask, training_pass  # noqa: E402
from dice_core.network.training.initialisation import new_network  # noqa: E402
from tests.network import parity_weights  # noqa: E402
from tests.network.tiny import tiny_state  # noqa: E402

NEVER_RUN = r"bert\.embeddings|pooler|backbone\.classifier"


def test_the_published_shapes_are_those_of_the_released_state_dict() -> None:
    released = {name: shape for name, shape, _ in parity_weights.state_dict_keys() if not re.search(NEVER_RUN, name)}
    assert tensor_shapes(PUBLISHED) == released


def test_widths_that_the_heads_do_not_divide_are_refused() -> None:
    with pytest.raises(InputError, match="width 30 cannot have 4 attention heads"):
        replace(REDUCED, mesh=(64, 30, 32), heads=4)


def test_without_masks_and_drop_out_training_computes_what_inference_does() -> None:
    network = build_network(tiny_state())
    positions = torch.from_numpy(
        np.concatenate([parity_weights.make_input(n) for n in parity_weights.REFERENCE_SHAPES], 1)
    )
    images = torch.from_numpy(parity_weights.make_image())
    with torch.no_grad():
        found = training_pass(network, images, positions).as_dict()
        expected = network(images, positions, gate=False).as_dict()
    for name, values in expected.items():
        assert torch.allclose(found[name], values, atol=1e-5 * max(1, float(values.abs().max()))), name


def test_a_new_network_shows_the_template(bodies: TrainingBodies) -> None:
    network = new_network(REDUCED, bodies.upsampling(), seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        outputs = training_pass(network, torch.randn(2, 3, 224, 224, generator=generator), bodies.positions)
    head = bodies.head.body.template
    found = outputs.head_vs - outputs.head_vs.mean(1, keepdim=True)
    seen = (head - head.mean(0)) * torch.tensor([1.0, -1, -1])  # upright in the picture, looking at the camera
    assert (found - seen).norm(dim=2).mean() < 0.003
    assert torch.allclose(outputs.cam_param, torch.tensor([40.0, 112, 112]), atol=3)
    assert outputs.head_contact.mean() < 0.05
    assert outputs.deform.abs().max() < 0.01
    again = new_network(REDUCED, bodies.upsampling(), seed=1)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_masks_hide_a_share_of_the_tokens() -> None:
    generator = torch.Generator().manual_seed(0)
    shares = [1 - float(token_mask(843, 0.3, generator).mean()) for _ in range(200)]
    assert 0 <= min(shares) < 0.02
    assert 0.28 < max(shares) <= 0.3
    assert abs(np.mean(shares) - 0.15) < 0.02


def test_masked_tokens_do_not_reach_the_outputs(bodies: TrainingBodies) -> None:
    """With every token masked the outputs cannot depend on picture or template."""
    network = new_network(REDUCED, bodies.upsampling(), seed=1).eval()
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(843, 1)
    with torch.no_grad():
        outputs = training_pass(network, images, bodies.positions, mask)
    # A batch's rows are summed in an order of their own.
    assert torch.allclose(outputs.head_vs[0], outputs.head_vs[1], atol=1e-6)
    one = torch.full((1, 843, 3 + REDUCED.features), MASKED_VALUE)
    with torch.no_grad():
        expected = network.trans_encoder(one)
    assert torch.allclose(outputs.hand_joints[0], expected[0, :21], atol=1e-6)


def test_drop_out_repeats_with_torchs_seed(bodies: TrainingBodies) -> None:
    network = new_network(REDUCED, bodies.upsampling(), seed=1)
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(2))

    def run(seed: int, dropout: float) -> torch.Tensor:
        torch.manual_seed(seed)
        with torch.no_grad():
            return training_pass(network, images, bodies.positions, None, dropout).head_vs

    assert torch.equal(run(1, 0.1), run(1, 0.1))
    assert not torch.equal(run(1, 0.1), run(2, 0.1))
    assert torch.equal(run(1, 0.0), run(2, 0.0))
