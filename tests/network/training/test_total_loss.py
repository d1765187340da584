"""The loss of a whole batch: nothing at the truth, its gradient, and samples that know less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from dice_core.network.model.dice import Outputs  # noqa: E402
from dice_core.network.training.architecture import PARAMETERS  # noqa: E402
from dice_core.network.training.bodies import TrainingBodies  # noqa: E402
from dice_core.network.training.discriminators import Discriminators  # noqa: E402
from dice_core.network.training.losses.total import LossWeights, Term, loss_terms, weighed_sum  # noqa: E402
from dice_core.network.training.samples import Batch, Sample, collate  # noqa: E402

WEIGHTS = LossWeights()


@pytest.fixture(scope="module")
def exact(body_folder: Path) -> TrainingBodies:
    return TrainingBodies(body_folder, torch.float64)


@pytest.fixture(scope="module")
def batch(scenes: list[Sample], exact: TrainingBodies) -> Batch:
    touching = [scene for scene in scenes if scene["head_contact"].any()]
    return collate(touching[:2], exact.counts, torch.float64)


def _truth(batch: Batch, bodies: TrainingBodies) -> Outputs:
    """Outputs that say what is true, shifted as a whole, which no loss sees."""
    hand, head = batch["hand_vs"] + 0.3, batch["head_vs"] + 0.3
    hand_joints, head_joints = bodies.keypoints(hand, head)
    middle, coarse = bodies.coarse_head(head)
    contact = {name: batch[name][..., None] for name in ("hand_contact", "head_contact")}
    contact_middle, contact_coarse = bodies.coarse_head(contact["head_contact"])
    return Outputs(
        cam_param=torch.tensor([[40.0, 112.0, 112.0]] * len(head), dtype=head.dtype),
        hand_joints=hand_joints,
        head_joints=head_joints,
        hand_vs_sub=bodies.coarse_hand(hand),
        hand_vs=hand,
        head_vs_sub2=coarse,
        head_vs_sub1=middle,
        head_vs=head,
        hand_contact_sub=bodies.coarse_hand(contact["hand_contact"]),
        hand_contact=contact["hand_contact"],
        head_contact_sub2=contact_coarse,
        head_contact_sub1=contact_middle,
        head_contact=contact["head_contact"],
        **{name: batch[name] for name in PARAMETERS},
        deform_sub2=bodies.coarse_head(batch["deform"])[1],
        deform_sub1=bodies.coarse_head(batch["deform"])[0],
        deform=batch["deform"],
        contact_presence=torch.ones(len(head), 1, dtype=head.dtype),
    )


def _disturbed(outputs: Outputs, size: float) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    result = {}
    for name, value in outputs.as_dict().items():
        noise = size * torch.randn(value.shape, generator=generator, dtype=value.dtype)
        is_share = "contact" in name
        result[name] = (value + noise).clamp(0.02, 0.98) if is_share else value + noise
    return result


def test_the_truth_costs_next_to_nothing(batch: Batch, exact: TrainingBodies) -> None:
    terms = loss_terms(_truth(batch, exact), batch, exact, WEIGHTS)
    for name in ("vertices", "parametric", "joints_3d", "parameters", "contact", "presence", "deformation"):
        assert terms[name].values.max() < 1e-5, name
    assert terms["touch"].values.max() < 0.004  # vertices in contact are not at the same places
    assert terms["collision"].values.max() < 0.001
    assert terms["depth"].values.max() < 0.01  # the flat camera is not the picture's, and depths have noise
    assert not terms["deformation_weak"].counts.any()


def test_the_gradient_is_that_of_finite_differences(batch: Batch, exact: TrainingBodies) -> None:
    torch.manual_seed(0)
    judges = Discriminators().double()
    values = {name: value.requires_grad_() for name, value in _disturbed(_truth(batch, exact), 1e-3).items()}
    direction = _disturbed(Outputs(**{name: torch.zeros_like(value) for name, value in values.items()}), 1.0)

    def loss(step: float) -> torch.Tensor:
        moved = Outputs(**{name: value + step * direction[name] for name, value in values.items()})
        return weighed_sum(loss_terms(moved, batch, exact, WEIGHTS, judges), WEIGHTS)

    total = loss(0.0)
    total.backward()
    along = sum(float((value.grad * direction[name]).sum()) for name, value in values.items() if value.grad is not None)
    with torch.no_grad():
        numeric = float(loss(1e-8) - loss(-1e-8)) / 2e-8
    assert along == pytest.approx(numeric, rel=2e-4)


def test_samples_count_only_for_what_they_know(scenes: list[Sample], exact: TrainingBodies) -> None:
    full = scenes[20]
    weak = {name: full[name] for name in ("pixels", "keypoints", "keypoint_confidence")}
    batch = collate([full, weak], exact.counts, torch.float64)
    values = {name: value.requires_grad_() for name, value in _disturbed(_truth(batch, exact), 1e-3).items()}
    terms = loss_terms(Outputs(**values), batch, exact, WEIGHTS)
    assert [bool(x) for x in terms["vertices"].counts] == [True, False]
    assert [bool(x) for x in terms["joints_2d"].counts] == [True, True]
    assert [bool(x) for x in terms["depth"].counts] == [True, False]
    assert [bool(x) for x in terms["deformation_weak"].counts] == [False, True]
    chosen = {name: terms[name] for name in ("vertices", "parametric", "parameters", "contact", "deformation", "depth")}
    weighed_sum(chosen, WEIGHTS).backward()
    for name, value in values.items():
        if value.grad is not None:
            assert torch.isfinite(value.grad).all(), name
            assert not value.grad[1].any(), name


def test_parts_of_a_batch_add_up_to_the_whole() -> None:
    values = torch.tensor([1.0, 2.0, 4.0, 8.0])
    known = torch.tensor([True, False, True, True])
    weights = replace(WEIGHTS, vertices=3.0)
    whole = weighed_sum({"vertices": Term(values, known)}, weights)
    totals = {"vertices": known.sum()}
    parts = [weighed_sum({"vertices": Term(values[k::2], known[k::2])}, weights, totals) for k in range(2)]
    assert float(whole) == pytest.approx(3 * 13 / 3)
    assert float(sum(parts)) == pytest.approx(float(whole))


def test_terms_without_weight_are_not_computed(batch: Batch, exact: TrainingBodies) -> None:
    weights = replace(WEIGHTS, collision=0.0, touch=0.0, depth=0.0, presence=0.0)
    terms = loss_terms(_truth(batch, exact), batch, exact, weights)
    assert set(terms).isdisjoint({"collision", "touch", "depth", "presence", "adversarial"})
