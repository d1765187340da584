"""Single steps of training: the rates of the parts of the network, and what happens when a loss is no number."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import InputError  # noqa: E402
from dice_core.network.training import trainer as steps  # noqa: E402
from dice_core.network.training.architecture import REDUCED  # noqa: E402
from dice_core.network.training.bodies import TrainingBodies  # noqa: E402
from dice_core.network.training.configuration import read_configuration  # noqa: E402
from dice_core.network.training.initialisation import new_network  # noqa: E402
from dice_core.network.training.optimisation import Optimisation, make_optimiser  # noqa: E402
from dice_core.network.training.processes import Group  # noqa: E402
from dice_core.network.training.samples import Sample, collate  # noqa: E402
from tests.network.training.runs import write_configuration  # noqa: E402


def test_every_parameter_has_one_rate_and_those_of_pixels_and_sums_their_own(bodies: TrainingBodies) -> None:
    network = new_network(REDUCED, bodies.upsampling(), seed=1)
    optimiser = make_optimiser(network, Optimisation(camera_factor=7.0, maps_factor=0.01))
    factors = {id(value): group["factor"] for group in optimiser.param_groups for value in group["params"]}
    named = {name: factors.pop(id(value)) for name, value in network.named_parameters()}
    assert not factors
    assert named["cam_param_fc3.weight"] == 7.0
    assert named["head_upsampling2.weight"] == named["head_deform_upsampling1.bias"] == 0.01
    assert named["head_contact_upsampling2.weight"] == named["backbone.conv1.weight"] == 1.0


def test_steps_without_a_finite_gradient_are_left_out_and_end_a_run_that_has_no_others(
    tmp_path: Path, bodies: TrainingBodies, scenes: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_HOPELESS", 3)
    path = write_configuration(tmp_path, tmp_path / "scenes", losses="adversarial = 0.0")
    trainer = steps.Trainer(read_configuration(path), bodies, None, Group())
    batch = collate(scenes[:2], bodies.counts)
    spoilt = {**batch, "keypoints": torch.full_like(batch["keypoints"], torch.nan)}
    before = {name: value.clone() for name, value in trainer.network.named_parameters()}
    trainer.step(0, spoilt)
    trainer.step(1, spoilt)
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.named_parameters())
    trainer.step(2, batch)
    assert not all(torch.equal(value, before[name]) for name, value in trainer.network.named_parameters())
    trainer.step(3, spoilt)
    trainer.step(4, spoilt)
    with pytest.raises(InputError, match="no longer finite: lower learning_rate"):
        trainer.step(5, spoilt)
